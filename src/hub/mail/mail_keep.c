/* Mailboxes in the checkpoint: "m/{device}/{number}" is a message that waits there, "b/{device}/{place}" its body, so
 * that the log need not be kept for it, and "x/{time}/{device}" leads to the mailboxes where something expires. Message
 * and body come and go in one transaction; only what changed is written, and a message that comes and goes between two
 * checkpoints never is. */
#include "mail_keep.h"

#include "c2d.h"
#include "keeping.h"
#include "mailbox.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { OLD_VALUE_MAX = 64 << 20, DUE_MAX = 1024 };

struct bytes mail_old_key(char out[STATE_KEY_MAX], struct bytes id)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "m/%.*s", BYTES_ARG(id)));
}

struct bytes letter_prefix(char out[STATE_KEY_MAX], struct bytes id)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "m/%.*s/", BYTES_ARG(id)));
}

static struct bytes letter_key(char out[STATE_KEY_MAX], struct bytes id, uint64_t sequence)
{
    return bytes_of(
        out, (size_t)snprintf(out, STATE_KEY_MAX, "m/%.*s/%016llx", BYTES_ARG(id), (unsigned long long)sequence));
}

bool letter_number(struct bytes key, uint64_t *out)
{
    uint8_t number[8];
    size_t len;

    if (key.len < 16 || hex_decode(bytes_skip(key, key.len - 16), number, sizeof number, &len) || len != sizeof number)
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof number; i++)
        *out = *out << 8 | number[i];
    return true;
}

static struct bytes body_key(char out[STATE_KEY_MAX], struct bytes id, uint64_t at)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "b/%.*s/%016llx", BYTES_ARG(id), (unsigned long long)at));
}

struct bytes mail_due_key(char out[STATE_KEY_MAX], struct bytes id, int64_t due_ms)
{
    return bytes_of(out,
                    (size_t)snprintf(out, STATE_KEY_MAX, "x/%016llx/%.*s", (unsigned long long)due_ms, BYTES_ARG(id)));
}

enum err mail_body(struct hub *h, struct bytes id, uint64_t at, struct buf *out)
{
    char key[STATE_KEY_MAX];

    return state_get(h->state, body_key(key, id, at), out);
}

/* ---- what the checkpoint has of a mailbox ----------------------------------------------------------------------- */

/* A letter there; `hash` of its value, 0: it has no value of its own, only a place in the one of before. */
struct kept {
    uint64_t sequence, at, hash;
};

struct kept_list {
    struct buf b; /* of struct kept, by number */
    enum err e;
};

static const struct kept *kept_at(const struct kept_list *l, size_t i)
{
    return i < l->b.len / sizeof(struct kept) ? (const struct kept *)(const void *)l->b.at + i : NULL;
}

static void kept_add(struct kept_list *l, const struct kept *k)
{
    buf_put(&l->b, bytes_of(k, sizeof *k));
    if (l->b.bad)
        l->e = ERR_MEMORY;
}

static bool kept_letter(void *ctx, struct bytes key, struct bytes value)
{
    struct rd r = rd_over(bytes_skip(value, 1));
    struct kept_list *l = ctx;
    struct kept k = {.at = rd_u64(&r), .hash = bytes_hash(value, 0) | 1};

    if (r.bad || !letter_number(key, &k.sequence))
        l->e = ERR_DAMAGED;
    else
        kept_add(l, &k);
    return !l->e;
}

static int by_number(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;

    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return x->hash == y->hash ? 0 : x->hash < y->hash ? -1 : 1;
}

/* Reads those in the value of before, too; of two of one number the one with its own value is the later. */
static enum err kept_old(struct hub *h, struct bytes id, struct kept_list *l, int64_t *due_ms)
{
    struct buf value = buf_max(OLD_VALUE_MAX);
    char key[STATE_KEY_MAX];
    struct letter letter;
    struct rd r;
    enum err e = state_get(h->state, mail_old_key(key, id), &value);

    if (e == ERR_NOT_FOUND)
        e = OK;
    r = mailbox_old_begin(buf_bytes(&value), due_ms);
    while (!e && !(e = mailbox_old_next(&r, &letter))) {
        kept_add(l, &(struct kept){letter.sequence, letter.at, 0});
        free(letter.message_id);
        e = l->e;
    }
    if (l->b.len)
        qsort(l->b.at, l->b.len / sizeof(struct kept), sizeof(struct kept), by_number);
    buf_free(&value);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* ---- writing it ------------------------------------------------------------------------------------------------- */

static void is_lost(struct keeping *k, struct bytes id, uint64_t sequence)
{
    buf_put_u8(&k->lost, (uint8_t)id.len);
    buf_put(&k->lost, id);
    buf_put_u64(&k->lost, sequence);
}

/* From the log, where it must be durable by now. One that cannot be read there never will be: it must not hold up all
 * the others, and the device is not going to get that message. */
static enum err copy_body(struct keeping *k, struct bytes id, uint64_t sequence, uint64_t at)
{
    struct cursor c = {.at = at, .kind = -1, .lane = -1};
    struct store *store = k->hub->store;
    char key[STATE_KEY_MAX];
    struct record r = {.at = 0};
    struct bytes sections;
    enum err e = store_sync(store, at);

