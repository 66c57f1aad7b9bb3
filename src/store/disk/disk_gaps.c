/* Ranges of the log that cannot be read: found by recovery, and by readers later. It is remembered so that it is told
 * once and need not be looked for each time; it is not written down: the bytes themselves say it at the next start,
 * too. */
#include "disk.h"

#include "ceilings.h"

#include <stdlib.h>

/* Under the lock: where a gap that begins there is, or would be. */
static size_t index_of(const struct disk *d, uint64_t at)
{
    size_t low = 0, high = d->n_gaps;

    assert_locked(&d->gaps_lock);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (d->gaps[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Under the lock: false when there is no memory or no room for one more. */
static bool make_room(struct disk *d)
{
    size_t cap = d->gaps_cap ? d->gaps_cap * 2 : 8;
    struct gap *gaps;

    assert_locked(&d->gaps_lock);
    assert(d->n_gaps <= d->gaps_cap);
    if (d->n_gaps < d->gaps_cap)
        return true;
    if (d->n_gaps == GAPS_MAX || !(gaps = realloc(d->gaps, cap * sizeof *gaps)))
        return false;
    d->gaps = gaps;
    d->gaps_cap = cap;
    return true;
}

/* Under the lock: the last one stands for those that there is no room for. */
static void stretch(struct disk *d, const struct gap *g)
{
    struct gap *last = d->n_gaps ? &d->gaps[d->n_gaps - 1] : NULL;

    assert_locked(&d->gaps_lock);
    if (!last)
        return;
    last->is_rest = true;
    if (g->at < last->at)
        last->at = g->at;
    if (g->end > last->end)
        last->end = g->end;
}

static bool add(struct disk *d, const struct gap *g)
{
    bool is_new;
    size_t i;

    assert(g->at < g->end);
    mutex_lock(&d->gaps_lock);
    i = index_of(d, g->at);
    is_new = i == d->n_gaps || d->gaps[i].at != g->at;
    if (is_new && d->n_gaps && d->gaps[d->n_gaps - 1].is_rest && g->at >= d->gaps[d->n_gaps - 1].at &&
        g->end <= d->gaps[d->n_gaps - 1].end)
        is_new = false;
    if (is_new && make_room(d)) {
        memmove(d->gaps + i + 1, d->gaps + i, (d->n_gaps - i) * sizeof *d->gaps);
        d->gaps[i] = *g;
        d->n_gaps++;
    } else if (is_new) {
        stretch(d, g);
    }
    mutex_unlock(&d->gaps_lock);
    return is_new;
}

/* As far as its first bytes say it. */
static void describe(struct gap *g, const struct segment *s)
{
    struct frame f;

    if (g->at < s->base + SEGMENT_HEAD || !s->map || !frame_claims(s, g->at, &f))
        return;
    g->kind = f.kind;
    g->lane = f.lane;
    g->len = f.len < GAP_BODY ? f.len : GAP_BODY;
    memcpy(g->body, f.body, g->len);
}

bool disk_gap_add(struct disk *d, const struct segment *s, uint64_t at, uint64_t end)
{
    struct gap g = {.at = at, .end = end, .base = s ? s->base : at};
    bool is_new;

    if (s)
        describe(&g, s);
    is_new = add(d, &g);
    if (is_new && d->store.damaged)
        d->store.damaged(d->store.damaged_ctx, &g);
    return is_new;
}

void disk_gap_add_jump(struct disk *d, uint64_t at, uint64_t end)
{
    add(d, &(struct gap){.at = at, .end = end, .base = at, .is_jump = true});
}

uint64_t disk_gap_end(struct disk *d, uint64_t at)
{
    uint64_t end = 0;
    size_t i;

    mutex_lock(&d->gaps_lock);
    i = index_of(d, at);
    if (i < d->n_gaps && d->gaps[i].at == at && !d->gaps[i].is_rest)
        end = d->gaps[i].end;
    mutex_unlock(&d->gaps_lock);
    return end;
}

void disk_gaps_trim(struct disk *d, uint64_t first)
{
    size_t gone = 0;

    mutex_lock(&d->gaps_lock);
    while (gone < d->n_gaps && d->gaps[gone].end <= first)
        gone++;
    if (gone)
        memmove(d->gaps, d->gaps + gone, (d->n_gaps - gone) * sizeof *d->gaps);
    d->n_gaps -= gone;
    mutex_unlock(&d->gaps_lock);
}

bool disk_gap(struct store *s, size_t i, struct gap *out)
{
    struct disk *d = disk_of(s);
    bool is_there;

    mutex_lock(&d->gaps_lock);
    is_there = i < d->n_gaps;
    if (is_there)
        *out = d->gaps[i];
    mutex_unlock(&d->gaps_lock);
    return is_there;
}
