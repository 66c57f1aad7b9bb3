title  as bytes: over AMQP a call comes on one link, and its answer goes out on another
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
# svc:http  CALLS d1 open {"how":1}              -> 404 DeviceNotOnline
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=G5W%2FDoLAVxsNLvLj8orCmYq6P" \
                     "qH7mJv7U3K881UKfMo%3D&se=1795415100&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 71" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "open" 22 2c 22 "payload" 22 3a 7b 22 68 6f 77 22 ":1}," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       svc:http HEARD "HTTP/1.1 404 Not Found" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                      "x-ms-request-id: dcb86ab0-6242-a9ba-2ebb-58fd2c54d501" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: DeviceNotOnline" 0d 0a \
                      "Content-Length: 244" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":404103," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 is not connected, or has not subscribed to direct methods" 5c 22 2c 5c \
                      22 "trackingId" 5c 22 3a 5c 22 "dcb86ab06242a9ba2ebb58fd2c54d501" 5c 22 2c 5c 22 \
                      "timestampUtc" 5c 22 3a 5c 22 "2026-11-23T05:25:00.0000000Z" 5c 22 7d 22 2c 22 \
                      "ExceptionMessage" 22 3a 22 22 7d
# d1:amqp   LISTENS                              -> attached, attached
       d1:amqp SAYS 00 00 00 e1 02 00 00 00 00 53 12 c0 d4 0e a1 "$from /devices/d1/methods/deviceboundR" 02 41 \
                    50 02 50 00 00 53 28 c0 2c 0b a1 1f "/devices/d1/methods/deviceboundC@CB@@@@@@" 00 53 29 c0 \
                    08 07 "@C@CB@@@@CD@@" d1 00 00 00 5d 00 00 00 04 a3 19 "com.microsoft:api-version" a1 0a \
                    "2020-09-30" a3 "$com.microsoft:channel-correlation-id" a1 0a \
                    "methods:d1" 00 00 00 df 02 00 00 00 00 53 12 c0 d2 0e a1 22 \
                    "to /devices/d1/methods/deviceboundR" 03 42 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 \
                    53 29 c0 28 07 a1 1f "/devices/d1/methods/deviceboundC@CB@@@@CD@@" d1 00 00 00 5d 00 00 00 \
                    04 a3 19 "com.microsoft:api-version" a1 0a \
                    "2020-09-30" a3 "$com.microsoft:channel-correlation-id" a1 0a \
                    "methods:d1" 00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 01 70 7f ff \
                    ff ff 52 02 "CR2@B"
       d1:amqp HEARD 00 00 00 90 02 00 00 00 00 53 12 c0 83 0e a1 "$from /devices/d1/methods/deviceboundR" 02 \
                     42 50 02 50 00 00 53 28 c0 2c 0b a1 1f "/devices/d1/methods/deviceboundC@CB@@@@@@" 00 53 \
                     29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 \
                     00 8e 02 00 00 00 00 53 12 c0 81 0e a1 22 "to /devices/d1/methods/deviceboundR" 03 41 50 \
                     02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 28 07 a1 1f \
                     "/devices/d1/methods/deviceboundC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 \
                     00 00 00 00 00 00 00 22 02 00 00 00 00 53 13 c0 15 0b 52 01 52 14 52 01 70 7f ff ff ff 52 \
                     03 "CRd@B@@"
1s     time PASSES
# svc:http  CALLS d1 open {"how":1}
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 71" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "open" 22 2c 22 "payload" 22 3a 7b 22 68 6f 77 22 ":1}," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       d1:amqp HEARD 00 00 00 70 02 00 00 00 00 53 14 c0 17 0b 52 02 52 01 a0 08 02 00 00 00 00 00 00 00 \
                     "C@@@@@@@" 00 53 73 c0 17 06 "@@@@@" 98 00 00 00 00 00 00 40 00 80 00 00 00 00 00 00 02 00 \
                     53 74 c1 1a 02 a1 11 "IoThub-methodname" a1 04 "open" 00 53 75 b0 00 00 00 09 7b 22 68 6f \
                     77 22 3a 31 7d
       d1:amqp SAYS 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                    05 41 52 01 40 41 00 53 24 45
