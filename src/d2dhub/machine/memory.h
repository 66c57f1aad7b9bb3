/* How much memory the process may use, and whether there is enough for something new. The limit is the lowest of those
 * that somebody has set: memory_limit, the control group, ulimit -v and -d, and what the machine has. */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `configured`: bytes, 0: none. */
void memory_open(uint64_t configured);
void memory_close(void);
/* Once a second, by one thread: looks anew, and tells the log when there is too little, or enough again. */
void memory_look(int64_t monotonic_ms);
/* Whether something new of this size may begin. From any thread. */
bool memory_may_take(void *ctx, size_t bytes);
/* The same for what is there already and grows: it stops later. */
bool memory_may_grow(void *ctx, size_t bytes);

/* How much of the checkpoint may be mapped at first, where addresses are limited (ulimit -v): a quarter of what is
 * left. 0: they are not. */
uint64_t memory_map_size(void);

struct memory_stats {
    uint64_t used, limit; /* of the limit that is nearest */
    bool is_short;
};

void memory_stats(struct memory_stats *out);
