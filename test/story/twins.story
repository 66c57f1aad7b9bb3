title  a service desires, a device reports, and each reads what the other wrote
0s     d1        CONNECT                              -> CONNACK 0 sp=0
       d1        SUBSCRIBE 1 twin 0                   -> SUBACK 1 [0]
       d1        SUBSCRIBE 2 desired 0                -> SUBACK 2 [0]
       d1        PUBLISH 0 twin/get/1                 -> PUBLISH twin/200/1 {"desired":{"$version":1},"reported":{"$version":1}}
# What is desired reaches the device as a patch, with the version that it made.
1s     svc:http  TWIN d1 {"properties":{"desired":{"heat":21}},"tags":{"floor":2}} -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"$version":1}
       d1        HEARS                                -> PUBLISH desired/2 {"heat":21,"$version":2}
       d1        PUBLISH 0 twin/report/2 {"heat":19,"fan":{"on":true}}   -> PUBLISH twin/204/2&$version=2
       svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"fan":{"on":true},"heat":19,"$version":2}
# A member that is null goes; of the others, only what is named changes.
2s     d1        PUBLISH 0 twin/report/3 {"fan":{"on":null,"speed":3}}   -> PUBLISH twin/204/3&$version=3
       svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"fan":{"speed":3},"heat":19,"$version":3}
# A device does not see its tags, and may not write what is desired.
       d1        PUBLISH 0 twin/get/4                 -> PUBLISH twin/200/4 {"desired":{"heat":21,"$version":2},"reported":{"fan":{"speed":3},"heat":19,"$version":3}}
       d1        PUBLISH 0 twin/report/5 [1]          -> PUBLISH twin/400/5 errorCode=400004
# What is desired while nobody is there is read, not delivered.
3s     d1        DISCONNECT                           -> closed ok
       svc:http  TWIN d1 {"properties":{"desired":{"heat":null}}} -> 200 tags={"floor":2} desired={"$version":3} reported={"fan":{"speed":3},"heat":19,"$version":3}
4s     d1        CONNECT                              -> CONNACK 0 sp=0
       d1        SUBSCRIBE 6 twin 0                   -> SUBACK 6 [0]
       d1        SUBSCRIBE 7 desired 0                -> SUBACK 7 [0]
       d1        PUBLISH 0 twin/get/8                 -> PUBLISH twin/200/8 {"desired":{"$version":3},"reported":{"fan":{"speed":3},"heat":19,"$version":3}}
# A report is answered when it is on disk.
       store     HOLDS
       d1        PUBLISH 0 twin/report/9 {"heat":18}
       store     SETTLES
       d1        HEARS                                -> PUBLISH twin/204/9&$version=4
