title  over AMQP a twin has two links, and each answer names the request
0s     d1:amqp   CONNECT                              -> open, token 200
       d1:amqp   ASKS GET                             -> attached, attached, accepted, TWIN 200 {"desired":{"$version":1},"reported":{"$version":1}}
       d1:amqp   ASKS PATCH {"heat":19}               -> accepted, TWIN 204 version=2
       d1:amqp   ASKS PUT                             -> accepted, TWIN 200
1s     svc:http  TWIN d1 {"properties":{"desired":{"heat":21}}} -> 200 desired={"heat":21,"$version":2} reported={"heat":19,"$version":2}
       d1:amqp   HEARS                                -> DESIRED {"heat":21,"$version":2}
       store     HOLDS
       d1:amqp   ASKS PATCH {"heat":20}
       store     SETTLES
       d1:amqp   HEARS                                -> accepted, TWIN 204 version=3
       d1:amqp   ASKS PATCH [1]                       -> accepted, TWIN 400 errorCode=400004
       svc:http  TWIN d1                              -> 200 desired={"heat":21,"$version":2} reported={"heat":20,"$version":3}
