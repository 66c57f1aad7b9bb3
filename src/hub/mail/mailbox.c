/* The mailbox of a device in memory: an array in the order of the queue. Most messages leave at its head. */
#include "mailbox.h"

#include <stdlib.h>

enum { FIRST_CAP = 4, LETTER_VERSION = 2, LETTER_FIXED = 1 + 3 * 8 + 2 + 1 };

enum err mailbox_of(struct identity *i, struct mailbox **out)
{
    assert_locked(&i->shard->lock);
    if (!i->mailbox) {
        if (!(i->mailbox = calloc(1, sizeof *i->mailbox)))
            return ERR_MEMORY;
        i->mailbox->owner = i;
        i->mailbox->due.due_ms = INT64_MAX;
    }
    *out = i->mailbox;
    return OK;
}

static enum err make_room(struct mailbox *m)
{
    size_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
    struct letter *at;

    assert(m->head + m->n <= m->cap);
    if (m->head + m->n < m->cap)
        return OK;
    if (m->head >= m->cap / 2 && m->head) {
        memmove(m->at, m->at + m->head, m->n * sizeof *m->at);
        m->head = 0;
        return OK;
    }
    if (!(at = realloc(m->at, cap * sizeof *at)))
        return ERR_MEMORY;
    m->at = at;
    m->cap = cap;
    return OK;
}

static enum err due_at(struct shard *s, struct mailbox *m, int64_t due_ms)
{
    return m->due.place && m->due.due_ms <= due_ms ? OK : heap_set(&s->due, &m->due, due_ms);
}

enum err mailbox_reserve(struct shard *s, struct mailbox *m, int64_t due_ms)
{
    enum err e = make_room(m);

    assert_locked(&s->lock);
    return e ? e : due_at(s, m, due_ms);
}

void mailbox_add(struct mailbox *m, const struct letter *l)
{
    assert(m->head + m->n < m->cap);
    m->at[m->head + m->n++] = *l;
    m->owner->device.c2d_count = (unsigned)m->n;
}

struct letter *mailbox_find(struct mailbox *m, uint64_t sequence)
{
    size_t low = 0, high = m ? m->n : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct letter *l = &m->at[m->head + middle];

