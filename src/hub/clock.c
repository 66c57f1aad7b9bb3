/* The two clocks: see hub.h. */
#include "core.h"

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

/* Appointments are by the wall clock: when it jumps, each mailbox is looked at again. */
static void review(struct shard *s)
{
    struct identity *i;

    pthread_mutex_lock(&s->lock);
    for (size_t at = 0; (i = map_next(&s->identities, &at));)
        if (i->mailbox && i->mailbox->due.place && heap_set(&s->due, &i->mailbox->due, INT64_MIN))
            break; /* it is in the heap: nothing can fail */
    pthread_mutex_unlock(&s->lock);
}

void hub_clock_set(struct hub *h, const struct hub_clock *c)
{
    bool jumped = atomic_exchange(&h->jumped_ms, c->jumped_ms) != c->jumped_ms;
    bool late = atomic_exchange(&h->late, c->late);

    atomic_store(&h->doubt_ms, c->doubt_ms);
    atomic_store(&h->ahead_ms, c->ahead_ms);
    for (size_t k = 0; (jumped || late != c->late) && k < SHARDS; k++)
        review(&h->shards[k]);
}

int64_t hub_last_ms(const struct hub *h)
{
    int64_t last_ms = h->birth.created_ms, ticks = atomic_load(&h->last_generation);
    int64_t made_ms = ticks > TICKS_AT_1970 ? (ticks - TICKS_AT_1970) / TICKS_A_MS : 0;

    if (h->n_ages && h->ages[h->n_ages - 1].ms > last_ms)
        last_ms = h->ages[h->n_ages - 1].ms;
    for (unsigned n = 0; n < h->birth.partitions; n++)
        if (h->partitions[n].last_ms > last_ms)
            last_ms = h->partitions[n].last_ms;
    return made_ms > last_ms ? made_ms : last_ms;
}
