title  an open connection outlives its token by ten minutes
0s     d1   CONNECT token=60                         -> CONNACK 0 sp=0
659s   d1   PING                                     -> PINGRESP
660s   d1   HEARS                                    -> closed expired
