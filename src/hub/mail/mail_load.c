/* A mailbox out of the checkpoint into memory. */
#include "mail_keep.h"
#include "mailbox.h"

#include <stdlib.h>

enum { OLD_VALUE_MAX = 64 << 20 };

struct loading {
    struct shard *shard;
    struct identity *identity;
    enum err e;
};

/* Letters come in the order of their numbers, but for those of a checkpoint of before that was cut off while it was
 * converted: these go to their places. One that is there already is older. */
static void add(struct loading *l, struct letter *letter)
{
    struct letter *there = mailbox_find(l->identity->mailbox, letter->sequence);
    struct mailbox *m;

    if (there) {
        free(there->message_id);
        *there = *letter;
        return;
    }
    if ((l->e = mailbox_of(l->identity, &m)) || (l->e = mailbox_reserve(l->shard, m, letter->expiry_ms))) {
        free(letter->message_id);
        return;
    }
    mailbox_add(m, letter);
    for (size_t i = m->head + m->n - 1; i > m->head && m->at[i - 1].sequence > letter->sequence; i--) {
        m->at[i] = m->at[i - 1];
        m->at[i - 1] = *letter;
    }
}

static bool load_letter(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct letter letter;
    uint64_t sequence;

    if (!letter_number(key, &sequence))
        l->e = ERR_DAMAGED;
    else if (!(l->e = letter_decode(value, sequence, &letter)))
        add(l, &letter);
    return !l->e;
}

static enum err load_old(struct hub *h, struct loading *l)
{
    struct buf value = buf_max(OLD_VALUE_MAX);
    char key[STATE_KEY_MAX];
    struct letter letter;
    int64_t due_ms;
    struct rd r;
    enum err e = state_get(h->state, mail_old_key(key, bytes_str(l->identity->device.id)), &value);

    r = mailbox_old_begin(buf_bytes(&value), &due_ms);
    while (!e && !(e = mailbox_old_next(&r, &letter))) {
        add(l, &letter);
        e = l->e;
    }
    buf_free(&value);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err mail_load(struct hub *h, struct shard *s, struct identity *i)
{
    struct loading l = {.shard = s, .identity = i};
    char prefix[STATE_KEY_MAX];
    enum err e;

    assert_locked(&s->lock);
    assert(i->shard == s && !i->mailbox);
    if (!i->c2d_next) /* most devices never had any */
        return OK;
    e = i->kept_due_ms == DUE_UNKNOWN ? load_old(h, &l) : OK;
    if (!e && !(e = state_each(h->state, letter_prefix(prefix, bytes_str(i->device.id)), NO_BYTES, load_letter, &l)))
        e = l.e;
    /* Letters of a checkpoint that was cut off before the device itself was written. */
    if (!e && i->mailbox && i->mailbox->n) {
        uint64_t last = i->mailbox->at[i->mailbox->head + i->mailbox->n - 1].sequence;

        if (i->c2d_next <= last)
            i->c2d_next = last + 1;
    }
    return e;
}
