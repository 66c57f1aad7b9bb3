title  the later connection wins, once it has shown who it is
0s     d1   CONNECT                                  -> CONNACK 0 sp=0
       hub  d1: connected
1s     d1/2 CONNECT key=wrong                        -> CONNACK 5 sp=0, closed unauthorized
       d1   PING                                     -> PINGRESP
2s     d1/2 CONNECT                                  -> CONNACK 0 sp=0
       hub  d1: another connection took over
       d1   HEARS                                    -> closed stolen
       d1/2 PUBLISH 1 events on                      -> PUBACK 1
