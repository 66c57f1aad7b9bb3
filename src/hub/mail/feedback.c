/* Feedback: the fates of messages whose senders want to know (device 5, service 3.2). A record of a message that leaves
 * its mailbox is also the record of its feedback, so there is no moment in which one is known and the other is not. One
 * queue for the hub; what its receivers have locked is not recorded, what they are done with is:    done: version | u16
 * n | n places of the records that told it */
#include "feedback.h"

#include "part.h"

#include <stdio.h>
#include <stdlib.h>

struct feedback_reader {
    struct list in; /* feedback.readers */
    struct hub *hub;
    struct waker *waker;
};

static int64_t ttl_ms(const struct hub *h)
{
    return h->options.c2d.feedback_ttl_ms ? h->options.c2d.feedback_ttl_ms : FEEDBACK_TTL_DEFAULT_MS;
}

static unsigned deliveries_max(const struct hub *h)
{
    return h->options.c2d.feedback_deliveries ? h->options.c2d.feedback_deliveries : FEEDBACK_DELIVERIES_DEFAULT;
}

/* ---- under the lock -------------------------------------------------------------------------------------------- */

static void wake_readers(struct hub *h)
{
    mutex_lock(&h->feedback->readers_lock);
    LIST_EACH (&h->feedback->readers, it) {
        struct waker *w = LIST_OF(it, struct feedback_reader, in)->waker;

        w->wake(w);
    }
    mutex_unlock(&h->feedback->readers_lock);
}

static bool a_reader_has(struct hub *h, const void *waker)
{
    bool has = false;

    mutex_lock(&h->feedback->readers_lock);
    LIST_EACH (&h->feedback->readers, it)
        has |= LIST_OF(it, struct feedback_reader, in)->waker == waker;
    mutex_unlock(&h->feedback->readers_lock);
    return has;
}

static void item_remove(struct feedback *f, struct item *i)
{
    assert_locked(&f->lock);
    assert(i->kept == NOT_KEPT || f->n_gone < f->gone_cap);
    /* There is room: it was made when the item went into the checkpoint. */
    if (i->kept != NOT_KEPT)
        f->gone[f->n_gone++] = i->at;
    map_del(&f->by_place, place_key(&i->at));
    list_del(&i->in);
    free(i);
}

static void item_unlock(struct item *i)
{
    assert(i->reader);
    i->reader = NULL;
    i->nonce = 0;
}

enum err feedback_item_add(struct feedback *f, uint64_t at, const struct feedback_record *r, struct item **out)
{
    size_t id = strlen(r->message_id) + 1, device = strlen(r->device) + 1, generation = strlen(r->generation) + 1;
    struct item *i;
    enum err e;

    assert_locked(&f->lock);
    *out = map_get(&f->by_place, place_key(&at));
    if (*out)
        return OK;
    if (!(i = calloc(1, sizeof *i + id + device + generation)))
        return ERR_MEMORY;
    i->at = at;
    i->ms = r->ms;
    i->fate = r->fate;
    memcpy(i->message_id, r->message_id, id);
    i->device = memcpy(i->message_id + id, r->device, device);
    i->generation = memcpy(i->device + device, r->generation, generation);
    if ((e = map_put(&f->by_place, place_key(&i->at), i))) {
        free(i);
        return e;
    }
    list_add(&f->items, &i->in);
    /* The oldest would be the next to go for its age. */
    if (f->by_place.n > FEEDBACK_MAX)
        item_remove(f, LIST_OF(f->items.next, struct item, in));
    *out = i;
    return OK;
}

/* Batches that are not full leave at once as long as there are few of them: FEEDBACK_AT_ONCE in a row, one more every
 * FEEDBACK_EVERY_MS. f->spent_ms is the time at which all of that would be unused again. A clock that was set back
 * holds nothing up. */
static bool may_leave(const struct feedback *f, int64_t now_ms)
{
    int64_t spent_ms = f->spent_ms - now_ms;

    return spent_ms <= FEEDBACK_REST_MS - FEEDBACK_EVERY_MS || spent_ms > 2 * FEEDBACK_REST_MS;
}

