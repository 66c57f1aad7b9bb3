/* Events of life as a part of the hub (hub_life.h). */
#pragma once

#include "core.h"
#include "hub_job.h"

struct twin_told;

extern const struct part life_part;

#define LIFE_CONNECTION_SOURCE "deviceConnectionStateEvents"
#define LIFE_CONNECTED "deviceConnected"

/* All that an event says beside its body. */
struct telling {
    unsigned bit; /* LIFE_… */
    const char *source, *schema, *type;
    enum room room;
};

/* The subject of an event: an identity, or a job. */
struct life_of {
    struct buf *scratch; /* of whoever holds its lock */
    struct bytes name, job;
};

/* life.c: unless there is no room. *at is its place; `at` may be NULL. */
void life_tell(struct hub *h, const struct life_of *, const struct telling *, struct bytes body, int64_t now_ms,
               uint64_t *at);

/* life_twin.c: a change of a twin, whose record is in the log. */
void life_twin_changed(struct hub *h, struct shard *s, const struct twin_told *, uint64_t *at);

/* life_job.c: a job is in another state. */
void life_job_changed(struct hub *h, const struct job *, struct buf *scratch, int64_t now_ms, uint64_t *at);
