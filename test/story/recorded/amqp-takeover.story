title  as bytes: the later connection wins, whatever they speak
0s     time PASSES
# d1:amqp    CONNECT                             -> open, token 200
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
# d1:amqp    RECEIVES c2d 5                      -> attached
       d1:amqp SAYS 00 00 00 82 02 00 00 00 00 53 12 c0 75 0e a1 "%from /devices/d1/messages/deviceboundR" 02 \
                    41 50 02 50 00 00 53 28 c0 2d 0b a1 " /devices/d1/messages/deviceboundC@CB@@@@@@" 00 53 29 \
                    c0 08 07 "@C@CB@@@@CD@@@" 00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 \
                    01 70 7f ff ff ff 52 02 43 52 05 40 42
       d1:amqp HEARD 00 00 00 92 02 00 00 00 00 53 12 c0 85 0e a1 "%from /devices/d1/messages/deviceboundR" 02 \
                     42 50 02 50 00 00 53 28 c0 2d 0b a1 " /devices/d1/messages/deviceboundC@CB@@@@@@" 00 53 29 \
                     c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00
1s     time PASSES
# d1         CONNECT                             -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=VallAtQLZjswdmip%2F0npvO5q" \
               "Db9RRmKgvQLx291Ga9E%3D&se=1795415101"
       d1 HEARD 20 02 00 00
# d1:amqp    HEARS                               -> detached amqp:link:stolen
       d1:amqp HEARD 00 00 01 0c 02 00 00 00 00 53 16 c0 ff 03 52 02 41 00 53 1d c0 f6 03 a3 10 \
                     "amqp:link:stolen" a1 e0 7b 22 "errorCode" 22 ":400027," 22 "trackingId" 22 3a 22 \
                     "09a15fc15fbbeedbfbc4ed2ec9edba42-G:0-TimeStamp:11/23/2026 05:25:01" 22 2c 22 "message" 22 \
                     3a 22 "Device 'd1': another connection of the same identity took over." 22 2c 22 \
                     "timestampUtc" 22 3a 22 "2026-11-23T05:25:01.0000000Z" 22 7d 40
       d1:amqp SAYS 00 00 00 11 02 00 00 00 00 53 16 c0 04 02 52 02 41
       svc        POSTS d1 open
# d1         SUBSCRIBE 1 c2d 1                   -> SUBACK 1 [1], PUBLISH #1 c2d "open"
       d1 SAYS 82 26 00 01 00 "!devices/d1/messages/devicebound/#" 01
       d1 HEARD 90 03 00 01 01 32 57 00 \
                "Odevices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound" 00 01 "open"