static void left(struct feedback *f, int64_t now_ms)
{
    int64_t spent_ms = f->spent_ms - now_ms;

    assert_locked(&f->lock);
    f->spent_ms = now_ms + FEEDBACK_EVERY_MS + (spent_ms > 0 && spent_ms <= 2 * FEEDBACK_REST_MS ? spent_ms : 0);
}

/* Whose an item is: of the reader, of no reader, or another's alone. */
enum whose { OWN, ANYBODYS, ANOTHERS };

static enum whose whose(const struct item *i, const struct feedback_reader *r, int64_t now_ms)
{
    if (!i->poster)
        return ANYBODYS;
    if (i->poster == r->waker)
        return OWN;
    return now_ms >= i->own_until_ms ? ANYBODYS : ANOTHERS;
}

/* Which of the oldest could make a batch for this reader now; how many. Without a reader: for one or another. */
static size_t batch_of(struct hub *h, const struct feedback_reader *r, enum whose wanted, int64_t now_ms,
                       struct item *out[FEEDBACK_BATCH])
{
    uint64_t durable = store_durable(h->store);
    size_t n = 0;

    assert_locked(&h->feedback->lock);
    LIST_EACH (&h->feedback->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->reader || i->at >= durable || (r && whose(i, r, now_ms) != wanted))
            continue;
        out[n++] = i;
        if (n == FEEDBACK_BATCH)
            return n;
    }
    return may_leave(h->feedback, now_ms) ? n : 0;
}

static enum err append_done(struct hub *h, struct item *const *items, size_t n, uint64_t *at)
{
    struct buf b = buf_max(8 + FEEDBACK_BATCH * sizeof(uint64_t));
    enum err e;

    assert_locked(&h->feedback->lock);
    assert(n > 0 && n <= FEEDBACK_BATCH);
    buf_put_u8(&b, RECORD_VERSION);
    buf_put_u16(&b, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        buf_put_u64(&b, items[i]->at);
    if (!(e = record_append(h, REC_FEEDBACK_DONE, &b, at)))
        h->feedback->done_at = *at;
    buf_free(&b);
    return e;
}

/* ---- the hub's side -------------------------------------------------------------------------------------------- */

void feedback_add(struct hub *h, uint64_t at, const struct feedback_record *r)
{
    struct feedback *f = h->feedback;
    int64_t now_ms = r->ms - atomic_load(&h->ahead_ms);
    struct item *i = NULL, *batch[FEEDBACK_BATCH];

    mutex_lock(&f->lock);
    /* Without memory the sender is not told: the message itself is not touched by that. */
    if (!feedback_item_add(f, at, r, &i))
        i->poster = a_reader_has(h, r->poster) ? r->poster : NULL;
    if (i)
        i->own_until_ms = now_ms + FEEDBACK_OWN_MS;
    if (i && (f->by_place.n >= FEEDBACK_BATCH || may_leave(f, now_ms))) {
        f->undurable = true;
        if (batch_of(h, NULL, ANYBODYS, now_ms, batch))
            wake_readers(h);
    }
    mutex_unlock(&f->lock);
}

static enum err done_apply(struct hub *h, const struct record *record)
{
    struct feedback *f = h->feedback;
    struct rd r = rd_over(record->body);
    uint16_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    n = rd_u16(&r);
    mutex_lock(&f->lock);
    for (uint16_t k = 0; k < n && !r.bad; k++) {
        uint64_t at = rd_u64(&r);
        struct item *i = map_get(&f->by_place, place_key(&at));

        if (i)
            item_remove(f, i);
    }
    mutex_unlock(&f->lock);
    return r.bad ? ERR_DAMAGED : OK;
}

/* Takes no lock under which something is appended: an engine may tell of what it appends before it returns. */
static void feedback_grew(struct hub *h)
{
    if (atomic_exchange(&h->feedback->undurable, false))
        wake_readers(h);
}

static int64_t feedback_tick(struct hub *h, int64_t now_ms)
{
    struct feedback *f = h->feedback;
    struct item *batch[FEEDBACK_BATCH];
    int64_t wall_ms = hub_wall_ms(h, now_ms), next_ms;
    bool late = atomic_load(&h->late);

    mutex_lock(&f->lock);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->reader && i->until_ms <= now_ms)
            item_unlock(i);
        if (!i->reader && i->ms + ttl_ms(h) <= wall_ms && (i->at >= h->started_at || !late))
            item_remove(f, i);
    }
    if (batch_of(h, NULL, ANYBODYS, now_ms, batch))
        wake_readers(h);
    next_ms = may_leave(f, now_ms) ? INT64_MAX : f->spent_ms - FEEDBACK_REST_MS + FEEDBACK_EVERY_MS;
    mutex_unlock(&f->lock);
    return next_ms;
}

