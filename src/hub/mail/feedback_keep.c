/* Feedback in the checkpoint: "f/{place}" is what the record at that place tells. */
#include "feedback.h"

#include "keeping.h"

#include <stdio.h>
#include <stdlib.h>

static struct bytes item_key(char out[24], uint64_t at)
{
    return bytes_of(out, (size_t)snprintf(out, 24, "f/%016llx", (unsigned long long)at));
}

static void put_item(struct buf *b, const struct item *i)
{
    buf_put_u64(b, i->at);
    buf_put_u8(b, (uint8_t)i->fate);
    buf_put_u64(b, (uint64_t)i->ms);
    put_text(b, i->message_id);
    put_text(b, i->device);
    put_text(b, i->generation);
}

static void rd_item(struct rd *r, uint64_t *at, struct feedback_record *out)
{
    *out = (struct feedback_record){0};
    *at = rd_u64(r);
    out->fate = (enum fate)rd_u8(r);
    out->ms = (int64_t)rd_u64(r);
    rd_text(r, out->message_id, sizeof out->message_id);
    rd_text(r, out->device, sizeof out->device);
    rd_text(r, out->generation, sizeof out->generation);
    r->bad |= out->fate > FATE_PURGED;
}

/* Under the lock: room to note that everything has gone. */
static enum err room_for_gone(struct feedback *f)
{
    size_t cap = f->n_gone + f->by_place.n;
    uint64_t *gone;

    assert_locked(&f->lock);
    if (cap <= f->gone_cap)
        return OK;
    if (!(gone = realloc(f->gone, cap * sizeof *gone)))
        return ERR_MEMORY;
    f->gone = gone;
    f->gone_cap = cap;
    return OK;
}

/* A copy of what is new, at most a transaction's worth; *more: there is more. */
static enum err copy_new(struct keeping *k, struct buf *b, bool *more)
{
    struct feedback *f = k->hub->feedback;
    enum err e;

    buf_clear(b);
    *more = false;
    mutex_lock(&f->lock);
    e = room_for_gone(f);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (e || i->kept >= BEING_KEPT)
            continue;
        if ((*more = b->len >= STATE_BATCH))
            break;
        put_item(b, i);
        i->kept = BEING_KEPT;
        keeping_saw(k, i->at);
    }
    mutex_unlock(&f->lock);
    return e ? e : buf_check(b);
}

static enum err write_new(struct keeping *k, struct bytes copied)
{
    struct rd r = rd_over(copied);
    enum err e = OK;

    while (!e && rd_left(&r)) {
        const uint8_t *from = r.at;
        struct feedback_record record;
        char key[24];
        uint64_t at;

        rd_item(&r, &at, &record);
        if (!(e = keeping_put(k, item_key(key, at), bytes_of(from, (size_t)(r.at - from)))))
            e = keeping_step(k);
    }
    return e;
}

/* Deletes what is not there any more, last: it may have been written a moment ago. */
static enum err drop_gone(struct keeping *k)
{
    struct feedback *f = k->hub->feedback;
    uint64_t *gone = NULL;
    enum err e = OK;
    size_t n;

    mutex_lock(&f->lock);
    n = f->n_gone_taken = f->n_gone;
    keeping_saw(k, f->done_at);
    if (n && !(gone = malloc(n * sizeof *gone)))
        e = ERR_MEMORY;
    if (gone)
        memcpy(gone, f->gone, n * sizeof *gone);
    mutex_unlock(&f->lock);
    for (size_t i = 0; !e && i < n; i++) {
        char key[24];

        if (!(e = keeping_del(k, item_key(key, gone[i]))))
            e = keeping_step(k);
    }
    free(gone);
    return e;
}

enum err feedback_keep(struct keeping *k)
{
    struct buf copied = buf_max(STATE_BATCH_MAX);
    bool more = true;
    enum err e = OK;

    while (!e && more && !(e = copy_new(k, &copied, &more)))
        e = write_new(k, buf_bytes(&copied));
    buf_free(&copied);
    return e ? e : drop_gone(k);
}

void feedback_kept(struct keeping *k, bool done)
{
    struct feedback *f = k->hub->feedback;

    mutex_lock(&f->lock);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->kept == BEING_KEPT)
            i->kept = done ? KEPT : MAYBE_KEPT;
    }
    if (done) {
        assert(f->n_gone >= f->n_gone_taken);
        f->n_gone -= f->n_gone_taken;
        if (f->n_gone)
            memmove(f->gone, f->gone + f->n_gone_taken, f->n_gone * sizeof *f->gone);
    }
    f->n_gone_taken = 0;
    mutex_unlock(&f->lock);
}

struct loading {
    struct feedback *feedback;
    enum err e;
};

/* A checkpoint that was cut off may have more than there may be: the oldest go, and that is noted. */
static enum err room_to_load(struct feedback *f)
{
    return f->by_place.n < FEEDBACK_MAX ? OK : room_for_gone(f);
}

static bool load_item(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct rd r = rd_over(value);
    struct feedback_record record;
    struct item *i;
    uint64_t at;

    (void)key;
    rd_item(&r, &at, &record);
    l->e = r.bad ? ERR_DAMAGED : room_to_load(l->feedback);
    if (!l->e && !(l->e = feedback_item_add(l->feedback, at, &record, &i)))
        i->kept = KEPT;
    return !l->e;
}

enum err feedback_load(struct hub *h)
{
    struct feedback *f = h->feedback;
    struct loading l = {.feedback = f};
    enum err e;

    mutex_lock(&f->lock);
    e = state_each(h->state, BYTES("f/"), NO_BYTES, load_item, &l);
    if (!e && !(e = l.e))
        e = room_for_gone(f);
    mutex_unlock(&f->lock);
    return e;
}
