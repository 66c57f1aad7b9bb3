#include "events.h"

#include "event.h"
#include "keeping.h"
#include "part.h"
#include "partition.h"
#include "reader.h"
#include "restored.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARTITION_VALUE_MAX = 1 << 20 };

static enum err events_make(struct hub *h)
{
    if (!(h->events = calloc(1, sizeof *h->events)))
        return ERR_MEMORY;
    for (unsigned n = 0; n < PARTITIONS_MAX; n++)
        partition_init(partition_at(h, n), n);
    return OK;
}

static void events_free(struct hub *h)
{
    for (unsigned n = 0; h->events && n < PARTITIONS_MAX; n++) {
        free(partition_at(h, n)->index);
        mutex_destroy(&partition_at(h, n)->lock);
    }
    free(h->events);
}

/* The index of each partition, once it is known how many there are. */
static enum err events_born(struct hub *h)
{
    for (unsigned n = 0; n < h->birth.partitions; n++) {
        struct partition_state *p = partition_at(h, n);

        if (!p->index && !(p->index = calloc(INDEX_CAP, sizeof *p->index)))
            return ERR_MEMORY;
    }
    return OK;
}

/* ---- the checkpoint -------------------------------------------------------------------------------------------- */

static struct bytes partition_key(char out[16], unsigned number)
{
    return bytes_of(out, (size_t)snprintf(out, 16, "e/%02u", number));
}

static enum err write_one(struct keeping *k, struct partition_state *p, struct buf *value)
{
    char key[16];
    enum err e;

    buf_clear(value);
    mutex_lock(&p->lock);
    if ((p->taken = p->dirty)) {
        partition_encode(value, p);
        p->dirty = false;
        keeping_saw(k, p->last_at);
    }
    mutex_unlock(&p->lock);
    if (!p->taken)
        return OK;
    e = value->bad ? ERR_MEMORY : keeping_put(k, partition_key(key, p->number), buf_bytes(value));
    return e ? e : keeping_step(k);
}

static enum err events_keep(struct keeping *k)
{
    struct buf value = buf_max(PARTITION_VALUE_MAX);
    enum err e = OK;

    for (unsigned n = 0; !e && n < k->hub->birth.partitions; n++)
        e = write_one(k, partition_at(k->hub, n), &value);
    buf_free(&value);
    return e;
}

static void events_kept(struct keeping *k, bool done)
{
    for (unsigned n = 0; n < k->hub->birth.partitions; n++) {
        struct partition_state *p = partition_at(k->hub, n);

        mutex_lock(&p->lock);
        p->dirty |= p->taken && !done;
        p->taken = false;
        mutex_unlock(&p->lock);
    }
}

static enum err events_load(struct hub *h)
{
    struct buf value = buf_max(PARTITION_VALUE_MAX);
    enum err e = OK;

    for (unsigned n = 0; h->born && !e && n < h->birth.partitions; n++) {
        char key[16];

        buf_clear(&value);
        e = state_get(h->state, partition_key(key, n), &value);
        e = e == ERR_NOT_FOUND ? OK : e ? e : partition_decode(buf_bytes(&value), partition_at(h, n));
    }
    buf_free(&value);
    return e;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static enum err events_replayed(struct hub *h)
{
    enum err e = OK;

    for (unsigned n = 0; !e && n < h->birth.partitions; n++)
        if (!(e = partition_damaged(h, partition_at(h, n), state_place(h->state))))
            e = partition_trimmed(h, partition_at(h, n));
    return e;
}

static enum err events_trimmed(struct hub *h)
{
    enum err e = OK;

    for (unsigned n = 0; !e && n < h->birth.partitions; n++)
        e = partition_trimmed(h, partition_at(h, n));
    return e;
}

static int64_t events_last_ms(const struct hub *h)
{
    int64_t last_ms = 0;

    for (unsigned n = 0; n < h->birth.partitions; n++)
        if (partition_at(h, n)->last_ms > last_ms)
            last_ms = partition_at(h, n)->last_ms;
    return last_ms;
}

static void seated(struct hub *h, struct identity *i, struct seat *seat)
{
    seat->events.partition = partition_at(h, hub_partition_of(h, bytes_str(i->device.id)));
    seat->events.head_len = event_head(&i->device, seat->proof, seat->events.head, seat->events.head_max);
}

static const struct record_kind kinds[] = {
    {.number = REC_EVENT, .room = ROOM_MESSAGES, .what = "an event", .apply = event_apply},
    {.number = REC_RESTORED, .room = ROOM_REGISTRY, .apply = restored_apply},
};

const struct part event_part = {.name = "events",
                                .kinds = kinds,
                                .n_kinds = sizeof kinds / sizeof *kinds,
                                .make = events_make,
                                .free = events_free,
                                .born = events_born,
                                .keep = events_keep,
                                .kept = events_kept,
                                .load = events_load,
                                .replayed = events_replayed,
                                .trimmed = events_trimmed,
                                .grew = readers_grew,
                                .last_ms = events_last_ms,
                                .identity = {.seated = seated}};