/* ---- the receivers' side --------------------------------------------------------------------------------------- */

enum err hub_feedback_open(struct hub *h, struct waker *waker, struct feedback_reader **out)
{
    struct feedback_reader *r = calloc(1, sizeof *r);

    if (!r)
        return ERR_MEMORY;
    r->hub = h;
    r->waker = waker;
    mutex_lock(&h->feedback->readers_lock);
    list_add(&h->feedback->readers, &r->in);
    mutex_unlock(&h->feedback->readers_lock);
    *out = r;
    return OK;
}

void hub_feedback_close(struct feedback_reader *r)
{
    struct hub *h;
    struct feedback *f;
    bool some = false;

    if (!r)
        return;
    h = r->hub;
    f = h->feedback;
    mutex_lock(&h->feedback->readers_lock);
    list_del(&r->in);
    mutex_unlock(&h->feedback->readers_lock);
    mutex_lock(&f->lock);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);

        if (i->poster == r->waker)
            i->poster = NULL;
        if (i->reader == r)
            item_unlock(i);
        some |= !i->reader;
    }
    if (some)
        wake_readers(h);
    mutex_unlock(&f->lock);
    free(r);
}

static void lock_write(struct c2d_lock *lock, uint64_t nonce)
{
    *lock = (struct c2d_lock){0};
    for (unsigned i = 0; i < 8; i++)
        lock->at[8 + i] = (uint8_t)(nonce >> (56 - 8 * i));
}

enum err hub_feedback_next(struct feedback_reader *r, int64_t now_ms, struct feedback_record out[FEEDBACK_BATCH],
                           size_t *n, struct c2d_lock *lock)
{
    struct feedback *f = r->hub->feedback;
    struct item *batch[FEEDBACK_BATCH];
    uint64_t nonce = r->hub->nonce++;
    int64_t soon_ms = now_ms + FEEDBACK_EVERY_MS; /* the clock of whoever was woken may be a little behind */

    mutex_lock(&f->lock);
    *n = batch_of(r->hub, r, OWN, soon_ms, batch);
    if (!*n)
        *n = batch_of(r->hub, r, ANYBODYS, soon_ms, batch);
    if (*n && *n < FEEDBACK_BATCH)
        left(f, now_ms);
    for (size_t k = 0; k < *n; k++) {
        struct item *i = batch[k];

        i->reader = r;
        i->nonce = nonce;
        i->until_ms = now_ms + FEEDBACK_LOCK_MS;
        out[k] = (struct feedback_record){.fate = i->fate, .ms = i->ms};
        snprintf(out[k].message_id, sizeof out[k].message_id, "%s", i->message_id);
        snprintf(out[k].device, sizeof out[k].device, "%s", i->device);
        snprintf(out[k].generation, sizeof out[k].generation, "%s", i->generation);
    }
    mutex_unlock(&f->lock);
    if (*n == 0)
        return ERR_NOT_FOUND;
    lock_write(lock, nonce);
    return OK;
}

/* Under the lock: those that this lock holds. */
static size_t held(struct feedback *f, const struct feedback_reader *r, const struct c2d_lock *lock, int64_t now_ms,
                   struct item *out[FEEDBACK_BATCH])
{
    size_t n = 0;

