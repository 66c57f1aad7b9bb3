title  as bytes: over AMQP a twin has two links, and each answer names the request
0s     time PASSES
# d1:amqp   CONNECT                              -> open, token 200
       d1:amqp APPEARS
       d1:amqp OPENS amqp
       d1:amqp SAYS "AMQP" 00 01 00 00 00 00 00 22 02 00 00 00 00 53 10 c0 15 0a \
                    a1 07 "d1:amqp@@`" 7f ff "@@@@@@" 00 00 00 1a 02 00 00 00 00 53 11 c0 0d 04 40 43 70 7f ff \
                    ff ff 70 7f ff ff ff
       d1:amqp HEARD "AMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                     a1 "#a197ce54bd9e26bbfaddecd98606e5c7_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" 00 \
                     00 00 21 02 00 00 00 00 53 11 c0 14 08 60 00 00 43 52 14 70 7f ff ff ff 70 7f ff ff ff 40 \
                     40 40
       d1:amqp SAYS 00 00 00 49 02 00 00 00 00 53 12 c0 3c 0e a1 09 "from $cbsCAP" 02 50 00 00 53 28 c0 11 0b \
                    a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@CD@@@" 00 00 00 48 02 00 00 00 00 53 12 \
                    c0 3b 0e a1 07 "to $cbsR" 01 42 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d \
                    07 a1 04 "$cbsC@CB@@@@CD@@@" 00 00 00 20 02 00 00 00 00 53 13 c0 13 09 43 70 7f ff ff ff 43 \
                    70 7f ff ff ff 43 43 52 0a \
                    40 42
       d1:amqp HEARD 00 00 00 59 02 00 00 00 00 53 12 c0 4c 0e a1 09 "from $cbsCBP" 02 50 00 00 53 28 c0 11 0b \
                     a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 \
                     00 00 00 04 00 00 00 00 00 00 00 58 02 00 00 00 00 53 12 c0 4b 0e a1 07 "to $cbsR" 01 41 \
                     50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d 07 a1 04 "$cbsC@CB@@@@C" 80 00 \
                     00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 20 02 00 00 00 00 53 13 c0 \
                     13 0b 43 52 14 43 70 7f ff ff ff 52 01 "CRd@B@@"
       d1:amqp SAYS 00 00 00 fe 02 00 00 00 00 53 14 c0 0b 04 52 01 43 a0 04 01 00 00 00 43 00 53 70 45 00 53 \
                    73 c0 03 01 53 01 00 53 74 d1 00 00 00 5c 00 00 00 06 a1 09 "operation" a1 09 "put-token" \
                    a1 04 "type" a1 1f "servicebus.windows.net:sastoken" a1 04 "name" a1 13 \
                    "hub.test/devices/d1" 00 53 77 a1 \
                    "qSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN37hodIFZpeMSseX" \
                    "rgSNw6my57BheELo0%3D&se=1795415100"
       d1:amqp HEARD 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                     06 "AC@A" 00 "S$E@" 00 00 00 6d 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 00 \
                     00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 c0 08 06 "@@@@@S" 01 00 53 74 d1 00 00 00 2e 00 \
                     00 00 04 a1 0b "status-codeq" 00 00 00 c8 a1 12 "status-description" a1 02 4f 4b 00 53 77 \
                     40
