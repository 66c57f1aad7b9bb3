title  a device that waits for room in vain, and says nothing, is told why its connection ends
0s     d1    CONNECT ka=60                            -> CONNACK 0 sp=0
       d2    CONNECT ka=60                            -> CONNACK 0 sp=0
       store FULL
       d1    PUBLISH 1 events on                      ->
       d2    PUBLISH 1 events on                      ->
60s    d2    PING                                     -> PINGRESP
89s    d1    HEARS                                    ->
90s    d1    HEARS                                    -> closed disk-full
       d2    HEARS                                    ->
       store WORKS
91s    d2    HEARS                                    -> PUBACK 1
