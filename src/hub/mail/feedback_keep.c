/* Feedback in the checkpoint: "f/{place}" is what the record at that place tells. */
#include "feedback.h"

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

/* Under the lock: room to note that everything has gone, then a copy of what is new. */
static enum err copy_new(struct feedback *f, struct buf *b, uint64_t *newest)
{
    size_t cap = f->n_gone + f->by_place.n;

    if (cap > f->gone_cap) {
        uint64_t *gone = realloc(f->gone, cap * sizeof *gone);
        if (!gone)
            return ERR_MEMORY;
        f->gone = gone;
        f->gone_cap = cap;
    }
    f->n_gone_taken = f->n_gone;
    if (f->done_at > *newest)
        *newest = f->done_at;
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->kept != NOT_KEPT)
            continue;
        put_item(b, i);
        i->kept = BEING_KEPT;
        if (i->at > *newest)
            *newest = i->at;
    }
    return buf_check(b);
}

static enum err write_new(struct hub *h, struct bytes copied)
{
    struct rd r = rd_over(copied);
    enum err e = OK;

    while (!e && rd_left(&r)) {
        const uint8_t *from = r.at;
        struct feedback_record record;
        char key[24];
        uint64_t at;

        rd_item(&r, &at, &record);
        e = state_put(h->state, item_key(key, at), bytes_of(from, (size_t)(r.at - from)));
    }
    return e;
}

enum err feedback_keep(struct hub *h, uint64_t *newest)
{
    struct feedback *f = h->feedback;
    struct buf copied = buf_max(FEEDBACK_MAX * 512UL);
    uint64_t *gone = NULL;
    size_t n_gone;
    enum err e;

    pthread_mutex_lock(&f->lock);
    e = copy_new(f, &copied, newest);
    n_gone = f->n_gone_taken;
    if (!e && n_gone && !(gone = malloc(n_gone * sizeof *gone)))
        e = ERR_MEMORY;
    if (gone)
        memcpy(gone, f->gone, n_gone * sizeof *gone);
    pthread_mutex_unlock(&f->lock);
    if (!e)
        e = write_new(h, buf_bytes(&copied));
    for (size_t k = 0; !e && k < n_gone; k++) {
        char key[24];

        e = state_del(h->state, item_key(key, gone[k]));
    }
    free(gone);
    buf_free(&copied);
    return e;
}

void feedback_kept(struct hub *h, bool done)
{
    struct feedback *f = h->feedback;

    pthread_mutex_lock(&f->lock);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->kept == BEING_KEPT)
            i->kept = done ? KEPT : NOT_KEPT;
    }
    if (done) {
        f->n_gone -= f->n_gone_taken;
        if (f->n_gone)
            memmove(f->gone, f->gone + f->n_gone_taken, f->n_gone * sizeof *f->gone);
    }
    f->n_gone_taken = 0;
    pthread_mutex_unlock(&f->lock);
}

struct loading {
    struct feedback *feedback;
    enum err e;
};

static bool load_item(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct rd r = rd_over(value);
    struct feedback_record record;
    struct item *i;
    uint64_t at;

    (void)key;
    rd_item(&r, &at, &record);
    l->e = r.bad ? ERR_DAMAGED : feedback_item_add(l->feedback, at, &record, &i);
    if (!l->e)
        i->kept = KEPT;
    return !l->e;
}

enum err feedback_load(struct hub *h)
{
    struct feedback *f = h->feedback;
    struct loading l = {.feedback = f};
    enum err e = state_each(h->state, BYTES("f/"), NO_BYTES, load_item, &l);

    if (e || l.e)
        return e ? e : l.e;
    if (f->by_place.n && !(f->gone = calloc(f->by_place.n, sizeof *f->gone)))
        return ERR_MEMORY;
    f->gone_cap = f->by_place.n;
    return OK;
}
