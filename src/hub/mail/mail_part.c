#include "c2d.h"
#include "identities.h"
#include "keeping.h"
#include "lost.h"
#include "mail.h"
#include "mail_keep.h"
#include "part.h"
#include "tell.h"

#include <stdlib.h>

enum { IDS_MAX = 1 << 20 };

static enum err mail_make(struct hub *h)
{
    if (!(h->mail = calloc(1, sizeof *h->mail)))
        return ERR_MEMORY;
    mutex_init(&h->mail->lock, RANK_OWN);
    list_init(&h->mail->awaiting);
    return OK;
}

static void mail_free(struct hub *h)
{
    if (h->mail)
        mutex_destroy(&h->mail->lock);
    free(h->mail);
}

static void mail_kept(struct keeping *k, bool done)
{
    (void)done;
    mail_give_up(k);
}

/* ---- time ------------------------------------------------------------------------------------------------------ */

/* Mailboxes in memory. */
static void shard_tick(struct hub *h, struct shard *s, int64_t now_ms)
{
    struct timer *t;

    mutex_lock(&s->lock);
    while ((t = heap_first(&s->due)) && t->due_ms <= hub_wall_ms(h, now_ms))
        mail_expire(h, s, LIST_OF(t, struct mailbox, due)->owner, now_ms);
    mutex_unlock(&s->lock);
}

/* And those of devices that nobody has asked for since the checkpoint: they come into memory for it. */
static void sleepers_tick(struct hub *h, int64_t now_ms)
{
    struct buf ids = buf_max(IDS_MAX);

    if (!mail_due(h, hub_wall_ms(h, now_ms), &ids)) {
        struct rd r = rd_over(buf_bytes(&ids));

        while (rd_left(&r)) {
            struct bytes id = rd_bytes(&r, rd_u8(&r));
            struct shard *s = shard_of(h, id);
            struct identity *i;

            mutex_lock(&s->lock);
            if (!identity_get(h, s, id, &i))
                mail_expire(h, s, i, now_ms);
            mutex_unlock(&s->lock);
        }
    }
    buf_free(&ids);
}

static int64_t mail_tick(struct hub *h, int64_t now_ms)
{
    for (size_t k = 0; k < SHARDS; k++)
        shard_tick(h, &h->shards[k], now_ms);
    if (!atomic_load(&h->late))
        sleepers_tick(h, now_ms);
    return INT64_MAX; /* a mailbox has no better appointment than the next look */
}

/* Each mailbox is looked at again. */
static void mail_jumped(struct hub *h)
{
    struct identity *i;

    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];

        mutex_lock(&s->lock);
        for (size_t at = 0; (i = map_next(&s->identities, &at));)
            if (i->mailbox && i->mailbox->due.place && heap_set(&s->due, &i->mailbox->due, INT64_MIN))
                break; /* it is in the heap: nothing can fail */
        mutex_unlock(&s->lock);
    }
}

/* ---- of an identity -------------------------------------------------------------------------------------------- */

static bool may_go(const struct hub *h, const struct identity *i)
{
    assert_locked(&i->shard->lock);
    (void)h;
    return !i->mailbox || !i->mailbox->n_locked;
}

static void copy(struct buf *to, const struct identity *i)
{
    mailbox_copy(to, i->mailbox);
}

/* device 5: what still waits is purged, and whoever asked for feedback is told so. */
static enum err leave(struct hub *h, struct identity *i, int64_t now_ms, uint64_t *at)
{
    uint64_t purged = 0;

    return mail_drop_all(h, i, FATE_PURGED, now_ms, &purged, at);
}

static void gone(struct hub *h, struct shard *s, struct identity *i)
{
    (void)h;
    mailbox_free(s, i);
    i->c2d_next = 0;
    assert(!i->mailbox && !i->device.c2d_count);
}

static const struct record_kind kinds[] = {
    {REC_C2D, ROOM_MESSAGES, "a message to a device", SAYS_MESSAGE, c2d_apply},
    {REC_C2D_OUT, ROOM_UPKEEP, "the outcome of a message to a device", SAYS_MESSAGE, c2d_out_apply},
    {REC_C2D_COUNT, ROOM_UPKEEP, "the abandonment of a message to a device", SAYS_MESSAGE, c2d_count_apply},
};

const struct part mail_part = {.name = "mail",
                               .kinds = kinds,
                               .n_kinds = sizeof kinds / sizeof *kinds,
                               .make = mail_make,
                               .free = mail_free,
                               .kept = mail_kept,
                               .grew = mail_grew,
                               .tick = mail_tick,
                               .jumped = mail_jumped,
                               .identity = {.load = mail_load,
                                            .free = mailbox_free,
                                            .may_go = may_go,
                                            .copy = copy,
                                            .keep = mail_keep,
                                            .seated = mail_seated,
                                            .unseated = mail_unseated,
                                            .seat_free = mail_seat_free,
                                            .leave = leave,
                                            .gone = gone}};
