title  a configuration changes the twins that it targets, and where two want the same the higher priority wins
0s     d1        CONNECT                              -> CONNACK 0 sp=0
       d2        CONNECT                              -> CONNACK 0 sp=0
       d1        SUBSCRIBE 1 desired 0                -> SUBACK 1 [0]
       svc:http  TWIN d1 {"tags":{"floor":2}}         -> 200 tags={"floor":2} desired={"$version":1} reported={"$version":1}
       svc:http  PUT /configurations/winter {"id":"winter","content":{"deviceContent":{"properties.desired.heat":21}},"targetCondition":"tags.floor=2","priority":1} -> 200
5s     d1        HEARS                                -> PUBLISH desired/2 {"heat":21,"$version":2}
       svc:http  GET /configurations/winter           -> 200 targetedCount=1 appliedCount=1
       svc:http  TWIN d2                              -> 200 desired={"$version":1} reported={"$version":1}
10s    svc:http  PUT /configurations/cosy {"id":"cosy","content":{"deviceContent":{"properties.desired.heat":23}},"targetCondition":"tags.floor=2","priority":9} -> 200
# Who is displaced is so by one patch.
15s    d1        HEARS                                -> PUBLISH desired/3 {"heat":23,"$version":3}
       svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":23,"$version":3} reported={"$version":1}
       svc:http  GET /configurations/winter           -> 200 targetedCount=1 appliedCount=0
       svc:http  GET /configurations/cosy             -> 200 targetedCount=1 appliedCount=1
# When it goes, the other one is on again.
16s    svc:http  DELETE /configurations/cosy          -> 204
21s    d1        HEARS                                -> PUBLISH desired/4 {"heat":21,"$version":4}
       svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":21,"$version":4} reported={"$version":1}
# From a device that is no longer meant, what was written to it is taken.
22s    svc:http  TWIN d1 {"tags":{"floor":null}}      -> 200 desired={"heat":21,"$version":4} reported={"$version":1}
27s    d1        HEARS                                -> PUBLISH desired/5 {"heat":null,"$version":5}
       svc:http  TWIN d1                              -> 200 desired={"$version":5} reported={"$version":1}
       svc:http  GET /configurations/winter           -> 200 targetedCount=0 appliedCount=0
