title  as bytes: a module is an identity of its own: its seat, its twin, its calls, its events
0s     time PASSES
# d1        CONNECT                              -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# d1+lock   CONNECT                              -> CONNACK 0 sp=0
       d1+lock APPEARS
       d1+lock OPENS mqtt
       d1+lock SAYS 10 b7 01 00 04 "MQTT" 04 c2 00 00 00 07 "d1/lock" 00 \
                    "(hub.test/d1/lock/?api-version=2021-04-12" 00 \
                    "xSharedAccessSignature sr=hub.test%2Fdevices%2Fd1%2Flock&sig=iMm3Xqe58J4PuIexQbR" \
                    "lrLGsjtm7NUOLvxvccEctRJo%3D&se=1795415100"
       d1+lock HEARD 20 02 00 00
# d1+lock   SUBSCRIBE 1 twin 0                   -> SUBACK 1 [0]
       d1+lock SAYS 82 17 00 01 00 12 "$iothub/twin/res/#" 00
       d1+lock HEARD 90 03 00 01 00
# d1+lock   SUBSCRIBE 2 methods 0                -> SUBACK 2 [0]
       d1+lock SAYS 82 1b 00 02 00 16 "$iothub/methods/POST/#" 00
       d1+lock HEARD 90 03 00 02 00
# d1+lock   PUBLISH 3 events/k=v bolted          -> PUBACK 3
       d1+lock SAYS 32 35 00 "+devices/d1/modules/lock/messages/events/k=v" 00 03 "bolted"
       d1+lock HEARD 40 02 00 03
       svc       READS                                -> event from d1 "bolted" k=v
1s     time PASSES
# d1+lock   PUBLISH 0 twin/report/1 {"bolt":"out"} -> PUBLISH twin/204/1&$version=2
       d1+lock SAYS 30 3e 00 ".$iothub/twin/PATCH/properties/reported/?$rid=1{" 22 "bolt" 22 3a 22 6f 75 74 22 \
                    7d
       d1+lock HEARD 30 29 00 "'$iothub/twin/res/204/?$rid=1&$version=2"
# svc:http  TWIN d1/modules/lock                 -> 200 desired={"$version":1} reported={"bolt":"out","$version":2}
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "GET /twins/d1/modules/lock?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 0" 0d 0a \
                     0d 0a
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 637349e3-59ad-781d-95d6-1790031f84c4" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAE=" 22 0d 0a \
                      "Content-Length: 678" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "moduleId" 22 3a 22 "lock" 22 2c 22 "etag" 22 3a \
                      22 "AAAAAAAAAAE=" 22 2c 22 "deviceEtag" 22 3a 22 "NTMzMDg3NzY5" 22 2c 22 "status" 22 3a \
                      22 "enabled" 22 2c 22 "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 \
                      "0001-01-01T00:00:00Z" 22 2c 22 "connectionState" 22 3a 22 "Connected" 22 2c 22 \
                      "lastActivityTime" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 2c 22 \
                      "cloudToDeviceMessageCount" 22 3a 30 2c 22 "authenticationType" 22 3a 22 73 61 73 22 2c \
                      22 "x509Thumbprint" 22 3a 7b 22 "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" \
                      22 ":null}," 22 "modelId" 22 3a 22 22 2c 22 "version" 22 3a 33 2c 22 "properties" 22 3a \
                      7b 22 "desired" 22 3a 7b 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "0001-01-01T00:00:00Z" 22 7d 2c 22 "$version" 22 ":1}," 22 "reported" 22 3a 7b 22 "bolt" \
                      22 3a 22 6f 75 74 22 2c 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 2c 22 "bolt" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 7d 7d 2c 22 "$version" 22 ":2}}," 22 "capabilities" 22 \
                      3a 7b 22 "iotEdge" 22 ":false}}"
# svc:http  TWIN d1                              -> 200 desired={"$version":1} reported={"$version":1}
       svc:http SAYS "GET /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 0" 0d 0a \
                     0d 0a
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: fa67c4eb-58ea-9bae-7bda-6229516c77e5" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAE=" 22 0d 0a \
                      "Content-Length: 584" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAE=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 32 2c 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 \
                      "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "0001-01-01T00:00:00Z" 22 7d 2c 22 \
                      "$version" 22 ":1}," 22 "reported" 22 3a 7b 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 \
                      3a 22 "0001-01-01T00:00:00Z" 22 7d 2c 22 "$version" 22 ":1}}," 22 "capabilities" 22 3a 7b \
                      22 "iotEdge" 22 ":false}}"
# svc:http  CALLS d1/modules/lock draw
       svc:http SAYS "POST /twins/d1/modules/lock/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 66" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "draw" 22 2c 22 "payload" 22 ":null," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       d1+lock HEARD 30 27 00 "!$iothub/methods/POST/draw/?$rid=1null"
# d1        HEARS
# d1+lock   HEARS                                -> PUBLISH call/draw/1 null
# d1+lock   PUBLISH 0 answer/200/1 {}
       d1+lock SAYS 30 23 00 1f "$iothub/methods/res/200/?$rid=1{}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 2750b9fc-5563-e0cf-48e3-f75aee055c26" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "Content-Length: 27" 0d 0a \
                      0d 0a \
                      7b 22 "status" 22 ":200," 22 "payload" 22 ":{}}"
# svc:http  HEARS                                -> 200 {"status":200,"payload":{}}
2s     time PASSES
# d1+lock   PUBLISH 4 devices/d1/messages/events/ no -> closed denied
       d1+lock SAYS 32 21 00 1b "devices/d1/messages/events/" 00 04 6e 6f
       d1+lock CLOSED denied
# d1+lock   CONNECT user=hub.test/d1/other id=d1/other -> CONNACK 5 sp=0, closed not-found
       d1+lock OPENS mqtt
       d1+lock SAYS 10 a1 01 00 04 "MQTT" 04 c2 00 00 00 08 "d1/other" 00 11 "hub.test/d1/other" 00 \
                    "xSharedAccessSignature sr=hub.test%2Fdevices%2Fd1%2Flock&sig=IIwWSGPZPpFEwfP5dt5" \
                    "UBYhEhNgHLyz6HMR1W3aV9Us%3D&se=1795415102"
       d1+lock HEARD 20 02 00 05
       d1+lock CLOSED not-found
3s     time PASSES
# d1+lock   CONNECT                              -> CONNACK 0 sp=0
       d1+lock OPENS mqtt
       d1+lock SAYS 10 bb 01 00 04 "MQTT" 04 c2 00 00 00 07 "d1/lock" 00 \
                    "(hub.test/d1/lock/?api-version=2021-04-12" 00 \
                    "|SharedAccessSignature sr=hub.test%2Fdevices%2Fd1%2Flock&sig=09CIkjuQF2B%2BexS7x" \
                    "PGGvry%2BGjwfPRsTsMdMo3asezA%3D&se=1795415103"
       d1+lock HEARD 20 02 00 00
       svc       DELETES d1
       d1 CLOSED not-found
       d1+lock CLOSED not-found
# d1+lock   HEARS                                -> closed not-found
# d1        HEARS                                -> closed not-found
