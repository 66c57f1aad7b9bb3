title  a device that is disabled loses its connection and gets no other
0s     d1   CONNECT                                  -> CONNACK 0 sp=0
1s     svc  DISABLES d1
       d1   HEARS                                    -> closed disabled
2s     d1   CONNECT                                  -> CONNACK 5 sp=0, closed disabled