        if (l->sequence == sequence)
            return l;
        if (l->sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void mailbox_remove(struct mailbox *m, struct letter *l)
{
    size_t place = (size_t)(l - m->at) - m->head;

    assert(l >= m->at + m->head && place < m->n);
    assert(m->n_locked <= m->n && m->n_locked >= l->locked);
    m->n_locked -= l->locked;
    free(l->message_id);
    /* The shorter side moves. */
    if (place < m->n / 2) {
        memmove(m->at + m->head + 1, m->at + m->head, place * sizeof *m->at);
        m->head++;
    } else {
        memmove(l, l + 1, (m->n - place - 1) * sizeof *m->at);
    }
    m->busy -= place < m->busy;
    if (--m->n == 0)
        m->head = 0;
    assert(m->busy <= m->n && m->n_locked <= m->n);
    m->owner->device.c2d_count = (unsigned)m->n;
}

struct letter *mailbox_first_free(struct mailbox *m)
{
    assert(!m || m->busy <= m->n);
    while (m && m->busy < m->n && m->at[m->head + m->busy].locked)
        m->busy++;
    return m && m->busy < m->n ? &m->at[m->head + m->busy] : NULL;
}

void mailbox_lock(struct mailbox *m, struct letter *l, struct seat *holder, int64_t until_ms, uint64_t nonce)
{
    assert(!l->locked && m->n_locked < m->n);
    m->n_locked += !l->locked;
    l->locked = true;
    l->holder = holder;
    l->until_ms = until_ms;
    l->nonce = nonce;
}

void mailbox_unlock(struct shard *s, struct mailbox *m, struct letter *l)
{
    size_t place = (size_t)(l - m->at) - m->head;
    enum err in_the_heap = due_at(s, m, l->expiry_ms);

    assert(!in_the_heap); /* it is since there are letters, so nothing can fail */
    assert(m->n_locked >= l->locked && place < m->n);
    m->n_locked -= l->locked;
    l->locked = false;
    l->holder = NULL;
    if (place < m->busy)
        m->busy = place;
}

bool mailbox_release(struct shard *s, struct mailbox *m, const struct seat *holder)
{
    bool some = false;

    assert_locked(&s->lock);
    for (size_t i = m ? m->n : 0; i-- > 0 && m->n_locked;) {
        struct letter *l = &m->at[m->head + i];

        if (!l->locked || l->holder != holder)
            continue;
        l->tried = true;
        mailbox_unlock(s, m, l);
        some = true;
    }
    return some;
}

/* A lock without a seat ends by itself. A seat keeps its lock as long as it lasts, but for the life of the message,
 * which its lock can only lengthen by C2D_LOCK_MS: the sender of a message that nobody settles is told some day. */
int64_t letter_due(const struct letter *l, int64_t ahead_ms)
{
    int64_t until_ms = l->until_ms + ahead_ms;

    if (!l->locked)
        return l->expiry_ms;
    return l->holder && l->expiry_ms > until_ms ? l->expiry_ms : until_ms;
}

void mailbox_free(struct shard *s, struct identity *i)
{
    struct mailbox *m = i->mailbox;

    if (!m)
        return;
    heap_del(&s->due, &m->due);
    for (size_t k = 0; k < m->n; k++)
        free(m->at[m->head + k].message_id);
    free(m->at);
    free(m);
    i->mailbox = NULL;
    i->device.c2d_count = 0;
}

/* ---- in the checkpoint: each letter by itself ------------------------------------------------------------------- */

int64_t mailbox_expiry(const struct mailbox *m)
{
    int64_t due_ms = INT64_MAX;

    for (size_t i = 0; m && i < m->n; i++)
        if (m->at[m->head + i].expiry_ms < due_ms)
            due_ms = m->at[m->head + i].expiry_ms;
    return due_ms;
}

static void put_letter(struct buf *b, const struct letter *l)
{
    buf_put_u64(b, l->at);
    buf_put_u64(b, (uint64_t)l->enqueued_ms);
    buf_put_u64(b, (uint64_t)l->expiry_ms);
    buf_put_u8(b, l->deliveries);
    buf_put_u8(b, l->ack);
    put_text(b, l->message_id ? l->message_id : "");
}

void mailbox_copy(struct buf *b, const struct mailbox *m)
{
    for (size_t i = 0; m && i < m->n; i++) {
        const struct letter *l = &m->at[m->head + i];
        size_t id = l->message_id ? strlen(l->message_id) : 0;

        buf_put_u64(b, l->sequence);
        buf_put_u16(b, (uint16_t)(LETTER_FIXED + id));
        buf_put_u8(b, LETTER_VERSION);
        put_letter(b, l);
    }
}

static enum err rd_letter(struct rd *r, struct letter *l)
{
    char id[ID_LEN_MAX + 1];

    l->enqueued_ms = (int64_t)rd_u64(r);
    l->expiry_ms = (int64_t)rd_u64(r);
    l->deliveries = rd_u8(r);
    l->ack = rd_u8(r);
    rd_text(r, id, sizeof id);
    if (r->bad)
        return ERR_DAMAGED;
    return id[0] && !(l->message_id = strdup(id)) ? ERR_MEMORY : OK;
}

enum err letter_decode(struct bytes value, uint64_t sequence, struct letter *out)
{
    struct rd r = rd_over(value);

    *out = (struct letter){.sequence = sequence};
    if (rd_u8(&r) < LETTER_VERSION)
        return ERR_DAMAGED;
    out->at = rd_u64(&r);
    return rd_letter(&r, out);
}

struct rd mailbox_old_begin(struct bytes value, int64_t *due_ms)
{
    struct rd r = rd_over(value);

    rd_u8(&r);
    *due_ms = value.len ? (int64_t)rd_u64(&r) : INT64_MAX;
    return r;
}

enum err mailbox_old_next(struct rd *r, struct letter *out)
{
    *out = (struct letter){0};
    if (!rd_left(r))
        return ERR_NOT_FOUND;
    out->at = rd_u64(r);
    out->sequence = rd_u64(r);
    return rd_letter(r, out);
}
