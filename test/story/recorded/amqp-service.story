title  as bytes: a service sends over AMQP and hears what became of it
0s     time PASSES
# svc:amqp  CONNECT                              -> open, token 200
       svc:amqp APPEARS
       svc:amqp OPENS amqp
       svc:amqp SAYS "AMQP" 00 01 00 00 00 00 00 23 02 00 00 00 00 53 10 c0 16 0a \
                     a1 08 "svc:amqp@@`" 7f ff "@@@@@@" 00 00 00 1a 02 00 00 00 00 53 11 c0 0d 04 40 43 70 7f \
                     ff ff ff 70 7f ff ff ff
       svc:amqp HEARD "AMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                      a1 "#ada4e403a3d6195fb63bd0746bee54cb_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" \
                      00 00 00 21 02 00 00 00 00 53 11 c0 14 08 60 00 00 43 52 14 70 7f ff ff ff 70 7f ff ff ff \
                      40 40 40
       svc:amqp SAYS 00 00 00 49 02 00 00 00 00 53 12 c0 3c 0e a1 09 "from $cbsCAP" 02 50 00 00 53 28 c0 11 0b \
                     a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@CD@@@" 00 00 00 48 02 00 00 00 00 53 12 \
                     c0 3b 0e a1 07 "to $cbsR" 01 42 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d \
                     07 a1 04 "$cbsC@CB@@@@CD@@@" 00 00 00 20 02 00 00 00 00 53 13 c0 13 09 43 70 7f ff ff ff \
                     43 70 7f ff ff ff 43 43 52 0a \
                     40 42
       svc:amqp HEARD 00 00 00 59 02 00 00 00 00 53 12 c0 4c 0e a1 09 "from $cbsCBP" 02 50 00 00 53 28 c0 11 0b \
                      a1 04 "$cbsC@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 \
                      00 00 00 04 00 00 00 00 00 00 00 58 02 00 00 00 00 53 12 c0 4b 0e a1 07 "to $cbsR" 01 41 \
                      50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 0d 07 a1 04 "$cbsC@CB@@@@C" 80 00 \
                      00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 20 02 00 00 00 00 53 13 c0 \
                      13 0b 43 52 14 43 70 7f ff ff ff 52 01 "CRd@B@@"
       svc:amqp SAYS 00 00 00 f4 02 00 00 00 00 53 14 c0 0b 04 52 01 43 a0 04 01 00 00 00 43 00 53 70 45 00 53 \
                     73 c0 03 01 53 01 00 53 74 d1 00 00 00 51 00 00 00 06 a1 09 "operation" a1 09 "put-token" \
                     a1 04 "type" a1 1f "servicebus.windows.net:sastoken" a1 04 "name" a1 08 "hub.test" 00 53 \
                     77 a1 "rSharedAccessSignature sr=hub.test&sig=Gn1Q6rupYnDaIFSBAO57m%2FV%2F5jZN9MWOAJojF" \
                     "AuWneU%3D&se=1795415100&skn=service"
       svc:amqp HEARD 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                      06 "AC@A" 00 "S$E@" 00 00 00 6d 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 00 \
                      00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 c0 08 06 "@@@@@S" 01 00 53 74 d1 00 00 00 2e 00 \
                      00 00 04 a1 0b "status-codeq" 00 00 00 c8 a1 12 "status-description" a1 02 4f 4b 00 53 77 \
                      40
# svc:amqp  SENDS c2d open to=/devices/d1/messages/devicebound mid=m1 ack=full   -> attached, rejected amqp:not-found
       svc:amqp SAYS 00 00 00 6a 02 00 00 00 00 53 12 c0 5d 0e a1 18 "to /messages/deviceboundR" 02 42 50 02 50 \
                     00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 1e 07 a1 15 \
                     "/messages/deviceboundC@CB@@@@CD@@@"
       svc:amqp HEARD 00 00 00 7a 02 00 00 00 00 53 12 c0 6d 0e a1 18 "to /messages/deviceboundR" 02 41 50 02 \
                      50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 1e 07 a1 15 \
                      "/messages/deviceboundC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 \
                      00 00 00 00 22 02 00 00 00 00 53 13 c0 15 0b 52 01 52 14 52 01 70 7f ff ff ff 52 02 \
                      "CRd@B@@"
       svc:amqp SAYS 00 00 00 76 02 00 00 00 00 53 14 c0 0c 04 52 02 52 01 a0 04 02 00 00 00 43 00 53 73 d0 00 \
                     00 00 2b 00 00 00 03 a1 02 6d 31 40 a1 " /devices/d1/messages/devicebound" 00 53 74 d1 00 \
                     00 00 16 00 00 00 02 a1 0a \
                     "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 04 "open"
       svc:amqp HEARD 00 00 00 f0 02 00 00 00 00 53 15 c0 e3 06 41 52 01 40 41 00 53 25 d0 00 00 00 d4 00 00 00 \
                      01 00 53 1d d0 00 00 00 c8 00 00 00 02 a3 0e "amqp:not-found" a1 b2 7b 22 "errorCode" 22 \
                      ":404001," 22 "trackingId" 22 3a 22 \
                      "dcb86ab06242a9ba2ebb58fd2c54d501-G:0-TimeStamp:11/23/2026 05:25:00" 22 2c 22 "message" \
                      22 3a 22 "it does not exist" 22 2c 22 "timestampUtc" 22 3a 22 \
                      "2026-11-23T05:25:00.0000000Z" 22 7d 40
