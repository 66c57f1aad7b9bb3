title  a device that never settles holds up nobody but itself, and the sender is told in the end
0s     d1   CONNECT                                           -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 devices/d1/messages/devicebound/# 1   -> SUBACK 1 [1]
       svc  POSTS d1 on mid=on ack=full ttl=90s
       d1   HEARS                                             -> PUBLISH #1 "on" devices/d1/messages/devicebound/%24.mid=on&%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound&%24.exp=2026-11-23T05%3A26%3A30.0000000Z&iothub-ack=full
89s    svc  FEEDBACK
90s    svc  FEEDBACK                                          -> on Expired
       hub  message 1 for d1: Expired
91s    svc  FEEDBACK
       d1   PUBACK 1
