/* The checkpoint: what changed since the last one goes into the state, with the place P up to which it is true. P is
 * the end of the log before anything is looked at; a record below P whose change is not visible yet holds its lock, so
 * it is seen when that lock is taken here. What is copied may be newer than P, which is harmless: applying twice
 * changes nothing. But it must be durable before the state says so: a crash may not know more than the log. */
#include "checkpoint.h"

#include "ca.h"
#include "ceiling.h"
#include "docs.h"
#include "feedback.h"
#include "group.h"
#include "identity.h"
#include "keeping.h"
#include "mail_keep.h"
#include "mailbox.h"
#include "partition.h"
#include "policy.h"
#include "registry.h"
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 1 << 20 };

/* ---- devices: copied under a lock, written without one ---------------------------------------------------------- */

/* Id with its length, whether it is gone, value and mailbox with their lengths. */
static void copy_identity(struct keeping *k, struct buf *to, struct identity *i)
{
    size_t at;

    put_text(to, i->device.id);
    buf_put_u8(to, i->gone);
    at = to->len;
    buf_put_u16(to, 0);
    identity_encode(to, i);
    if (!to->bad) {
        to->at[at] = (uint8_t)((to->len - at - 2) >> 8);
        to->at[at + 1] = (uint8_t)(to->len - at - 2);
    }
    mailbox_copy(to, i->mailbox);
    keeping_saw(k, i->changed_at);
    i->round = k->hub->round;
}

/* As many as make a transaction; true: there are more. Those that were copied in this round are not copied again, so
 * however many change meanwhile it comes to an end. */
static bool copy_some(struct keeping *k, struct shard *shard, struct buf *to)
{
    struct identity *i;
    bool more = false;

    buf_clear(to);
    pthread_mutex_lock(&shard->lock);
    for (size_t at = 0; !more && (i = map_next(&shard->identities, &at));) {
        if (i->dirty && i->round != k->hub->round)
            copy_identity(k, to, i);
        more = to->len >= STATE_BATCH;
    }
    pthread_mutex_unlock(&shard->lock);
    return more;
}

static struct bytes device_key(char out[STATE_KEY_MAX], struct bytes id)
{
    int n = snprintf(out, STATE_KEY_MAX, "d/%.*s", BYTES_ARG(id));

    return bytes_of(out, (size_t)n);
}

/* What the checkpoint says of a device so far. ERR_NOT_FOUND. */
static enum err kept_as(struct hub *h, struct bytes key, struct identity *out)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    enum err e = state_get(h->state, key, &value);

    *out = (struct identity){.kept_due_ms = INT64_MAX};
    if (!e)
        e = identity_decode(buf_bytes(&value), out);
    buf_free(&value);
    return e;
}

/* Its letters come before it: what it says of them is true only with all of them. */
static enum err write_one(struct keeping *k, struct bytes id, bool gone, struct bytes value, struct bytes letters)
{
    char name[STATE_KEY_MAX];
    struct bytes key = device_key(name, id);
    struct identity before, now;
    enum err e = kept_as(k->hub, key, &before);
    bool was = !e;

    if (e == ERR_NOT_FOUND)
        e = OK;
    if (e || (e = identity_decode(value, &now)) || (e = mail_keep(k, id, &before, gone ? NULL : &now, letters)))
        return e;
    k->counts.devices += (uint64_t)!gone - (uint64_t)was;
    k->counts.disabled += (uint64_t)(!gone && now.device.disabled) - (uint64_t)(was && before.device.disabled);
    if ((e = gone ? keeping_del(k, key) : keeping_put(k, key, value)))
        return e;
    return keeping_step(k);
}

static enum err write_copied(struct keeping *k, const struct buf *copied)
{
    struct rd r = rd_over(buf_bytes(copied));
    enum err e = copied->bad ? ERR_MEMORY : OK;

    while (!e && rd_left(&r)) {
        struct bytes id = rd_bytes(&r, rd_u8(&r));
        bool gone = rd_u8(&r) != 0;
        struct bytes value = rd_str16(&r);

        e = write_one(k, id, gone, value, rd_str32(&r));
    }
    return e;
}

static enum err write_devices(struct keeping *k)
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

/* What changed below the place is in the checkpoint now: it is clean, and may go when nobody uses it. What changed
 * behind it may be in there or not; it stays dirty. */
