title  a message waits for the device, and goes when it is acknowledged
0s     d1   CONNECT clean=0                                   -> CONNACK 0 sp=0
       svc  POSTS d1 first mid=m1 ack=full k=v
       hub  message 1 for d1: enqueued
       d1   HEARS
# Nobody asked for it yet.
1s     d1   SUBSCRIBE 1 devices/d1/messages/devicebound/# 1   -> SUBACK 1 [1], PUBLISH #1 "first" devices/d1/messages/devicebound/%24.mid=m1&%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound&iothub-ack=full&k=v
       hub  message 1 for d1: locked
       svc  POSTS d1 second
       d1   HEARS                                             -> PUBLISH #2 "second" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound
2s     d1   PUBACK 1
       hub  message 1 for d1: Success
       d1   DROP                                              -> closed closed
       svc  POSTS d1 third
# It comes back without subscribing again: what it did not acknowledge comes first.
3s     d1   CONNECT clean=0                                   -> CONNACK 0 sp=1, PUBLISH #1 again "second" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #2 "third" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound
       d1   PUBACK 2
       d1   PUBACK 1
       d1   PUBACK 1
4s     svc  FEEDBACK                                          -> m1 Success
5s     svc  FEEDBACK
