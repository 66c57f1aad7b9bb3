title  a query sees what is in twins, as soon as it is there
0s     d1        CONNECT                              -> CONNACK 0 sp=0
       d2        CONNECT                              -> CONNACK 0 sp=0
       d1+lock   CONNECT                              -> CONNACK 0 sp=0
       d2        DISCONNECT                           -> closed ok
       svc:http  TWIN d1 {"tags":{"floor":2}}         -> 200 tags={"floor":2} desired={"$version":1} reported={"$version":1}
       svc:http  TWIN d2 {"tags":{"floor":3},"properties":{"desired":{"heat":21.5}}} -> 200 tags={"floor":3} desired={"heat":21.5,"$version":2} reported={"$version":1}
1s     svc:http  QUERIES SELECT deviceId FROM devices WHERE tags.floor = 2 -> 200 [{"deviceId":"d1"}]
       svc:http  QUERIES SELECT deviceId, tags.floor AS f FROM devices WHERE tags.floor > 1 AND NOT connectionState = 'Connected' -> 200 [{"deviceId":"d2","f":3}]
       svc:http  QUERIES SELECT deviceId FROM devices WHERE is_defined(properties.desired.heat) -> 200 [{"deviceId":"d2"}]
       svc:http  QUERIES SELECT COUNT() AS n, tags.floor FROM devices GROUP BY tags.floor -> 200 [{"n":1,"floor":2},{"n":1,"floor":3}]
       svc:http  QUERIES SELECT moduleId FROM devices.modules -> 200 [{"moduleId":"lock"}]
       svc:http  QUERIES SELECT deviceId FROM devices WHERE deviceId IN ['d2','d9'] -> 200 [{"deviceId":"d2"}]
# What cannot be read is refused with the place.
       svc:http  QUERIES SELECT deviceId FROM devices WHERE tags.floor = -> 400 ArgumentInvalid
       svc:http  QUERIES DELETE FROM devices          -> 400 ArgumentInvalid
