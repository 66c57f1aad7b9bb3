title  as bytes: a device registers over AMQP, and sends its first event with the key that it has
0s     time PASSES
       svc       ENROLLS r1
# r1:amqp   CONNECT dps                          -> open
       r1:amqp APPEARS
       r1:amqp OPENS amqp
       r1:amqp SAYS "AMQP" 03 01 00 00
       r1:amqp HEARD "AMQP" 03 01 00 00 00 00 00 2e 02 01 00 00 00 53 40 c0 21 01 e0 1e 04 a3 05 "PLAIN" 09 \
                     "ANONYMOUS" 07 "MSSBCBS" 03 54 50 4d
       r1:amqp SAYS 00 00 00 b1 02 01 00 00 00 53 41 c0 a4 02 a3 05 "PLAIN" a0 9a 00 \
                    "0neB30376DB/registrations/r1" 00 \
                    "SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr1&sig=yyENARlnBLhTLif9IY" \
                    "L6XQ4DgXf%2FG3VqJQcTzCZoKbk%3D&se=1795415100"
       r1:amqp HEARD 00 00 00 10 02 01 00 00 00 53 44 c0 03 01 50 00
       r1:amqp SAYS "AMQP" 00 01 00 00 00 00 00 22 02 00 00 00 00 53 10 c0 15 0a \
                    a1 07 "r1:amqp@@`" 7f ff "@@@@@@" 00 00 00 1a 02 00 00 00 00 53 11 c0 0d 04 40 43 70 7f ff \
                    ff ff 70 7f ff ff ff
       r1:amqp HEARD "AMQP" 00 01 00 00 00 00 00 46 02 00 00 00 00 53 10 c0 39 0a \
                     a1 "#94a92e9bf2220b7fed4feb9d0a4a177c_G1@p" 00 01 00 00 60 03 ff 70 00 03 a9 80 "@@@@@" 00 \
                     00 00 21 02 00 00 00 00 53 11 c0 14 08 60 00 00 43 52 14 70 7f ff ff ff 70 7f ff ff ff 40 \
                     40 40
# r1:amqp   REGISTERS                            -> attached, attached, accepted, REGISTRATION status=assigning
       r1:amqp SAYS 00 00 00 79 02 00 00 00 00 53 12 c0 6c 0e a1 "!from 0neB30376DB/registrations/r1CAP" 02 50 \
                    00 00 53 28 c0 29 0b a1 1c "0neB30376DB/registrations/r1C@CB@@@@@@" 00 53 29 c0 08 07 \
                    "@C@CB@@@@CD@@@" 00 00 00 78 02 00 00 00 00 53 12 c0 6b 0e a1 1f \
                    "to 0neB30376DB/registrations/r1R" 01 42 50 02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 \
                    29 c0 25 07 a1 1c "0neB30376DB/registrations/r1C@CB@@@@CD@@@" 00 00 00 20 02 00 00 00 00 53 \
                    13 c0 13 09 43 70 7f ff ff ff 43 70 7f ff ff ff 43 43 52 0a \
                    40 42
       r1:amqp HEARD 00 00 00 89 02 00 00 00 00 53 12 c0 7c 0e a1 "!from 0neB30376DB/registrations/r1CBP" 02 50 \
                     00 00 53 28 c0 29 0b a1 1c "0neB30376DB/registrations/r1C@CB@@@@@@" 00 53 29 c0 08 07 \
                     "@C@CB@@@@C" 80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 88 02 00 \
                     00 00 00 53 12 c0 7b 0e a1 1f "to 0neB30376DB/registrations/r1R" 01 41 50 02 50 00 00 53 \
                     28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 25 07 a1 1c "0neB30376DB/registrations/r1C@CB@@@@C" \
                     80 00 00 00 00 00 10 00 00 40 40 d1 00 00 00 04 00 00 00 00 00 00 00 20 02 00 00 00 00 53 \
                     13 c0 13 0b 43 52 14 43 70 7f ff ff ff 52 01 "CRd@B@@"
       r1:amqp SAYS 00 00 00 59 02 00 00 00 00 53 14 c0 0b 04 52 01 43 a0 04 01 00 00 00 43 00 53 70 45 00 53 \
                    73 45 00 53 74 d1 00 00 00 2c 00 00 00 02 a1 15 "iotdps-operation-type" a1 0f \
                    "iotdps-register" 00 53 75 a0 00
       r1:amqp HEARD 00 00 00 17 02 00 00 00 00 53 15 c0 0a \
                     06 "AC@A" 00 "S$E@" 00 00 00 b7 02 00 00 00 00 53 14 c0 15 0b 43 43 a0 08 01 00 00 00 00 \
                     00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 45 00 53 74 d1 00 00 00 22 00 00 00 04 a1 0b \
                     "retry-afterT" 02 a1 0b "Retry-AfterT" 02 00 53 75 a0 5e 7b 22 "operationId" 22 3a 22 \
                     "5.73ace5b8617fcc4b.14bfa396-7aa1-c822-fdb6-6f672219e3ee" 22 2c 22 "status" 22 3a 22 \
                     "assigning" 22 7d
