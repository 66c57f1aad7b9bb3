title  over AMQP every outcome has its fate
0s     d1:amqp   CONNECT                              -> open, token 200
       svc       POSTS d1 first mid=m1 ack=full k=v
       svc       POSTS d1 second mid=m2 ack=full
       d1:amqp   RECEIVES c2d 1                       -> attached, MESSAGE "first" mid=m1 ack=full k=v
       hub       message 1 for d1: locked
1s     d1:amqp   SETTLES released
       hub       message 1 for d1: abandoned
       d1:amqp   RECEIVES c2d 5                       -> MESSAGE "first" mid=m1 ack=full k=v, MESSAGE "second" mid=m2 ack=full
2s     d1:amqp   SETTLES accepted
       hub       message 1 for d1: Success
       d1:amqp   SETTLES rejected
       hub       message 2 for d1: Rejected
4s     svc       FEEDBACK                             -> m1 Success, m2 Rejected
