#include "keeping.h"

#include "twins.h"

enum { COUNTS_LEN = 3 * 8, LOST_MAX = 16 << 20 };

/* Twins that the checkpoint does not know are in memory: the more there are, the less it can wait. */
static unsigned pressure(const struct hub *h)
{
    uint64_t bytes = h->twins->bytes;

    return bytes < TWINS_MEMORY_SPARE ? (unsigned)(100 * bytes / TWINS_MEMORY_SPARE) : 100;
}

static size_t next_batch(const struct hub *h)
{
    const struct hub_options *o = &h->options;
    size_t most = o->checkpoint_batch ? o->checkpoint_batch : STATE_BATCH;
    size_t paced = o->pace ? o->pace(o->pace_ctx, pressure(h)) : most;

    return paced < most ? paced : most;
}

enum err keeping_begin(struct keeping *k, struct hub *h, uint64_t place, int64_t now_ms)
{
    *k =
        (struct keeping){.hub = h, .counts = h->committed, .place = place, .now_ms = now_ms, .lost = buf_max(LOST_MAX)};
    k->batch = next_batch(h);
    return state_begin(h->state);
}

enum err keeping_put(struct keeping *k, struct bytes key, struct bytes value)
{
    assert(key.len > 0 && key.len <= STATE_KEY_MAX);
    k->bytes += key.len + value.len;
    return state_put(k->hub->state, key, value);
}

enum err keeping_del(struct keeping *k, struct bytes key)
{
    assert(key.len > 0 && key.len <= STATE_KEY_MAX);
    k->bytes += key.len;
    return state_del(k->hub->state, key);
}

/* How many there are: no object says it. */
static enum err put_counts(struct keeping *k)
{
    struct buf b = buf_max(COUNTS_LEN);
    enum err e;

    buf_put_u64(&b, k->counts.devices);
    buf_put_u64(&b, k->counts.disabled);
    buf_put_u64(&b, (uint64_t)k->hub->last_generation);
    e = b.bad ? ERR_MEMORY : state_put(k->hub->state, BYTES("counts"), buf_bytes(&b));
    buf_free(&b);
    return e;
}

static enum err commit(struct keeping *k, uint64_t place)
{
    enum err e = put_counts(k);

    if (!e && k->newest)
        e = store_sync(k->hub->store, k->newest);
    if (!e && !(e = state_commit(k->hub->state, place)))
        k->hub->committed = k->counts;
    k->bytes = 0;
    return e;
}

enum err keeping_step(struct keeping *k)
{
    enum err e;

    if (k->bytes < k->batch)
        return OK;
    if ((e = commit(k, state_place(k->hub->state))))
        return e;
    k->batch = next_batch(k->hub);
    return state_begin(k->hub->state);
}

enum err keeping_end(struct keeping *k)
{
    assert(k->place >= state_place(k->hub->state));
    return commit(k, k->place);
}

void keeping_abort(struct keeping *k)
{
    state_abort(k->hub->state);
}

void keeping_free(struct keeping *k)
{
    buf_free(&k->lost);
}
