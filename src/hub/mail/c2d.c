/* Cloud-to-device messages in the log (device 5): one record puts a message into a mailbox, one takes it out with its
 * fate, one counts that it was abandoned. Locks are not recorded: after a restart every message that is left is free.
 *
 *   in:    version | device id | u64 number | i64 enqueued, ms | i64 expiry, ms | u8 ack | message id | AMQP 1.0
 *     sections
 *   out:   version | device id | u64 number | u8 fate | i64 ms | u8 is feedback wanted | message id | generation
 *   count: version | device id | u64 number | u8 delivery count */
#include "c2d.h"

#include "ceiling.h"
#include "feedback.h"
#include "identities.h"
#include "sections.h"
#include "tell.h"

#include <stdio.h>
#include <stdlib.h>

bool ack_parse(struct bytes text, enum ack *out)
{
    static const char *const names[] = {
        [ACK_NONE] = "none", [ACK_POSITIVE] = "positive", [ACK_NEGATIVE] = "negative", [ACK_FULL] = "full"};

    *out = ACK_NONE;
    if (!text.at)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (bytes_eq_nocase(text, bytes_str(names[i]))) {
            *out = (enum ack)i;
            return true;
        }
    }
    return false;
}

const char *fate_name(enum fate fate)
{
    static const char *const names[] = {[FATE_SUCCESS] = "Success",
                                        [FATE_EXPIRED] = "Expired",
                                        [FATE_DELIVERY_COUNT] = "DeliveryCountExceeded",
                                        [FATE_REJECTED] = "Rejected",
                                        [FATE_PURGED] = "Purged"};
    return names[fate];
}

static bool wants_feedback(enum ack ack, enum fate fate)
{
    return fate == FATE_SUCCESS ? ack == ACK_POSITIVE || ack == ACK_FULL : ack == ACK_NEGATIVE || ack == ACK_FULL;
}

static unsigned deliveries_max(const struct hub *h)
{
    return h->options.c2d.deliveries ? h->options.c2d.deliveries : C2D_DELIVERIES_DEFAULT;
}

/* ---- into the mailbox ------------------------------------------------------------------------------------------ */

struct head {
    char id[ID_LEN_MAX + 1];
    char message_id[ID_LEN_MAX + 1];
    struct letter letter;
    struct bytes sections;
};

static enum err head_decode(struct bytes body, struct head *out)
{
    struct rd r = rd_over(body);

