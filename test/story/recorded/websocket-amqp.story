title  as bytes: in a WebSocket AMQP is what it is outside
0s     time PASSES
# d1:amqp-ws  CONNECT                            -> 101, open, token 200
       d1:amqp-ws APPEARS
       d1:amqp-ws OPENS https
       d1:amqp-ws SAYS "GET /$iothub/websocket HTTP/1.1" 0d 0a \
                       "Host: hub.test" 0d 0a \
                       "Upgrade: websocket" 0d 0a \
                       "Connection: Upgrade" 0d 0a \
                       "Sec-WebSocket-Version: 13" 0d 0a \
                       "Sec-WebSocket-Key: 0e0WG19o2itdyq26puYgVQ==" 0d 0a \
                       "Sec-WebSocket-Protocol: AMQPWSB10" 0d 0a \
                       "User-Agent: d2d/0.1.0" 0d 0a \
                       0d 0a
       d1:amqp-ws HEARD "HTTP/1.1 101 Switching Protocols" 0d 0a \
                        "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                        "Upgrade: websocket" 0d 0a \
                        "Connection: Upgrade" 0d 0a \
                        "Sec-WebSocket-Accept: D79uwpz78EHuiGeKffyFJrEaJno=" 0d 0a \
                        "Sec-WebSocket-Protocol: AMQPWSB10" 0d 0a \
                        0d 0a
       d1:amqp-ws SAYS 82 c7 fb ee 4b 53 ba a3 1a 03 fb ef 4b 53 fb ee 4b 76 f9 ee 4b 53 fb bd 5b 93 e3 e4 ea \
                       59 9f df 71 32 96 9f 3b 7e 8c 9d 0b 13 9b 91 b4 13 bb ae 0b 13 bb ee 4b 53 e1 ec 4b 53 \
                       fb ee 18 42 3b e3 4f 13 b8 9e 34 ac 04 11 3b 2c 04 11 b4
       d1:amqp-ws HEARD 82 "oAMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                        a1 "#94a92e9bf2220b7fed4feb9d0a4a177c_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" \
                        00 00 00 21 02 00 00 00 00 53 11 c0 14 08 60 00 00 43 52 14 70 7f ff ff ff 70 7f ff ff \
                        ff 40 40 40
       d1:amqp-ws SAYS 82 fe 00 b1 db 68 81 b2 db 68 81 fb d9 68 81 b2 db 3b 93 72 e7 66 20 bb bd 1a ee df fb \
                       4c e2 d0 a8 2b c0 e2 d9 38 81 b2 88 40 41 a3 d0 c9 85 96 b8 0a \
                       f2 f1 9b 2b c3 f2 9b 28 c1 f2 9b 68 d2 9b 1b 60 86 f2 98 28 c2 f0 9b 28 c1 f2 98 2c c1 \
                       f2 9b 68 81 b2 93 6a 81 b2 db 68 d2 a0 1b 53 8f 13 dc 1c ee 92 ff 0b e3 c1 89 69 c3 e2 \
                       d9 38 81 b2 88 40 41 be d0 28 c2 f2 98 2a c1 f2 9b 28 c1 f2 db 3b a8 72 d6 6f 20 b6 ff \
                       0b e3 c1 98 28 c2 f0 9b 28 c1 f2 98 2c c1 f2 9b 68 81 b2 fb 6a 81 b2 db 68 d2 a1 1b 7b \
                       88 f1 ab 17 "~M$+" f1 cd 24 97 7e f1 98 3a 8b f2 99
       d1:amqp-ws HEARD 82 7e 00 d1 00 00 00 59 02 00 00 00 00 53 12 c0 4c 0e a1 09 "from $cbsCBP" 02 50 00 00 \
                        53 28 c0 11 0b a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 \
                        10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 58 02 00 00 00 00 53 12 c0 4b 0e a1 \
                        07 "to $cbsR" 01 41 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d 07 a1 04 \
                        "$cbsC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 20 \
                        02 00 00 00 00 53 13 c0 13 0b 43 52 14 43 70 7f ff ff ff 52 01 "CRd@B@@"
       d1:amqp-ws SAYS 82 fe 00 fe 78 5d b6 4a 78 5d b6 b4 7a 5d b6 4a 78 0e a2 8a 73 59 e4 4b 3b fd b2 4b 78 \
                       5d b6 09 78 0e c6 0f 78 0e c5 8a 7b 5c e5 4b 78 0e c2 9b 78 5d b6 16 78 5d b6 4c d9 54 \
                       d9 3a 1d 2f d7 3e 11 32 d8 eb 71 2d c3 3e 55 29 d9 21 1d 33 17 4e 0c 24 c6 2f d9 42 c5 \
                       2f 0a \
                       2b df 29 1d 3f c3 39 56 2a df 24 1c 32 c1 39 56 33 d3 3e 42 2e d7 39 0c 32 dd 2f 16 fc \
                       b2 24 19 30 d3 eb 6b 35 c3 28 56 29 d3 39 0c 72 d2 2f 0e 34 d5 2f 0b 72 d2 7b 78 0e c1 \
                       eb 09 0e de 2b 0a \
                       38 d2 0b 1b 3e d3 39 0b 0e df 2d 16 3c c2 3f 0a \
                       38 96 39 0a \
                       60 de 3f 1a 73 c2 2f 0b 29 93 78 3e 39 d3 3c 11 3e d3 39 5d 6f f0 2e 49 7b c5 23 1f 60 \
                       d9 29 29 34 ff 38 02 68 cf 28 36 6e 81 22 17 39 ff 0c 22 2d d3 07 2b 2e d3 12 0a \
                       3a e5 04 0f 6b db 33 4d 6a f4 22 1d 18 fa 25 48 78 85 0e 5e 2e d3 77 49 6a 8f 7f 4c 6c \
                       83 7b 48 6d
       d1:amqp-ws HEARD 82 7e 00 84 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                        06 "AC@A" 00 "S$E@" 00 00 00 6d 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 \
                        00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 c0 08 06 "@@@@@S" 01 00 53 74 d1 00 00 00 \
                        2e 00 00 00 04 a1 0b "status-codeq" 00 00 00 c8 a1 12 "status-description" a1 02 4f 4b \
                        00 53 77 40
