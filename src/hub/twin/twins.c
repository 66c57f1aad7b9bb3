#include "twins.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = TWIN_RUN_MAX + 8, SPARE = 8 };

struct bytes twin_key(char out[STATE_KEY_MAX], struct bytes id)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "t/%.*s", BYTES_ARG(id)));
}

uint64_t generation_of(const struct device *d)
{
    uint64_t n = 0;

    return bytes_to_u64(bytes_str(d->generation), &n) ? n : 0;
}

struct twin_room *twin_room_of(struct hub *h, const struct shard *s)
{
    return &h->twins->rooms[s - h->shards];
}

static size_t cost_of(const struct twin *t)
{
    return t ? sizeof *t + t->cap : 0;
}

static void count(struct twin_room *room, size_t more, size_t less)
{
    room->bytes += more - less;
    room->hub->twins->bytes += more;
    room->hub->twins->bytes -= less;
}

void twin_leave_memory(struct identity *i)
{
    if (!i->twin)
        return;
    count(i->twin->room, 0, cost_of(i->twin));
    free(i->twin);
    i->twin = NULL;
}

bool twin_is_dirty(const struct twin *t)
{
    return t->changed_at >= state_place(t->room->hub->state);
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

void twins_make_room(struct hub *h, struct shard *s)
{
    struct twin_room *room = twin_room_of(h, s);

    for (int looks = 0; looks < TWIN_LOOKS && room->bytes > TWINS_IDLE; looks++) {
        struct identity *i = map_next(&s->identities, &room->hand);

        if (!i)
            room->hand = 0;
        else if (i->twin && !twin_is_dirty(i->twin))
            twin_leave_memory(i);
    }
}

static enum err resize(struct hub *h, struct shard *s, struct identity *i, size_t cap)
{
    size_t was = cost_of(i->twin);
    struct twin *t = realloc(i->twin, sizeof *t + cap);

    if (!t)
        return ERR_MEMORY;
    if (!i->twin)
        *t = (struct twin){.room = twin_room_of(h, s)};
    t->cap = cap;
    i->twin = t;
    count(t->room, cost_of(t), was);
    return OK;
}

enum err twin_reserve(struct hub *h, struct shard *s, struct identity *i, size_t len)
{
    return i->twin && i->twin->cap >= len ? OK : resize(h, s, i, len + len / SPARE);
}

void twin_become(struct hub *h, struct shard *s, struct identity *i, struct bytes run)
{
    assert(i->twin && i->twin->cap >= run.len);
    if (run.len)
        memcpy(i->twin->run, run.at, run.len);
    i->twin->len = run.len;
    if (i->twin->cap / 2 > run.len && resize(h, s, i, run.len + run.len / SPARE))
        return; /* it keeps the room that it has */
}

/* ---- from the checkpoint --------------------------------------------------------------------------------------- */

enum err twin_of_value(const struct device *d, struct bytes value, struct bytes *run)
{
    struct rd r = rd_over(value);
    uint64_t generation = rd_u64(&r);

    *run = NO_BYTES;
    if (r.bad)
        return ERR_DAMAGED;
    if (generation != generation_of(d))
        return OK;
    *run = rd_rest(&r);
    return twin_check(*run);
}

enum err twin_read(struct hub *h, const struct device *d, struct buf *value, struct bytes *run)
{
    char key[STATE_KEY_MAX];
    enum err e = state_get(h->state, twin_key(key, bytes_str(d->id)), value);

    *run = NO_BYTES;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    return twin_of_value(d, buf_bytes(value), run);
}

enum err twin_get(struct hub *h, struct shard *s, struct identity *i, struct twin **out)
{
    struct buf value = buf_max(VALUE_MAX);
    enum err e = OK;
    struct bytes run;

    if (!i->twin) {
        twins_make_room(h, s);
        if (!(e = twin_read(h, &i->device, &value, &run)) && !(e = twin_reserve(h, s, i, run.len)))
            twin_become(h, s, i, run);
        buf_free(&value);
    }
    *out = i->twin;
    return e;
}
