title  on a full disk a message is refused and reading goes on
0s     d1    CONNECT                                  -> CONNACK 0 sp=0
       d1    PUBLISH 1 devices/d1/messages/events/ on -> PUBACK 1
       store FULL
1s     d1    PUBLISH 2 devices/d1/messages/events/ off -> closed disk-full
       svc   READS                                    -> event from d1 on
       store WORKS
2s     d1    CONNECT                                  -> CONNACK 0 sp=0
       d1    PUBLISH 3 devices/d1/messages/events/ late -> PUBACK 3
       svc   READS                                    -> event from d1 late