    *out = (struct head){0};
    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, out->id, sizeof out->id);
    out->letter.sequence = rd_u64(&r);
    out->letter.enqueued_ms = (int64_t)rd_u64(&r);
    out->letter.expiry_ms = (int64_t)rd_u64(&r);
    out->letter.ack = rd_u8(&r);
    rd_text(&r, out->message_id, sizeof out->message_id);
    out->sections = rd_rest(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

enum err c2d_sections(struct bytes body, struct bytes *out)
{
    struct head head;
    enum err e = head_decode(body, &head);

    *out = head.sections;
    return e;
}

/* Under the shard's lock; what can fail has been done before. */
static void letter_become(struct identity *i, const struct letter *l)
{
    assert_locked(&i->shard->lock);
    assert(l->at && l->sequence >= i->c2d_next);
    mailbox_add(i->mailbox, l);
    i->c2d_next = l->sequence + 1;
    i->dirty = true;
    i->changed_at = l->at;
}

enum err c2d_apply(struct hub *h, const struct record *r)
{
    struct identity *i;
    struct mailbox *m;
    struct head head;
    struct shard *s;
    enum err e = head_decode(r->body, &head);

    if (e)
        return e;
    head.letter.at = r->at;
    s = shard_of(h, bytes_str(head.id));
    mutex_lock(&s->lock);
    e = identity_get(h, s, bytes_str(head.id), &i);
    /* A checkpoint that is ahead of this record knows the message, or that it has gone. */
    if (!e && head.letter.sequence >= i->c2d_next && !(e = mailbox_of(i, &m)) &&
        !(e = mailbox_reserve(s, m, head.letter.expiry_ms))) {
        if (head.message_id[0] && !(head.letter.message_id = strdup(head.message_id)))
            e = ERR_MEMORY;
        else
            letter_become(i, &head.letter);
    }
    mutex_unlock(&s->lock);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* A message to be posted, checked as far as it can be without the device. */
static enum err letter_make(const struct hub *h, const struct msg *m, int64_t wall_ms, struct letter *out)
{
    int64_t ttl_ms = h->options.c2d.ttl_ms ? h->options.c2d.ttl_ms : C2D_TTL_DEFAULT_MS;
    enum ack ack;

    if (msg_size(m) > C2D_LEN_MAX)
        return ERR_TOO_LARGE;
    if (!ack_parse(m->ack, &ack) || m->message_id.len > ID_LEN_MAX ||
        bytes_find(m->message_id, '\0') < m->message_id.len)
        return ERR_ARGUMENT;
    if (m->expiry_ms && m->expiry_ms <= wall_ms)
        return ERR_RANGE;
    *out = (struct letter){.enqueued_ms = wall_ms, .expiry_ms = m->expiry_ms, .ack = (uint8_t)ack, .poster = m->poster};
    if (!out->expiry_ms)
        out->expiry_ms = wall_ms + ttl_ms;
    else if (out->expiry_ms > wall_ms + C2D_TTL_MAX_MS)
        out->expiry_ms = wall_ms + C2D_TTL_MAX_MS;
    return OK;
}

/* The record's parts; the scratch is the shard's. */
static enum err letter_append(struct hub *h, struct buf *b, const struct identity *i, const struct msg *m,
                              struct letter *l)
{
    char to[sizeof "/devices//messages/devicebound" + IDENTITY_LEN_MAX];
    struct msg stored = *m;
    struct bytes parts[2];
    struct draft d = {.kind = REC_C2D, .parts = parts, .n_parts = 2};

    /* The device gets it as it was written; whoever has none to write is not told from others (device 2.10). */
    snprintf(to, sizeof to, "/devices/%s/messages/devicebound", i->device.id);
    if (!stored.to.len)
        stored.to = bytes_str(to);
    buf_clear(b);
    buf_put_u8(b, RECORD_VERSION);
    put_text(b, i->device.id);
    buf_put_u64(b, l->sequence);
    buf_put_u64(b, (uint64_t)l->enqueued_ms);
    buf_put_u64(b, (uint64_t)l->expiry_ms);
    buf_put_u8(b, l->ack);
    put_text(b, l->message_id ? l->message_id : "");
    put_properties(b, &stored);
    put_application_properties(b, &stored, false);
    put_data_head(b, m->body.len);
    if (b->bad)
        return ERR_TOO_LARGE;
    parts[0] = buf_bytes(b);
    parts[1] = m->body;
    return store_append(h->store, &d, &l->at);
}

/* Under the shard's lock. */
static enum err post_locked(struct hub *h, struct shard *s, struct identity *i, const struct msg *m, struct letter *l)
{
    unsigned depth = h->options.c2d.depth ? h->options.c2d.depth : MAILBOX_DEPTH_DEFAULT;
    struct mailbox *box;
    enum err e = mailbox_of(i, &box);

    assert_locked(&s->lock);
    assert(i->shard == s && !i->gone);
    if (e)
        return e;
    if (box->n >= depth)
        return ERR_FULL;
    if (!mail_room_take(h, C2D_KEPT_ROOM + msg_size(m)))
        return ERR_DISK_FULL;
    if ((e = mailbox_reserve(s, box, l->expiry_ms)))
        return e;
    if (l->ack != ACK_NONE && m->message_id.len) {
        if (!(l->message_id = malloc(m->message_id.len + 1)))
            return ERR_MEMORY;
        memcpy(l->message_id, m->message_id.at, m->message_id.len);
        l->message_id[m->message_id.len] = 0;
    }
    l->sequence = i->c2d_next ? i->c2d_next : 1;
    if ((e = letter_append(h, &s->scratch, i, m, l))) {
        free(l->message_id);
        return e;
    }
    letter_become(i, l);
    hub_trace(h, "message %llu for %s: enqueued", (unsigned long long)l->sequence, i->device.id);
    mail_tell(h, i, l->at);
    return OK;
}

enum err hub_post(struct hub *h, struct bytes device, const struct msg *m, int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, device);
    size_t size = msg_size(m);
    struct letter l;
    struct identity *i;
    enum err e = letter_make(h, m, hub_wall_ms(h, now_ms), &l);

    if (!e && identity_is_module(device)) /* device 2.10: modules have no mailbox */
        e = ERR_NOT_FOUND;
    if (e || (e = hub_lets(h, size, now_ms)))
        return e;
    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, device, &i)))
        mail_expire(h, s, i, now_ms); /* what has expired must not be what fills the mailbox */
    if (!e)
        e = post_locked(h, s, i, m, &l);
    mutex_unlock(&s->lock);
    if (e)
        return e;
    *at = l.at;
    hub_took(h, size, now_ms);
    return OK;
}

/* ---- out of the mailbox ---------------------------------------------------------------------------------------- */