# d1:amqp-ws  SENDS events on mid=e1             -> attached, accepted
       d1:amqp-ws SAYS 82 f6 ba f0 be 40 ba f0 be 36 b8 f0 be 40 ba a3 ac 80 d3 fe 1f 5e ce 9f 9e 6f de 95 c8 \
                       29 d9 95 cd 6f de c1 91 2d df 83 cd 21 dd 95 cd 6f df 86 db 2e ce 83 ec 42 f8 a0 bc 10 \
                       ba f0 ed 68 7a fc b5 00 f9 b0 fd 02 fa b0 fe 00 fa b0 be 13 93 30 9a 47 1b eb 91 24 df \
                       86 d7 23 df 83 91 24 8b df d3 25 c9 83 df 27 df 83 91 25 cc 95 d0 34 c9 b3 fe 03 f8 b0 \
                       fe 00 fa b3 fa 00 fa b0
       d1:amqp-ws HEARD 82 7e 00 ab 00 00 00 86 02 00 00 00 00 53 12 c0 79 0e a1 1e \
                        "to /devices/d1/messages/eventsR" 02 41 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 \
                        53 29 c0 24 07 a1 1b "/devices/d1/messages/eventsC@CB@@@@C" 80 00 00 00 00 00 10 00 00 \
                        40 40 d1 00 00 00 04 00 00 00 00 00 00 00 25 02 00 00 00 00 53 13 c0 18 0b 52 01 52 14 \
                        52 01 70 7f ff ff ff 52 02 43 70 00 00 03 e8 "@B@@"
       d1:amqp-ws SAYS 82 b3 4c 5f 0f 1f 4c 5f 0f 2c 4e 5f 0f 1f 4c 0c 1b df 40 5b 5d 1d 1e 5e af 1b 4e 5f 0f \
                       1f 0f 5f 5c 6c 9c 5f 0f 1f 44 5f 0f 1f 4d fe 0d 7a 7d 5f 5c 6a fc 5f 0f 1f 4e 30 61
       d1:amqp-ws HEARD 82 18 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 01 40 41 00 "S$E@"
       svc         POSTS d1 open mid=m1 ack=full
