title  as bytes: a call is answered by the device, or by its time
0s     time PASSES
# svc:http   CALLS d1 reboot {"in":5}            -> 404 DeviceNotFound
       svc:http APPEARS
       svc:http OPENS https
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=G5W%2FDoLAVxsNLvLj8orCmYq6P" \
                     "qH7mJv7U3K881UKfMo%3D&se=1795415100&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 72" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "reboot" 22 2c 22 "payload" 22 3a 7b 22 69 6e 22 ":5}," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       svc:http HEARD "HTTP/1.1 404 Not Found" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                      "x-ms-request-id: 82e6808e-6850-1f78-94a9-2e9bf2220b7f" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: DeviceNotFound" 0d 0a \
                      "Content-Length: 201" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":404001," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 not registered" 5c 22 2c 5c 22 "trackingId" 5c 22 3a 5c 22 \
                      "82e6808e68501f7894a92e9bf2220b7f" 5c 22 2c 5c 22 "timestampUtc" 5c 22 3a 5c 22 \
                      "2026-11-23T05:25:00.0000000Z" 5c 22 7d 22 2c 22 "ExceptionMessage" 22 3a 22 22 7d
# d1         CONNECT                             -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 aa 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "uSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=WF4zOPjdkzyhKPQzjpyPOX5os%" \
               "2FxQ%2F1fA5srHIqn1jek%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# svc:http   CALLS d1 reboot {"in":5}            -> 404 DeviceNotOnline
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=G5W%2FDoLAVxsNLvLj8orCmYq6P" \
                     "qH7mJv7U3K881UKfMo%3D&se=1795415100&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 72" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "reboot" 22 2c 22 "payload" 22 3a 7b 22 69 6e 22 ":5}," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       svc:http HEARD "HTTP/1.1 404 Not Found" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                      "x-ms-request-id: 46c3f0a7-6406-872a-47b6-0e65dd08e3e1" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: DeviceNotOnline" 0d 0a \
                      "Content-Length: 244" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":404103," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 is not connected, or has not subscribed to direct methods" 5c 22 2c 5c \
                      22 "trackingId" 5c 22 3a 5c 22 "46c3f0a76406872a47b60e65dd08e3e1" 5c 22 2c 5c 22 \
                      "timestampUtc" 5c 22 3a 5c 22 "2026-11-23T05:25:00.0000000Z" 5c 22 7d 22 2c 22 \
                      "ExceptionMessage" 22 3a 22 22 7d
# d1         SUBSCRIBE 1 methods 1               -> SUBACK 1 [1]
       d1 SAYS 82 1b 00 01 00 16 "$iothub/methods/POST/#" 01
       d1 HEARD 90 03 00 01 01
1s     time PASSES
# svc:http   CALLS d1 reboot {"in":5}
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=CQgwjiq%2Fb9qAFRLdrBsVzBNi8" \
                     "o%2FEJ8NRvH04l8JFDqw%3D&se=1795415101&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 72" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "reboot" 22 2c 22 "payload" 22 3a 7b 22 69 6e 22 ":5}," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       d1 HEARD 30 2d 00 "#$iothub/methods/POST/reboot/?$rid=1{" 22 69 6e 22 3a 35 7d
# d1         HEARS                               -> PUBLISH call/reboot/1 {"in":5}
# d1         PUBLISH 0 answer/200/1 {"ok":true}
       d1 SAYS 30 2c 00 1f "$iothub/methods/res/200/?$rid=1{" 22 6f 6b 22 ":true}"
# svc:http   HEARS                               -> 200 {"status":200,"payload":{"ok":true}}
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                      "x-ms-request-id: a095dac9-5ef8-116c-e1c8-38c7173aad63" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "Content-Length: 36" 0d 0a \
                      0d 0a \
                      7b 22 "status" 22 ":200," 22 "payload" 22 3a 7b 22 6f 6b 22 ":true}}"
2s     time PASSES
# svc:http   CALLS d1 open
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=%2Fwj%2F1BxJi%2FbN2gWOT5xbz" \
                     "vrSttJa8vInbGAKxuVnDfk%3D&se=1795415102&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 66" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "open" 22 2c 22 "payload" 22 ":null," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       d1 HEARD 30 27 00 "!$iothub/methods/POST/open/?$rid=2null"
# d1         HEARS                               -> PUBLISH call/open/2 null
# d1         PUBLISH 0 answer/-17/2 null
       d1 SAYS 30 25 00 1f "$iothub/methods/res/-17/?$rid=2null"
# svc:http   HEARS                               -> 200 {"status":-17,"payload":null}
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                      "x-ms-request-id: 637349e3-59ad-781d-95d6-1790031f84c4" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "Content-Length: 29" 0d 0a \
                      0d 0a \
                      7b 22 "status" 22 ":-17," 22 "payload" 22 ":null}"
3s     time PASSES
# svc:http   CALLS d1 a 1
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=i6zMlzXvWI6d114WuNU%2Blcjoa" \
                     "AjyrSZzEfAuWY%2B4pyk%3D&se=1795415103&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 60" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 61 22 2c 22 "payload" 22 3a 31 2c 22 "responseTimeoutInSeconds" \
                     22 ":30}"
       d1 HEARD 30 21 00 1e "$iothub/methods/POST/a/?$rid=31"
# svc:http/2 CALLS d1 b 2
       svc:http/2 APPEARS
       svc:http/2 OPENS https
       svc:http/2 SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                       "Host: hub.test" 0d 0a \
                       "Authorization: SharedAccessSignature sr=hub.test&sig=i6zMlzXvWI6d114WuNU%2Blcjoa" \
                       "AjyrSZzEfAuWY%2B4pyk%3D&se=1795415103&skn=iothubowner" 0d 0a \
                       "Content-Type: application/json" 0d 0a \
                       "Content-Length: 60" 0d 0a \
                       0d 0a \
                       7b 22 "methodName" 22 3a 22 62 22 2c 22 "payload" 22 3a 32 2c 22 \
                       "responseTimeoutInSeconds" 22 ":30}"
       d1 HEARD 30 21 00 1e "$iothub/methods/POST/b/?$rid=42"
