/* How long to wait before the next try: doubled each time up to a most, with up to half of it taken off by chance. */
#pragma once

#include <stdint.h>

struct backoff {
    int64_t first_ms, most_ms;
    unsigned tries;
};

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MOST_MS = 30000 };

static inline struct backoff backoff_of(int64_t first_ms, int64_t most_ms)
{
    return (struct backoff){first_ms > 0 ? first_ms : BACKOFF_FIRST_MS, most_ms > 0 ? most_ms : BACKOFF_MOST_MS, 0};
}

static inline int64_t backoff_next(struct backoff *b, uint64_t random)
{
    int64_t ms = b->first_ms;

    for (unsigned i = 0; i < b->tries && ms < b->most_ms; i++)
        ms *= 2;
    if (ms > b->most_ms)
        ms = b->most_ms;
    b->tries++;
    return ms - (int64_t)(random % ((uint64_t)ms / 2 + 1));
}

static inline void backoff_reset(struct backoff *b)
{
    b->tries = 0;
}