    assert_locked(&f->lock);
    LIST_EACH (&f->items, it) {
        struct item *i = LIST_OF(it, struct item, in);
        struct c2d_lock its;

        if (i->reader != r || i->until_ms <= now_ms)
            continue;
        lock_write(&its, i->nonce);
        if (!memcmp(&its, lock, sizeof its) && n < FEEDBACK_BATCH)
            out[n++] = i;
    }
    return n;
}

/* Under the lock. Those that came back too often go, the others come again. */
static enum err abandon(struct hub *h, struct item **batch, size_t n, uint64_t *at)
{
    struct item *dead[FEEDBACK_BATCH];
    size_t n_dead = 0;
    enum err e = OK;

    assert_locked(&h->feedback->lock);
    for (size_t k = 0; k < n; k++) {
        item_unlock(batch[k]);
        if (++batch[k]->deliveries >= deliveries_max(h))
            dead[n_dead++] = batch[k];
    }
    if (n_dead && !(e = append_done(h, dead, n_dead, at)))
        for (size_t k = 0; k < n_dead; k++)
            item_remove(h->feedback, dead[k]);
    wake_readers(h);
    return e;
}

enum err hub_feedback_settle(struct feedback_reader *r, const struct c2d_lock *lock, enum outcome how, int64_t now_ms,
                             uint64_t *at)
{
    struct feedback *f = r->hub->feedback;
    struct item *batch[FEEDBACK_BATCH];
    enum err e;
    size_t n;

    *at = 0;
    mutex_lock(&f->lock);
    n = held(f, r, lock, now_ms, batch);
    if (n == 0)
        e = ERR_LOCK_LOST;
    else if (how == OUTCOME_ABANDON)
        e = abandon(r->hub, batch, n, at);
    else if (!(e = append_done(r->hub, batch, n, at)))
        for (size_t k = 0; k < n; k++)
            item_remove(f, batch[k]);
    mutex_unlock(&f->lock);
    return e;
}

enum err hub_feedback_take(struct hub *h, int64_t now_ms, struct feedback_record out[FEEDBACK_BATCH], size_t *n,
                           struct c2d_lock *lock)
{
    return hub_feedback_next(h->feedback->nobody, now_ms, out, n, lock);
}

enum err hub_feedback_take_settle(struct hub *h, const struct c2d_lock *lock, enum outcome how, int64_t now_ms,
                                  uint64_t *at)
{
    return hub_feedback_settle(h->feedback->nobody, lock, how, now_ms, at);
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static enum err feedback_make(struct hub *h)
{
    struct feedback *f = calloc(1, sizeof *f);

    if (!f)
        return ERR_MEMORY;
    mutex_init(&f->lock, RANK_PART);
    mutex_init(&f->readers_lock, RANK_OWN);
    list_init(&f->items);
    list_init(&f->readers);
    map_init(&f->by_place, h->options.hash_seed);
    h->feedback = f;
    if (!(f->nobody = calloc(1, sizeof *f->nobody)))
        return ERR_MEMORY;
    f->nobody->hub = h;
    return OK;
}

static void feedback_free(struct hub *h)
{
    struct feedback *f = h->feedback;

    if (!f)
        return;
    LIST_EACH (&f->items, it)
        free(LIST_OF(it, struct item, in));
    map_free(&f->by_place);
    free(f->gone);
    free(f->nobody);
    mutex_destroy(&f->readers_lock);
    mutex_destroy(&f->lock);
    free(f);
}

static const struct record_kind kinds[] = {
    {REC_FEEDBACK_DONE, ROOM_UPKEEP, "the settling of feedback", SAYS_NOTHING, done_apply},
};

const struct part feedback_part = {.name = "feedback",
                                   .kinds = kinds,
                                   .n_kinds = sizeof kinds / sizeof *kinds,
                                   .make = feedback_make,
                                   .free = feedback_free,
                                   .keep = feedback_keep,
                                   .kept = feedback_kept,
                                   .load = feedback_load,
                                   .grew = feedback_grew,
                                   .tick = feedback_tick};