/* Under the shard's lock: a record that is in the log. What the checkpoint knows already changes nothing. */
static void out_become(struct identity *i, uint64_t sequence, uint64_t at)
{
    struct letter *l = mailbox_find(i->mailbox, sequence);

    assert_locked(&i->shard->lock);
    if (!l)
        return;
    mailbox_remove(i->mailbox, l);
    i->dirty = true;
    i->changed_at = at;
}

/* Under the shard's lock: the message leaves, whoever wanted to know is told. */
enum err letter_out(struct hub *h, struct identity *i, const struct letter *l, enum fate fate, int64_t now_ms,
                    uint64_t *at)
{
    struct feedback_record told = {.fate = fate, .ms = hub_wall_ms(h, now_ms), .poster = l->poster};
    bool wanted = wants_feedback((enum ack)l->ack, fate);
    const char *id = l->message_id ? l->message_id : "";
    struct buf *b = &shard_of(h, bytes_str(i->device.id))->scratch;
    uint64_t sequence = l->sequence;
    enum err e;

    assert_locked(&i->shard->lock);
    assert(fate <= FATE_PURGED);
    buf_clear(b);
    buf_put_u8(b, RECORD_VERSION);
    put_text(b, i->device.id);
    buf_put_u64(b, sequence);
    buf_put_u8(b, (uint8_t)fate);
    buf_put_u64(b, (uint64_t)told.ms);
    buf_put_u8(b, wanted);
    put_text(b, wanted ? id : "");
    put_text(b, wanted ? i->device.generation : "");
    if (wanted) {
        snprintf(told.message_id, sizeof told.message_id, "%s", id);
        memcpy(told.device, i->device.id, sizeof told.device);
        memcpy(told.generation, i->device.generation, sizeof told.generation);
    }
    /* Purging is the operator's, also of the mailbox of what is deleted. */
    if ((e = record_append_in(h->store, fate == FATE_PURGED ? ROOM_REGISTRY : ROOM_UPKEEP, REC_C2D_OUT, b, at)))
        return e;
    out_become(i, sequence, *at);
    if (wanted)
        feedback_add(h, *at, &told);
    hub_trace(h, "message %llu for %s: %s", (unsigned long long)sequence, i->device.id, fate_name(fate));
    return OK;
}

enum err c2d_out_apply(struct hub *h, const struct record *record)
{
    struct feedback_record told = {0};
    struct rd r = rd_over(record->body);
    struct identity *i;
    struct shard *s;
    uint64_t sequence;
    bool wanted;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, told.device, sizeof told.device);
    sequence = rd_u64(&r);
    told.fate = (enum fate)rd_u8(&r);
    told.ms = (int64_t)rd_u64(&r);
    wanted = rd_u8(&r) != 0;
    rd_text(&r, told.message_id, sizeof told.message_id);
    rd_text(&r, told.generation, sizeof told.generation);
    if (r.bad || told.fate > FATE_PURGED)
        return ERR_DAMAGED;
    s = shard_of(h, bytes_str(told.device));
    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, bytes_str(told.device), &i)))
        out_become(i, sequence, record->at);
    mutex_unlock(&s->lock);
    if (wanted)
        feedback_add(h, record->at, &told);
    return e == ERR_NOT_FOUND ? OK : e;
}

static void count_become(struct shard *s, struct identity *i, uint64_t sequence, uint8_t count, uint64_t at)
{
    struct letter *l = mailbox_find(i->mailbox, sequence);

    assert_locked(&s->lock);
    assert(i->shard == s);
    if (!l)
        return;
    l->deliveries = count;
    mailbox_unlock(s, i->mailbox, l);
    i->dirty = true;
    i->changed_at = at;
}

enum err c2d_count_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    char id[ID_LEN_MAX + 1];
    struct identity *i;
    struct shard *s;
    uint64_t sequence;
    uint8_t count;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, id, sizeof id);
    sequence = rd_u64(&r);
    count = rd_u8(&r);
    if (r.bad)
        return ERR_DAMAGED;
    s = shard_of(h, bytes_str(id));
    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, bytes_str(id), &i)))
        count_become(s, i, sequence, count, record->at);
    mutex_unlock(&s->lock);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Under the shard's lock. device 5: only who gives it back counts; too often, and it is a dead letter. */
