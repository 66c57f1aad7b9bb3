/* Devices in the checkpoint: copied under a lock, written without one. */
#include "registry_keep.h"

#include "identities.h"
#include "identity.h"
#include "mailbox.h"
#include "part.h"

#include <stdio.h>

enum { COUNTS_VALUE_MAX = 1024 };

/* Name with its length, whether it is gone, its value with its length, and for each part that keeps something beside
 * it, that with its length. */
static void copy_identity(struct keeping *k, struct buf *to, struct identity *i)
{
    size_t at;

    assert_locked(&i->shard->lock);
    assert(i->dirty || i->unkept);
    put_text(to, i->device.id);
    buf_put_u8(to, i->gone);
    at = to->len;
    buf_put_u16(to, 0);
    identity_encode(to, i, mailbox_expiry(i->mailbox));
    if (!to->bad) {
        to->at[at] = (uint8_t)((to->len - at - 2) >> 8);
        to->at[at + 1] = (uint8_t)(to->len - at - 2);
    }
    EACH_PART (p) {
        if (!(*p)->identity.copy)
            continue;
        at = len32_begin(to);
        (*p)->identity.copy(to, i);
        len32_end(to, at);
    }
    keeping_saw(k, i->changed_at);
    i->round = k->hub->round;
    i->unkept = false;
    i->copied_ms = identity_seen_ms(i);
}

/* As many as others can wait for; true: there are more. Those that were copied in this round are not copied again, so
 * however many change meanwhile it comes to an end. */
static bool copy_some(struct keeping *k, struct shard *shard, struct buf *to)
{
    struct identity *i;
    bool more = false;

    buf_clear(to);
    mutex_lock(&shard->lock);
    for (size_t at = 0; !more && (i = map_next(&shard->identities, &at));) {
        if ((i->dirty || i->unkept) && i->round != k->hub->round)
            copy_identity(k, to, i);
        more = to->len >= STATE_BATCH_SMALL;
    }
    mutex_unlock(&shard->lock);
    return more;
}

/* The checkpoint's value of a device so far, and whether it is this one. ERR_NOT_FOUND. */
static enum err kept_as(struct hub *h, struct bytes key, struct bytes now, struct identity *out, bool *same)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    enum err e = state_get(h->state, key, &value);

    *out = (struct identity){.kept_due_ms = INT64_MAX};
    *same = !e && bytes_eq(buf_bytes(&value), now);
    if (!e)
        e = identity_decode(buf_bytes(&value), out);
    buf_free(&value);
    return e;
}

/* The parts' values beside it come before it: what its value says of that is true only with all of it. */
static enum err write_parts(struct keeping *k, struct bytes id, const struct identity *was, const struct identity *is,
                            struct rd *copied)
{
    enum err e = OK;

    EACH_PART (p) {
        struct bytes own;

        if (!(*p)->identity.copy)
            continue;
        own = rd_str32(copied);
        if (!e)
            e = (*p)->identity.keep(k, id, was, is, own);
    }
    return e;
}

/* Its own value is written where it is another: often only a part's is, and what is not written saves a page. */
static enum err write_one(struct keeping *k, struct bytes id, bool gone, struct bytes value, struct rd *copied)
{
    char name[STATE_KEY_MAX];
    struct bytes key = identity_key(name, id);
    struct identity before, now;
    bool same, was;
    enum err e = kept_as(k->hub, key, value, &before, &same);

    was = !e;
    if (e == ERR_NOT_FOUND)
        e = OK;
    if (e || (e = identity_decode(value, &now)) || (e = write_parts(k, id, &before, gone ? NULL : &now, copied)))
        return e;
    if (!identity_is_module(id)) { /* service 4.5: modules do not count */
        k->counts.devices += (uint64_t)!gone - (uint64_t)was;
        k->counts.disabled += (uint64_t)(!gone && now.device.disabled) - (uint64_t)(was && before.device.disabled);
    }
    if (gone)
        e = keeping_del(k, key);
    else if (!same)
        e = keeping_put(k, key, value);
    return e ? e : keeping_step(k);
}

static enum err write_copied(struct keeping *k, const struct buf *copied)
{
    struct rd r = rd_over(buf_bytes(copied));
    enum err e = copied->bad ? ERR_MEMORY : OK;

    while (!e && rd_left(&r)) {
        struct bytes id = rd_text_bytes(&r);
        bool gone = rd_u8(&r) != 0;
        struct bytes value = rd_str16(&r);

        e = write_one(k, id, gone, value, &r);
    }
    return e;
}

enum err registry_keep(struct keeping *k)
{
    struct buf copied = buf_max(STATE_BATCH_MAX);
    enum err e = OK;

    for (size_t n = 0; !e && n < SHARDS; n++) {
        bool more = true;

        while (!e && more) {
            more = copy_some(k, &k->hub->shards[n], &copied);
            e = write_copied(k, &copied);
        }
    }
    buf_free(&copied);
    return e;
}

/* An identity that changed below the place is in the checkpoint now: it is clean, and may go when unused. What changed
 * behind it may be in there or not; it stays dirty. */
static void settle(struct hub *h, struct shard *shard, uint64_t place)
{
    struct identity *i;

    mutex_lock(&shard->lock);
    for (size_t at = 0; (i = map_next(&shard->identities, &at));) {
        if (i->changed_at < place)
            i->dirty = false;
        if (i->made_at < place)
            list_del(&i->made);
        if (i->round == h->round)
            i->kept_ms = i->copied_ms;
        if ((!i->gone && shard->identities.n <= SHARD_IDLE_MAX) || !identity_leaves(h, i))
            continue;
        map_del(&shard->identities, bytes_str(i->device.id));
        identity_free(shard, i);
    }
    map_shrink(&shard->identities);
    mutex_unlock(&shard->lock);
}

void registry_kept(struct keeping *k, bool done)
{
    for (size_t n = 0; done && n < SHARDS; n++)
        settle(k->hub, &k->hub->shards[n], k->place);
}

static enum err counts_decode(struct hub *h, struct bytes value)
{
    struct rd r = rd_over(value);

    h->devices = h->committed.devices = rd_u64(&r);
    h->disabled = h->committed.disabled = rd_u64(&r);
    h->last_generation = (int64_t)rd_u64(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

/* Devices come when they are asked for. What a first checkpoint wrote before it was cut off is known, too: it goes, or
 * stays, as the log says. */
enum err registry_load(struct hub *h)
{
    struct buf value = buf_max(COUNTS_VALUE_MAX);
    enum err e = state_get(h->state, BYTES("counts"), &value);

    if (!e)
        e = counts_decode(h, buf_bytes(&value));
    else if (e == ERR_NOT_FOUND && !h->born)
        e = OK;
    buf_free(&value);
    return e;
}
