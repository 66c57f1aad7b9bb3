title  as bytes: a query sees what is in twins, as soon as it is there
0s     time PASSES
# d1        CONNECT                              -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# d2        CONNECT                              -> CONNACK 0 sp=0
       d2 APPEARS
       d2 OPENS mqtt
       d2 SAYS 10 a6 01 00 04 "MQTT" 04 c2 00 00 00 02 64 32 00 "#hub.test/d2/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd2&sig=njnwxXDkUO3PdEjQ7P24PJMZdt" \
               "zTMERa7hpAMcyBAfo%3D&se=1795415100"
       d2 HEARD 20 02 00 00
# d1+lock   CONNECT                              -> CONNACK 0 sp=0
       d1+lock APPEARS
       d1+lock OPENS mqtt
       d1+lock SAYS 10 bb 01 00 04 "MQTT" 04 c2 00 00 00 07 "d1/lock" 00 \
                    "(hub.test/d1/lock/?api-version=2021-04-12" 00 \
                    "|SharedAccessSignature sr=hub.test%2Fdevices%2Fd1%2Flock&sig=BoLTJhhFZ6muZAkihlv" \
                    "lBqP%2BSRUPf90fAU%2BJ5yHCBDE%3D&se=1795415100"
       d1+lock HEARD 20 02 00 00
# d2        DISCONNECT                           -> closed ok
       d2 SAYS e0 00
       d2 CLOSED ok
# svc:http  TWIN d1 {"tags":{"floor":2}}         -> 200 tags={"floor":2} desired={"$version":1} reported={"$version":1}
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "PATCH /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=G5W%2FDoLAVxsNLvLj8orCmYq6P" \
                     "qH7mJv7U3K881UKfMo%3D&se=1795415100&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 20" 0d 0a \
                     0d 0a \
                     7b 22 "tags" 22 3a 7b 22 "floor" 22 ":2}}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                      "x-ms-request-id: a095dac9-5ef8-116c-e1c8-38c7173aad63" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 603" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 33 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":2}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "0001-01-01T00:00:00Z" 22 7d 2c 22 "$version" 22 ":1}," 22 "reported" 22 3a 7b 22 \
                      "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "0001-01-01T00:00:00Z" 22 7d 2c 22 \
                      "$version" 22 ":1}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
# svc:http  TWIN d2 {"tags":{"floor":3},"properties":{"desired":{"heat":21.5}}} -> 200 tags={"floor":3} desired={"heat":21.5,"$version":2} reported={"$version":1}
       svc:http SAYS "PATCH /twins/d2?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=G5W%2FDoLAVxsNLvLj8orCmYq6P" \
                     "qH7mJv7U3K881UKfMo%3D&se=1795415100&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 59" 0d 0a \
                     0d 0a \
                     7b 22 "tags" 22 3a 7b 22 "floor" 22 ":3}," 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b \
                     22 "heat" 22 ":21.5}}}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                      "x-ms-request-id: 368a54d2-5c34-33fc-c8cd-825f66869f83" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 729" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 32 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "NTMzMDg3NzY5" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Disconnected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 33 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":3}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21.5," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 \
                      3a 32 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 \
                      2c 22 "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 \
                      "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "0001-01-01T00:00:00Z" 22 7d 2c 22 \
                      "$version" 22 ":1}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
1s     time PASSES
# svc:http  QUERIES SELECT deviceId FROM devices WHERE tags.floor = 2 -> 200 [{"deviceId":"d1"}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 61" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "SELECT deviceId FROM devices WHERE tags.floor = 2" 22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 637349e3-59ad-781d-95d6-1790031f84c4" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 19" 0d 0a \
                      0d 0a \
                      5b 7b 22 "deviceId" 22 3a 22 64 31 22 7d 5d
# svc:http  QUERIES SELECT deviceId, tags.floor AS f FROM devices WHERE tags.floor > 1 AND NOT connectionState = 'Connected' -> 200 [{"deviceId":"d2","f":3}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 116" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 \
                     "SELECT deviceId, tags.floor AS f FROM devices WHERE tags.floor > 1 AND NOT conne" \
                     "ctionState = 'Connected'" 22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: fa67c4eb-58ea-9bae-7bda-6229516c77e5" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 25" 0d 0a \
                      0d 0a \
                      5b 7b 22 "deviceId" 22 3a 22 64 32 22 2c 22 66 22 ":3}]"