# d1:amqp-ws  RECEIVES c2d 1                     -> attached, MESSAGE "open" mid=m1 ack=full
       d1:amqp-ws SAYS 82 fe 00 a5 3d e9 bf 0a \
                       3d e9 bf 88 3f e9 bf 0a \
                       3d ba ad ca 48 e7 1e 2f 5b 9b d0 67 1d c6 db 6f 4b 80 dc 6f 4e c6 db 3b 12 84 da 79 4e \
                       88 d8 6f 4e c6 db 6f 4b 80 dc 6f 5f 86 ca 64 59 bb bc 4b 6d eb ef 0a \
                       3d ba 97 ca 10 e2 1e 2a 12 8d da 7c 54 8a da 79 12 8d 8e 25 50 8c cc 79 5c 8e da 79 12 \
                       8d da 7c 54 8a da 68 52 9c d1 6e 7e a9 fc 48 7d a9 ff 4a 7d a9 bf 59 14 29 b7 0d 7d aa \
                       ff 49 7f a9 ff 4a 7d aa fb 4a 7d a9 bf 0a \
                       3d ca bd 0a \
                       3d e9 bf 59 2e 29 a9 03 6f e8 cf 75 c2 16 40 58 3f 99 c0 f5 c2 16 ed 09 7e bb be 4a 7f
       d1:amqp-ws HEARD 82 7e 01 af 00 00 00 92 02 00 00 00 00 53 12 c0 85 0e a1 \
                        "%from /devices/d1/messages/deviceboundR" 03 42 50 02 50 00 00 53 28 c0 2d 0b a1 \
                        " /devices/d1/messages/deviceboundC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 00 \
                        00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 01 1d 02 00 00 00 00 53 14 c0 \
                        1f 0b 52 03 52 01 a0 10 00 00 00 00 00 00 01 00 9d bb 45 84 9b 8a ce b4 "C@@@@@@@" 00 \
                        53 72 c1 8f 08 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 06 dd 5b e0 a3 14 \
                        "iothub-deliverycountP" 00 a3 15 "x-opt-sequence-number" 80 00 00 00 00 00 00 00 01 a3 \
                        10 "x-opt-lock-token" a1 "$00000000-0000-0001-9dbb-45849b8aceb4" 00 53 73 d0 00 00 00 \
                        2b 00 00 00 03 a1 02 6d 31 40 a1 " /devices/d1/messages/devicebound" 00 53 74 d1 00 00 \
                        00 16 00 00 00 02 a1 0a \
                        "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 04 "open"
# d1:amqp-ws  SETTLES accepted
       d1:amqp-ws SAYS 82 97 70 bb 33 f4 70 bb 33 e3 72 bb 33 f4 70 e8 26 34 7a be 72 a6 71 fb 72 f4 23 9f 76
       hub         message 1 for d1: Success
