title  a will is published when a device goes without a word
0s     d1   CONNECT will=events/k=v willbody=gone                     -> CONNACK 0 sp=0
1s     d1   DISCONNECT                               -> closed ok
       svc  READS
2s     d1   CONNECT will=events/k=v willbody=gone                     -> CONNACK 0 sp=0
3s     d1   DROP                                     -> closed closed
       svc  READS                                    -> event from d1 "gone" k=v iothub-MessageType=Will
4s     d1   CONNECT ka=10 will=events willbody=gone                      -> CONNACK 0 sp=0
19s    d1   HEARS                                    -> closed idle
       svc  READS                                    -> event from d1 "gone" iothub-MessageType=Will
