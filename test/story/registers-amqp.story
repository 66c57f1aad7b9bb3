title  a device registers over AMQP, and sends its first event with the key that it has
0s     svc       ENROLLS r1
       r1:amqp   CONNECT dps                          -> open
       r1:amqp   REGISTERS                            -> attached, attached, accepted, REGISTRATION status=assigning
2s     r1:amqp   ASKS STATUS                          -> accepted, REGISTRATION status=assigned assignedHub=hub.test deviceId=r1
# It has shown who registers, and no more.
       r1:amqp   SENDS events on                      -> detached amqp:unauthorized-access
       r1        CONNECT                              -> CONNACK 0 sp=0
       r1        PUBLISH 1 events first               -> PUBACK 1
       svc       READS                                -> event from r1 "first"
