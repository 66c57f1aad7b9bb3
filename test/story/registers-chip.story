title  a device registers with its TPM: nobody else's chip opens the challenge, and no key is ever said
0s     svc      ENROLLS r1 chip
# Somebody else's chip: it is refused before there is a challenge.
       r1:http  SHOWS other                           -> 401 errorCode=401002
       r1:http  SHOWS                                 -> 401 a challenge that its chip opens
       r1:http  PROVES                                -> 202 status=assigning
2s     r1:http  ASKS                                  -> 200 status=assigned assignedHub=hub.test deviceId=r1
# A challenge is good once.
       r1:http  PROVES                                -> 401 errorCode=401002
       r2:http  SHOWS                                 -> 401 errorCode=401002
