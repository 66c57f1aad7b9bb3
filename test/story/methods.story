title  a call is answered by the device, or by its time
0s     svc:http   CALLS d1 reboot {"in":5}            -> 404 DeviceNotFound
       d1         CONNECT                             -> CONNACK 0 sp=0
# It is connected, and does not listen.
       svc:http   CALLS d1 reboot {"in":5}            -> 404 DeviceNotOnline
       d1         SUBSCRIBE 1 methods 1               -> SUBACK 1 [1]
# Calls have numbers, from 1 on with each connection.
1s     svc:http   CALLS d1 reboot {"in":5}
       d1         HEARS                               -> PUBLISH call/reboot/1 {"in":5}
       d1         PUBLISH 0 answer/200/1 {"ok":true}
       svc:http   HEARS                               -> 200 {"status":200,"payload":{"ok":true}}
# What the device answers is its own business: the status goes through as it is.
2s     svc:http   CALLS d1 open
       d1         HEARS                               -> PUBLISH call/open/2 null
       d1         PUBLISH 0 answer/-17/2 null
       svc:http   HEARS                               -> 200 {"status":-17,"payload":null}
# Several calls are open at once, and are told apart by their numbers.
3s     svc:http   CALLS d1 a 1
       svc:http/2 CALLS d1 b 2
       d1         HEARS                               -> PUBLISH call/a/3 1, PUBLISH call/b/4 2
       d1         PUBLISH 0 answer/200/4 "b"
       svc:http/2 HEARS                               -> 200 {"status":200,"payload":"b"}
       d1         PUBLISH 0 answer/200/3 "a"
       svc:http   HEARS                               -> 200 {"status":200,"payload":"a"}
# Nobody answers: the caller is told when its time is over, and a late answer is nobody's.
4s     svc:http   CALLS d1 sleep null 5
       d1         HEARS                               -> PUBLISH call/sleep/5 null
8s     svc:http   HEARS
9s     svc:http   HEARS                               -> 504 GatewayTimeout
       d1         PUBLISH 0 answer/200/5 {}
# A device that goes takes with it what it was asked.
10s    svc:http   CALLS d1 last
       d1         DROP                                -> PUBLISH call/last/6 null, closed closed
       svc:http   HEARS                               -> 404 DeviceConnectionClosedRemotely
