/* Messages to devices whose bodies cannot be read any more: they become dead letters, so that they hold up neither the
 * mailbox nor the checkpoint, and whoever wanted to know is told that they were not delivered. */
#include "lost.h"

#include "c2d.h"
#include "identities.h"
#include "keeping.h"
#include "log.h"
#include "mail.h"

static enum err leave(struct hub *h, struct shard *s, struct bytes id, uint64_t sequence, int64_t now_ms)
{
    struct identity *i;
    struct letter *l;
    uint64_t at;
    enum err e = identity_get(h, s, id, &i);

    assert_locked(&s->lock);
    if (e)
        return e;
    if (!(l = mailbox_find(i->mailbox, sequence)))
        return ERR_NOT_FOUND;
    if (l->locked)
        return ERR_BUSY;
    /* device 5: what cannot be delivered is a dead letter; of the documented outcomes this is the one. */
    return letter_out(h, i, l, FATE_DELIVERY_COUNT, now_ms, &at);
}

enum err mail_lost(struct hub *h, struct bytes id, uint64_t sequence, int64_t now_ms)
{
    struct shard *s = shard_of(h, id);
    enum err e;

    mutex_lock(&s->lock);
    e = leave(h, s, id, sequence, now_ms);
    mutex_unlock(&s->lock);
    if (!e)
        log_event(LOG_ERROR, "c2d-unreadable", KV("device", id), KVN("sequence_number", sequence),
                  KVS("reason", "its place in the log is damaged"), KVS("outcome", fate_name(FATE_DELIVERY_COUNT)),
                  KVN("so_far", ++h->mail->lost), KVS("remedy", "d2dhub check --deep lists what is damaged"));
    return e;
}

/* A letter that cannot leave now is met again when it is to be delivered. */
void mail_give_up(const struct keeping *k)
{
    struct rd r = rd_over(buf_bytes(&k->lost));

    while (rd_left(&r)) {
        struct bytes id = rd_bytes(&r, rd_u8(&r));
        enum err e = mail_lost(k->hub, id, rd_u64(&r), k->now_ms);

        (void)e;
    }
}