# d1:amqp   ASKS GET                             -> attached, attached, accepted, TWIN 200 {"desired":{"$version":1},"reported":{"$version":1}}
       d1:amqp SAYS 00 00 00 c0 02 00 00 00 00 53 12 c0 b3 0e a1 15 "from /devices/d1/twinR" 02 41 50 02 50 00 \
                    00 53 28 c0 1d 0b a1 10 "/devices/d1/twinC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@CD@@" d1 \
                    00 00 00 5a 00 00 00 04 a3 19 "com.microsoft:api-version" a1 0a \
                    "2020-09-30" a3 "$com.microsoft:channel-correlation-id" a1 07 "twin:d1" 00 00 00 be 02 00 \
                    00 00 00 53 12 c0 b1 0e a1 13 "to /devices/d1/twinR" 03 42 50 02 50 00 00 53 28 c0 0c 0b \
                    "@C@CB@@@@@@" 00 53 29 c0 19 07 a1 10 "/devices/d1/twinC@CB@@@@CD@@" d1 00 00 00 5a 00 00 \
                    00 04 a3 19 "com.microsoft:api-version" a1 0a \
                    "2020-09-30" a3 "$com.microsoft:channel-correlation-id" a1 07 "twin:d1" 00 00 00 23 02 00 \
                    00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 01 70 7f ff ff ff 52 02 "CR2@B"
       d1:amqp HEARD 00 00 00 72 02 00 00 00 00 53 12 c0 65 0e a1 15 "from /devices/d1/twinR" 02 42 50 02 50 00 \
                     00 53 28 c0 1d 0b a1 10 "/devices/d1/twinC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 \
                     00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 70 02 00 00 00 00 53 12 c0 \
                     63 0e a1 13 "to /devices/d1/twinR" 03 41 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 \
                     29 c0 19 07 a1 10 "/devices/d1/twinC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 \
                     04 00 00 00 00 00 00 00 22 02 00 00 00 00 53 13 c0 15 0b 52 01 52 14 52 01 70 7f ff ff ff \
                     52 03 "CRd@B@@"
       d1:amqp SAYS 00 00 00 50 02 00 00 00 00 53 14 c0 0c 04 52 03 52 01 a0 04 02 00 00 00 43 00 53 70 45 00 \
                    53 72 d1 00 00 00 14 00 00 00 02 a3 09 "operation" a1 03 47 45 54 00 53 73 c0 0d 06 "@@@@@" \
                    a1 05 "a-rid" 00 53 75 a0 00
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 01 40 41 00 "S$E@" 00 00 00 8c 02 00 00 00 \
                     00 53 14 c0 17 0b 52 02 52 01 a0 08 02 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 \
                     72 d1 00 00 00 11 00 00 00 02 a3 06 "statusq" 00 00 00 c8 00 53 73 c0 0d 06 "@@@@@" a1 05 \
                     "a-rid" 00 53 75 a0 34 7b 22 "desired" 22 3a 7b 22 "$version" 22 ":1}," 22 "reported" 22 \
                     3a 7b 22 "$version" 22 ":1}}"
# d1:amqp   ASKS PATCH {"heat":19}               -> accepted, TWIN 204 version=2
       d1:amqp SAYS 00 00 00 7d 02 00 00 00 00 53 14 c0 0c 04 52 03 52 02 a0 04 03 00 00 00 43 00 53 70 45 00 \
                    53 72 d1 00 00 00 36 00 00 00 04 a3 09 "operation" a1 05 "PATCH" a3 08 "resource" a1 14 \
                    "/properties/reported" 00 53 73 c0 0d 06 "@@@@@" a1 05 "a-rid" 00 53 75 a0 0b 7b 22 "heat" \
                    22 ":19}"
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 02 40 41 00 "S$E@" 00 00 00 5e 02 00 00 00 \
                     00 53 14 c0 17 0b 52 02 52 02 a0 08 03 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 \
                     72 d1 00 00 00 1c 00 00 00 04 a3 06 "statusq" 00 00 00 cc a3 07 "versionU" 02 00 53 73 c0 \
                     0d 06 "@@@@@" a1 05 "a-rid"
# d1:amqp   ASKS PUT                             -> accepted, TWIN 200
       d1:amqp SAYS 00 00 00 82 02 00 00 00 00 53 14 c0 0c 04 52 03 52 03 a0 04 04 00 00 00 43 00 53 70 45 00 \
                    53 72 d1 00 00 00 46 00 00 00 04 a3 09 "operation" a1 03 50 55 54 a3 08 "resource" a1 \
                    "&/notifications/twin/properties/desired" 00 53 73 c0 0d 06 "@@@@@" a1 05 "a-rid" 00 53 75 \
                    a0 00
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 03 40 41 00 "S$E@" 00 00 00 53 02 00 00 00 \
                     00 53 14 c0 17 0b 52 02 52 03 a0 08 04 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 \
                     72 d1 00 00 00 11 00 00 00 02 a3 06 "statusq" 00 00 00 c8 00 53 73 c0 0d 06 "@@@@@" a1 05 \
                     "a-rid"
1s     time PASSES
# svc:http  TWIN d1 {"properties":{"desired":{"heat":21}}} -> 200 desired={"heat":21,"$version":2} reported={"heat":19,"$version":2}
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "PATCH /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 38" 0d 0a \
                     0d 0a \
                     7b 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 "heat" 22 ":21}}}"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: cd7ecfda-5b71-568d-aed1-cdf8b4d392a4" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 778" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 34 2c 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 "heat" \
                      22 ":21," 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 3a 32 2c 22 "heat" 22 3a \
                      7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 \
                      "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 "heat" \
                      22 ":19," 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 7d 7d 2c 22 "$version" 22 ":2}}," 22 "capabilities" 22 \
                      3a 7b 22 "iotEdge" 22 ":false}}"
       d1:amqp HEARD 00 00 00 44 02 00 00 00 00 53 14 c0 17 0b 52 02 52 04 a0 08 05 00 00 00 00 00 00 00 \
                     "CA@@@@@@" 00 53 75 b0 00 00 00 18 7b 22 "heat" 22 ":21," 22 "$version" 22 3a 32 7d
# d1:amqp   HEARS                                -> DESIRED {"heat":21,"$version":2}
       store     HOLDS
