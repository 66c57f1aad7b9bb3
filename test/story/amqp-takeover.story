title  the later connection wins, whatever they speak
0s     d1:amqp    CONNECT                             -> open, token 200
       d1:amqp    RECEIVES c2d 5                      -> attached
1s     d1         CONNECT                             -> CONNACK 0 sp=0
       d1:amqp    HEARS                               -> detached amqp:link:stolen
       svc        POSTS d1 open
       d1         SUBSCRIBE 1 c2d 1                   -> SUBACK 1 [1], PUBLISH #1 c2d "open"
