/* Mailboxes in the checkpoint: "m/{device}" says what waits there, "b/{device}/{place}" is the body of each message, so
 * that the log need not be kept for it, and "x/{time}/{device}" leads to those where something expires. A message that
 * comes and goes between two checkpoints is never written here. */
#include "core.h"

#include <stdio.h>

enum { VALUE_MAX = 64 << 20, LETTER_FIXED = 34, DUE_MAX = 1024 };

static struct bytes mailbox_key(char out[STATE_KEY_MAX], struct bytes id)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "m/%.*s", BYTES_ARG(id)));
}

static struct bytes body_key(char out[STATE_KEY_MAX], struct bytes id, uint64_t at)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "b/%.*s/%016llx", BYTES_ARG(id), (unsigned long long)at));
}

static struct bytes due_key(char out[STATE_KEY_MAX], struct bytes id, int64_t due_ms)
{
    return bytes_of(out,
                    (size_t)snprintf(out, STATE_KEY_MAX, "x/%016llx/%.*s", (unsigned long long)due_ms, BYTES_ARG(id)));
}

enum err mail_load(struct hub *h, struct shard *s, struct identity *i)
{
    struct buf value = buf_max(VALUE_MAX);
    char key[STATE_KEY_MAX];
    enum err e = state_get(h->state, mailbox_key(key, bytes_str(i->device.id)), &value);

    if (!e)
        e = mailbox_decode(s, buf_bytes(&value), i);
    buf_free(&value);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err mail_body(struct hub *h, struct bytes id, uint64_t at, struct buf *out)
{
    char key[STATE_KEY_MAX];

    return state_get(h->state, body_key(key, id, at), out);
}

/* Walks the places of a value; false at its end. */
static bool next_place(struct rd *r, uint64_t *at)
{
    if (rd_left(r) < LETTER_FIXED)
        return false;
    *at = rd_u64(r);
    rd_bytes(r, LETTER_FIXED - sizeof *at);
    rd_bytes(r, rd_u8(r));
    return !r->bad;
}

static struct rd letters_of(struct bytes value, int64_t *due_ms)
{
    struct rd r = rd_over(value);

    rd_u8(&r);
    *due_ms = value.len ? (int64_t)rd_u64(&r) : INT64_MAX;
    return r;
}

/* From the log, where it must be durable by now. */
static enum err copy_body(struct hub *h, struct bytes id, uint64_t at)
{
    struct cursor c = {.at = at, .kind = -1, .lane = -1};
    char key[STATE_KEY_MAX];
    struct record r = {.at = 0};
    struct bytes sections;
    enum err e = store_sync(h->store, at);

    if (!e)
        e = store_read(h->store, &c, &r);
    if (!e && (r.at != at || r.kind != REC_C2D))
        e = ERR_DAMAGED;
    if (!e && !(e = c2d_sections(r.body, &sections)))
        e = state_put(h->state, body_key(key, id, at), sections);
    store_cursor_close(h->store, &c);
    return e;
}

/* Both are sorted by place: what is only in the old value goes, what is only in the new one comes. */
static enum err bodies_change(struct hub *h, struct bytes id, struct rd old, struct rd new)
{
    uint64_t was = 0, is = 0;
    bool has_old = next_place(&old, &was), has_new = next_place(&new, &is);
    char key[STATE_KEY_MAX];
    enum err e = OK;

    while (!e && (has_old || has_new)) {
        if (has_old && has_new && was == is) {
            has_old = next_place(&old, &was);
            has_new = next_place(&new, &is);
        } else if (has_old && (!has_new || was < is)) {
            e = state_del(h->state, body_key(key, id, was));
            has_old = next_place(&old, &was);
        } else {
            e = copy_body(h, id, is);
            has_new = next_place(&new, &is);
        }
    }
    return e;
}

enum err mail_keep(struct hub *h, struct bytes id, struct bytes value)
{
    struct buf before = buf_max(VALUE_MAX);
    char name[STATE_KEY_MAX], due_name[STATE_KEY_MAX];
    struct bytes key = mailbox_key(name, id);
    int64_t was_due_ms, due_ms;
    enum err e = state_get(h->state, key, &before);
    struct rd old = letters_of(buf_bytes(&before), &was_due_ms), new = letters_of(value, &due_ms);
    bool empty = !rd_left(&new);

    if (e == ERR_NOT_FOUND) {
        e = OK;
        if (empty)
            goto done;
    }
    if (!e)
        e = bodies_change(h, id, old, new);
    if (!e && was_due_ms != INT64_MAX && was_due_ms != due_ms)
        e = state_del(h->state, due_key(due_name, id, was_due_ms));
    if (!e && due_ms != INT64_MAX && was_due_ms != due_ms)
        e = state_put(h->state, due_key(due_name, id, due_ms), BYTES("1"));
    if (!e)
        e = empty ? state_del(h->state, key) : state_put(h->state, key, value);
done:
    buf_free(&before);
    return e;
}

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
