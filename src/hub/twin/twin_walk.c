/* Twins one behind the other. A slice of the checkpoint is copied out of it at one moment: identities and their twins
 * stand there in the same order. Memory is asked when a twin is read, for what the checkpoint does not know. */
#include "identities.h"
#include "identity.h"
#include "ids.h"
#include "twins.h"

#include <stdlib.h>

enum { KEPT_MAX = QUERY_SCAN_BYTES + STATE_KEY_MAX + DEVICE_VALUE_MAX + TWIN_RUN_MAX + 64 };

/* An identity of the slice, as the checkpoint has it. */
struct kept {
    struct bytes name, identity, twin; /* name.at == NULL: there is none; twin.at == NULL: it has none */
};

struct twin_walk {
    struct hub *hub;
    bool modules;
    struct buf slice; /* of each: name, value, whether it has a twin, that; texts with their lengths */
    size_t n, max;
    bool more;          /* the checkpoint has others behind them */
    uint64_t place;     /* of the checkpoint, or of the one before it, when it was copied */
    struct rd rest;     /* those behind: */
    struct kept kept;   /* the one that was come to */
    struct ids made;    /* that the checkpoint may not know; max 0: not open yet */
    struct identity at; /* that is lent, */
    struct buf run;     /* and its twin, where that was in memory */
};

enum err hub_twin_walk_new(struct hub *h, bool modules, struct twin_walk **out)
{
    struct twin_walk *w = calloc(1, sizeof *w);

    if (!w)
        return ERR_MEMORY;
    w->hub = h;
    w->modules = modules;
    w->slice = buf_max(KEPT_MAX);
    w->run = buf_max(TWIN_RUN_MAX);
    *out = w;
    return OK;
}

void hub_twin_walk_free(struct twin_walk *w)
{
    if (!w)
        return;
    buf_free(&w->slice);
    buf_free(&w->run);
    ids_close(&w->made);
    free(w);
}

/* ---- a slice --------------------------------------------------------------------------------------------------- */

static bool copy_pair(void *ctx, struct bytes key, struct bytes value, struct bytes twin)
{
    struct twin_walk *w = ctx;
    struct bytes name = bytes_skip(key, bytes_find(key, '/') + 1);

    if ((w->more = w->n == w->max || w->slice.len >= QUERY_SCAN_BYTES))
        return false;
    buf_put_u16(&w->slice, (uint16_t)name.len);
    buf_put(&w->slice, name);
    buf_put_u32(&w->slice, (uint32_t)value.len);
    buf_put(&w->slice, value);
    buf_put_u8(&w->slice, twin.at != NULL);
    buf_put_u32(&w->slice, (uint32_t)twin.len);
    buf_put(&w->slice, twin);
    w->n++;
    return !w->slice.bad;
}

/* Memory first: what a checkpoint takes over meanwhile is then seen in the checkpoint. */
static enum err take_slice(struct twin_walk *w, struct bytes after)
{
    struct bytes prefix, from;
    char key[STATE_KEY_MAX];
    enum err e = identities_behind(w->modules, after, key, &prefix, &from);

    if (e)
        return e;
    identities_made(w->hub, w->modules, after, &w->made);
    w->place = state_place(w->hub->state);
    e = state_pairs(w->hub->state, prefix, BYTES("t/"), from, copy_pair, w);
    return e ? e : buf_check(&w->slice);
}

static void clear(struct twin_walk *w)
{
    buf_clear(&w->slice);
    w->rest = rd_over(NO_BYTES);
    w->kept = (struct kept){0};
    w->made.n = w->n = 0;
    w->more = false;
}

static void next_kept(struct twin_walk *w)
{
    bool has_twin;

    w->kept = (struct kept){0};
    if (!rd_left(&w->rest))
        return;
    w->kept.name = rd_str16(&w->rest);
    w->kept.identity = rd_str32(&w->rest);
    has_twin = rd_u8(&w->rest) != 0;
    w->kept.twin = rd_str32(&w->rest);
    if (!has_twin)
        w->kept.twin = NO_BYTES;
}

static void go_back(struct twin_walk *w)
{
    w->rest = rd_over(buf_bytes(&w->slice));
    next_kept(w);
}

/* The names of both, merged; none behind where the checkpoint has more. */
static void put_names(struct twin_walk *w, struct buf *names, bool *last)
{
    size_t i = 0, n;

    go_back(w);
    for (n = 0; n < w->max; n++) {
        bool is_made = i < w->made.n, is_kept = w->kept.name.at;
        struct bytes name = is_made ? bytes_str(ids_at(&w->made, i)) : NO_BYTES;
        int order = !is_made ? 1 : !is_kept ? -1 : bytes_cmp(name, w->kept.name);

        if (!is_kept && (w->more || !is_made))
            break;
        buf_put(names, order < 0 ? name : w->kept.name);
        buf_put_u8(names, 0);
        i += order <= 0;
        if (order >= 0)
            next_kept(w);
    }
    *last = n < w->max && !w->more;
    go_back(w);
}

enum err hub_twin_walk_names(struct twin_walk *w, struct bytes after, size_t max, struct buf *names, bool *last)
{
    enum err e = OK;

    clear(w);
    *last = false;
    if (max != w->max) {
        ids_close(&w->made);
        w->max = 0;
        if ((e = ids_open(&w->made, max)))
            return e;
        w->max = max;
    }
    if ((e = take_slice(w, after))) {
        clear(w);
        return e;
    }
    put_names(w, names, last);
    return buf_check(names);
}

/* ---- one of them ----------------------------------------------------------------------------------------------- */

/* False: the slice has no such name. */
static bool go_to(struct twin_walk *w, struct bytes name)
{
    int order;

    while ((order = w->kept.name.at ? bytes_cmp(w->kept.name, name) : 1) < 0)
        next_kept(w);
    return order == 0;
}

/* Copies the part of it that is in memory; *kept: the slice has the rest, as it is now. Nothing leaves memory before
 * the place of the checkpoint is behind it, so while that place has not moved the slice has all that left. */
static enum err look_up(struct twin_walk *w, struct bytes name, bool *kept, bool *in_memory)
{
    struct shard *s = shard_of(w->hub, name);
    const struct identity *i;
    enum err e = OK;

    mutex_lock(&s->lock);
    i = map_get(&s->identities, name);
    if (!*kept || w->place != state_place(w->hub->state) || (i && (i->gone || i->twin))) {
        *kept = false;
        e = twin_copy(w->hub, s, name, &w->run, &w->at.device, NULL);
    } else if ((*in_memory = i)) {
        w->at.device = i->device;
    }
    mutex_unlock(&s->lock);
    return e;
}

enum err hub_twin_walk_read(struct twin_walk *w, struct bytes name, const struct device **device, struct bytes *run)
{
    bool kept = go_to(w, name), in_memory = false;
    enum err e;

    buf_clear(&w->run);
    if ((e = look_up(w, name, &kept, &in_memory)))
        return e;
    *device = &w->at.device;
    *run = buf_bytes(&w->run);
    if (!kept)
        return OK;
    if (!in_memory && (e = identity_decode(w->kept.identity, &w->at)))
        return e;
    if (w->kept.twin.at)
        return twin_of_value(*device, w->kept.twin, run);
    return OK;
}