# d1:amqp   HEARS                                -> CALL open {"how":1}
# d1:amqp   ANSWERS 200 {"was":"closed"}         -> accepted
       d1:amqp SAYS 00 00 00 6e 02 00 00 00 00 53 14 c0 0c 04 52 03 52 01 a0 04 02 00 00 00 43 00 53 70 45 00 \
                    53 73 c0 17 06 "@@@@@" 98 00 00 00 00 00 00 40 00 80 00 00 00 00 00 00 02 00 53 74 d1 00 00 \
                    00 18 00 00 00 02 a1 0d "IoThub-statusq" 00 00 00 c8 00 53 75 a0 10 7b 22 77 61 73 22 3a 22 \
                    "closed" 22 7d
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 01 40 41 00 "S$E@"
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: cd7ecfda-5b71-568d-aed1-cdf8b4d392a4" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "Content-Length: 41" 0d 0a \
                      0d 0a \
                      7b 22 "status" 22 ":200," 22 "payload" 22 3a 7b 22 77 61 73 22 3a 22 "closed" 22 7d 7d
# svc:http  HEARS                                -> 200 {"status":200,"payload":{"was":"closed"}}
2s     time PASSES
# svc:http  CALLS d1 sleep null 5
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=%2Fwj%2F1BxJi%2FbN2gWOT5xbz" \
                     "vrSttJa8vInbGAKxuVnDfk%3D&se=1795415102&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 66" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "sleep" 22 2c 22 "payload" 22 ":null," 22 \
                     "responseTimeoutInSeconds" 22 3a 35 7d
       d1:amqp HEARD 00 00 00 6c 02 00 00 00 00 53 14 c0 17 0b 52 02 52 02 a0 08 03 00 00 00 00 00 00 00 \
                     "C@@@@@@@" 00 53 73 c0 17 06 "@@@@@" 98 00 00 00 00 00 00 40 00 80 00 00 00 00 00 00 03 00 \
                     53 74 c1 1b 02 a1 11 "IoThub-methodname" a1 05 "sleep" 00 53 75 b0 00 00 00 04 "null"
       d1:amqp SAYS 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                    05 41 52 02 40 41 00 53 24 45
# d1:amqp   HEARS                                -> CALL sleep null
7s     time PASSES
# svc:http  HEARS                                -> 504 GatewayTimeout
       svc:http HEARD "HTTP/1.1 504 " 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:07 GMT" 0d 0a \
                      "x-ms-request-id: 2750b9fc-5563-e0cf-48e3-f75aee055c26" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: GatewayTimeout" 0d 0a \
                      "Content-Length: 209" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":504101," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 did not answer in time" 5c 22 2c 5c 22 "trackingId" 5c 22 3a 5c 22 \
                      "2750b9fc5563e0cf48e3f75aee055c26" 5c 22 2c 5c 22 "timestampUtc" 5c 22 3a 5c 22 \
                      "2026-11-23T05:25:07.0000000Z" 5c 22 7d 22 2c 22 "ExceptionMessage" 22 3a 22 22 7d
# d1:amqp   ANSWERS 200 {}                       -> accepted
       d1:amqp SAYS 00 00 00 60 02 00 00 00 00 53 14 c0 0c 04 52 03 52 02 a0 04 03 00 00 00 43 00 53 70 45 00 \
                    53 73 c0 17 06 "@@@@@" 98 00 00 00 00 00 00 40 00 80 00 00 00 00 00 00 03 00 53 74 d1 00 00 \
                    00 18 00 00 00 02 a1 0d "IoThub-statusq" 00 00 00 c8 00 53 75 a0 02 7b 7d
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 02 40 41 00 "S$E@"
