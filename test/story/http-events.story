title  over HTTP each event is a request of its own
0s     d1:http   POST events on mid=e1 ct=text/plain door=garage    -> 204
       svc       READS                                              -> event from d1 "on" mid=e1 ct=text/plain door=garage
       store     HOLDS
1s     d1:http   POST events off
       svc       READS
       store     SETTLES
2s     d1:http   POST events late                                   -> 204
       svc       READS                                              -> event from d1 "off", event from d1 "late"
# A device is itself and no other.
       d1:http   POST /devices/d2/messages/events on                -> 401 IotHubUnauthorizedAccess
       d1:http   PATCH /devices/d1                                  -> 405 GenericMethodNotAllowed
