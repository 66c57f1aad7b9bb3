title  as bytes: a message waits for the device, and goes when it is acknowledged
0s     time PASSES
# d1   CONNECT clean=0                                   -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c0 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
       svc  POSTS d1 first mid=m1 ack=full k=v
       hub  message 1 for d1: enqueued
# d1   HEARS
1s     time PASSES
# d1   SUBSCRIBE 1 c2d 1                                 -> SUBACK 1 [1], PUBLISH #1 c2d "first" mid=m1 ack=full k=v
       d1 SAYS 82 26 00 01 00 "!devices/d1/messages/devicebound/#" 01
       d1 HEARD 90 03 00 01 01 32 77 00 \
                "ndevices/d1/messages/devicebound/%24.mid=m1&%24.to=%2Fdevices%2Fd1%2Fmessages%2F" \
                "devicebound&iothub-ack=full&k=v" 00 01 "first"
       hub  message 1 for d1: locked
       svc  POSTS d1 second
       d1 HEARD 32 59 00 "Odevices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound" 00 \
                02 "second"
# d1   HEARS                                             -> PUBLISH #2 c2d "second"
2s     time PASSES
# d1   PUBACK 1
       d1 SAYS 40 02 00 01
       hub  message 1 for d1: Success
# d1   DROP                                              -> closed closed
       d1 CUTS
       svc  POSTS d1 third
3s     time PASSES
# d1   CONNECT clean=0                                   -> CONNACK 0 sp=1, PUBLISH #1 again c2d "second", PUBLISH #2 c2d "third"
       d1 OPENS mqtt
       d1 SAYS 10 aa 01 00 04 "MQTT" 04 c0 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=tHIQFHLcnWfRDVja9%2F7E3oi8" \
               "J4kquU%2B4IlwVhvWlJ0k%3D&se=1795415103"
       d1 HEARD 20 02 01 00 3a 59 00 \
                "Odevices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound" 00 01 \
                "second2X" 00 "Odevices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound" \
                00 02 "third"
# d1   PUBACK 2
       d1 SAYS 40 02 00 02
# d1   PUBACK 1
       d1 SAYS 40 02 00 01
# d1   PUBACK 1
       d1 SAYS 40 02 00 01
4s     time PASSES
       svc  FEEDBACK                                          -> m1 Success
5s     time PASSES
       svc  FEEDBACK
