title  at QoS 0 a message is done when it is sent, and sent when that is on disk
0s     d1    CONNECT                                          -> CONNACK 0 sp=0
       svc   POSTS d1 on
       store HOLDS
       d1    SUBSCRIBE 1 c2d 0
       hub   message 1 for d1: Success
       store SETTLES
       d1    HEARS                                            -> SUBACK 1 [0], PUBLISH c2d "on"
       d1    DROP                                             -> closed closed
1s     d1    CONNECT                                          -> CONNACK 0 sp=0
       d1    SUBSCRIBE 1 c2d 0                                -> SUBACK 1 [0]