2s     time PASSES
# r1:amqp   ASKS STATUS                          -> accepted, REGISTRATION status=assigned assignedHub=hub.test deviceId=r1
       r1:amqp SAYS 00 00 00 23 02 00 00 00 00 53 13 c0 16 09 52 01 70 7f ff ff ff 52 01 70 7f ff ff ff 43 52 \
                    01 52 13 40 42
       r1:amqp SAYS 00 00 00 b3 02 00 00 00 00 53 14 c0 0c 04 52 01 52 01 a0 04 02 00 00 00 43 00 53 70 45 00 \
                    53 73 45 00 53 74 d1 00 00 00 85 00 00 00 04 a1 15 "iotdps-operation-type" a1 1a \
                    "iotdps-get-operationstatus" a1 13 "iotdps-operation-id" a1 \
                    "75.73ace5b8617fcc4b.14bfa396-7aa1-c822-fdb6-6f672219e3ee" 00 53 75 a0 00
       r1:amqp HEARD 00 00 00 18 02 00 00 00 00 53 15 c0 0b 06 41 52 01 40 41 00 "S$E@" 00 00 01 b5 02 00 00 00 \
                     00 53 14 c0 16 0b 43 52 01 a0 08 02 00 00 00 00 00 00 00 "CA@@@@@@" 00 53 70 45 00 53 73 \
                     45 00 53 75 b0 00 00 01 82 7b 22 "operationId" 22 3a 22 \
                     "5.73ace5b8617fcc4b.14bfa396-7aa1-c822-fdb6-6f672219e3ee" 22 2c 22 "status" 22 3a 22 \
                     "assigned" 22 2c 22 "registrationState" 22 3a 7b 22 "registrationId" 22 3a 22 72 31 22 2c \
                     22 "createdDateTimeUtc" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 2c 22 "status" 22 3a 22 \
                     "assigned" 22 2c 22 "symmetricKey" 22 ":{}," 22 "lastUpdatedDateTimeUtc" 22 3a 22 \
                     "2026-11-23T05:25:00.0000000Z" 22 2c 22 "substatus" 22 3a 22 "initialAssignment" 22 2c 22 \
                     "assignedHub" 22 3a 22 "hub.test" 22 2c 22 "deviceId" 22 3a 22 72 31 22 2c 22 "etag" 22 3a \
                     22 "Ik5USXpNVFUxTkRZdyI=" 22 7d 7d
# r1:amqp   SENDS events on                      -> detached amqp:unauthorized-access
       r1:amqp SAYS 00 00 00 76 02 00 00 00 00 53 12 c0 69 0e a1 1e "to /devices/r1/messages/eventsR" 02 42 50 \
                    02 50 00 00 53 28 c0 0c 0b "@C@CB@@@@@@" 00 53 29 c0 24 07 a1 1b \
                    "/devices/r1/messages/eventsC@CB@@@@CD@@@"
       r1:amqp HEARD 00 00 00 46 02 00 00 00 00 53 12 c0 39 0e a1 1e "to /devices/r1/messages/eventsR" 02 41 50 \
                     02 50 00 "@@@@C" 80 00 00 00 00 00 10 00 00 40 40 40 00 00 01 02 02 00 00 00 00 53 16 c0 \
                     f5 03 52 02 41 00 53 1d c0 ec 03 a3 18 "amqp:unauthorized-access" a1 ce 7b 22 "errorCode" \
                     22 ":401002," 22 "trackingId" 22 3a 22 \
                     "cd7ecfda5b71568daed1cdf8b4d392a4-G:0-TimeStamp:11/23/2026 05:25:02" 22 2c 22 "message" 22 \
                     3a 22 "Device 'r1': these credentials are not valid." 22 2c 22 "timestampUtc" 22 3a 22 \
                     "2026-11-23T05:25:02.0000000Z" 22 7d 40
       r1:amqp SAYS 00 00 00 11 02 00 00 00 00 53 16 c0 04 02 52 02 41
# r1        CONNECT                              -> CONNACK 0 sp=0
       r1 APPEARS
       r1 OPENS mqtt
       r1 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 72 31 00 "#hub.test/r1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fr1&sig=e6llNLzY0hzjTdcxhUnGW8gW2e" \
               "DOiLAtp8zk%2BtrE2cs%3D&se=1795415102"
       r1 HEARD 20 02 00 00
# r1        PUBLISH 1 events first               -> PUBACK 1
       r1 SAYS 32 24 00 1b "devices/r1/messages/events/" 00 01 "first"
       r1 HEARD 40 02 00 01
       svc       READS                                -> event from r1 "first"
