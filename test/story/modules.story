title  a module is an identity of its own: its seat, its twin, its calls, its events
0s     d1        CONNECT                              -> CONNACK 0 sp=0
       d1+lock   CONNECT                              -> CONNACK 0 sp=0
       d1+lock   SUBSCRIBE 1 twin 0                   -> SUBACK 1 [0]
       d1+lock   SUBSCRIBE 2 methods 0                -> SUBACK 2 [0]
       d1+lock   PUBLISH 3 events/k=v bolted          -> PUBACK 3
       svc       READS                                -> event from d1 "bolted" k=v
# Its twin is not that of its device.
1s     d1+lock   PUBLISH 0 twin/report/1 {"bolt":"out"} -> PUBLISH twin/204/1&$version=2
       svc:http  TWIN d1/modules/lock                 -> 200 desired={"$version":1} reported={"bolt":"out","$version":2}
       svc:http  TWIN d1                              -> 200 desired={"$version":1} reported={"$version":1}
       svc:http  CALLS d1/modules/lock draw
       d1        HEARS
       d1+lock   HEARS                                -> PUBLISH call/draw/1 null
       d1+lock   PUBLISH 0 answer/200/1 {}
       svc:http  HEARS                                -> 200 {"status":200,"payload":{}}
# It may not speak for its device, nor for another module.
2s     d1+lock   PUBLISH 4 devices/d1/messages/events/ no -> closed denied
       d1+lock   CONNECT user=hub.test/d1/other id=d1/other -> CONNACK 5 sp=0, closed not-found
# A device that is deleted takes its modules along.
3s     d1+lock   CONNECT                              -> CONNACK 0 sp=0
       svc       DELETES d1
       d1+lock   HEARS                                -> closed not-found
       d1        HEARS                                -> closed not-found
