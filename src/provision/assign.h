/* Which hub a device belongs to, and the device there (provisioning 3.7, 3.8). */
#pragma once

#include "dps.h"

#include "challenges.h"
#include "outside.h"

/* Stores the registration: assigned, failed, or being assigned by a job outside. `payload` is what the device said, or
 * NULL. */
enum err dps_assign(const struct front_env *, const struct dps_caller *, const json_t *payload,
                    const char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at) MUST_CHECK;
/* ---- provision/outcome.c */
bool dps_is_here(const struct front_env *, struct bytes host);
/* The name of a linked hub as the configuration has it, this one's included, or NULL. */
const char *dps_linked_hub(const struct front_env *, struct bytes host);
/* The device on this hub; one that is there already keeps its state. ERR_DENIED: it may not be replaced. */
enum err dps_make_here(const struct front_env *, const struct device *wanted, bool may_replace, int64_t now_ms,
                       uint64_t *at) MUST_CHECK;
void dps_set_updated(json_t *state, int64_t wall_ms);
void dps_set_assigned(json_t *state, const char *host, const char *device, const json_t *payload);
void dps_set_failed(json_t *state, unsigned error, const char *message);
/* Takes the state, and logs what has become of it once it is stored. */
enum err dps_store(const struct front_env *, const char *registration, json_t *state, struct match, int64_t now_ms,
                   uint64_t *at) MUST_CHECK;
/* Takes the JSON. */
enum err dps_put_and_drop(struct buf *out, json_t *) MUST_CHECK;
