title  a device registers over HTTP, and posts its first event
0s     svc      ENROLLS r1
       r1:http  REGISTERS                             -> 202 status=assigning
2s     r1:http  ASKS                                  -> 200 status=assigned assignedHub=hub.test deviceId=r1
# Who is not enrolled is not let in.
       r2:http  REGISTERS                             -> 401 errorCode=401002
       r1:http  POST events first                     -> 204
       svc      READS                                 -> event from r1 "first"