1s     time PASSES
# svc:amqp-ws CONNECT                            -> 101, open, token 200
       svc:amqp-ws APPEARS
       svc:amqp-ws OPENS https
       svc:amqp-ws SAYS "GET /$iothub/websocket HTTP/1.1" 0d 0a \
                        "Host: hub.test" 0d 0a \
                        "Upgrade: websocket" 0d 0a \
                        "Connection: Upgrade" 0d 0a \
                        "Sec-WebSocket-Version: 13" 0d 0a \
                        "Sec-WebSocket-Key: 0e0WG19o2itdyq26puYgVQ==" 0d 0a \
                        "Sec-WebSocket-Protocol: AMQPWSB10" 0d 0a \
                        "User-Agent: d2d/0.1.0" 0d 0a \
                        0d 0a
       svc:amqp-ws HEARD "HTTP/1.1 101 Switching Protocols" 0d 0a \
                         "Date: Mon, 23 Nov 2026 05:25:01 GMT" 0d 0a \
                         "Upgrade: websocket" 0d 0a \
                         "Connection: Upgrade" 0d 0a \
                         "Sec-WebSocket-Accept: D79uwpz78EHuiGeKffyFJrEaJno=" 0d 0a \
                         "Sec-WebSocket-Protocol: AMQPWSB10" 0d 0a \
                         0d 0a
       svc:amqp-ws SAYS 82 c8 fb ee 4b 53 ba a3 1a 03 fb ef 4b 53 fb ee 4b 75 f9 ee 4b 53 fb bd 5b 93 e2 e4 ea \
                        58 88 98 28 69 9a 83 3a 23 d6 99 38 13 bb 8e 34 ac bb ae 0b 13 bb ae 4b 53 fb f4 49 53 \
                        fb ee 4b 00 ea 2e 46 57 bb ad 3b 2c 04 11 b4 23 84 11 b4 ac
       svc:amqp-ws HEARD 82 "oAMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                         a1 "#7bda6229516c77e544310e5ad9447211_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" \
                         00 00 00 21 02 00 00 00 00 53 11 c0 14 08 60 00 00 43 52 14 70 7f ff ff ff 70 7f ff ff \
                         ff 40 40 40
       svc:amqp-ws SAYS 82 fe 00 b1 db 68 81 b2 db 68 81 fb d9 68 81 b2 db 3b 93 72 e7 66 20 bb bd 1a ee df fb \
                        4c e2 d0 a8 2b c0 e2 d9 38 81 b2 88 40 41 a3 d0 c9 85 96 b8 0a \
                        f2 f1 9b 2b c3 f2 9b 28 c1 f2 9b 68 d2 9b 1b 60 86 f2 98 28 c2 f0 9b 28 c1 f2 98 2c c1 \
                        f2 9b 68 81 b2 93 6a 81 b2 db 68 d2 a0 1b 53 8f 13 dc 1c ee 92 ff 0b e3 c1 89 69 c3 e2 \
                        d9 38 81 b2 88 40 41 be d0 28 c2 f2 98 2a c1 f2 9b 28 c1 f2 db 3b a8 72 d6 6f 20 b6 ff \
                        0b e3 c1 98 28 c2 f0 9b 28 c1 f2 98 2c c1 f2 9b 68 81 b2 fb 6a 81 b2 db 68 d2 a1 1b 7b \
                        88 f1 ab 17 "~M$+" f1 cd 24 97 7e f1 98 3a 8b f2 99
       svc:amqp-ws HEARD 82 7e 00 d1 00 00 00 59 02 00 00 00 00 53 12 c0 4c 0e a1 09 "from $cbsCBP" 02 50 00 00 \
                         53 28 c0 11 0b a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 \
                         10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 58 02 00 00 00 00 53 12 c0 4b 0e a1 \
                         07 "to $cbsR" 01 41 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d 07 a1 \
                         04 "$cbsC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 \
                         00 20 02 00 00 00 00 53 13 c0 13 0b 43 52 14 43 70 7f ff ff ff 52 01 "CRd@B@@"
       svc:amqp-ws SAYS 82 fe 00 f4 78 5d b6 4a 78 5d b6 be 7a 5d b6 4a 78 0e a2 8a 73 59 e4 4b 3b fd b2 4b 78 \
                        5d b6 09 78 0e c6 0f 78 0e c5 8a 7b 5c e5 4b 78 0e c2 9b 78 5d b6 1b 78 5d b6 4c d9 54 \
                        d9 3a 1d 2f d7 3e 11 32 d8 eb 71 2d c3 3e 55 29 d9 21 1d 33 17 4e 0c 24 c6 2f d9 42 c5 \
                        2f 0a \
                        2b df 29 1d 3f c3 39 56 2a df 24 1c 32 c1 39 56 33 d3 3e 42 2e d7 39 0c 32 dd 2f 16 fc \
                        b2 24 19 30 d3 eb 70 35 c3 28 56 29 d3 39 0c 5d e5 3d d9 2f e5 22 19 2f d3 2e 39 3e d5 \
                        2f 0b 2e e5 23 1f 33 d7 3e 0d 2f d3 6a 0b 2f 8b 22 0d 3f 98 3e 1d 2e c2 6c 0b 34 d1 77 \
                        09 68 80 25 5d 6f f0 7c 2a 2d f7 28 19 2a c4 6f 4a 1f 82 26 22 6c 86 0c 48 0a \
                        82 0c 21 36 d5 7c 40 14 f1 07 17 29 f2 0c 35 27 8f 18 14 09 f3 6f 4b 19 90 39 1d 60 87 \
                        7d 41 68 82 7b 4d 6c 86 7b 5e 2e dd 24 45 2e d3 38 0e 34 d5 2f
       svc:amqp-ws HEARD 82 7e 00 84 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                         06 "AC@A" 00 "S$E@" 00 00 00 6d 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 \
                         00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 c0 08 06 "@@@@@S" 01 00 53 74 d1 00 00 00 \
                         2e 00 00 00 04 a1 0b "status-codeq" 00 00 00 c8 a1 12 "status-description" a1 02 4f 4b \
                         00 53 77 40
