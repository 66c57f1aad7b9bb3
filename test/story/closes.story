title  what ends a connection
0s     d1   CONNECT                                     -> CONNACK 0 sp=0
       d1   QOS2 1 events on                            -> closed unsupported
       d1   CONNECT                                     -> CONNACK 0 sp=0
       d1   PUBLISH 1 devices/d2/messages/events/ on    -> closed denied
       d1   CONNECT                                     -> CONNACK 0 sp=0
       d1   PUBLISH 1 sensors/temperature on            -> closed denied
       d1   CONNECT                                     -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 sensors/# 0                     -> closed unsupported
       d1   CONNECT                                     -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 devices/+/messages/devicebound/# 2 -> SUBACK 1 [1]
       d1   UNSUBSCRIBE 2 never/subscribed              -> UNSUBACK 2
       d1   RETAINED 3 events on                        -> PUBACK 3
       d1   PUBLISH 0 events/k=v off
       svc  READS                                       -> event from d1 "on" mqtt-retain=true, event from d1 "off" k=v