static enum err letter_abandon(struct hub *h, struct identity *i, struct letter *l, int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, bytes_str(i->device.id));
    struct buf *b = &s->scratch;
    uint8_t count = (uint8_t)(l->deliveries + 1);
    enum err e;

    assert_locked(&i->shard->lock);
    if (count >= deliveries_max(h))
        return letter_out(h, i, l, FATE_DELIVERY_COUNT, now_ms, at);
    buf_clear(b);
    buf_put_u8(b, RECORD_VERSION);
    put_text(b, i->device.id);
    buf_put_u64(b, l->sequence);
    buf_put_u8(b, count);
    if ((e = record_append(h, REC_C2D_COUNT, b, at)))
        return e;
    hub_trace(h, "message %llu for %s: abandoned", (unsigned long long)l->sequence, i->device.id);
    count_become(s, i, l->sequence, count, *at);
    mail_tell(h, i, l->at);
    return OK;
}

enum err letter_settle(struct hub *h, struct identity *i, struct letter *l, enum outcome how, int64_t now_ms,
                       uint64_t *at)
{
    assert(l->locked);
    switch (how) {
    case OUTCOME_COMPLETE:
        return letter_out(h, i, l, FATE_SUCCESS, now_ms, at);
    case OUTCOME_REJECT:
        return letter_out(h, i, l, FATE_REJECTED, now_ms, at);
    case OUTCOME_ABANDON:
        return letter_abandon(h, i, l, now_ms, at);
    }
    return ERR_ARGUMENT;
}

enum err mail_drop_all(struct hub *h, struct identity *i, enum fate fate, int64_t now_ms, uint64_t *n, uint64_t *at)
{
    enum err e = OK;

    assert_locked(&i->shard->lock);
    while (!e && i->mailbox && i->mailbox->n) {
        e = letter_out(h, i, &i->mailbox->at[i->mailbox->head], fate, now_ms, at);
        *n += !e;
    }
    return e;
}

enum err hub_purge(struct hub *h, struct bytes device, int64_t now_ms, uint64_t *n, uint64_t *at)
{
    struct shard *s = shard_of(h, device);
    struct identity *i;
    enum err e;

    *n = 0;
    *at = 0;
    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, device, &i)))
        e = mail_drop_all(h, i, FATE_PURGED, now_ms, n, at);
    mutex_unlock(&s->lock);
    return e;
}

/* A message of before the start stays when the clock was far from where it had been: it may be wrong. */
static bool may_expire(const struct hub *h, const struct letter *l)
{
    return l->at >= h->started_at || !atomic_load(&h->late);
}

/* A letter that is due is unlocked, if only its lock has ended, or else leaves. True: something became of it, for which
 * others may have waited. It stays when its end cannot be written (a full disk): it is tried again, and not delivered
 * meanwhile. */
static bool end_what_is_due(struct hub *h, struct identity *i, struct letter *l, int64_t now_ms)
{
    uint64_t at;

    if (l->locked && !l->holder && l->expiry_ms > hub_wall_ms(h, now_ms)) {
        hub_trace(h, "message %llu for %s: its lock expired", (unsigned long long)l->sequence, i->device.id);
        l->tried = true;
        mailbox_unlock(i->shard, i->mailbox, l);
        return true;
    }
    return may_expire(h, l) && !letter_out(h, i, l, FATE_EXPIRED, now_ms, &at);
}

/* When the mailbox has to be looked at again; a second from now, at the earliest, for what could not leave. */
static void set_due(struct shard *s, struct mailbox *m, int64_t due_ms, int64_t wall_ms)
{
    if (due_ms == INT64_MAX)
        heap_del(&s->due, &m->due);
    else if (heap_set(&s->due, &m->due, due_ms > wall_ms ? due_ms : wall_ms + 1000))
        assert(!m->due.place); /* one that is in the heap only moves */
}

/* Everything is looked at: this comes when something is due, so seldom. */
void mail_expire(struct hub *h, struct shard *s, struct identity *i, int64_t now_ms)
{
    struct mailbox *m = i->mailbox;
    int64_t wall_ms = hub_wall_ms(h, now_ms), ahead_ms = wall_ms - now_ms, due_ms = INT64_MAX;
    bool ended = false;

    assert_locked(&s->lock);
    assert(i->shard == s);
    if (!m || !m->due.place || m->due.due_ms > wall_ms)
        return;
    for (size_t k = 0, n = m->n; k < m->n; n = m->n) {
        struct letter *l = &m->at[m->head + k];

        if (letter_due(l, ahead_ms) <= wall_ms && end_what_is_due(h, i, l, now_ms))
            ended = true;
        if (m->n < n)
            continue; /* it left, and the next one stands in its place */
        if (letter_due(l, ahead_ms) < due_ms)
            due_ms = letter_due(l, ahead_ms);
        k++;
    }
    set_due(s, m, due_ms, wall_ms);
    if (ended && m->n)
        mail_tell(h, i, 0);
}
