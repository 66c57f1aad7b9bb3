title  as bytes: a device registers over MQTT, and is a device then
0s     time PASSES
       svc      ENROLLS r1
# r1:dps   CONNECT                               -> CONNACK 0 sp=0
       r1:dps APPEARS
       r1:dps OPENS mqtt
       r1:dps SAYS 10 c1 01 00 04 "MQTT" 04 c2 00 00 00 02 72 31 00 \
                   "30neB30376DB/registrations/r1/api-version=2019-03-31" 00 \
                   "|SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr1&sig=yyENARlnBLhTLif9I" \
                   "YL6XQ4DgXf%2FG3VqJQcTzCZoKbk%3D&se=1795415100"
       r1:dps HEARD 20 02 00 00
# r1:dps   SUBSCRIBE 1 dps 1                     -> SUBACK 1 [1]
       r1:dps SAYS 82 1d 00 01 00 18 "$dps/registrations/res/#" 01
       r1:dps HEARD 90 03 00 01 01
# r1:dps   PUBLISH 2 dps/register/1 {"registrationId":"r1"}   -> PUBACK 2, PUBLISH #1 dps/202/1&retry-after=2 status=assigning
       r1:dps SAYS 32 49 00 ".$dps/registrations/PUT/iotdps-register/?$rid=1" 00 02 7b 22 "registrationId" 22 \
                   3a 22 72 31 22 7d
       r1:dps HEARD 40 02 00 02 32 92 01 00 "0$dps/registrations/res/202/?$rid=1&retry-after=2" 00 01 7b 22 \
                    "operationId" 22 3a 22 "5.46c3f0a76406872a.47b60e65-dd08-e3e1-908d-3a16e5605e8d" 22 2c 22 \
                    "status" 22 3a 22 "assigning" 22 7d
2s     time PASSES
# r1:dps   PUBLISH 3 dps/status/2                -> PUBACK 3, PUBLISH #2 dps/200/2 status=assigned assignedHub=hub.test deviceId=r1
       r1:dps SAYS 32 81 01 00 \
                   "}$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5.46c3f0a" \
                   "76406872a.47b60e65-dd08-e3e1-908d-3a16e5605e8d" 00 03
       r1:dps HEARD 40 02 00 03 32 a8 03 00 22 "$dps/registrations/res/200/?$rid=2" 00 02 7b 22 "operationId" \
                    22 3a 22 "5.46c3f0a76406872a.47b60e65-dd08-e3e1-908d-3a16e5605e8d" 22 2c 22 "status" 22 3a \
                    22 "assigned" 22 2c 22 "registrationState" 22 3a 7b 22 "registrationId" 22 3a 22 72 31 22 \
                    2c 22 "createdDateTimeUtc" 22 3a 22 "2026-11-23T05:25:00.0000000Z" 22 2c 22 "status" 22 3a \
                    22 "assigned" 22 2c 22 "symmetricKey" 22 ":{}," 22 "lastUpdatedDateTimeUtc" 22 3a 22 \
                    "2026-11-23T05:25:00.0000000Z" 22 2c 22 "substatus" 22 3a 22 "initialAssignment" 22 2c 22 \
                    "assignedHub" 22 3a 22 "hub.test" 22 2c 22 "deviceId" 22 3a 22 72 31 22 2c 22 "etag" 22 3a \
                    22 "Ik5EazFOVFF5TVRneiI=" 22 7d 7d
# r1:dps   PUBLISH 4 events on                   -> closed denied
       r1:dps SAYS 32 21 00 1b "devices/r1/messages/events/" 00 04 6f 6e
       r1:dps CLOSED denied
3s     time PASSES
# r2:dps   CONNECT                               -> CONNACK 5 sp=0, closed unauthorized
       r2:dps APPEARS
       r2:dps OPENS mqtt
       r2:dps SAYS 10 c3 01 00 04 "MQTT" 04 c2 00 00 00 02 72 32 00 \
                   "30neB30376DB/registrations/r2/api-version=2019-03-31" 00 \
                   "~SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr2&sig=TKxfGibK%2F5Itm0D" \
                   "r2tkdpLwRGcEhB2XPQXD0ORUvI%2Bk%3D&se=1795415103"
       r2:dps HEARD 20 02 00 05
       r2:dps CLOSED unauthorized
# r1:dps   CONNECT key=wrong                     -> CONNACK 5 sp=0, closed unauthorized
       r1:dps OPENS mqtt
       r1:dps SAYS 10 c1 01 00 04 "MQTT" 04 c2 00 00 00 02 72 31 00 \
                   "30neB30376DB/registrations/r1/api-version=2019-03-31" 00 \
                   "|SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr1&sig=V4EH45JbM3YYAZ5r%" \
                   "2FHkbaH3Biqp3kqJly9NA9T05MtU%3D&se=1795415103"
       r1:dps HEARD 20 02 00 05
       r1:dps CLOSED unauthorized
# r1       CONNECT                               -> CONNACK 0 sp=0
       r1 APPEARS
       r1 OPENS mqtt
       r1 SAYS 10 a8 01 00 04 "MQTT" 04 c2 00 00 00 02 72 31 00 "#hub.test/r1/?api-version=2021-04-12" 00 \
               "sSharedAccessSignature sr=hub.test%2Fdevices%2Fr1&sig=c05RP7PKwgwuoFuUysLLM8TFss" \
               "gucrRvyUCmgwxbJ%2Bc%3D&se=1795415103"
       r1 HEARD 20 02 00 00
