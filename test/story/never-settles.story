title  a device that never settles holds up nobody but itself, and the sender is told in the end
0s     d1   CONNECT                                           -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 c2d 1                                 -> SUBACK 1 [1]
       svc  POSTS d1 on mid=on ack=full ttl=90s
       d1   HEARS                                             -> PUBLISH #1 c2d "on" mid=on ack=full expires=90s
89s    svc  FEEDBACK
90s    svc  FEEDBACK                                          -> on Expired
       hub  message 1 for d1: Expired
91s    svc  FEEDBACK
       d1   PUBACK 1
