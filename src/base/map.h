/* A map from bytes to pointers: open addressing, a seeded hash, keys lent by the values. */
#pragma once

#include "err.h"

struct map_slot {
    uint64_t hash;    /* 0 is free, 1 was removed */
    struct bytes key; /* lent: lives in the value */
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t n, used, cap; /* values, slots not free, slots */
    uint64_t seed;
};

/* Peers choose keys: the seed must come from a random source. Allocates nothing yet. */
void map_init(struct map *m, uint64_t seed);
void map_free(struct map *m); /* not the values */

void *map_get(const struct map *m, struct bytes key);
/* Replaces what stood there. The key must stay valid and unchanged while the value is in the map. */
enum err map_put(struct map *m, struct bytes key, void *value) MUST_CHECK;
void *map_del(struct map *m, struct bytes key); /* what stood there, or NULL */
/* Gives memory back when few of the slots are used: a search then stays in the processor's caches. What map_next() was
 * told about places is void. */
void map_shrink(struct map *m);

/* Visits every value in no order: `size_t at = 0; while ((v = map_next(m, &at)))`. The visited one may be deleted. */
void *map_next(const struct map *m, size_t *at);

uint64_t bytes_hash(struct bytes b, uint64_t seed);