static void settle(const struct hub *h, struct shard *shard, uint64_t place)
{
    struct identity *i;

    pthread_mutex_lock(&shard->lock);
    for (size_t at = 0; (i = map_next(&shard->identities, &at));) {
        if (i->changed_at < place)
            i->dirty = false;
        if (!identity_may_go(h, i) || (!i->gone && shard->identities.n <= SHARD_IDLE_MAX))
            continue;
        map_del(&shard->identities, bytes_str(i->device.id));
        identity_free(shard, i);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* ---- all else -------------------------------------------------------------------------------------------------- */

/* The version of a birth that says how devices are placed. */
enum { BIRTH_PLACED = RECORD_VERSION + 1 };

void put_birth(struct buf *b, const struct hub_birth *birth)
{
    buf_put_u8(b, birth->placed ? BIRTH_PLACED : RECORD_VERSION);
    put_text(b, birth->name);
    buf_put_u8(b, (uint8_t)birth->partitions);
    put_text(b, birth->scope);
    buf_put_u64(b, (uint64_t)birth->created_ms);
    if (birth->placed)
        buf_put_u8(b, birth->placed);
}

static enum err put_value(struct keeping *k, struct bytes key, struct buf *b)
{
    enum err e = b->bad ? ERR_MEMORY : keeping_put(k, key, buf_bytes(b));

    buf_clear(b);
    return e ? e : keeping_step(k);
}

static enum err write_cold(struct keeping *k, bool *was_dirty)
{
    struct buf policies = buf_max(VALUE_MAX), groups = buf_max(VALUE_MAX), birth = buf_max(1024);
    struct buf cas = buf_max(CAS_VALUE_MAX);
    struct hub *h = k->hub;
    enum err e = OK;

    pthread_mutex_lock(&h->cold);
    *was_dirty = h->cold_dirty;
    if (h->cold_dirty) {
        policies_encode(&policies, h);
        cold_encode_groups(&groups, h);
        cas_encode(&cas, h);
        put_birth(&birth, &h->birth);
        keeping_saw(k, h->cold_at);
        h->cold_dirty = false;
    }
    pthread_mutex_unlock(&h->cold);
    if (*was_dirty) {
        if (!(e = put_value(k, BYTES("policies"), &policies)) && !(e = put_value(k, BYTES("groups"), &groups)) &&
            !(e = put_value(k, BYTES("cas"), &cas)))
            e = put_value(k, BYTES("birth"), &birth);
    }
    buf_free(&policies);
    buf_free(&groups);
    buf_free(&cas);
    buf_free(&birth);
    return e;
}

static struct bytes partition_key(char out[16], unsigned number)
{
    return bytes_of(out, (size_t)snprintf(out, 16, "e/%02u", number));
}

static enum err write_partitions(struct keeping *k, bool dirty[PARTITIONS_MAX])
{
    struct buf b = buf_max(VALUE_MAX);
    struct hub *h = k->hub;
    enum err e = OK;

    for (unsigned n = 0; !e && n < h->birth.partitions; n++) {
        struct partition_state *p = &h->partitions[n];
        char key[16];

        pthread_mutex_lock(&p->lock);
        if ((dirty[n] = p->dirty)) {
            partition_encode(&b, p);
            p->dirty = false;
            keeping_saw(k, p->last_at);
        }
        pthread_mutex_unlock(&p->lock);
        if (dirty[n])
            e = put_value(k, partition_key(key, n), &b);
    }
    buf_free(&b);
    return e;
}

static enum err write_ages(struct keeping *k)
{
    struct buf b = buf_max(VALUE_MAX);
    enum err e;

    ages_encode(&b, k->hub);
    e = put_value(k, BYTES("ages"), &b);
    buf_free(&b);
    return e;
}

/* The birth comes last: a checkpoint without it is read as none, and everything is in the log then. */
static enum err write_all(struct keeping *k, bool *cold, bool dirty[PARTITIONS_MAX])
{
    enum err e = write_devices(k);

    if (!e)
        e = write_partitions(k, dirty);
    if (!e)
        e = feedback_keep(k);
    if (!e)
        e = docs_keep(k);
    if (!e)
        e = write_ages(k);
    return e ? e : write_cold(k, cold);
}

/* It did not come to its end: what was taken is still to be written. */
static void give_back(struct hub *h, bool cold, const bool dirty[PARTITIONS_MAX])
{
    pthread_mutex_lock(&h->cold);
    h->cold_dirty |= cold;
    pthread_mutex_unlock(&h->cold);
    for (unsigned n = 0; n < h->birth.partitions; n++) {
        pthread_mutex_lock(&h->partitions[n].lock);
        h->partitions[n].dirty |= dirty[n];
        pthread_mutex_unlock(&h->partitions[n].lock);
    }
}

static enum err take(struct hub *h, uint64_t place, int64_t now_ms)
{
    struct keeping k;
    bool cold = false, dirty[PARTITIONS_MAX] = {false};
    enum err e = keeping_begin(&k, h);

    h->round++;
    if (!e && (e = write_all(&k, &cold, dirty)))
        keeping_abort(&k);
    else if (!e)
        e = keeping_end(&k, place);
    feedback_kept(h, !e);
    if (e) {
        give_back(h, cold, dirty);
    } else {
        for (size_t n = 0; n < SHARDS; n++)
            settle(h, &h->shards[n], place);
        docs_kept(h, place);
    }
    mail_give_up(&k, now_ms);
    keeping_free(&k);
    return e;
}

enum err hub_checkpoint(struct hub *h, int64_t now_ms)
{
    uint64_t place = store_end(h->store);
    int64_t lived_ms = hub_wall_ms(h, now_ms) - atomic_load(&h->jumped_ms);
    enum err e = OK, retained;

    ages_add(h, place, lived_ms);
    /* A hub where nothing happens writes nothing. */
    if (place != state_place(h->state))
        e = take(h, place, now_ms);
    /* Also when that failed: a full disk gets room by what the last checkpoint lets go. */
    retained = retain(h, lived_ms);
    mail_room_renew(h);
    return e ? e : retained;
}

static enum err load_value(struct hub *h, struct bytes key, struct buf *b)
{
    buf_clear(b);
    return state_get(h->state, key, b);
}

enum err birth_decode(struct bytes body, struct hub_birth *out)
{
    struct rd r = rd_over(body);
    uint8_t version = rd_u8(&r);

    if (version < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, out->name, sizeof out->name);
    out->partitions = rd_u8(&r);
    rd_text(&r, out->scope, sizeof out->scope);
    out->created_ms = (int64_t)rd_u64(&r);
    out->placed = version >= BIRTH_PLACED ? rd_u8(&r) : PLACED_OUR_WAY;
    return r.bad || out->placed > PLACED_BY_ID || out->partitions < 1 || out->partitions > PARTITIONS_MAX ? ERR_DAMAGED
                                                                                                          : OK;
}

static enum err counts_decode(struct hub *h, struct bytes value)
{
    struct rd r = rd_over(value);

    h->devices = h->committed.devices = rd_u64(&r);
    h->disabled = h->committed.disabled = rd_u64(&r);
    h->last_generation = (int64_t)rd_u64(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

static enum err load_partitions(struct hub *h, struct buf *b)
{
    enum err e = partitions_make(h);

    for (unsigned n = 0; !e && n < h->birth.partitions; n++) {
        char key[16];

        e = load_value(h, partition_key(key, n), b);
        e = e == ERR_NOT_FOUND ? OK : e ? e : partition_decode(buf_bytes(b), &h->partitions[n]);
    }
    return e;
}

/* The first checkpoint came to its end. */
static enum err load_whole(struct hub *h, struct buf *b)
{
    enum err e = birth_decode(buf_bytes(b), &h->birth);

    if (e)
        return e;
    h->born = true;
    if ((e = load_value(h, BYTES("policies"), b)) || (e = policies_decode(h, buf_bytes(b))))
        return e;
    if ((e = load_value(h, BYTES("groups"), b)) || (e = groups_apply(h, buf_bytes(b), 0)))
        return e;
    /* A checkpoint from before there were any has none. */
    if ((e = load_value(h, BYTES("cas"), b)) ? e != ERR_NOT_FOUND : (e = cas_decode(h, buf_bytes(b))) != OK)
        return e;
    if ((e = load_value(h, BYTES("ages"), b)) || (e = ages_decode(h, buf_bytes(b))))
        return e;
    if ((e = load_partitions(h, b)))
        return e;
    h->cold_dirty = false;
    return OK;
}

/* Without a birth everything is in the log still. What a first checkpoint wrote before it was cut off is known all the
 * same: it goes, or stays, as the log says. */
enum err checkpoint_load(struct hub *h)
{
    struct buf b = buf_max(VALUE_MAX);
    enum err e = load_value(h, BYTES("birth"), &b);

    e = e == ERR_NOT_FOUND ? OK : e ? e : load_whole(h, &b);
    if (!e && !(e = load_value(h, BYTES("counts"), &b)))
        e = counts_decode(h, buf_bytes(&b));
    else if (e == ERR_NOT_FOUND && !h->born)
        e = OK;
    if (!e)
        e = feedback_load(h);
    if (!e)
        e = docs_load(h);
    buf_free(&b);
    return e;
}
