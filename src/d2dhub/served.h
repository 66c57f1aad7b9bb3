/* Whether connections are served now: what is not urgent then works shortly and rests for longer, so that they are
 * served as if it were not there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SERVED_REST = 3 }; /* so many times as long as was worked */

/* Of one thread. */
struct served {
    /* How much is read from the connections, of whatever kind: more of it means that some are served. */
    uint64_t (*reads)(void *ctx);
    void *ctx;
    uint64_t last;   /* as it was */
    int64_t last_us; /* when it changed last */
};

/* By the monotonic clock. */
bool served_now(struct served *, int64_t now_us);
