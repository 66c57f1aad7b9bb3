title  what was subscribed without a clean start is there again
0s     d1   CONNECT clean=0                          -> CONNACK 0 sp=0
       d1   SUBSCRIBE 1 $iothub/twin/res/# 1         -> SUBACK 1 [1]
1s     d1   DISCONNECT                               -> closed ok
2s     d1   CONNECT clean=0                          -> CONNACK 0 sp=1
       d1   PUBLISH 2 $iothub/twin/GET/?$rid=a x     -> PUBACK 2, PUBLISH $iothub/twin/res/200/?$rid=a
       d1   UNSUBSCRIBE 3 $iothub/twin/res/#         -> UNSUBACK 3
       d1   PUBLISH 4 $iothub/twin/GET/?$rid=b x     -> PUBACK 4
3s     d1   CONNECT clean=1                          -> CONNACK 0 sp=0
4s     d1   CONNECT clean=0                          -> CONNACK 0 sp=0