    if (e)
        return e;
    e = store_read(store, &c, &r);
    if (e == ERR_NOT_FOUND || (!e && (r.at != at || r.kind != REC_C2D)) || (!e && c2d_sections(r.body, &sections)))
        e = ERR_DAMAGED;
    if (e == ERR_DAMAGED) {
        is_lost(k, id, sequence);
        e = OK;
    } else if (!e) {
        e = keeping_put(k, body_key(key, id, at), sections);
    }
    store_cursor_close(store, &c);
    return e;
}

static enum err letter_gone(struct keeping *k, struct bytes id, const struct kept *was)
{
    char key[STATE_KEY_MAX];
    enum err e = keeping_del(k, body_key(key, id, was->at));

    if (!e && was->hash)
        e = keeping_del(k, letter_key(key, id, was->sequence));
    return e ? e : keeping_step(k);
}

/* `was` may be NULL. */
static enum err letter_keep(struct keeping *k, struct bytes id, const struct kept *was, uint64_t sequence,
                            struct bytes value)
{
    struct rd r = rd_over(bytes_skip(value, 1));
    uint64_t at = rd_u64(&r);
    char key[STATE_KEY_MAX];
    enum err e = OK;

    if (was && was->at == at && was->hash == (bytes_hash(value, 0) | 1))
        return OK;
    if (was && was->at != at)
        e = keeping_del(k, body_key(key, id, was->at));
    if (!e && (!was || was->at != at))
        e = copy_body(k, id, sequence, at);
    if (!e)
        e = keeping_put(k, letter_key(key, id, sequence), value);
    return e ? e : keeping_step(k);
}

/* Both are sorted by number: what is only in the old one goes, what is only in the new one comes. */
static enum err letters_keep(struct keeping *k, struct bytes id, const struct kept_list *old, struct bytes letters)
{
    struct rd r = rd_over(letters);
    const struct kept *was;
    enum err e = OK;
    size_t n = 0;

    while (!e && rd_left(&r)) {
        uint64_t sequence = rd_u64(&r);
        struct bytes value = rd_str16(&r);

        while (!e && (was = kept_at(old, n)) && was->sequence < sequence) {
            e = letter_gone(k, id, was);
            n++;
        }
        while (!e && was && was->sequence == sequence && kept_at(old, n + 1) &&
               kept_at(old, n + 1)->sequence == sequence)
            was = kept_at(old, ++n);
        if (!e)
            e = letter_keep(k, id, was && was->sequence == sequence ? was : NULL, sequence, value);
        n += was && was->sequence == sequence;
    }
    while (!e && (was = kept_at(old, n++)))
        e = letter_gone(k, id, was);
    return e;
}

/* In the transaction that the device's own value comes in. */
static enum err due_keep(struct keeping *k, struct bytes id, int64_t was_ms, int64_t is_ms)
{
    char key[STATE_KEY_MAX];
    enum err e = OK;

    if (was_ms == is_ms)
        return OK;
    if (was_ms != INT64_MAX)
        e = keeping_del(k, mail_due_key(key, id, was_ms));
    if (!e && is_ms != INT64_MAX)
        e = keeping_put(k, mail_due_key(key, id, is_ms), BYTES("1"));
    return e;
}

enum err mail_keep(struct keeping *k, struct bytes id, const struct identity *was, const struct identity *is,
                   struct bytes letters)
{
    struct kept_list old = {.b = buf_max(STATE_BATCH_MAX)};
    int64_t was_ms = was->kept_due_ms;
    char key[STATE_KEY_MAX];
    enum err e = OK;

    if (identity_is_module(id)) /* it has no mailbox, and the keys of its device's begin as its own would */
        return OK;
    /* Most devices never had any. One that is deleted may have letters of a checkpoint that was cut off. */
    if (!is || was->c2d_next || is->c2d_next)
        e = state_each(k->hub->state, letter_prefix(key, id), NO_BYTES, kept_letter, &old);
    e = e ? e : old.e;
    if (!e && was_ms == DUE_UNKNOWN)
        e = kept_old(k->hub, id, &old, &was_ms);
    if (!e)
        e = letters_keep(k, id, &old, letters);
    if (!e && was->kept_due_ms == DUE_UNKNOWN)
        e = keeping_del(k, mail_old_key(key, id));
    if (!e)
        e = due_keep(k, id, was_ms, is ? is->kept_due_ms : INT64_MAX);
    buf_free(&old.b);
    return e;
}

/* ---- what is due ------------------------------------------------------------------------------------------------ */

struct due {
    int64_t wall_ms;
    struct buf *ids;
    unsigned n;
};

static bool take_due(void *ctx, struct bytes key, struct bytes value)
{
    struct due *d = ctx;
    struct bytes rest = bytes_skip(key, 2);
    char limit[20];

    (void)value;
    snprintf(limit, sizeof limit, "%016llx", (unsigned long long)d->wall_ms);
    if (rest.len < 18 || bytes_cmp(bytes_first(rest, 16), bytes_of(limit, 16)) > 0)
        return false;
    rest = bytes_skip(rest, 17);
    buf_put_u8(d->ids, (uint8_t)rest.len);
    buf_put(d->ids, rest);
    return ++d->n < DUE_MAX;
}

enum err mail_due(struct hub *h, int64_t wall_ms, struct buf *ids)
{
    struct due d = {.wall_ms = wall_ms, .ids = ids};

    return state_each(h->state, BYTES("x/"), NO_BYTES, take_due, &d);
}
