title  who may not come in is told with code 5
0s     d1   CONNECT key=wrong                        -> CONNACK 5 sp=0, closed unauthorized
       d1   CONNECT key=none                         -> CONNACK 5 sp=0, closed unauthorized
       d1   CONNECT id=d2                            -> CONNACK 5 sp=0, closed unauthorized
       d1   CONNECT user=other.test/d1               -> CONNACK 5 sp=0, closed unauthorized
       d1   CONNECT user=hub.test/d1/m1              -> CONNACK 5 sp=0, closed unauthorized
       d1   CONNECT user=nonsense                    -> CONNACK 5 sp=0, closed malformed
       d1   CONNECT token=-301                       -> CONNACK 5 sp=0, closed expired
       d1   CONNECT token=-299                       -> CONNACK 0 sp=0
       d1   CONNECT key=secondary                    -> CONNACK 0 sp=0
       d1   CONNECT user=hub.test/d1                 -> CONNACK 0 sp=0
       d1   CONNECT user=HUB.TEST/d1/api-version=2016-11-14  -> CONNACK 0 sp=0
       d1   CONNECT will=devices/d2/messages/events/ -> CONNACK 5 sp=0, closed denied
