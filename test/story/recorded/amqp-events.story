title  as bytes: over AMQP a device sends, a service reads, and each gets what it may
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
# d1:amqp   SENDS events on mid=e1 door=garage   -> attached, accepted
       d1:amqp SAYS 00 00 00 76 02 00 00 00 00 53 12 c0 69 0e a1 1e "to /devices/d1/messages/eventsR" 02 42 50 \
                    02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 24 07 a1 1b \
                    "/devices/d1/messages/eventsC@CB@@@@CD@@@"
       d1:amqp HEARD 00 00 00 86 02 00 00 00 00 53 12 c0 79 0e a1 1e "to /devices/d1/messages/eventsR" 02 41 50 \
                     02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 24 07 a1 1b \
                     "/devices/d1/messages/eventsC@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 \
                     00 00 00 00 00 00 25 02 00 00 00 00 53 13 c0 18 0b 52 01 52 14 52 01 70 7f ff ff ff 52 02 \
                     43 70 00 00 03 e8 "@B@@"
       d1:amqp SAYS 00 00 00 4d 02 00 00 00 00 53 14 c0 0c 04 52 02 52 01 a0 04 02 00 00 00 43 00 53 73 d0 00 \
                    00 00 08 00 00 00 01 a1 02 65 31 00 53 74 d1 00 00 00 12 00 00 00 02 a1 04 "door" a1 06 \
                    "garage" 00 53 75 b0 00 00 00 02 6f 6e
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 01 40 41 00 "S$E@"
       svc       READS                                -> event from d1 "on" mid=e1 door=garage
       store     HOLDS
1s     time PASSES
# d1:amqp   SENDS events off                     ->
       d1:amqp SAYS 00 00 00 24 02 00 00 00 00 53 14 c0 0c 04 52 02 52 02 a0 04 03 00 00 00 43 00 53 75 b0 00 \
                    00 00 03 6f 66 66
       svc       READS
       store     SETTLES
       d1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 02 40 41 00 "S$E@"
# d1:amqp   HEARS                                -> accepted
2s     time PASSES
# svc:amqp  CONNECT                              -> open, token 200
       svc:amqp APPEARS
       svc:amqp OPENS amqp
       svc:amqp SAYS "AMQP" 00 01 00 00 00 00 00 23 02 00 00 00 00 53 10 c0 16 0a \
                     a1 08 "svc:amqp@@`" 7f ff "@@@@@@" 00 00 00 1a 02 00 00 00 00 53 11 c0 0d 04 40 43 70 7f \
                     ff ff ff 70 7f ff ff ff
       svc:amqp HEARD "AMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                      a1 "#95d61790031f84c40e1cf4323be7b061_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" \
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
       svc:amqp SAYS 00 00 00 f2 02 00 00 00 00 53 14 c0 0b 04 52 01 43 a0 04 01 00 00 00 43 00 53 70 45 00 53 \
                     73 c0 03 01 53 01 00 53 74 d1 00 00 00 51 00 00 00 06 a1 09 "operation" a1 09 "put-token" \
                     a1 04 "type" a1 1f "servicebus.windows.net:sastoken" a1 04 "name" a1 08 "hub.test" 00 53 \
                     77 a1 "pSharedAccessSignature sr=hub.test&sig=sCE8QWY%2FUtvNYfcUdjpTSpKKiqp1NxnUjSZZhUG" \
                     "BAIY%3D&se=1795415102&skn=service"
       svc:amqp HEARD 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                      06 "AC@A" 00 "S$E@" 00 00 00 6d 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 00 \
                      00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 c0 08 06 "@@@@@S" 01 00 53 74 d1 00 00 00 2e 00 \
                      00 00 04 a1 0b "status-codeq" 00 00 00 c8 a1 12 "status-description" a1 02 4f 4b 00 53 77 \
                      40
