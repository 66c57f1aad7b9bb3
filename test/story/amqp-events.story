title  over AMQP a device sends, a service reads, and each gets what it may
0s     d1:amqp   CONNECT                              -> open, token 200
       d1:amqp   SENDS events on mid=e1 door=garage   -> attached, accepted
       svc       READS                                -> event from d1 "on" mid=e1 door=garage
       store     HOLDS
1s     d1:amqp   SENDS events off                     ->
       svc       READS
       store     SETTLES
       d1:amqp   HEARS                                -> accepted
2s     svc:amqp  CONNECT                              -> open, token 200
       svc:amqp  RECEIVES partition 10                -> attached, MESSAGE "on" mid=e1 door=garage, MESSAGE "off"
# A device may not read what all of them send.
       d1:amqp   RECEIVES partition 10                -> detached amqp:unauthorized-access
       d1:amqp   SENDS /devices/d2/messages/events on -> detached amqp:unauthorized-access
