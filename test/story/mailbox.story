title  a message waits for the device, and goes when it is acknowledged
0s     d1   CONNECT clean=0                                   -> CONNACK 0 sp=0
       svc  POSTS d1 first mid=m1 ack=full k=v
       hub  message 1 for d1: enqueued
       d1   HEARS
# Nobody asked for it yet.
1s     d1   SUBSCRIBE 1 c2d 1                                 -> SUBACK 1 [1], PUBLISH #1 c2d "first" mid=m1 ack=full k=v
       hub  message 1 for d1: locked
       svc  POSTS d1 second
       d1   HEARS                                             -> PUBLISH #2 c2d "second"
2s     d1   PUBACK 1
       hub  message 1 for d1: Success
       d1   DROP                                              -> closed closed
       svc  POSTS d1 third
# It comes back without subscribing again: what it did not acknowledge comes first.
3s     d1   CONNECT clean=0                                   -> CONNACK 0 sp=1, PUBLISH #1 again c2d "second", PUBLISH #2 c2d "third"
       d1   PUBACK 2
       d1   PUBACK 1
       d1   PUBACK 1
4s     svc  FEEDBACK                                          -> m1 Success
5s     svc  FEEDBACK
