title  as bytes: in a WebSocket MQTT is what it is outside
0s     time PASSES
# d1:ws  CONNECT clean=0                         -> 101, CONNACK 0 sp=0
       d1:ws APPEARS
       d1:ws OPENS https
       d1:ws SAYS "GET /$iothub/websocket HTTP/1.1" 0d 0a \
                  "Host: hub.test" 0d 0a \
                  "Upgrade: websocket" 0d 0a \
                  "Connection: Upgrade" 0d 0a \
                  "Sec-WebSocket-Version: 13" 0d 0a \
                  "Sec-WebSocket-Key: 0e0WG19o2itdyq26puYgVQ==" 0d 0a \
                  "Sec-WebSocket-Protocol: mqtt" 0d 0a \
                  "User-Agent: d2d/0.1.0" 0d 0a \
                  0d 0a
       d1:ws HEARD "HTTP/1.1 101 Switching Protocols" 0d 0a \
                   "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                   "Upgrade: websocket" 0d 0a \
                   "Connection: Upgrade" 0d 0a \
                   "Sec-WebSocket-Accept: D79uwpz78EHuiGeKffyFJrEaJno=" 0d 0a \
                   "Sec-WebSocket-Protocol: mqtt" 0d 0a \
                   0d 0a
       d1:ws SAYS 82 fe 00 a9 fb ee 4b 53 eb 48 4a 53 ff a3 1a 07 af ea 8b 53 fb ee 49 37 ca ee 68 3b 8e 8c 65 \
                  27 9e 9d 3f 7c 9f df 64 6c 9a 9e 22 7e 8d 8b 39 20 92 81 25 6e c9 de 79 62 d6 de 7f 7e ca dc \
                  4b 22 a8 86 2a 21 9e 8a 0a \
                  30 98 8b 38 20 a8 87 2c 3d 9a 9a 3e 21 9e ce 38 21 c6 86 3e 31 d5 9a 2e 20 8f cb 79 15 9f 8b \
                  3d 3a 98 8b 38 76 c9 a8 2f 62 dd 9d 22 34 c6 81 28 02 92 a7 39 29 ce 97 29 1d c8 d9 23 3c 9f \
                  a7 0d 09 8b 8b 06 00 88 8b 13 21 9c bd 05 24 cd 83 32 66 cc ac 23 36 be a2 24 63 de dd 0f 75 \
                  88 8b 76 62 cc d7 7e 67 ca db 7a 63 cb
       d1:ws HEARD 82 04 20 02 00 00
# d1:ws  PUBLISH 1 events/door=garage on         -> PUBACK 1
       d1:ws SAYS 82 ae db 68 81 b2 e9 44 81 94 bf 0d f7 db b8 0d f2 9d bf 59 ae df be 1b f2 d3 bc 0d f2 9d be \
                  1e e4 dc af 1b ae d6 b4 07 f3 8f bc 09 f3 d3 bc 0d 81 b3 b4 06
       d1:ws HEARD 82 04 40 02 00 01
       svc    READS                                   -> event from d1 "on" door=garage
       svc    POSTS d1 open mid=m1 ack=full
# d1:ws  SUBSCRIBE 2 c2d 1                       -> SUBACK 2 [1], PUBLISH #1 c2d "open" mid=m1 ack=full
       d1:ws SAYS 82 a8 78 5d b6 4a fa 7b b6 48 78 7c d2 2f 0e 34 d5 2f 0b 72 d2 7b 57 30 d3 39 0b 3c d1 2f 0b \
                  72 d2 2f 0e 34 d5 2f 1a 32 c3 24 1c 72 95 4b
       d1:ws HEARD 82 79 90 03 00 02 01 32 72 00 \
                   "jdevices/d1/messages/devicebound/%24.mid=m1&%24.to=%2Fdevices%2Fd1%2Fmessages%2F" \
                   "devicebound&iothub-ack=full" 00 01 "open"
# d1:ws  PUBACK 1
       d1:ws SAYS 82 84 ba f0 be 40 fa f2 be 41
       hub    message 1 for d1: Success
       store  HOLDS
1s     time PASSES
# d1:ws  PUBLISH 3 events off
       d1:ws SAYS 82 a4 4c 5f 0f 1f 7e 7d 0f 04 "(:yv/:|0(n r),|~+:|0))jq8, " 1f "O0iy"
       store  SETTLES
       d1:ws HEARD 82 04 40 02 00 03
# d1:ws  HEARS                                   -> PUBACK 3
2s     time PASSES
# d1     CONNECT                                 -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=USD7OnipTXZCewPlXAxcF7%2FM" \
               "W8ONvtTS2tzeV3f8zwQ%3D&se=1795415102"
       d1 HEARD 20 02 00 00
# d1:ws  HEARS                                   -> closed stolen
       d1:ws HEARD 88 02 03 f0
       d1:ws SAYS 88 82 3d e9 bf 0a \
                  3e 19
       d1:ws CLOSED stolen
4s     time PASSES
       svc    FEEDBACK                                -> m1 Success
