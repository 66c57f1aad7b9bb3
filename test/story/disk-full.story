title  on a full disk a message waits, and everything else goes on
0s     d1    CONNECT                                  -> CONNACK 0 sp=0
       d1    SUBSCRIBE 9 c2d 1                               -> SUBACK 9 [1]
       d1    PUBLISH 1 events on                      -> PUBACK 1
       d2    CONNECT                                  -> CONNACK 0 sp=0
       svc   POSTS d1 first                           ->
       d1    HEARS                                    -> PUBLISH #1 c2d "first"
       store FULL
1s     d1    PUBLISH 2 events off                      ->
# what it does besides is not held up by that, and is done once
       d1    PING                                     -> PINGRESP
       d1    PUBACK 1                                 ->
       d1    PING                                     -> PINGRESP
       d1    PUBLISH 3 events late                      ->
       d1    PING                                     -> PINGRESP
       svc   READS                                    -> event from d1 "on"
       svc   POSTS d1 second                          -> disk-full
       svc   PURGES d1                                -> 0 purged
# one more device comes, and the operator ends one
       d3    CONNECT                                  -> CONNACK 0 sp=0
       d2    PUBLISH 1 events off                      ->
       svc   DISABLES d2                              ->
       d2    HEARS                                    -> closed disabled
       store WORKS
2s     d1    HEARS                                    -> PUBACK 2, PUBACK 3
       svc   READS                                    -> event from d1 "off", event from d1 "late"
       svc   POSTS d1 third                           ->
       d1    HEARS                                    -> PUBLISH #2 c2d "third"
