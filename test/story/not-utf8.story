title  over MQTT a property whose escapes are not UTF-8 stays as it was written, and a receiver over AMQP can read it
0s     d1        CONNECT                                            -> CONNACK 0 sp=0
       d1        PUBLISH 1 events/k=%ff&%c3%28=a%20b&u=gr%c3%bc hi  -> PUBACK 1
       svc       READS                                              -> event from d1 "hi" k=%ff %c3%28=a b u=grü
       svc:amqp  CONNECT                                            -> open, token 200
       svc:amqp  RECEIVES partition 10                              -> attached, MESSAGE "hi" k=%ff %c3%28=a b u=grü
