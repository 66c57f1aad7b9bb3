/* Taking messages out of a mailbox: the holder of the seat, and those without one. Rule 5 of the design: they are
 * pulled; what crosses threads is a wake without contents. A message is delivered when it is durable, and its body is
 * read where it lies, outside of all locks. */
#include "c2d.h"
#include "identities.h"
#include "lost.h"
#include "mail_keep.h"
#include "mailbox.h"
#include "tell.h"
#include "text.h"

/* ---- names of locks: the number of the message, then what no other lock had ------------------------------------ */

static struct c2d_lock lock_make(const struct letter *l)
{
    struct c2d_lock lock;

    for (unsigned i = 0; i < 8; i++) {
        lock.at[i] = (uint8_t)(l->sequence >> (56 - 8 * i));
        lock.at[8 + i] = (uint8_t)(l->nonce >> (56 - 8 * i));
    }
    return lock;
}

static void lock_read(const struct c2d_lock *lock, uint64_t *sequence, uint64_t *nonce)
{
    *sequence = *nonce = 0;
    for (unsigned i = 0; i < 8; i++) {
        *sequence = *sequence << 8 | lock->at[i];
        *nonce = *nonce << 8 | lock->at[8 + i];
    }
}

/* ---- names of locks as text ------------------------------------------------------------------------------------ */

void lock_text(const struct c2d_lock *lock, char out[GUID_TEXT_CAP])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof lock->at; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[lock->at[i] >> 4];
        *out++ = digits[lock->at[i] & 15];
    }
    *out = 0;
}

bool lock_parse(struct bytes text, struct c2d_lock *out)
{
    char hex[32];
    size_t n = 0, len;

    for (size_t i = 0; i < text.len; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.at[i] != '-')
                return false;
        } else if (n < sizeof hex) {
            hex[n++] = (char)text.at[i];
        }
    }
    return text.len == GUID_TEXT_CAP - 1 && !hex_decode(bytes_of(hex, n), out->at, sizeof out->at, &len) && len == 16;
}

/* ---- taking ---------------------------------------------------------------------------------------------------- */

/* Behind those that have expired and stay for now (mail_expire()). */
static struct letter *first_alive(struct mailbox *m, int64_t wall_ms)
{
    struct letter *l = mailbox_first_free(m);

    while (l && (l->locked || l->expiry_ms <= wall_ms))
        l = l + 1 < m->at + m->head + m->n ? l + 1 : NULL;
    return l;
}

/* Under the shard's lock: the first free message that is durable, locked. *at is its place; with ERR_NOT_FOUND the
 * place that has to become durable, or 0. */
static enum err take_first(struct hub *h, struct shard *s, struct identity *i, struct seat *holder, int64_t now_ms,
                           struct c2d *out, uint64_t *at)
{
    int64_t wall_ms = hub_wall_ms(h, now_ms);
    struct letter *l;

    assert_locked(&s->lock);
    assert(i->shard == s && (!holder || holder->identity == i));
    mail_expire(h, s, i, now_ms);
    *at = 0;
    l = first_alive(i->mailbox, wall_ms);
    if (!l)
        return ERR_NOT_FOUND;
    *at = l->at;
    if (!mail_is_durable(h, l->at))
        return ERR_NOT_FOUND;
    if (!holder) {
        /* The end of this lock is an appointment, which has to be kept. */
        enum err e = mailbox_reserve(s, i->mailbox, wall_ms + C2D_LOCK_MS);
        if (e)
            return e;
        l = first_alive(i->mailbox, wall_ms);
    }
    assert(l && l->at < store_durable(h->store));
    mailbox_lock(i->mailbox, l, holder, now_ms + C2D_LOCK_MS, h->nonce++);
    hub_trace(h, "message %llu for %s: locked", (unsigned long long)l->sequence, i->device.id);
    *out = (struct c2d){.lock = lock_make(l),
                        .sequence = l->sequence,
                        .delivery_count = l->deliveries,
                        .again = l->tried,
                        .enqueued_ms = l->enqueued_ms,
                        .expiry_ms = l->expiry_ms};
    return OK;
}

/* From the log, or from the checkpoint where the log has been trimmed. ERR_DAMAGED: neither has it. */
static enum err read_body(struct hub *h, struct bytes device, uint64_t at, struct cursor *c, struct buf *kept,
                          struct bytes *sections)
{
    struct record r;
    enum err e, from_log;

    c->at = at;
    c->kind = c->lane = -1;
    from_log = store_read(h->store, c, &r);
    if (!from_log && r.at == at && r.kind == REC_C2D && !c2d_sections(r.body, sections))
        return OK;
    buf_clear(kept);
    if (!(e = mail_body(h, device, at, kept)))
        *sections = buf_bytes(kept);
    if (e == ERR_NOT_FOUND)
        e = !from_log || from_log == ERR_NOT_FOUND ? ERR_DAMAGED : from_log;
    return e;
}

/* A message that could not be read is free again. */
static void give_back(struct seat *seat, uint64_t sequence)
{
    mutex_lock(&seat->shard->lock);
    if (seat->identity) {
        struct mailbox *m = seat->identity->mailbox;
        struct letter *l = mailbox_find(m, sequence);

        if (l && l->holder == seat)
            mailbox_unlock(seat->shard, m, l);
    }
    mutex_unlock(&seat->shard->lock);
}

