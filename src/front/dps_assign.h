/* Which hub a device belongs to, and the device there (provisioning 3.7, 3.8). */
#pragma once

#include "dps.h"

#include "challenges.h"

/* Stores the registration: assigned, failed, or being assigned by a job outside. `payload` is what the device said, or NULL. */
enum err dps_assign(const struct front_env *, const struct dps_caller *, const json_t *payload,
                    const char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at) MUST_CHECK;
/* Takes the JSON. */
enum err dps_put_and_drop(struct buf *out, json_t *) MUST_CHECK;
