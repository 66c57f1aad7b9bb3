title  in a WebSocket AMQP is what it is outside
0s     d1:amqp-ws  CONNECT                            -> 101, open, token 200
       d1:amqp-ws  SENDS events on mid=e1             -> attached, accepted
       svc         POSTS d1 open mid=m1 ack=full
       d1:amqp-ws  RECEIVES c2d 1                     -> attached, MESSAGE "open" mid=m1 ack=full
       d1:amqp-ws  SETTLES accepted
       hub         message 1 for d1: Success
1s     svc:amqp-ws CONNECT                            -> 101, open, token 200
       svc:amqp-ws RECEIVES partition 5               -> attached, MESSAGE "on" mid=e1
       d1:amqp-ws  SENDS events off                   -> accepted
       svc:amqp-ws HEARS                              -> MESSAGE "off"
