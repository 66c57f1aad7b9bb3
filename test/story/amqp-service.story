title  a service sends over AMQP and hears what became of it
0s     svc:amqp  CONNECT                              -> open, token 200
       svc:amqp  SENDS c2d open to=/devices/d1/messages/devicebound mid=m1 ack=full   -> attached, rejected amqp:not-found
       d1        CONNECT                              -> CONNACK 0 sp=0
       svc:amqp  SENDS c2d open to=/devices/d1/messages/devicebound mid=m1 ack=full   -> accepted
       d1        SUBSCRIBE 1 c2d 1                    -> SUBACK 1 [1], PUBLISH #1 c2d "open" mid=m1 ack=full
       d1        PUBACK 1
3s     svc:amqp  RECEIVES feedback 10                 -> attached, MESSAGE feedback Success
       svc:amqp  SETTLES accepted
4s     svc:amqp  HEARS
# Who asks for feedback without a name for its message gets it all the same (Java).
20s    svc:amqp  SENDS c2d shut to=/devices/d1/messages/devicebound ack=full   -> accepted
       d1        HEARS                                -> PUBLISH #2 c2d "shut" ack=full
       d1        PUBACK 2
       svc:amqp  RECEIVES feedback 5                  -> MESSAGE feedback Success