static void take_back(struct hub *h, struct bytes device, uint64_t sequence)
{
    struct shard *s = shard_of(h, device);
    struct identity *i;
    struct letter *l;

    mutex_lock(&s->lock);
    if (!identity_get(h, s, device, &i) && (l = mailbox_find(i->mailbox, sequence)) && !l->holder)
        mailbox_unlock(s, i->mailbox, l);
    mutex_unlock(&s->lock);
}

/* Locks one; *at is its place. */
static enum err next_locked(struct seat *seat, int64_t now_ms, struct c2d *out, uint64_t *at)
{
    enum err e;

    *at = 0;
    mutex_lock(&seat->shard->lock);
    e = seat_state(seat);
    if (!e)
        e = take_first(seat->hub, seat->shard, seat->identity, seat, now_ms, out, at);
    if (e == ERR_NOT_FOUND && *at)
        mail_tell(seat->hub, seat->identity, *at); /* it comes when it is durable */
    else if (e == ERR_NOT_FOUND)
        seat->mail.there = false;
    mutex_unlock(&seat->shard->lock);
    return e;
}

/* A message that can never be read is no reason not to deliver the next one. */
enum err hub_next(struct seat *seat, int64_t now_ms, struct c2d *out)
{
    struct hub *h = seat->hub;
    uint64_t at = 0;
    bool again;
    enum err e;

    if (!seat->mail.there)
        return ERR_NOT_FOUND;
    do {
        again = false;
        e = next_locked(seat, now_ms, out, &at);
        if (!e && (e = read_body(h, bytes_str(seat->id), at, &seat->mail.cursor, &seat->mail.kept, &out->sections))) {
            give_back(seat, out->sequence);
            again = e == ERR_DAMAGED && !mail_lost(h, bytes_str(seat->id), out->sequence, now_ms);
        }
    } while (again);
    if (e) { /* a segment that is held cannot be used again */
        store_cursor_close(h->store, &seat->mail.cursor);
        buf_free(&seat->mail.kept);
        seat->mail.kept = buf_max(RECORD_LEN_MAX);
    }
    return e;
}

/* Locks the first and copies its body into `room`; ERR_DAMAGED: it is free again, and cannot be read. */
static enum err take_one(struct hub *h, struct bytes device, int64_t now_ms, struct buf *room, struct c2d *out)
{
    struct shard *s = shard_of(h, device);
    struct buf kept = buf_max(RECORD_LEN_MAX);
    struct cursor c = {0};
    struct bytes sections;
    struct identity *i;
    uint64_t at;
    enum err e;

    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, device, &i)))
        e = take_first(h, s, i, NULL, now_ms, out, &at);
    mutex_unlock(&s->lock);
    if (e)
        return e;
    buf_clear(room);
    if (!(e = read_body(h, device, at, &c, &kept, &sections))) {
        buf_put(room, sections);
        out->sections = buf_bytes(room);
        e = buf_check(room);
    }
    store_cursor_close(h->store, &c);
    buf_free(&kept);
    if (e)
        take_back(h, device, out->sequence);
    return e;
}

enum err hub_take(struct hub *h, struct bytes device, int64_t now_ms, struct buf *room, struct c2d *out)
{
    enum err e;

    do
        e = take_one(h, device, now_ms, room, out);
    while (e == ERR_DAMAGED && !mail_lost(h, device, out->sequence, now_ms));
    return e;
}

/* ---- settling -------------------------------------------------------------------------------------------------- */

/* Under the shard's lock. */
static enum err settle_locked(struct hub *h, struct identity *i, const struct seat *holder, const struct c2d_lock *lock,
                              enum outcome how, int64_t now_ms, uint64_t *at)
{
    uint64_t sequence, nonce;
    struct letter *l;

    assert_locked(&i->shard->lock);
    lock_read(lock, &sequence, &nonce);
    l = mailbox_find(i->mailbox, sequence);
    if (!l || !l->locked || l->nonce != nonce || l->holder != holder)
        return ERR_LOCK_LOST;
    return letter_settle(h, i, l, how, now_ms, at);
}

enum err hub_settle(struct seat *seat, const struct c2d_lock *lock, enum outcome how, int64_t now_ms, uint64_t *at)
{
    enum err e;

    mutex_lock(&seat->shard->lock);
    if (!(e = seat_state(seat))) {
        mail_expire(seat->hub, seat->shard, seat->identity, now_ms);
        e = settle_locked(seat->hub, seat->identity, seat, lock, how, now_ms, at);
    }
    mutex_unlock(&seat->shard->lock);
    return e;
}

enum err hub_take_settle(struct hub *h, struct bytes device, const struct c2d_lock *lock, enum outcome how,
                         int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, device);
    struct identity *i;
    enum err e;

    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, device, &i))) {
        mail_expire(h, s, i, now_ms);
        e = settle_locked(h, i, NULL, lock, how, now_ms, at);
    }
    mutex_unlock(&s->lock);
    return e;
}

void hub_release(struct seat *seat, int64_t now_ms)
{
    struct shard *s = seat->shard;

    mutex_lock(&s->lock);
    if (seat->identity) {
        if (mailbox_release(s, seat->identity->mailbox, seat))
            mail_tell(seat->hub, seat->identity, 0);
        mail_expire(seat->hub, s, seat->identity, now_ms);
    }
    mutex_unlock(&s->lock);
}
