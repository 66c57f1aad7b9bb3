title  as bytes: a will is published when a device goes without a word
0s     time PASSES
# d1   CONNECT will=events/k=v willbody=gone                     -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 cc 01 00 04 "MQTT" 04 c6 00 00 00 02 64 31 00 1e "devices/d1/messages/events/k=v" 00 04 "gone" \
               00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
1s     time PASSES
# d1   DISCONNECT                               -> closed ok
       d1 SAYS e0 00
       d1 CLOSED ok
       svc  READS
2s     time PASSES
# d1   CONNECT will=events/k=v willbody=gone                     -> CONNACK 0 sp=0
       d1 OPENS mqtt
       d1 SAYS 10 ce 01 00 04 "MQTT" 04 c6 00 00 00 02 64 31 00 1e "devices/d1/messages/events/k=v" 00 04 "gone" \
               00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZCewPlXAxcF7%2FM" \
               "W8ONvtTS2tzeV3f8zwQ%3D&se=1795415102"
       d1 HEARD 20 02 00 00
3s     time PASSES
# d1   DROP                                     -> closed closed
       d1 CUTS
       svc  READS                                    -> event from d1 "gone" k=v iothub-MessageType=Will
4s     time PASSES
# d1   CONNECT ka=10 will=events willbody=gone                      -> CONNACK 0 sp=0
       d1 OPENS mqtt
       d1 SAYS 10 cd 01 00 04 "MQTT" 04 c6 00 0a \
               00 02 64 31 00 1b "devices/d1/messages/events/" 00 04 "gone" 00 \
               "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=nRmlSaFyEfwPA3nWF%2F%2B57l" \
               "WM3ky2CjMYOuttvE3ECx4%3D&se=1795415104"
       d1 HEARD 20 02 00 00
19s    time PASSES
# d1   HEARS                                    -> closed idle
       d1 CLOSED idle
       svc  READS                                    -> event from d1 "gone" iothub-MessageType=Will