# svc:amqp  RECEIVES partition 10                -> attached, MESSAGE "on" mid=e1 door=garage, MESSAGE "off"
       svc:amqp SAYS 00 00 00 92 02 00 00 00 00 53 12 c0 85 0e a1 \
                     "-from hub/ConsumerGroups/$Default/Partitions/0R" 02 41 50 02 50 00 00 53 28 c0 35 0b a1 \
                     "(hub/ConsumerGroups/$Default/Partitions/0C@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@CD@@@" \
                     00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 01 70 7f ff ff ff 52 02 \
                     43 52 0a \
                     40 42
       svc:amqp HEARD 00 00 00 a2 02 00 00 00 00 53 12 c0 95 0e a1 \
                      "-from hub/ConsumerGroups/$Default/Partitions/0R" 02 42 50 02 50 00 00 53 28 c0 35 0b a1 \
                      "(hub/ConsumerGroups/$Default/Partitions/0C@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@C" 80 \
                      00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 01 e9 02 00 00 00 00 53 14 \
                      c0 17 0b 52 02 52 01 a0 08 02 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 72 d1 00 00 01 89 00 \
                      00 00 12 a3 15 "x-opt-sequence-number" 81 00 00 00 00 00 00 00 00 a3 0c "x-opt-offset" a1 \
                      14 "00000000000000000009" a3 13 "x-opt-enqueued-time" 83 00 00 01 a2 06 dd 5b e0 a3 13 \
                      "iothub-enqueuedtime" 83 00 00 01 a2 06 dd 5b e0 a3 13 "x-opt-partition-key" a1 02 64 31 \
                      a3 1b "iothub-connection-device-id" a1 02 64 31 a3 1d "iothub-connection-auth-method" a1 \
                      4e 7b 22 "scope" 22 3a 22 "device" 22 2c 22 "type" 22 3a 22 73 61 73 22 2c 22 "issuer" 22 \
                      3a 22 "iothub" 22 2c 22 "acceptingIpFilterRule" 22 ":null}" a3 \
                      "$iothub-connection-auth-generation-id" a1 12 "639310083000000000" a3 15 \
                      "iothub-message-source" a1 09 "Telemetry" 00 53 73 d0 00 00 00 08 00 00 00 01 a1 02 65 31 \
                      00 53 74 d1 00 00 00 12 00 00 00 02 a1 04 "door" a1 06 "garage" 00 53 75 b0 00 00 00 02 \
                      6f 6e 00 00 01 c0 02 00 00 00 00 53 14 c0 17 0b 52 02 52 02 a0 08 03 00 00 00 00 00 00 00 \
                      "CA@@@@@@" 00 53 72 d1 00 00 01 89 00 00 00 12 a3 15 "x-opt-sequence-number" 81 00 00 00 \
                      00 00 00 00 01 a3 0c "x-opt-offset" a1 14 "00000000000000000010" a3 13 \
                      "x-opt-enqueued-time" 83 00 00 01 a2 06 dd 5f c8 a3 13 "iothub-enqueuedtime" 83 00 00 01 \
                      a2 06 dd 5f c8 a3 13 "x-opt-partition-key" a1 02 64 31 a3 1b "iothub-connection-device-id" \
                      a1 02 64 31 a3 1d "iothub-connection-auth-method" a1 4e 7b 22 "scope" 22 3a 22 "device" \
                      22 2c 22 "type" 22 3a 22 73 61 73 22 2c 22 "issuer" 22 3a 22 "iothub" 22 2c 22 \
                      "acceptingIpFilterRule" 22 ":null}" a3 "$iothub-connection-auth-generation-id" a1 12 \
                      "639310083000000000" a3 15 "iothub-message-source" a1 09 "Telemetry" 00 53 75 b0 00 00 00 \
                      03 6f 66 66
# d1:amqp   RECEIVES partition 10                -> detached amqp:unauthorized-access
       d1:amqp SAYS 00 00 00 92 02 00 00 00 00 53 12 c0 85 0e a1 \
                    "-from hub/ConsumerGroups/$Default/Partitions/0R" 03 41 50 02 50 00 00 53 28 c0 35 0b a1 \
                    "(hub/ConsumerGroups/$Default/Partitions/0C@CB@@@@@@" 00 53 29 c0 08 07 "@C@CB@@@@CD@@@" 00 \
                    00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 03 70 7f ff ff ff 52 03 43 \
                    52 0a \
                    40 42
       d1:amqp HEARD 00 00 00 55 02 00 00 00 00 53 12 c0 48 0e a1 \
                     "-from hub/ConsumerGroups/$Default/Partitions/0R" 03 42 50 02 50 00 "@@@@C" 80 00 00 00 00 \
                     00 10 00 00 40 40 40 00 00 01 3c 02 00 00 00 00 53 16 d0 00 00 01 2c 00 00 00 03 52 03 41 \
                     00 53 1d d0 00 00 01 1d 00 00 00 03 a3 18 "amqp:unauthorized-access" a1 fc \
                     "Unauthorized access. 'Listen' claim(s) are required to perform this operation. R" \
                     "esource: 'sb://hub.test/hub/ConsumerGroups/$Default/Partitions/0'. TrackingId:54" \
                     "39ae0d52dc25f015ec8c8b8b9e4167_G1, SystemTracker:hub, Timestamp:2026-11-23T05:25" \
                     ":02.0000000Z@"
       d1:amqp SAYS 00 00 00 11 02 00 00 00 00 53 16 c0 04 02 52 03 41
# d1:amqp   SENDS /devices/d2/messages/events on -> detached amqp:unauthorized-access
       d1:amqp SAYS 00 00 00 76 02 00 00 00 00 53 12 c0 69 0e a1 1e "to /devices/d2/messages/eventsR" 03 42 50 \
                    02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 24 07 a1 1b \
                    "/devices/d2/messages/eventsC@CB@@@@CD@@@"
       d1:amqp HEARD 00 00 00 46 02 00 00 00 00 53 12 c0 39 0e a1 1e "to /devices/d2/messages/eventsR" 03 41 50 \
                     02 50 00 "@@@@C" 80 00 00 00 00 00 10 00 00 40 40 40 00 00 01 02 02 00 00 00 00 53 16 c0 \
                     f5 03 52 03 41 00 53 1d c0 ec 03 a3 18 "amqp:unauthorized-access" a1 ce 7b 22 "errorCode" \
                     22 ":401002," 22 "trackingId" 22 3a 22 \
                     "8122a31e4f556a11e2f521bc283726a8-G:0-TimeStamp:11/23/2026 05:25:02" 22 2c 22 "message" 22 \
                     3a 22 "Device 'd2': these credentials are not valid." 22 2c 22 "timestampUtc" 22 3a 22 \
                     "2026-11-23T05:25:02.0000000Z" 22 7d 40
       d1:amqp SAYS 00 00 00 11 02 00 00 00 00 53 16 c0 04 02 52 03 41