# svc:amqp-ws RECEIVES partition 5               -> attached, MESSAGE "on" mid=e1
       svc:amqp-ws SAYS 82 fe 00 b5 ba f0 be 40 ba f0 be d2 b8 f0 be 40 ba a3 ac 80 3f fe 1f 6d dc 82 d1 2d 9a \
                        98 cb 22 95 b3 d1 2e c9 85 d3 25 c8 b7 cc 2f cf 80 cd 6f 9e b4 db 26 db 85 d2 34 95 a0 \
                        df 32 ce 99 ca 29 d5 9e cd 6f 8a a2 bc 01 ea f2 ee 40 ba a3 96 80 8f fb 1f 68 d2 85 dc \
                        6f f9 9f d0 33 cf 9d db 32 fd 82 d1 35 ca 83 91 64 fe 95 d8 21 cf 9c ca 6f ea 91 cc 34 \
                        d3 84 d7 2f d4 83 91 70 f9 b0 fd 02 fa b0 fe 00 fa b0 be 13 93 30 b6 47 fa b3 fe 03 f8 \
                        b0 fe 00 fa b3 fa 00 fa b0 be 40 ba d3 bc 40 ba f0 be 13 a9 30 a8 49 e8 f1 ce 3f 45 0f \
                        41 12 bb 80 c1 bf 45 0f ec 42 f9 a2 bb 00 f8
       svc:amqp-ws HEARD 82 7e 02 71 00 00 00 a2 02 00 00 00 00 53 12 c0 95 0e a1 \
                         "-from hub/ConsumerGroups/$Default/Partitions/0R" 02 42 50 02 50 00 00 53 28 c0 35 0b \
                         a1 "(hub/ConsumerGroups/$Default/Partitions/0C@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" \
                         80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 01 cf 02 00 00 00 00 \
                         53 14 c0 17 0b 52 02 52 01 a0 08 02 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 72 d1 00 00 \
                         01 89 00 00 00 12 a3 15 "x-opt-sequence-number" 81 00 00 00 00 00 00 00 00 a3 0c \
                         "x-opt-offset" a1 14 "00000000000000000009" a3 13 "x-opt-enqueued-time" 83 00 00 01 a2 \
                         06 dd 5b e0 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 06 dd 5b e0 a3 13 \
                         "x-opt-partition-key" a1 02 64 31 a3 1b "iothub-connection-device-id" a1 02 64 31 a3 \
                         1d "iothub-connection-auth-method" a1 4e 7b 22 "scope" 22 3a 22 "device" 22 2c 22 \
                         "type" 22 3a 22 73 61 73 22 2c 22 "issuer" 22 3a 22 "iothub" 22 2c 22 \
                         "acceptingIpFilterRule" 22 ":null}" a3 "$iothub-connection-auth-generation-id" a1 12 \
                         "639310083000000000" a3 15 "iothub-message-source" a1 09 "Telemetry" 00 53 73 d0 00 00 \
                         00 08 00 00 00 01 a1 02 65 31 00 53 75 b0 00 00 00 02 6f 6e
# d1:amqp-ws  SENDS events off                   -> accepted
       d1:amqp-ws SAYS 82 a4 8f 60 3f f7 8f 60 3f d3 8d 60 3f f7 8f 33 2b 37 83 64 6d f5 dd 62 9f f3 8c 60 3f \
                       f7 cc 60 6c 82 3f 60 3f f7 8c 0f 59 91
       d1:amqp-ws HEARD 82 18 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 02 40 41 00 "S$E@"
       svc:amqp-ws HEARD 82 7e 01 c0 00 00 01 c0 02 00 00 00 00 53 14 c0 17 0b 52 02 52 02 a0 08 03 00 00 00 00 \
                         00 00 00 "CA@@@@@@" 00 53 72 d1 00 00 01 89 00 00 00 12 a3 15 "x-opt-sequence-number" \
                         81 00 00 00 00 00 00 00 01 a3 0c "x-opt-offset" a1 14 "00000000000000000012" a3 13 \
                         "x-opt-enqueued-time" 83 00 00 01 a2 06 dd 5f c8 a3 13 "iothub-enqueuedtime" 83 00 00 \
                         01 a2 06 dd 5f c8 a3 13 "x-opt-partition-key" a1 02 64 31 a3 1b \
                         "iothub-connection-device-id" a1 02 64 31 a3 1d "iothub-connection-auth-method" a1 4e \
                         7b 22 "scope" 22 3a 22 "device" 22 2c 22 "type" 22 3a 22 73 61 73 22 2c 22 "issuer" 22 \
                         3a 22 "iothub" 22 2c 22 "acceptingIpFilterRule" 22 ":null}" a3 \
                         "$iothub-connection-auth-generation-id" a1 12 "639310083000000000" a3 15 \
                         "iothub-message-source" a1 09 "Telemetry" 00 53 75 b0 00 00 00 03 6f 66 66
# svc:amqp-ws HEARS                              -> MESSAGE "off"
