title  as bytes: what was subscribed without a clean start is there again
0s     time PASSES
# d1   CONNECT clean=0                          -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c0 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# d1   SUBSCRIBE 1 twin 1                       -> SUBACK 1 [1]
       d1 SAYS 82 17 00 01 00 12 "$iothub/twin/res/#" 01
       d1 HEARD 90 03 00 01 01
1s     time PASSES
# d1   DISCONNECT                               -> closed ok
       d1 SAYS e0 00
       d1 CLOSED ok
2s     time PASSES
# d1   CONNECT clean=0                          -> CONNACK 0 sp=1
       d1 OPENS mqtt
       d1 SAYS 10 a8 01 00 04 "MQTT" 04 c0 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZCewPlXAxcF7%2FM" \
               "W8ONvtTS2tzeV3f8zwQ%3D&se=1795415102"
       d1 HEARD 20 02 01 00
# d1   PUBLISH 2 twin/get/a                     -> PUBACK 2, PUBLISH twin/200/a {"desired":{"$version":1},"reported":{"$version":1}}
       d1 SAYS 32 1c 00 18 "$iothub/twin/GET/?$rid=a" 00 02
       d1 HEARD 40 02 00 02 30 52 00 1c "$iothub/twin/res/200/?$rid=a{" 22 "desired" 22 3a 7b 22 "$version" 22 \
                ":1}," 22 "reported" 22 3a 7b 22 "$version" 22 ":1}}"
# d1   UNSUBSCRIBE 3 twin                       -> UNSUBACK 3
       d1 SAYS a2 16 00 03 00 12 "$iothub/twin/res/#"
       d1 HEARD b0 02 00 03
# d1   PUBLISH 4 twin/get/b                     -> PUBACK 4
       d1 SAYS 32 1c 00 18 "$iothub/twin/GET/?$rid=b" 00 04
       d1 HEARD 40 02 00 04
3s     time PASSES
# d1   CONNECT clean=1                          -> CONNACK 0 sp=0
       d1 OPENS mqtt
       d1 SAYS 10 aa 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=tHIQFHLcnWfRDVja9%2F7E3oi8" \
               "J4kquU%2B4IlwVhvWlJ0k%3D&se=1795415103"
       d1 HEARD 20 02 00 00
4s     time PASSES
# d1   CONNECT clean=0                          -> CONNACK 0 sp=0
       d1 OPENS mqtt
       d1 SAYS 10 aa 01 00 04 "MQTT" 04 c0 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=nRmlSaFyEfwPA3nWF%2F%2B57l" \
               "WM3ky2CjMYOuttvE3ECx4%3D&se=1795415104"
       d1 HEARD 20 02 00 00