# d1         HEARS                               -> PUBLISH call/a/3 1, PUBLISH call/b/4 2
# d1         PUBLISH 0 answer/200/4 "b"
       d1 SAYS 30 24 00 1f "$iothub/methods/res/200/?$rid=4" 22 62 22
       svc:http/2 HEARD "HTTP/1.1 200 OK" 0d 0a \
                        "Date: Mon, 23 Nov 2026 05:25:03 GMT" 0d 0a \
                        "x-ms-request-id: 5439ae0d-52dc-25f0-15ec-8c8b8b9e4167" 0d 0a \
                        "Content-Type: application/json; charset=utf-8" 0d 0a \
                        "Cache-Control: no-store" 0d 0a \
                        "Content-Length: 28" 0d 0a \
                        0d 0a \
                        7b 22 "status" 22 ":200," 22 "payload" 22 3a 22 62 22 7d
# svc:http/2 HEARS                               -> 200 {"status":200,"payload":"b"}
# d1         PUBLISH 0 answer/200/3 "a"
       d1 SAYS 30 24 00 1f "$iothub/methods/res/200/?$rid=3" 22 61 22
# svc:http   HEARS                               -> 200 {"status":200,"payload":"a"}
       svc:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:03 GMT" 0d 0a \
                      "x-ms-request-id: ea2e2816-5018-4780-fcf1-d623daea3387" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "Content-Length: 28" 0d 0a \
                      0d 0a \
                      7b 22 "status" 22 ":200," 22 "payload" 22 3a 22 61 22 7d
4s     time PASSES
# svc:http   CALLS d1 sleep null 5
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=wNAnMVduzTbUAzg24OrE4PVdbr6" \
                     "9XOqxNzHrfBKxucI%3D&se=1795415104&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 66" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "sleep" 22 2c 22 "payload" 22 ":null," 22 \
                     "responseTimeoutInSeconds" 22 3a 35 7d
       d1 HEARD 30 28 00 22 "$iothub/methods/POST/sleep/?$rid=5null"
# d1         HEARS                               -> PUBLISH call/sleep/5 null
8s     time PASSES
# svc:http   HEARS
9s     time PASSES
# svc:http   HEARS                               -> 504 GatewayTimeout
       svc:http HEARD "HTTP/1.1 504 " 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:09 GMT" 0d 0a \
                      "x-ms-request-id: 44001238-4a0a-d1c2-9603-0085141cfd09" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: GatewayTimeout" 0d 0a \
                      "Content-Length: 209" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":504101," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 did not answer in time" 5c 22 2c 5c 22 "trackingId" 5c 22 3a 5c 22 \
                      "440012384a0ad1c296030085141cfd09" 5c 22 2c 5c 22 "timestampUtc" 5c 22 3a 5c 22 \
                      "2026-11-23T05:25:09.0000000Z" 5c 22 7d 22 2c 22 "ExceptionMessage" 22 3a 22 22 7d
# d1         PUBLISH 0 answer/200/5 {}
       d1 SAYS 30 23 00 1f "$iothub/methods/res/200/?$rid=5{}"
10s    time PASSES
# svc:http   CALLS d1 last
       svc:http SAYS "POST /twins/d1/methods?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                     "Host: hub.test" 0d 0a \
                     "Authorization: SharedAccessSignature sr=hub.test&sig=xqHevoj%2Fy8fjyHV9P05wEKNgd" \
                     "hcTV6U55SJFPuSPaTk%3D&se=1795415110&skn=iothubowner" 0d 0a \
                     "Content-Type: application/json" 0d 0a \
                     "Content-Length: 66" 0d 0a \
                     0d 0a \
                     7b 22 "methodName" 22 3a 22 "last" 22 2c 22 "payload" 22 ":null," 22 \
                     "responseTimeoutInSeconds" 22 ":30}"
       d1 HEARD 30 27 00 "!$iothub/methods/POST/last/?$rid=6null"
# d1         DROP                                -> PUBLISH call/last/6 null, closed closed
       d1 CUTS
       svc:http HEARD "HTTP/1.1 404 Not Found" 0d 0a \
                      "Date: Mon, 23 Nov 2026 05:25:10 GMT" 0d 0a \
                      "x-ms-request-id: 08dd8251-46c0-3974-4910-e04fff02d56b" 0d 0a \
                      "Content-Type: application/json; charset=utf-8" 0d 0a \
                      "Cache-Control: no-store" 0d 0a \
                      "iothub-errorcode: DeviceConnectionClosedRemotely" 0d 0a \
                      "Content-Length: 236" 0d 0a \
                      0d 0a \
                      7b 22 "Message" 22 3a 22 7b 5c 22 "errorCode" 5c 22 ":404104," 5c 22 "message" 5c 22 3a \
                      5c 22 "Device d1 went away, or closed its link, before it answered" 5c 22 2c 5c 22 \
                      "trackingId" 5c 22 3a 5c 22 "08dd825146c039744910e04fff02d56b" 5c 22 2c 5c 22 \
                      "timestampUtc" 5c 22 3a 5c 22 "2026-11-23T05:25:10.0000000Z" 5c 22 7d 22 2c 22 \
                      "ExceptionMessage" 22 3a 22 22 7d
# svc:http   HEARS                               -> 404 DeviceConnectionClosedRemotely
