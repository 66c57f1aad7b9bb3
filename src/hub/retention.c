/* Retention: what may go from the log's beginning. It is shared by all partitions and all records, so its age is
 * remembered by place: once in a while a checkpoint notes when everything below its own place was there. A place is
 * kept too long by one step at most, never too short. The time is lived time: a jump of the clock makes nothing older.
 * */
#include "retention.h"

#include "bond.h"
#include "keeping.h"
#include "part.h"

#include <stdlib.h>
#include <string.h>

enum {
    AGE_STEP_MS = 60000,
    AGES_VALUE_MAX = 1 << 20,
};

/* Version, step, entries. */
static void ages_encode(struct buf *b, const struct hub *h)
{
    int64_t jumped_ms = atomic_load(&h->jumped_ms);

    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, (uint64_t)h->ages->step_ms);
    buf_put_u32(b, (uint32_t)h->ages->n);
    for (size_t i = 0; i < h->ages->n; i++) {
        buf_put_u64(b, h->ages->at[i].at);
        buf_put_u64(b, (uint64_t)(h->ages->at[i].ms + jumped_ms));
    }
}

static enum err ages_decode(struct hub *h, struct bytes value)
{
    struct rd r = rd_over(value);
    uint32_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    h->ages->step_ms = (int64_t)rd_u64(&r);
    n = rd_u32(&r);
    if (r.bad || n > AGES)
        return ERR_DAMAGED;
    for (h->ages->n = 0; h->ages->n < n; h->ages->n++) {
        h->ages->at[h->ages->n].at = rd_u64(&r);
        h->ages->at[h->ages->n].ms = (int64_t)rd_u64(&r);
    }
    return r.bad ? ERR_DAMAGED : OK;
}

/* A record from the future, or at the start from long ago, is as old as if the hub had not been away: one of the clocks
 * was wrong, then or now, and nothing goes or stays for ever because of that. */
static void resume(struct hub *h, int64_t lived_ms)
{
    int64_t away_ms = h->ages->n ? lived_ms - h->ages->at[h->ages->n - 1].ms : 0;
    bool wrong = away_ms < 0 || (!h->ages->resumed && away_ms > CLOCK_GAP_MS);

    h->ages->resumed = true;
    for (size_t i = 0; wrong && i < h->ages->n; i++)
        h->ages->at[i].ms += away_ms;
}

void ages_add(struct hub *h, uint64_t place, int64_t lived_ms)
{
    const struct age *newest;
    size_t kept = 0;

    if (h->ages->step_ms < AGE_STEP_MS)
        h->ages->step_ms = AGE_STEP_MS;
    resume(h, lived_ms);
    newest = h->ages->n ? &h->ages->at[h->ages->n - 1] : NULL;
    if (newest && (place <= newest->at || lived_ms < newest->ms + h->ages->step_ms))
        return;
    if (h->ages->n == AGES) {
        /* Of two the later one stays: what it says of the places of the earlier one is true, too. */
        for (size_t i = 1; i < AGES; i += 2)
            h->ages->at[kept++] = h->ages->at[i];
        h->ages->n = kept;
        h->ages->step_ms *= 2;
    }
    assert(h->ages->n < AGES);
    h->ages->at[h->ages->n++] = (struct age){place, lived_ms};
}

/* The place below which there is more than the log may take. Where the operator did not say how much that is, a full
 * disk makes it less: the oldest goes first, and what it took is written again. */
static uint64_t too_much(const struct hub *h)
{
    uint64_t keep = h->options.retention_bytes ? h->options.retention_bytes : atomic_load(&h->log_keep);
    struct store_space space;

    store_space(h->store, &space);
    if (!h->options.retention_bytes && space.full && space.log > space.file)
        keep = keep && keep < space.log - space.file ? keep : space.log - space.file;
    return keep ? store_older_than(h->store, keep) : 0;
}

/* The place below which all is too old, or too much. */
static uint64_t retention_place(const struct hub *h, int64_t lived_ms)
{
    int64_t keep_ms = h->options.retention_ms ? h->options.retention_ms : RETENTION_DEFAULT_MS;
    uint64_t below = 0, much = too_much(h);

    for (size_t i = 0; i < h->ages->n && h->ages->at[i].ms < lived_ms - keep_ms; i++)
        below = h->ages->at[i].at;
    return much > below ? much : below;
}

/* Forgets the ages of places that are no more. */
static void ages_forget(struct hub *h, uint64_t below)
{
    size_t gone = 0;

    while (gone < h->ages->n && h->ages->at[gone].at <= below)
        gone++;
    memmove(h->ages->at, h->ages->at + gone, (h->ages->n - gone) * sizeof *h->ages->at);
    h->ages->n -= gone;
}

enum err retain(struct hub *h, int64_t lived_ms)
{
    uint64_t below = retention_place(h, lived_ms), held = state_place(h->state);
    uint64_t first;
    enum err e = OK;

    if (below > held)
        below = held;
    first = store_first_after(h->store, below);
    /* The checkpoint knows of it before the files are gone: those that are gone without its knowledge are missing. */
    assert(below <= state_place(h->state));
    if (first > store_first(h->store) && !(e = bond_keep(h->state, h->store, first)))
        e = store_trim(h->store, below);
    ages_forget(h, store_first(h->store));
    EACH_PART (p)
        if (!e && (*p)->trimmed)
            e = (*p)->trimmed(h);
    return e;
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static enum err ages_make(struct hub *h)
{
    h->ages = calloc(1, sizeof *h->ages);
    return h->ages ? OK : ERR_MEMORY;
}

static void ages_free(struct hub *h)
{
    free(h->ages);
}

static enum err ages_keep(struct keeping *k)
{
    struct buf value = buf_max(AGES_VALUE_MAX);
    enum err e;

    /* Nothing has happened since the last checkpoint: no clock that was wrong meanwhile is remembered. */
    if (k->place == state_place(k->hub->state))
        return OK;
    ages_encode(&value, k->hub);
    e = value.bad ? ERR_MEMORY : keeping_put(k, BYTES("ages"), buf_bytes(&value));
    buf_free(&value);
    return e ? e : keeping_step(k);
}

static enum err ages_load(struct hub *h)
{
    struct buf value = buf_max(AGES_VALUE_MAX);
    enum err e = OK;

    if (h->born && !(e = state_get(h->state, BYTES("ages"), &value)))
        e = ages_decode(h, buf_bytes(&value));
    buf_free(&value);
    return e;
}

static int64_t ages_last_ms(const struct hub *h)
{
    return h->ages->n ? h->ages->at[h->ages->n - 1].ms : 0;
}

const struct part retention_part = {.name = "retention",
                                    .make = ages_make,
                                    .free = ages_free,
                                    .keep = ages_keep,
                                    .load = ages_load,
                                    .last_ms = ages_last_ms};
