title  in a WebSocket MQTT is what it is outside
0s     d1:ws  CONNECT clean=0                         -> 101, CONNACK 0 sp=0
       d1:ws  PUBLISH 1 events/door=garage on         -> PUBACK 1
       svc    READS                                   -> event from d1 "on" door=garage
       svc    POSTS d1 open mid=m1 ack=full
       d1:ws  SUBSCRIBE 2 c2d 1                       -> SUBACK 2 [1], PUBLISH #1 c2d "open" mid=m1 ack=full
       d1:ws  PUBACK 1
       hub    message 1 for d1: Success
# A PUBACK waits for the disk in there, too.
       store  HOLDS
1s     d1:ws  PUBLISH 3 events off
       store  SETTLES
       d1:ws  HEARS                                   -> PUBACK 3
# The seat is one, whatever leads to it.
2s     d1     CONNECT                                 -> CONNACK 0 sp=0
       d1:ws  HEARS                                   -> closed stolen
4s     svc    FEEDBACK                                -> m1 Success
