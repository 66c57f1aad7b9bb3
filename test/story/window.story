title  more than sixteen unacknowledged messages are not sent, and one that is acknowledged lets one through
0s     d1   CONNECT                                           -> CONNACK 0 sp=0
       svc  POSTS d1 1
       svc  POSTS d1 2
       svc  POSTS d1 3
       svc  POSTS d1 4
       svc  POSTS d1 5
       svc  POSTS d1 6
       svc  POSTS d1 7
       svc  POSTS d1 8
       svc  POSTS d1 9
       svc  POSTS d1 10
       svc  POSTS d1 11
       svc  POSTS d1 12
       svc  POSTS d1 13
       svc  POSTS d1 14
       svc  POSTS d1 15
       svc  POSTS d1 16
       svc  POSTS d1 17
       svc  POSTS d1 18
       d1   SUBSCRIBE 1 devices/+/messages/devicebound/# 2    -> SUBACK 1 [1], PUBLISH #1 c2d "1", PUBLISH #2 c2d "2", PUBLISH #3 c2d "3", PUBLISH #4 c2d "4", PUBLISH #5 c2d "5", PUBLISH #6 c2d "6", PUBLISH #7 c2d "7", PUBLISH #8 c2d "8", PUBLISH #9 c2d "9", PUBLISH #10 c2d "10", PUBLISH #11 c2d "11", PUBLISH #12 c2d "12", PUBLISH #13 c2d "13", PUBLISH #14 c2d "14", PUBLISH #15 c2d "15", PUBLISH #16 c2d "16"
1s     d1   PUBACK 9                                          -> PUBLISH #17 c2d "17"
       d1   PUBACK 1                                          -> PUBLISH #18 c2d "18"
       d1   PUBACK 77
