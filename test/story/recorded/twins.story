title  as bytes: a service desires, a device reports, and each reads what the other wrote
0s     time PASSES
# d1        CONNECT                              -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a6 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
               "rgSNw6my57BheELo0%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# d1        SUBSCRIBE 1 twin 0                   -> SUBACK 1 [0]
       d1 SAYS 82 17 00 01 00 12 "$iothub/twin/res/#" 00
       d1 HEARD 90 03 00 01 00
# d1        SUBSCRIBE 2 desired 0                -> SUBACK 2 [0]
       d1 SAYS 82 2c 00 02 00 "'$iothub/twin/PATCH/properties/desired/#" 00
       d1 HEARD 90 03 00 02 00
# d1        PUBLISH 0 twin/get/1                 -> PUBLISH twin/200/1 {"desired":{"$version":1},"reported":{"$version":1}}
       d1 SAYS 30 1a 00 18 "$iothub/twin/GET/?$rid=1"
       d1 HEARD 30 52 00 1c "$iothub/twin/res/200/?$rid=1{" 22 "desired" 22 3a 7b 22 "$version" 22 ":1}," 22 \
                "reported" 22 3a 7b 22 "$version" 22 ":1}}"
1s     time PASSES
# svc:http  TWIN d1 {"properties":{"desired":{"heat":21}},"tags":{"floor":2}} -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"$version":1}
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "PATCH /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 57" 0d 0a \
                     0d 0a \
                     7b 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21}}," 22 "tags" 22 3a 7b \
                     22 "floor" 22 ":2}}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 09a15fc1-5fbb-eedb-fbc4-ed2ec9edba42" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 724" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 33 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":2}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 \
                      3a 32 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 \
                      2c 22 "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 \
                      "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "0001-01-01T00:00:00Z" 22 7d 2c 22 \
                      "$version" 22 ":1}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
       d1 HEARD 30 4b 00 "1$iothub/twin/PATCH/properties/desired/?$version=2{" 22 "heat" 22 ":21," 22 "$version" \
                22 3a 32 7d
# d1        HEARS                                -> PUBLISH desired/2 {"heat":21,"$version":2}
# d1        PUBLISH 0 twin/report/2 {"heat":19,"fan":{"on":true}}   -> PUBLISH twin/204/2&$version=2
       d1 SAYS 30 4d 00 ".$iothub/twin/PATCH/properties/reported/?$rid=2{" 22 "heat" 22 ":19," 22 66 61 6e 22 \
               3a 7b 22 6f 6e 22 ":true}}"
       d1 HEARD 30 29 00 "'$iothub/twin/res/204/?$rid=2&$version=2"
# svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"fan":{"on":true},"heat":19,"$version":2}
       svc:http SAYS "GET /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 0" 0d 0a \
                     0d 0a
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 368a54d2-5c34-33fc-c8cd-825f66869f83" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 922" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 34 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":2}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 \
                      3a 32 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 \
                      2c 22 "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 \
                      66 61 6e 22 3a 7b 22 6f 6e 22 ":true}," 22 "heat" 22 ":19," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 66 61 6e 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 6f 6e 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d 7d 2c 22 "heat" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d 7d 2c 22 "$version" 22 \
                      ":2}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
2s     time PASSES
# d1        PUBLISH 0 twin/report/3 {"fan":{"on":null,"speed":3}}   -> PUBLISH twin/204/3&$version=3
       d1 SAYS 30 4d 00 ".$iothub/twin/PATCH/properties/reported/?$rid=3{" 22 66 61 6e 22 3a 7b 22 6f 6e 22 \
               ":null," 22 "speed" 22 ":3}}"
       d1 HEARD 30 29 00 "'$iothub/twin/res/204/?$rid=3&$version=3"
# svc:http  TWIN d1                              -> 200 tags={"floor":2} desired={"heat":21,"$version":2} reported={"fan":{"speed":3},"heat":19,"$version":3}
       svc:http SAYS "GET /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=%2Fwj%2F1BxJi%2FbN2gWOT5xbz" \
                     "vrSttJa8vInbGAKxuVnDfk%3D&se=1795415102&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 0" 0d 0a \
                     0d 0a
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                      "x-ms-request-id: fa67c4eb-58ea-9bae-7bda-6229516c77e5" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 925" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 35 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":2}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 \
                      3a 32 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 \
                      2c 22 "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 \
                      66 61 6e 22 3a 7b 22 "speed" 22 ":3}," 22 "heat" 22 ":19," 22 "$metadata" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 2c 22 66 61 6e 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 2c 22 "speed" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 7d 7d 2c 22 "heat" 22 3a 7b 22 \
                      "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d 7d 2c 22 "$version" 22 \
                      ":3}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