# d1        CONNECT                              -> CONNACK 0 sp=0
       d1 APPEARS
       d1 OPENS mqtt
       d1 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 64 31 00 "#hub.test/d1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fd1&sig=IDGAiFDjf8Cq7HpaWkFVFeQyQ%" \
               "2FUmnp8rDg9JtGz38xM%3D&se=1795415100"
       d1 HEARD 20 02 00 00
# svc:amqp  SENDS c2d open to=/devices/d1/messages/devicebound mid=m1 ack=full   -> accepted
       svc:amqp SAYS 00 00 00 76 02 00 00 00 00 53 14 c0 0c 04 52 02 52 02 a0 04 03 00 00 00 43 00 53 73 d0 00 \
                     00 00 2b 00 00 00 03 a1 02 6d 31 40 a1 " /devices/d1/messages/devicebound" 00 53 74 d1 00 \
                     00 00 16 00 00 00 02 a1 0a \
                     "iothub-ack" a1 04 "full" 00 53 75 b0 00 00 00 04 "open"
       svc:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 02 40 41 00 "S$E@"
# d1        SUBSCRIBE 1 c2d 1                    -> SUBACK 1 [1], PUBLISH #1 c2d "open" mid=m1 ack=full
       d1 SAYS 82 26 00 01 00 "!devices/d1/messages/devicebound/#" 01
       d1 HEARD 90 03 00 01 01 32 72 00 \
                "jdevices/d1/messages/devicebound/%24.mid=m1&%24.to=%2Fdevices%2Fd1%2Fmessages%2F" \
                "devicebound&iothub-ack=full" 00 01 "open"
# d1        PUBACK 1
       d1 SAYS 40 02 00 01
3s     time PASSES
# svc:amqp  RECEIVES feedback 10                 -> attached, MESSAGE feedback Success
       svc:amqp SAYS 00 00 00 80 02 00 00 00 00 53 12 c0 73 0e a1 "$from /messages/servicebound/feedbackR" 03 \
                     41 50 02 50 00 00 53 28 c0 2c 0b a1 1f "/messages/servicebound/feedbackC@CB@@@@@@" 00 53 \
                     29 c0 08 07 "@C@CB@@@@CD@@@" 00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff \
                     ff 52 03 70 7f ff ff ff 52 03 43 52 0a \
                     40 42
       svc:amqp HEARD 00 00 00 90 02 00 00 00 00 53 12 c0 83 0e a1 "$from /messages/servicebound/feedbackR" 03 \
                      42 50 02 50 00 00 53 28 c0 2c 0b a1 1f "/messages/servicebound/feedbackC@CB@@@@@@" 00 53 \
                      29 c0 08 07 "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 \
                      00 01 54 02 00 00 00 00 53 14 c0 1f 0b 52 03 52 01 a0 10 00 00 00 00 00 00 00 00 9d bb 45 \
                      84 9b 8a ce b5 "C@@@@@@@" 00 53 72 c1 1f 02 a3 13 "iothub-enqueuedtime" 83 00 00 01 a2 06 \
                      dd 67 98 00 53 73 d0 00 00 00 3e 00 00 00 07 40 a0 03 "hub@@@@" a3 \
                      ".application/vnd.microsoft.iothub.feedback.json" 00 53 75 b0 00 00 00 b6 5b 7b 22 \
                      "originalMessageId" 22 3a 22 6d 31 22 2c 22 "description" 22 3a 22 "Success" 22 2c 22 \
                      "deviceGenerationId" 22 3a 22 "639310083000000000" 22 2c 22 "deviceId" 22 3a 22 64 31 22 \
                      2c 22 "enqueuedTimeUtc" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 2c 22 "statusCode" 22 \
                      3a 22 "Success" 22 7d 5d
# svc:amqp  SETTLES accepted
       svc:amqp SAYS 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                     05 41 52 01 40 41 00 53 24 45
4s     time PASSES
# svc:amqp  HEARS
