/* Time passes, and the log grows: who has to be told, what has to end. */
#include "c2d.h"
#include "core.h"
#include "feedback.h"
#include "mail.h"
#include "mail_keep.h"
#include "reader.h"
#include "registry.h"

enum { TICK_MS = 1000, IDS_MAX = 1 << 20 };

void hub_grew(struct hub *h)
{
    readers_grew(h);
    mail_grew(h);
    feedback_grew(h);
}

/* Mailboxes in memory. */
static void shard_tick(struct hub *h, struct shard *s, int64_t now_ms)
{
    struct timer *t;

    pthread_mutex_lock(&s->lock);
    while ((t = heap_first(&s->due)) && t->due_ms <= hub_wall_ms(h, now_ms))
        mail_expire(h, s, LIST_OF(t, struct mailbox, due)->owner, now_ms);
    pthread_mutex_unlock(&s->lock);
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

            pthread_mutex_lock(&s->lock);
            if (!identity_get(h, s, id, &i))
                mail_expire(h, s, i, now_ms);
            pthread_mutex_unlock(&s->lock);
        }
    }
    buf_free(&ids);
}

int64_t hub_tick(struct hub *h, int64_t now_ms)
{
    int64_t feedback_ms;

    atomic_store(&h->ticked_ms, now_ms);
    for (size_t k = 0; k < SHARDS; k++)
        shard_tick(h, &h->shards[k], now_ms);
    if (!atomic_load(&h->late))
        sleepers_tick(h, now_ms);
    feedback_ms = feedback_tick(h, now_ms);
    return feedback_ms < now_ms + TICK_MS ? feedback_ms : now_ms + TICK_MS;
}
