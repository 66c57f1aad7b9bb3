title  over AMQP a call comes on one link, and its answer goes out on another
0s     d1:amqp   CONNECT                              -> open, token 200
       svc:http  CALLS d1 open {"how":1}              -> 404 DeviceNotOnline
       d1:amqp   LISTENS                              -> attached, attached
1s     svc:http  CALLS d1 open {"how":1}
       d1:amqp   HEARS                                -> CALL open {"how":1}
       d1:amqp   ANSWERS 200 {"was":"closed"}         -> accepted
       svc:http  HEARS                                -> 200 {"status":200,"payload":{"was":"closed"}}
# An answer that comes too late is taken, and is nobody's.
2s     svc:http  CALLS d1 sleep null 5
       d1:amqp   HEARS                                -> CALL sleep null
7s     svc:http  HEARS                                -> 504 GatewayTimeout
       d1:amqp   ANSWERS 200 {}                       -> accepted