# d1        PUBLISH 0 twin/get/4                 -> PUBLISH twin/200/4 {"desired":{"heat":21,"$version":2},"reported":{"fan":{"speed":3},"heat":19,"$version":3}}
       d1 SAYS 30 1a 00 18 "$iothub/twin/GET/?$rid=4"
       d1 HEARD 30 78 00 1c "$iothub/twin/res/200/?$rid=4{" 22 "desired" 22 3a 7b 22 "heat" 22 ":21," 22 \
                "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 66 61 6e 22 3a 7b 22 "speed" 22 ":3}," 22 "heat" \
                22 ":19," 22 "$version" 22 ":3}}"
# d1        PUBLISH 0 twin/report/5 [1]          -> PUBLISH twin/400/5 errorCode=400004
       d1 SAYS 30 33 00 ".$iothub/twin/PATCH/properties/reported/?$rid=5[1]"
       d1 HEARD 30 97 02 00 1c "$iothub/twin/res/400/?$rid=5{" 22 "errorCode" 22 ":400004," 22 "trackingId" 22 \
                3a 22 "2750b9fc5563e0cf48e3f75aee055c26-G:0-TimeStamp:11/23/2026 05:25:02" 22 2c 22 "message" \
                22 3a 22 "Provided json is not a valid 'tags' or 'properties' object: not a JSON object at" \
                " byte 0." 22 2c 22 "timestampUtc" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 7d
3s     time PASSES
# d1        DISCONNECT                           -> closed ok
       d1 SAYS e0 00
       d1 CLOSED ok
# svc:http  TWIN d1 {"properties":{"desired":{"heat":null}}} -> 200 tags={"floor":2} desired={"$version":3} reported={"fan":{"speed":3},"heat":19,"$version":3}
       svc:http SAYS "PATCH /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=i6zMlzXvWI6d114WuNU%2Blcjoa" \
                     "AjyrSZzEfAuWY%2B4pyk%3D&se=1795415103&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 40" 0d 0a \
                     0d 0a \
                     7b 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":null}}}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:03 GMT" 0d 0a \
                      "x-ms-request-id: ea2e2816-5018-4780-fcf1-d623daea3387" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAM=" 22 0d 0a \
                      "Content-Length: 839" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAM=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Disconnected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 36 2c 22 "tags" 22 3a 7b 22 "floor" 22 ":2}," 22 "properties" \
                      22 3a 7b 22 "desired" 22 3a 7b 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:03.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 ":3}," 22 "$version" 22 \
                      ":3}," 22 "reported" 22 3a 7b 22 66 61 6e 22 3a 7b 22 "speed" 22 ":3}," 22 "heat" 22 \
                      ":19," 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" \
                      22 2c 22 66 61 6e 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 \
                      2c 22 "speed" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 7d 7d \
                      2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d 7d \
                      2c 22 "$version" 22 ":3}}," 22 "capabilities" 22 3a 7b 22 "iotEdge" 22 ":false}}"
4s     time PASSES
# d1        CONNECT                              -> CONNACK 0 sp=0
       d1 OPENS mqtt
       d1 SAYS 10 aa 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=nRmlSaFyEfwPA3nWF%2F%2B57l" \
               "WM3ky2CjMYOuttvE3ECx4%3D&se=1795415104"
       d1 HEARD 20 02 00 00
# d1        SUBSCRIBE 6 twin 0                   -> SUBACK 6 [0]
       d1 SAYS 82 17 00 06 00 12 "$iothub/twin/res/#" 00
       d1 HEARD 90 03 00 06 00
# d1        SUBSCRIBE 7 desired 0                -> SUBACK 7 [0]
       d1 SAYS 82 2c 00 07 00 "'$iothub/twin/PATCH/properties/desired/#" 00
       d1 HEARD 90 03 00 07 00
# d1        PUBLISH 0 twin/get/8                 -> PUBLISH twin/200/8 {"desired":{"$version":3},"reported":{"fan":{"speed":3},"heat":19,"$version":3}}
       d1 SAYS 30 1a 00 18 "$iothub/twin/GET/?$rid=8"
       d1 HEARD 30 6e 00 1c "$iothub/twin/res/200/?$rid=8{" 22 "desired" 22 3a 7b 22 "$version" 22 ":3}," 22 \
                "reported" 22 3a 7b 22 66 61 6e 22 3a 7b 22 "speed" 22 ":3}," 22 "heat" 22 ":19," 22 "$version" \
                22 ":3}}"
       store     HOLDS
# d1        PUBLISH 0 twin/report/9 {"heat":18}
       d1 SAYS 30 3b 00 ".$iothub/twin/PATCH/properties/reported/?$rid=9{" 22 "heat" 22 ":18}"
       store     SETTLES
       d1 HEARD 30 29 00 "'$iothub/twin/res/204/?$rid=9&$version=4"
# d1        HEARS                                -> PUBLISH twin/204/9&$version=4
