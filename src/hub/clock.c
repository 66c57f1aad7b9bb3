/* The two clocks: see hub.h. */
#include "part.h"

enum { TICKS_A_MS = 10000 };

#define TICKS_AT_1970 621355968000000000 /* of .NET, in generations */

int64_t hub_wall_ms(const struct hub *h, int64_t now_ms)
{
    return now_ms + atomic_load_explicit(&h->ahead_ms, memory_order_relaxed);
}

void hub_wall_range(const struct hub *h, int64_t now_ms, int64_t *early_ms, int64_t *late_ms)
{
    int64_t ours_ms = hub_wall_ms(h, now_ms), doubt_ms = atomic_load(&h->doubt_ms);

    *early_ms = doubt_ms < 0 ? ours_ms + doubt_ms : ours_ms;
    *late_ms = doubt_ms > 0 ? ours_ms + doubt_ms : ours_ms;
}

void hub_clock_set(struct hub *h, const struct hub_clock *c)
{
    bool jumped = atomic_exchange(&h->jumped_ms, c->jumped_ms) != c->jumped_ms;
    bool late = atomic_exchange(&h->late, c->late);

    atomic_store(&h->doubt_ms, c->doubt_ms);
    atomic_store(&h->ahead_ms, c->ahead_ms);
    if (!jumped && late == c->late)
        return;
    EACH_PART (p)
        if ((*p)->jumped)
            (*p)->jumped(h);
}

int64_t hub_last_ms(const struct hub *h)
{
    int64_t ticks = atomic_load(&h->last_generation);
    int64_t last_ms = ticks > TICKS_AT_1970 ? (ticks - TICKS_AT_1970) / TICKS_A_MS : 0;

    EACH_PART (p) {
        int64_t own_ms = (*p)->last_ms ? (*p)->last_ms(h) : 0;

        if (own_ms > last_ms)
            last_ms = own_ms;
    }
    return last_ms;
}
