/* The body that a device reads of a request that failed, over MQTT and AMQP alike (device 2.12, 3.8, 3.10). Never
 * empty: one SDK sees a failure by the errorCode in the body alone, another cannot stand an empty one. */
#pragma once

#include "env.h"

/* Appends {"errorCode":…,"trackingId":…,"message":…,"timestampUtc":…}. */
void device_error_put(const struct front_env *, struct buf *, unsigned code, struct bytes message, int64_t now_ms);
