title  a device registers over MQTT, and is a device then
0s     svc      ENROLLS r1
       r1:dps   CONNECT                               -> CONNACK 0 sp=0
       r1:dps   SUBSCRIBE 1 dps 1                     -> SUBACK 1 [1]
       r1:dps   PUBLISH 2 dps/register/1 {"registrationId":"r1"}   -> PUBACK 2, PUBLISH #1 dps/202/1&retry-after=2 status=assigning
2s     r1:dps   PUBLISH 3 dps/status/2                -> PUBACK 3, PUBLISH #2 dps/200/2 status=assigned assignedHub=hub.test deviceId=r1
       r1:dps   PUBLISH 4 events on                   -> closed denied
# Who is not enrolled is not let in.
3s     r2:dps   CONNECT                               -> CONNACK 5 sp=0, closed unauthorized
       r1:dps   CONNECT key=wrong                     -> CONNACK 5 sp=0, closed unauthorized
# It is a device now.
       r1       CONNECT                               -> CONNACK 0 sp=0
