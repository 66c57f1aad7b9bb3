title  PUBACK means that it is on disk
0s     d1    CONNECT                                  -> CONNACK 0 sp=0
       store HOLDS
1s     d1    PUBLISH 1 events on
       svc   READS
       d1    PING
2s     store SETTLES
       d1    HEARS                                    -> PUBACK 1, PINGRESP
       svc   READS                                    -> event from d1 "on"
