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
       d1   SUBSCRIBE 1 devices/+/messages/devicebound/# 2    -> SUBACK 1 [1], PUBLISH #1 "1" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #2 "2" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #3 "3" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #4 "4" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #5 "5" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #6 "6" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #7 "7" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #8 "8" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #9 "9" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #10 "10" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #11 "11" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #12 "12" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #13 "13" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #14 "14" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #15 "15" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound, PUBLISH #16 "16" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound
1s     d1   PUBACK 9                                          -> PUBLISH #17 "17" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound
       d1   PUBACK 1                                          -> PUBLISH #18 "18" devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound
       d1   PUBACK 77
