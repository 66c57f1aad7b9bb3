title  whoever sends a message can learn what became of it
0s     d1   CONNECT                                           -> CONNACK 0 sp=0
       svc  POSTS d1 a mid=a ack=negative ttl=61s
       svc  POSTS d1 b mid=b ack=full
       svc  POSTS d1 c mid=c ack=maybe                        -> argument
       svc  POSTS d2 c mid=c ack=full                         -> not-found
61s    svc  FEEDBACK                                          -> a Expired
       hub  message 1 for d1: Expired
       svc  PURGES d1                                         -> 1 purged
       svc  POSTS d1 d mid=d ack=positive
       d1   SUBSCRIBE 1 c2d 1                                 -> SUBACK 1 [1], PUBLISH #1 c2d "d" mid=d ack=positive
       d1   PUBACK 1
       svc  POSTS d1 e mid=e ack=full
       svc  DELETES d1
       svc  FEEDBACK                                          -> b Purged, d Success, e Purged
       d1   HEARS                                             -> PUBLISH #2 c2d "e" mid=e ack=full, closed not-found
