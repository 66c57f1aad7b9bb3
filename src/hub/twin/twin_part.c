#include "desired.h"
#include "keeping.h"
#include "part.h"
#include "twin_index.h"
#include "twins.h"

#include <stdlib.h>

static enum err twins_make(struct hub *h)
{
    uint32_t limit = h->options.twin_bytes ? h->options.twin_bytes : TWIN_PART_DEFAULT;

    if (!(h->twins = calloc(1, sizeof *h->twins)))
        return ERR_MEMORY;
    for (int part = 0; part < TWIN_PARTS; part++)
        h->twins->limit[part] = limit < TWIN_PART_MAX ? limit : TWIN_PART_MAX;
    for (size_t k = 0; k < SHARDS; k++)
        h->twins->rooms[k] = (struct twin_room){.hub = h, .scratch = buf_max(TWIN_RUN_MAX)};
    return twin_index_new(&h->twins->index);
}

static void twins_free(struct hub *h)
{
    for (size_t k = 0; h->twins && k < SHARDS; k++)
        buf_free(&h->twins->rooms[k].scratch);
    if (h->twins)
        twin_index_free(h->twins->index);
    free(h->twins);
}

/* Twins that the checkpoint knows now may go. */
static void kept(struct keeping *k, bool done)
{
    for (size_t n = 0; done && n < SHARDS; n++) {
        struct shard *s = &k->hub->shards[n];
        size_t looks;

        mutex_lock(&s->lock);
        looks = s->identities.n;
        for (size_t i = 0; i <= looks; i += TWIN_LOOKS)
            twins_make_room(k->hub, s);
        mutex_unlock(&s->lock);
    }
}

/* ---- of an identity -------------------------------------------------------------------------------------------- */

static void forget(struct shard *s, struct identity *i)
{
    (void)s;
    twin_leave_memory(i);
}

static void copy(struct buf *to, const struct identity *i)
{
    if (i->gone || !i->twin || !twin_is_dirty(i->twin))
        return;
    buf_put_u64(to, generation_of(&i->device));
    buf_put(to, twin_run(i->twin));
}

/* A kept twin of another generation belongs to a device that was deleted. */
static enum err keep(struct keeping *k, struct bytes id, const struct identity *was, const struct identity *is,
                     struct bytes copied)
{
    char name[STATE_KEY_MAX];
    struct bytes key = twin_key(name, id);

    if (copied.len)
        return keeping_put(k, key, copied);
    return was->device.id[0] && (!is || generation_of(&was->device) != generation_of(&is->device)) ? keeping_del(k, key)
                                                                                                   : OK;
}

static void became(struct hub *h, struct shard *s, const struct identity *i)
{
    twin_index_disabled(h, s, &i->device, i->device.disabled);
}

static void gone(struct hub *h, struct shard *s, struct identity *i)
{
    twin_index_gone(h, s, i);
    twin_leave_memory(i);
}

static const struct record_kind kinds[] = {
    {REC_TWIN, ROOM_MESSAGES, "a change of a twin", SAYS_DEVICE, twin_apply_record},
};

const struct part twin_part = {.name = "twin",
                               .kinds = kinds,
                               .n_kinds = sizeof kinds / sizeof *kinds,
                               .make = twins_make,
                               .free = twins_free,
                               .kept = kept,
                               .identity = {.free = forget,
                                            .copy = copy,
                                            .keep = keep,
                                            .became = became,
                                            .seated = desired_seated,
                                            .seat_free = desired_seat_free,
                                            .gone = gone}};
