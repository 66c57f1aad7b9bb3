title  as bytes: over HTTP each event is a request of its own
0s     time PASSES
# d1:http   POST events on mid=e1 ct=text/plain door=garage    -> 204
       d1:http APPEARS
       d1:http OPENS https
       d1:http SAYS "POST /devices/d1/messages/events?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN3" \
                    "7hodIFZpeMSseXrgSNw6my57BheELo0%3D&se=1795415100" 0d 0a \
                    "iothub-messageid: e1" 0d 0a \
                    "iothub-contenttype: text/plain" 0d 0a \
                    "iothub-app-door: garage" 0d 0a \
                    "Content-Length: 2" 0d 0a \
                    0d 0a \
                    6f 6e
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                     "x-ms-request-id: 82e6808e-6850-1f78-94a9-2e9bf2220b7f" 0d 0a \
                     0d 0a
       svc       READS                                              -> event from d1 "on" mid=e1 ct=text/plain door=garage
       store     HOLDS
1s     time PASSES
# d1:http   POST events off
       d1:http SAYS "POST /devices/d1/messages/events?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=VallAtQLZjsw" \
                    "dmip%2F0npvO5qDb9RRmKgvQLx291Ga9E%3D&se=1795415101" 0d 0a \
                    "Content-Length: 3" 0d 0a \
                    0d 0a \
                    6f 66 66
       svc       READS
       store     SETTLES
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                     "x-ms-request-id: 46c3f0a7-6406-872a-47b6-0e65dd08e3e1" 0d 0a \
                     0d 0a
2s     time PASSES
# d1:http   POST events late                                   -> 204
       d1:http SAYS "POST /devices/d1/messages/events?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Length: 4" 0d 0a \
                    0d 0a \
                    "late"
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 09a15fc1-5fbb-eedb-fbc4-ed2ec9edba42" 0d 0a \
                     0d 0a
       svc       READS                                              -> event from d1 "off", event from d1 "late"
# d1:http   POST /devices/d2/messages/events on                -> 401 IotHubUnauthorizedAccess
       d1:http SAYS "POST /devices/d2/messages/events?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Type: application/json" 0d 0a \
                    "Content-Length: 2" 0d 0a \
                    0d 0a \
                    6f 6e
       d1:http HEARD "HTTP/1.1 401 Unauthorized" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 368a54d2-5c34-33fc-c8cd-825f66869f83" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "iothub-errorcode: IotHubUnauthorizedAccess" 0d 0a \
                     "WWW-Authenticate: SharedAccessSignature realm=" 22 "hub.test" 22 0d 0a \
                     "Content-Length: 180" 0d 0a \
                     0d 0a \
                     7b 22 "Message" 22 3a 22 \
                     "ErrorCode:IotHubUnauthorizedAccess;these credentials are not valid" 22 2c 22 \
                     "ExceptionMessage" 22 3a 22 \
                     "Tracking ID:368a54d25c3433fcc8cd825f66869f83-G:0-TimeStamp:11/23/2026 05:25:02" 22 7d
# d1:http   PATCH /devices/d1                                  -> 405 GenericMethodNotAllowed
       d1:http SAYS "PATCH /devices/d1?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Type: application/json" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 405 Method Not Allowed" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: cd7ecfda-5b71-568d-aed1-cdf8b4d392a4" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "iothub-errorcode: GenericMethodNotAllowed" 0d 0a \
                     "Allow: GET, HEAD, PUT, DELETE" 0d 0a \
                     "Content-Length: 178" 0d 0a \
                     0d 0a \
                     7b 22 "Message" 22 3a 22 "ErrorCode:GenericMethodNotAllowed;This path does not allow PATCH" \
                     22 2c 22 "ExceptionMessage" 22 3a 22 \
                     "Tracking ID:cd7ecfda5b71568daed1cdf8b4d392a4-G:0-TimeStamp:11/23/2026 05:25:02" 22 7d
