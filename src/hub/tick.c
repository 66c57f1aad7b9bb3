/* Time passes, and the log grows: who has to be told, what has to end. */
#include "part.h"

enum { TICK_MS = 1000 };

void hub_grew(struct hub *h)
{
    EACH_PART (p)
        if ((*p)->grew)
            (*p)->grew(h);
}

int64_t hub_tick(struct hub *h, int64_t now_ms)
{
    int64_t next_ms = now_ms + TICK_MS;

    atomic_store(&h->ticked_ms, now_ms);
    EACH_PART (p) {
        int64_t own_ms = (*p)->tick ? (*p)->tick(h, now_ms) : INT64_MAX;

        if (own_ms < next_ms)
            next_ms = own_ms;
    }
    return next_ms;
}
