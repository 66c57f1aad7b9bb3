title  as bytes: over AMQP every outcome has its fate
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
       svc       POSTS d1 first mid=m1 ack=full k=v
       svc       POSTS d1 second mid=m2 ack=full
# d1:amqp   RECEIVES c2d 1                       -> attached, MESSAGE "first" mid=m1 ack=full k=v
       d1:amqp SAYS 00 00 00 82 02 00 00 00 00 53 12 c0 75 0e a1 "%from /devices/d1/messages/deviceboundR" 02 \
                    41 50 02 50 00 00 53 28 c0 2d 0b a1 " /devices/d1/messages/deviceboundC@CB@@@@@@" 00 53 29 \
                    c0 08 07 "@C@CB@@@@CD@@@" 00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 \
                    01 70 7f ff ff ff 52 02 43 52 01 40 42
       d1:amqp HEARD 00 00 00 92 02 00 00 00 00 53 12 c0 85 0e a1 "%from /devices/d1/messages/deviceboundR" 02 \
                     42 50 02 50 00 00 53 28 c0 2d 0b a1 " /devices/d1/messages/deviceboundC@CB@@@@@@" 00 53 29 \
                     c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 01 \
                     24 02 00 00 00 00 53 14 c0 1f 0b 52 02 52 01 a0 10 00 00 00 00 00 00 01 00 9d bb 45 84 9b \
                     8a ce b4 "C@@@@@@@" 00 53 72 c1 8f 08 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 06 dd 5b \
                     e0 a3 14 "iothub-deliverycountP" 00 a3 15 "x-opt-sequence-number" 80 00 00 00 00 00 00 00 \
                     01 a3 10 "x-opt-lock-token" a1 "$00000000-0000-0001-9dbb-45849b8aceb4" 00 53 73 d0 00 00 \
                     00 2b 00 00 00 03 a1 02 6d 31 40 a1 " /devices/d1/messages/devicebound" 00 53 74 d1 00 00 \
                     00 1c 00 00 00 04 a1 01 6b a1 01 76 a1 0a \
                     "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 05 "first"
       hub       message 1 for d1: locked
1s     time PASSES
# d1:amqp   SETTLES released
       d1:amqp SAYS 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                    05 41 52 01 40 41 00 53 26 45
       hub       message 1 for d1: abandoned
# d1:amqp   RECEIVES c2d 5                       -> MESSAGE "first" mid=m1 ack=full k=v, MESSAGE "second" mid=m2 ack=full
       d1:amqp SAYS 00 00 00 24 02 00 00 00 00 53 13 c0 17 09 52 02 70 7f ff ff ff 52 01 70 7f ff ff ff 52 02 \
                    52 01 52 05 40 42
       d1:amqp HEARD 00 00 01 24 02 00 00 00 00 53 14 c0 1f 0b 52 02 52 02 a0 10 00 00 00 00 00 00 01 00 9d bb \
                     45 84 9b 8a ce b5 "C@@@@@@@" 00 53 72 c1 8f 08 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 \
                     06 dd 5b e0 a3 14 "iothub-deliverycountP" 01 a3 15 "x-opt-sequence-number" 80 00 00 00 00 \
                     00 00 00 01 a3 10 "x-opt-lock-token" a1 "$00000000-0000-0001-9dbb-45849b8aceb5" 00 53 73 \
                     d0 00 00 00 2b 00 00 00 03 a1 02 6d 31 40 a1 " /devices/d1/messages/devicebound" 00 53 74 \
                     d1 00 00 00 1c 00 00 00 04 a1 01 6b a1 01 76 a1 0a \
                     "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 05 "first" 00 00 01 1f 02 00 00 00 00 53 14 \
                     c0 1f 0b 52 02 52 03 a0 10 00 00 00 00 00 00 02 00 9d bb 45 84 9b 8a ce b6 "C@@@@@@@" 00 \
                     53 72 c1 8f 08 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 06 dd 5b e0 a3 14 \
                     "iothub-deliverycountP" 00 a3 15 "x-opt-sequence-number" 80 00 00 00 00 00 00 00 02 a3 10 \
                     "x-opt-lock-token" a1 "$00000000-0000-0002-9dbb-45849b8aceb6" 00 53 73 d0 00 00 00 2b 00 \
                     00 00 03 a1 02 6d 32 40 a1 " /devices/d1/messages/devicebound" 00 53 74 d1 00 00 00 16 00 \
                     00 00 02 a1 0a \
                     "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 06 "second"
2s     time PASSES
# d1:amqp   SETTLES accepted
       d1:amqp SAYS 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                    05 41 52 02 40 41 00 53 24 45
       hub       message 1 for d1: Success
# d1:amqp   SETTLES rejected
       d1:amqp SAYS 00 00 00 20 02 00 00 00 00 53 15 c0 13 05 41 52 03 40 41 00 53 25 d0 00 00 00 05 00 00 00 \
                    01 40
       hub       message 2 for d1: Rejected
4s     time PASSES
       svc       FEEDBACK                             -> m1 Success, m2 Rejected
