title  over HTTP a message is locked, abandoned, counted, rejected and completed
0s     d1:http   GET c2d                                        -> 204
       svc       POSTS d1 fan-on mid=m1 ack=full speed=3
1s     d1:http   GET c2d                                        -> 200 "fan-on" mid=m1 ack=full speed=3 count=0 lock A
       hub       message 1 for d1: locked
       d1:http   GET c2d                                        -> 204
2s     d1:http   POST c2d/A/abandon                             -> 204
       hub       message 1 for d1: abandoned
       d1:http   GET c2d                                        -> 200 "fan-on" mid=m1 ack=full speed=3 count=1 lock B
# The first lock is worth nothing any more.
       d1:http   DELETE c2d/A                                   -> 412 DeviceMessageLockLost
3s     d1:http   DELETE c2d/B                                   -> 204
       hub       message 1 for d1: Success
       svc       POSTS d1 no-such-thing mid=m2 ack=negative
4s     d1:http   GET c2d                                        -> 200 "no-such-thing" mid=m2 ack=negative count=0 lock C
       d1:http   DELETE c2d/C?reject                            -> 204
       hub       message 2 for d1: Rejected
6s     svc       FEEDBACK                                       -> m1 Success, m2 Rejected
