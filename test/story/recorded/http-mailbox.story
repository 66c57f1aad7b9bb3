title  as bytes: over HTTP a message is locked, abandoned, counted, rejected and completed
0s     time PASSES
# d1:http   GET c2d                                        -> 204
       d1:http APPEARS
       d1:http OPENS https
       d1:http SAYS "GET /devices/d1/messages/deviceBound?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=ocQiIrz5ybN3" \
                    "7hodIFZpeMSseXrgSNw6my57BheELo0%3D&se=1795415100" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                     "x-ms-request-id: 82e6808e-6850-1f78-94a9-2e9bf2220b7f" 0d 0a \
                     0d 0a
       svc       POSTS d1 fan-on mid=m1 ack=full speed=3
1s     time PASSES
# d1:http   GET c2d                                        -> 200 "fan-on" mid=m1 ack=full speed=3 count=0 lock A
       d1:http SAYS "GET /devices/d1/messages/deviceBound?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=VallAtQLZjsw" \
                    "dmip%2F0npvO5qDb9RRmKgvQLx291Ga9E%3D&se=1795415101" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                     "x-ms-request-id: 46c3f0a7-6406-872a-47b6-0e65dd08e3e1" 0d 0a \
                     "Content-Type: application/octet-stream" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "ETag: " 22 "00000000-0000-0001-9dbb-45849b8aceb4" 22 0d 0a \
                     "iothub-messageid: m1" 0d 0a \
                     "iothub-to: /devices/d1/messages/devicebound" 0d 0a \
                     "iothub-ack: full" 0d 0a \
                     "iothub-sequencenumber: 1" 0d 0a \
                     "iothub-deliverycount: 0" 0d 0a \
                     "iothub-enqueuedtime: 2026-11-23T05:25:00.0000000Z" 0d 0a \
                     "iothub-expiry: 2026-11-23T06:25:00.0000000Z" 0d 0a \
                     "iothub-app-speed: 3" 0d 0a \
                     "Content-Length: 6" 0d 0a \
                     0d 0a \
                     "fan-on"
       hub       message 1 for d1: locked
# d1:http   GET c2d                                        -> 204
       d1:http SAYS "GET /devices/d1/messages/deviceBound?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=VallAtQLZjsw" \
                    "dmip%2F0npvO5qDb9RRmKgvQLx291Ga9E%3D&se=1795415101" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                     "x-ms-request-id: dcb86ab0-6242-a9ba-2ebb-58fd2c54d501" 0d 0a \
                     0d 0a
2s     time PASSES
# d1:http   POST c2d/A/abandon                             -> 204
       d1:http SAYS "POST /devices/d1/messages/deviceBound/00000000-0000-0001-9dbb-45849b8aceb4/aband" \
                    "on?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 09a15fc1-5fbb-eedb-fbc4-ed2ec9edba42" 0d 0a \
                     0d 0a
       hub       message 1 for d1: abandoned
# d1:http   GET c2d                                        -> 200 "fan-on" mid=m1 ack=full speed=3 count=1 lock B
       d1:http SAYS "GET /devices/d1/messages/deviceBound?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: a095dac9-5ef8-116c-e1c8-38c7173aad63" 0d 0a \
                     "Content-Type: application/octet-stream" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "ETag: " 22 "00000000-0000-0001-9dbb-45849b8aceb5" 22 0d 0a \
                     "iothub-messageid: m1" 0d 0a \
                     "iothub-to: /devices/d1/messages/devicebound" 0d 0a \
                     "iothub-ack: full" 0d 0a \
                     "iothub-sequencenumber: 1" 0d 0a \
                     "iothub-deliverycount: 1" 0d 0a \
                     "iothub-enqueuedtime: 2026-11-23T05:25:00.0000000Z" 0d 0a \
                     "iothub-expiry: 2026-11-23T06:25:00.0000000Z" 0d 0a \
                     "iothub-app-speed: 3" 0d 0a \
                     "Content-Length: 6" 0d 0a \
                     0d 0a \
                     "fan-on"
# d1:http   DELETE c2d/A                                   -> 412 DeviceMessageLockLost
       d1:http SAYS "DELETE /devices/d1/messages/deviceBound/00000000-0000-0001-9dbb-45849b8aceb4?api" \
                    "-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZC" \
                    "ewPlXAxcF7%2FMW8ONvtTS2tzeV3f8zwQ%3D&se=1795415102" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 412 Precondition Failed" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 368a54d2-5c34-33fc-c8cd-825f66869f83" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "iothub-errorcode: DeviceMessageLockLost" 0d 0a \
                     "Content-Length: 178" 0d 0a \
                     0d 0a \
                     7b 22 "Message" 22 3a 22 "ErrorCode:DeviceMessageLockLost;the lock of this message is lost" \
                     22 2c 22 "ExceptionMessage" 22 3a 22 \
                     "Tracking ID:368a54d25c3433fcc8cd825f66869f83-G:0-TimeStamp:11/23/2026 05:25:02" 22 7d
3s     time PASSES
# d1:http   DELETE c2d/B                                   -> 204
       d1:http SAYS "DELETE /devices/d1/messages/deviceBound/00000000-0000-0001-9dbb-45849b8aceb5?api" \
                    "-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=tHIQFHLcnWfR" \
                    "DVja9%2F7E3oi8J4kquU%2B4IlwVhvWlJ0k%3D&se=1795415103" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:03 GMT" 0d 0a \
                     "x-ms-request-id: 637349e3-59ad-781d-95d6-1790031f84c4" 0d 0a \
                     0d 0a
       hub       message 1 for d1: Success
       svc       POSTS d1 no-such-thing mid=m2 ack=negative
4s     time PASSES
# d1:http   GET c2d                                        -> 200 "no-such-thing" mid=m2 ack=negative count=0 lock C
       d1:http SAYS "GET /devices/d1/messages/deviceBound?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=nRmlSaFyEfwP" \
                    "A3nWF%2F%2B57lWM3ky2CjMYOuttvE3ECx4%3D&se=1795415104" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:04 GMT" 0d 0a \
                     "x-ms-request-id: 2750b9fc-5563-e0cf-48e3-f75aee055c26" 0d 0a \
                     "Content-Type: application/octet-stream" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "ETag: " 22 "00000000-0000-0002-9dbb-45849b8aceb6" 22 0d 0a \
                     "iothub-messageid: m2" 0d 0a \
                     "iothub-to: /devices/d1/messages/devicebound" 0d 0a \
                     "iothub-ack: negative" 0d 0a \
                     "iothub-sequencenumber: 2" 0d 0a \
                     "iothub-deliverycount: 0" 0d 0a \
                     "iothub-enqueuedtime: 2026-11-23T05:25:03.0000000Z" 0d 0a \
                     "iothub-expiry: 2026-11-23T06:25:03.0000000Z" 0d 0a \
                     "Content-Length: 13" 0d 0a \
                     0d 0a \
                     "no-such-thing"
# d1:http   DELETE c2d/C?reject                            -> 204
       d1:http SAYS "DELETE /devices/d1/messages/deviceBound/00000000-0000-0002-9dbb-45849b8aceb6?rej" \
                    "ect&api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=nRmlSaFyEfwP" \
                    "A3nWF%2F%2B57lWM3ky2CjMYOuttvE3ECx4%3D&se=1795415104" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       d1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:04 GMT" 0d 0a \
                     "x-ms-request-id: bd453305-539f-025f-2fe8-41f23d514e46" 0d 0a \
                     0d 0a
       hub       message 2 for d1: Rejected
6s     time PASSES
       svc       FEEDBACK                                       -> m1 Success, m2 Rejected