# d1:amqp   ASKS PATCH {"heat":20}
       d1:amqp SAYS 00 00 00 7d 02 00 00 00 00 53 14 c0 0c 04 52 03 52 04 a0 04 05 00 00 00 43 00 53 70 45 00 \
                    53 72 d1 00 00 00 36 00 00 00 04 a3 09 "operation" a1 05 "PATCH" a3 08 "resource" a1 14 \
                    "/properties/reported" 00 53 73 c0 0d 06 "@@@@@" a1 05 "a-rid" 00 53 75 a0 0b 7b 22 "heat" \
                    22 ":20}"
       store     SETTLES
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 04 40 41 00 "S$E@" 00 00 00 5e 02 00 00 00 \
                     00 53 14 c0 17 0b 52 02 52 05 a0 08 06 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 \
                     72 d1 00 00 00 1c 00 00 00 04 a3 06 "statusq" 00 00 00 cc a3 07 "versionU" 03 00 53 73 c0 \
                     0d 06 "@@@@@" a1 05 "a-rid"
# d1:amqp   HEARS                                -> accepted, TWIN 204 version=3
# d1:amqp   ASKS PATCH [1]                       -> accepted, TWIN 400 errorCode=400004
       d1:amqp SAYS 00 00 00 75 02 00 00 00 00 53 14 c0 0c 04 52 03 52 05 a0 04 06 00 00 00 43 00 53 70 45 00 \
                    53 72 d1 00 00 00 36 00 00 00 04 a3 09 "operation" a1 05 "PATCH" a3 08 "resource" a1 14 \
                    "/properties/reported" 00 53 73 c0 0d 06 "@@@@@" a1 05 "a-rid" 00 53 75 a0 03 5b 31 5d
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 05 40 41 00 "S$E@" 00 00 01 51 02 00 00 00 \
                     00 53 14 c0 17 0b 52 02 52 06 a0 08 07 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 \
                     72 d1 00 00 00 11 00 00 00 02 a3 06 "statusq" 00 00 01 90 00 53 73 c0 0d 06 "@@@@@" a1 05 \
                     "a-rid" 00 53 75 a0 f9 7b 22 "errorCode" 22 ":400004," 22 "trackingId" 22 3a 22 \
                     "fa67c4eb58ea9bae7bda6229516c77e5-G:0-TimeStamp:11/23/2026 05:25:01" 22 2c 22 "message" 22 \
                     3a 22 "Provided json is not a valid 'tags' or 'properties' object: not a JSON object at" \
                     " byte 0." 22 2c 22 "timestampUtc" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d
# svc:http  TWIN d1                              -> 200 desired={"heat":21,"$version":2} reported={"heat":20,"$version":3}
       svc:http SAYS "GET /twins/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 0" 0d 0a \
                     0d 0a
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: 905c3ef4-5626-bd3e-62df-acc1a0b86905" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "ETag: " 22 "AAAAAAAAAAI=" 22 0d 0a \
                      "Content-Length: 778" 0d 0a \
                      0d 0a \
                      7b 22 "deviceId" 22 3a 22 64 31 22 2c 22 "etag" 22 3a 22 "AAAAAAAAAAI=" 22 2c 22 \
                      "deviceEtag" 22 3a 22 "MjMxODI0ODc2" 22 2c 22 "status" 22 3a 22 "enabled" 22 2c 22 \
                      "statusReason" 22 ":null," 22 "statusUpdateTime" 22 3a 22 "0001-01-01T00:00:00Z" 22 2c 22 \
                      "connectionState" 22 3a 22 "Connected" 22 2c 22 "lastActivityTime" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 2c 22 "cloudToDeviceMessageCount" 22 3a 30 2c 22 \
                      "authenticationType" 22 3a 22 73 61 73 22 2c 22 "x509Thumbprint" 22 3a 7b 22 \
                      "primaryThumbprint" 22 ":null," 22 "secondaryThumbprint" 22 ":null}," 22 "modelId" 22 3a \
                      22 22 2c 22 "version" 22 3a 35 2c 22 "properties" 22 3a 7b 22 "desired" 22 3a 7b 22 "heat" \
                      22 ":21," 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 2c 22 "$lastUpdatedVersion" 22 3a 32 2c 22 "heat" 22 3a \
                      7b 22 "$lastUpdated" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 2c 22 \
                      "$lastUpdatedVersion" 22 ":2}}," 22 "$version" 22 ":2}," 22 "reported" 22 3a 7b 22 "heat" \
                      22 ":20," 22 "$metadata" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 2c 22 "heat" 22 3a 7b 22 "$lastUpdated" 22 3a 22 \
                      "2026-11-23T05:25:01.0000000Z" 22 7d 7d 2c 22 "$version" 22 ":3}}," 22 "capabilities" 22 \
                      3a 7b 22 "iotEdge" 22 ":false}}"
