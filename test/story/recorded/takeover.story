title  as bytes: the later connection wins, once it has shown who it is
0s     time PASSES
# d1   CONNECT                                  -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
       hub  d1: connected
1s     time PASSES
# d1/2 CONNECT key=wrong                        -> CONNACK 5 sp=0, closed unauthorized
       d1/2 APPEARS
       d1/2 OPENS mqtt
       d1/2 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
                 "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=V`llAtQLZjswdmip%2F0npvO5q" \
                 "Db9RRmKgvQLx291Ga9E%3D&se=1795415101"
       d1/2 HEARD 20 02 00 05
       d1/2 CLOSED unauthorized
# d1   PING                                     -> PINGRESP
       d1 SAYS c0 00
       d1 HEARD d0 00
2s     time PASSES
# d1/2 CONNECT                                  -> CONNACK 0 sp=0
       d1/2 OPENS mqtt
       d1/2 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
                 "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZCewPlXAxcF7%2FM" \
                 "W8ONvtTS2tzeV3f8zwQ%3D&se=1795415102"
       d1/2 HEARD 20 02 00 00
       hub  d1: another connection took over
# d1   HEARS                                    -> closed stolen
       d1 CLOSED stolen
# d1/2 PUBLISH 1 events on                      -> PUBACK 1
       d1/2 SAYS 32 21 00 1b "devices/d1/messages/events/" 00 01 6f 6e
       d1/2 HEARD 40 02 00 01
