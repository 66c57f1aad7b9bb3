/* Events of life as a part of the hub (hub_life.h). */
#pragma once

#include "core.h"

struct twin_told;

extern const struct part life_part;

/* All that an event says beside its body. */
struct telling {
    unsigned bit; /* LIFE_… */
    const char *source, *schema, *type;
    enum room room;
};

/* life.c: under the shard's lock, and unless there is no room. *at is its place; `at` may be NULL. */
void life_tell(struct hub *h, struct shard *s, struct bytes name, const struct telling *, struct bytes body,
               int64_t now_ms, uint64_t *at);

/* life_twin.c: a change of a twin, whose record is in the log. */
void life_twin_changed(struct hub *h, struct shard *s, const struct twin_told *, uint64_t *at);
