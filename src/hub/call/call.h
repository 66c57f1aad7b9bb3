/* Direct methods (device 2.11, service 4.7): what a caller asks of a device and waits for. Nothing of it is recorded:
 * a call lives as long as its caller holds it. Under the lock of the device's shard: all of it. */
#pragma once

#include "core.h"

/* The device has come to its seat, or has left it; under the shard's lock. */
void calls_unseated(struct identity *i, const struct seat *seat);
/* The device is deleted: nobody will answer. Under the shard's lock. */
void calls_end(struct identity *i, enum err why);
