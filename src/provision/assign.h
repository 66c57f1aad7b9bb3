/* Which hub a device belongs to, and the device there (provisioning 3.7, 3.8). */
#pragma once

#include "dps.h"

#include "challenges.h"
#include "outside.h"

/* Stores the registration: assigned, failed, or being assigned by somebody outside. `payload` is what the device said,
 * as JSON, or nothing. */
enum err registration_assign(const struct front_env *, const struct registrant *, struct bytes payload,
                             const char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at) MUST_CHECK;
/* ---- provision/outcome.c */
bool host_is_here(const struct front_env *, struct bytes host);
/* The name of a linked hub as the configuration has it, this one's included, or NULL. */
const char *host_linked(const struct front_env *, struct bytes host);
/* A device that comes to this hub. */
struct arrival {
    const struct device *device;
    bool may_replace;  /* one that is there already */
    bool moves;        /* from another hub */
    struct bytes twin; /* with which it begins, as a service would write it; nothing: an empty one */
};

/* The device on this hub; one that is there already keeps its state, unless it moves: then its twin is that with which
 * it comes. ERR_DENIED: it may not be replaced. */
enum err device_make_here(const struct front_env *, const struct arrival *, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* begin.c: the initial twin of an enrollment, as it is kept; nothing: none. Lent: the enrollment. */
struct bytes enrollment_twin(const struct enrollment *);
/* The twin becomes this and nothing else. What the hub refuses is logged, and the device goes without. */
void twin_begin(const struct front_env *, const char *device, struct bytes twin, int64_t now_ms, uint64_t *at);
void registration_set_updated(struct registration *, int64_t wall_ms);
/* `payload`: an object as JSON, or nothing. ERR_TOO_LARGE, ERR_MEMORY. */
enum err registration_set_assigned(struct registration *, const char *host, const char *device,
                                   struct bytes payload) MUST_CHECK;
void registration_set_failed(struct registration *, unsigned error, const char *message);
/* Keeps it, and logs what has become of it once it is stored. ERR_TOO_LARGE. */
enum err registration_store(const struct front_env *, const struct registration *, struct match, int64_t now_ms,
                            uint64_t *at) MUST_CHECK;
