title  as bytes: a device registers over HTTP, and posts its first event
0s     time PASSES
       svc      ENROLLS r1
# r1:http  REGISTERS                             -> 202 status=assigning
       r1:http APPEARS
       r1:http OPENS https
       r1:http SAYS "PUT /0neB30376DB/registrations/r1/register?api-version=2021-06-01 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr1&sig=yyE" \
                    "NARlnBLhTLif9IYL6XQ4DgXf%2FG3VqJQcTzCZoKbk%3D&se=1795415100" 0d 0a \
                    "Content-Type: application/json" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       r1:http HEARD "HTTP/1.1 202 " 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:00 GMT" 0d 0a \
                     "x-ms-request-id: 83a0ece5-ce30-2b08-d205-865a3e30b395" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "Retry-After: 2" 0d 0a \
                     "Content-Length: 94" 0d 0a \
                     0d 0a \
                     7b 22 "operationId" 22 3a 22 "5.19dafb96678d4209.7aad7934-406f-fea0-2364-05c5a8a7d92c" 22 \
                     2c 22 "status" 22 3a 22 "assigning" 22 7d
2s     time PASSES
# r1:http  ASKS                                  -> 200 status=assigned assignedHub=hub.test deviceId=r1
       r1:http SAYS "GET /0neB30376DB/registrations/r1/operations/5.19dafb96678d4209.7aad7934-406f-fe" \
                    "a0-2364-05c5a8a7d92c?api-version=2021-06-01 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr1&sig=gEs" \
                    "Xt10%2FpR82LGmy%2B2VtBP8UgnngHVLxY1w46ByhgR4%3D&se=1795415102" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       r1:http HEARD "HTTP/1.1 200 OK" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 46c3f0a7-6406-872a-47b6-0e65dd08e3e1" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "Content-Length: 386" 0d 0a \
                     0d 0a \
                     7b 22 "operationId" 22 3a 22 "5.19dafb96678d4209.7aad7934-406f-fea0-2364-05c5a8a7d92c" 22 \
                     2c 22 "status" 22 3a 22 "assigned" 22 2c 22 "registrationState" 22 3a 7b 22 \
                     "registrationId" 22 3a 22 72 31 22 2c 22 "createdDateTimeUtc" 22 3a 22 \
                     "2026-11-23T05:25:00.0000000Z" 22 2c 22 "status" 22 3a 22 "assigned" 22 2c 22 \
                     "symmetricKey" 22 ":{}," 22 "lastUpdatedDateTimeUtc" 22 3a 22 \
                     "2026-11-23T05:25:00.0000000Z" 22 2c 22 "substatus" 22 3a 22 "initialAssignment" 22 2c 22 \
                     "assignedHub" 22 3a 22 "hub.test" 22 2c 22 "deviceId" 22 3a 22 72 31 22 2c 22 "etag" 22 3a \
                     22 "Ik5EZzBOemN4TkRBeSI=" 22 7d 7d
# r2:http  REGISTERS                             -> 401 errorCode=401002
       r2:http APPEARS
       r2:http OPENS https
       r2:http SAYS "PUT /0neB30376DB/registrations/r2/register?api-version=2021-06-01 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=0neB30376DB%2Fregistrations%2Fr2&sig=Jjd" \
                    "y49Ha0wX0GRvg2j74YWw0xFnS%2FXqELyRjc%2Fh148o%3D&se=1795415102" 0d 0a \
                    "Content-Type: application/json" 0d 0a \
                    "Content-Length: 0" 0d 0a \
                    0d 0a
       r2:http HEARD "HTTP/1.1 401 Unauthorized" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: fdb66f67-2219-e3ee-c15f-c5db07627d54" 0d 0a \
                     "Content-Type: application/json; charset=utf-8" 0d 0a \
                     "Cache-Control: no-store" 0d 0a \
                     "x-ms-error-code: 401002" 0d 0a \
                     "Content-Length: 154" 0d 0a \
                     0d 0a \
                     7b 22 "errorCode" 22 ":401002," 22 "trackingId" 22 3a 22 \
                     "73ace5b8-617f-cc4b-14bf-a3967aa1c822" 22 2c 22 "message" 22 3a 22 "Unauthorized." 22 2c \
                     22 "timestampUtc" 22 3a 22 "2026-11-23T05:25:02.0000000Z" 22 2c 22 "info" 22 ":{}}"
# r1:http  POST events first                     -> 204
       r1:http SAYS "POST /devices/r1/messages/events?api-version=2021-04-12 HTTP/1.1" 0d 0a \
                    "Host: hub.test" 0d 0a \
                    "Authorization: SharedAccessSignature sr=hub.test%2Fdevices%2Fr1&sig=e6llNLzY0hzj" \
                    "TdcxhUnGW8gW2eDOiLAtp8zk%2BtrE2cs%3D&se=1795415102" 0d 0a \
                    "Content-Length: 5" 0d 0a \
                    0d 0a \
                    "first"
       r1:http HEARD "HTTP/1.1 204 No Content" 0d 0a \
                     "Date: Mon, 23 Nov 2026 05:25:02 GMT" 0d 0a \
                     "x-ms-request-id: 09a15fc1-5fbb-eedb-fbc4-ed2ec9edba42" 0d 0a \
                     0d 0a
       svc      READS                                 -> event from r1 "first"
