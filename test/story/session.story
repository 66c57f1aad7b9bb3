title  what was subscribed without a clean start is there again
0s     d1   CONNECT clean=0                          -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 twin 1                       -> SUBACK 1 [1]
1s     d1   DISCONNECT                               -> closed ok
2s     d1   CONNECT clean=0                          -> CONNACK 0 sp=1
       d1   PUBLISH 2 twin/get/a                     -> PUBACK 2, PUBLISH twin/200/a {"desired":{"$version":1},"reported":{"$version":1}}
       d1   UNSUBSCRIBE 3 twin                       -> UNSUBACK 3
       d1   PUBLISH 4 twin/get/b                     -> PUBACK 4
3s     d1   CONNECT clean=1                          -> CONNACK 0 sp=0
4s     d1   CONNECT clean=0                          -> CONNACK 0 sp=0
