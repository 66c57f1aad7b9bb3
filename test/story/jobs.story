title  a job does the same to many devices, now or later, and says of each how it went
0s     d1        CONNECT                              -> CONNACK 0 sp=0
       d2        CONNECT                              -> CONNACK 0 sp=0
       d1        SUBSCRIBE 1 methods 0                -> SUBACK 1 [0]
       d1        SUBSCRIBE 2 desired 0                -> SUBACK 2 [0]
       svc:http  PUT /jobs/v2/warm {"jobId":"warm","type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"properties":{"desired":{"heat":21}},"etag":"*"}} -> 200 status=queued
1s     d1        HEARS                                -> PUBLISH desired/2 {"heat":21,"$version":2}
       svc:http  TWIN d2                              -> 200 desired={"heat":21,"$version":2} reported={"$version":1}
2s     svc:http  GET /jobs/v2/warm                    -> 200 status=completed
# One listens and one does not: it is waited for as long as the job may last.
3s     svc:http  PUT /jobs/v2/off {"jobId":"off","type":"scheduleDeviceMethod","queryCondition":"*","cloudToDeviceMethod":{"methodName":"off","payload":null,"responseTimeoutInSeconds":10},"maxExecutionTimeInSeconds":60} -> 200 status=queued
4s     d1        HEARS                                -> PUBLISH call/off/1 null
       d1        PUBLISH 0 answer/200/1 {}
5s     svc:http  QUERIES SELECT * FROM devices.jobs WHERE jobId = 'off' AND status = 'completed' -> 200 [{"deviceId":"d1","jobId":"off","jobType":"scheduleDeviceMethod","status":"completed","outcome":{"deviceMethodResponse":{"status":200,"payload":{}}}}]
2m     svc:http  QUERIES SELECT * FROM devices.jobs WHERE jobId = 'off' AND status = 'failed' -> 200 [{"deviceId":"d2","jobId":"off","jobType":"scheduleDeviceMethod","status":"failed","error":{"code":"404103","description":"The device is not connected, or has not subscribed to direct methods"}}]
       svc:http  GET /jobs/v2/off                     -> 200 status=completed
# One that is to begin later can be cancelled until then.
3m     svc:http  PUT /jobs/v2/later {"jobId":"later","type":"scheduleUpdateTwin","queryCondition":"*","startTime":"2026-11-23T05:45:00Z","updateTwin":{"properties":{"desired":{"heat":5}},"etag":"*"}} -> 200 status=queued
       svc:http  POST /jobs/v2/later/cancel           -> 200 status=cancelled
21m    svc:http  GET /jobs/v2/later                   -> 200 status=cancelled
       d1        HEARS