# svc:http  QUERIES SELECT deviceId FROM devices WHERE is_defined(properties.desired.heat) -> 200 [{"deviceId":"d2"}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 82" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 \
                     "SELECT deviceId FROM devices WHERE is_defined(properties.desired.heat)" 22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 905c3ef4-5626-bd3e-62df-acc1a0b86905" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 19" 0d 0a \
                      0d 0a \
                      5b 7b 22 "deviceId" 22 3a 22 64 32 22 7d 5d
# svc:http  QUERIES SELECT COUNT() AS n, tags.floor FROM devices GROUP BY tags.floor -> 200 [{"n":1,"floor":2},{"n":1,"floor":3}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 76" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "SELECT COUNT() AS n, tags.floor FROM devices GROUP BY tags.floor" \
                     22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 2750b9fc-5563-e0cf-48e3-f75aee055c26" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 37" 0d 0a \
                      0d 0a \
                      5b 7b 22 6e 22 3a 31 2c 22 "floor" 22 ":2},{" 22 6e 22 3a 31 2c 22 "floor" 22 ":3}]"
# svc:http  QUERIES SELECT moduleId FROM devices.modules -> 200 [{"moduleId":"lock"}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 48" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "SELECT moduleId FROM devices.modules" 22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: bd453305-539f-025f-2fe8-41f23d514e46" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 21" 0d 0a \
                      0d 0a \
                      5b 7b 22 "moduleId" 22 3a 22 "lock" 22 7d 5d
# svc:http  QUERIES SELECT deviceId FROM devices WHERE deviceId IN ['d2','d9'] -> 200 [{"deviceId":"d2"}]
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 70" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "SELECT deviceId FROM devices WHERE deviceId IN ['d2','d9']" 22 7d
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 5439ae0d-52dc-25f0-15ec-8c8b8b9e4167" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "x-ms-item-type: Raw" 0d 0a \
                      "Content-Length: 19" 0d 0a \
                      0d 0a \
                      5b 7b 22 "deviceId" 22 3a 22 64 32 22 7d 5d
# svc:http  QUERIES SELECT deviceId FROM devices WHERE tags.floor = -> 400 ArgumentInvalid
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 59" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "SELECT deviceId FROM devices WHERE tags.floor =" 22 7d
       svc:http HEARD "HTTP/1.1 400 Bad Request" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: ea2e2816-5018-4780-fcf1-d623daea3387" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: ArgumentInvalid" 0d 0a \
                      "Content-Length: 254" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 \
                      "ErrorCode:ArgumentInvalid;The query cannot be run: a value is missing (a name, a" \
                      " number, or a text in quotes) at the end (line 1, column 48)" 22 2c 22 "ExceptionMessage" \
                      22 3a 22 "Tracking ID:ea2e281650184780fcf1d623daea3387-G:0-TimeStamp:11/23/2026 05:25:01" \
                      22 7d
# svc:http  QUERIES DELETE FROM devices          -> 400 ArgumentInvalid
       svc:http SAYS "POST /devices/query?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 31" 0d 0a \
                     0d 0a \
                     7b 22 "query" 22 3a 22 "DELETE FROM devices" 22 7d
       svc:http HEARD "HTTP/1.1 400 Bad Request" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 8122a31e-4f55-6a11-e2f5-21bc283726a8" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: ArgumentInvalid" 0d 0a \
                      "Content-Length: 241" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 \
                      "ErrorCode:ArgumentInvalid;The query cannot be run: a query must begin with SELEC" \
                      "T, not 'DELETE FROM devices' (line 1, column 1)" 22 2c 22 "ExceptionMessage" 22 3a 22 \
                      "Tracking ID:8122a31e4f556a11e2f521bc283726a8-G:0-TimeStamp:11/23/2026 05:25:01" 22 7d
