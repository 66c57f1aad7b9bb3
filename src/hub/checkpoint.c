/* The checkpoint: what changed since the last one goes into the state in one transaction, with the place P up to which
 * it is true. P is the end of the log before anything is looked at; a record below P whose change is not visible yet
 * holds its lock, so it is seen when that lock is taken here. What is copied may be newer than P, which is harmless:
 * applying twice changes nothing. But it must be durable before the state says so: a crash may not know more than the
 * log. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

enum { SNAPSHOT_MAX = 1 << 30 };

/* Copied under a lock, written without one: id with its length, whether it is gone, value and mailbox with their
 * lengths. */
struct snapshot {
    struct buf copied;
    uint64_t newest;
    struct hub_counts counts;
};

static void copy_mailbox(struct snapshot *s, const struct identity *i)
{
    size_t at = s->copied.len, len;

    buf_put_u32(&s->copied, 0);
    mailbox_encode(&s->copied, i->mailbox);
    len = s->copied.len - at - 4;
    for (unsigned k = 0; !s->copied.bad && k < 4; k++)
        s->copied.at[at + k] = (uint8_t)(len >> (24 - 8 * k));
}

static void copy_identity(struct snapshot *s, const struct identity *i)
{
    size_t at;

    put_text(&s->copied, i->device.id);
    buf_put_u8(&s->copied, i->gone);
    at = s->copied.len;
    buf_put_u16(&s->copied, 0);
    identity_encode(&s->copied, i);
    if (s->copied.bad)
        return;
    s->copied.at[at] = (uint8_t)((s->copied.len - at - 2) >> 8);
    s->copied.at[at + 1] = (uint8_t)(s->copied.len - at - 2);
    copy_mailbox(s, i);
    if (i->changed_at > s->newest)
        s->newest = i->changed_at;
}

static void copy_shard(struct shard *shard, struct snapshot *s)
{
    const struct identity *i;

    buf_clear(&s->copied);
    pthread_mutex_lock(&shard->lock);
    for (size_t at = 0; (i = map_next(&shard->identities, &at));)
        if (i->dirty)
            copy_identity(s, i);
    pthread_mutex_unlock(&shard->lock);
}

static struct bytes device_key(char out[STATE_KEY_MAX], struct bytes id)
{
    int n = snprintf(out, STATE_KEY_MAX, "d/%.*s", BYTES_ARG(id));

    return bytes_of(out, (size_t)n);
}

/* What the checkpoint says of a device now: 0 nothing, 1 enabled, 2 disabled. */
static enum err kept_as(struct hub *h, struct bytes key, int *out)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    struct identity i;
    enum err e = state_get(h->state, key, &value);

    *out = 0;
    if (e == ERR_NOT_FOUND)
        e = OK;
    else if (!e && !(e = identity_decode(buf_bytes(&value), &i)))
        *out = 1 + i.device.disabled;
    buf_free(&value);
    return e;
}

static enum err write_one(struct hub *h, struct snapshot *s, struct bytes id, bool gone, struct bytes value,
                          struct bytes mailbox)
{
    char name[STATE_KEY_MAX];
    struct bytes key = device_key(name, id);
    struct identity now;
    int before;
    enum err e = kept_as(h, key, &before);

    if (e || (e = identity_decode(value, &now)))
        return e;
    s->counts.devices += (uint64_t)!gone - (uint64_t)(before != 0);
    s->counts.disabled += (uint64_t)(!gone && now.device.disabled) - (uint64_t)(before == 2);
    if ((e = gone ? state_del(h->state, key) : state_put(h->state, key, value)))
        return e;
    return mail_keep(h, id, mailbox);
}

static enum err write_copied(struct hub *h, struct snapshot *s)
{
    struct rd r = rd_over(buf_bytes(&s->copied));
    enum err e = s->copied.bad ? ERR_MEMORY : OK;

    while (!e && rd_left(&r)) {
        struct bytes id = rd_bytes(&r, rd_u8(&r));
        bool gone = rd_u8(&r) != 0;

        struct bytes value = rd_str16(&r);

        e = write_one(h, s, id, gone, value, rd_str32(&r));
    }
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

static enum err put_value(struct hub *h, struct bytes key, struct buf *b)
{
    enum err e = b->bad ? ERR_MEMORY : state_put(h->state, key, buf_bytes(b));

    buf_clear(b);
    return e;
}

static enum err write_cold(struct hub *h, struct snapshot *s, bool *was_dirty)
{
    struct buf policies = buf_max(SNAPSHOT_MAX), groups = buf_max(SNAPSHOT_MAX), birth = buf_max(1024);
    struct buf cas = buf_max(CAS_VALUE_MAX);
    enum err e = OK;

    pthread_mutex_lock(&h->cold);
    *was_dirty = h->cold_dirty;
    if (h->cold_dirty) {
        policies_encode(&policies, h);
        cold_encode_groups(&groups, h);
        cas_encode(&cas, h);
        put_birth(&birth, &h->birth);
        if (h->cold_at > s->newest)
            s->newest = h->cold_at;
        h->cold_dirty = false;
    }
    pthread_mutex_unlock(&h->cold);
    if (*was_dirty) {
        if (!(e = put_value(h, BYTES("policies"), &policies)) && !(e = put_value(h, BYTES("groups"), &groups)) &&
            !(e = put_value(h, BYTES("cas"), &cas)))
            e = put_value(h, BYTES("birth"), &birth);
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

static enum err write_partitions(struct hub *h, struct snapshot *s, bool dirty[PARTITIONS_MAX])
{
    struct buf b = buf_max(SNAPSHOT_MAX);
    enum err e = OK;

    for (unsigned n = 0; !e && n < h->birth.partitions; n++) {
        struct partition_state *p = &h->partitions[n];
        char key[16];

        pthread_mutex_lock(&p->lock);
        if ((dirty[n] = p->dirty)) {
            partition_encode(&b, p);
            p->dirty = false;
            if (p->last_at > s->newest)
                s->newest = p->last_at;
        }
        pthread_mutex_unlock(&p->lock);
        if (dirty[n])
            e = put_value(h, partition_key(key, n), &b);
    }
    buf_free(&b);
    return e;
}

/* How many there are, and what else no object says. */
static enum err write_rest(struct hub *h, const struct snapshot *s)
{
    struct buf b = buf_max(SNAPSHOT_MAX);
    enum err e;

    buf_put_u64(&b, s->counts.devices);
    buf_put_u64(&b, s->counts.disabled);
    buf_put_u64(&b, (uint64_t)h->last_generation);
    if (!(e = put_value(h, BYTES("counts"), &b))) {
        ages_encode(&b, h);
        e = put_value(h, BYTES("ages"), &b);
    }
    buf_free(&b);
    return e;
}

static enum err write_all(struct hub *h, struct snapshot *s, bool *cold, bool dirty[PARTITIONS_MAX])
{
    enum err e = write_cold(h, s, cold);

    for (size_t k = 0; !e && k < SHARDS; k++) {
        copy_shard(&h->shards[k], s);
        e = write_copied(h, s);
    }
    if (!e)
        e = write_partitions(h, s, dirty);
    if (!e)
        e = feedback_keep(h, &s->newest);
    if (!e)
        e = docs_keep(h, &s->newest);
    return e ? e : write_rest(h, s);
}

/* The transaction did not happen: what it took is still to be written. */
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

static enum err take(struct hub *h, uint64_t place)
{
    struct snapshot s = {.copied = buf_max(SNAPSHOT_MAX), .counts = h->committed};
    bool cold = false, dirty[PARTITIONS_MAX] = {false};
    enum err e = state_begin(h->state);

    if (e)
        goto done;
    e = write_all(h, &s, &cold, dirty);
    if (!e && s.newest)
        e = store_sync(h->store, s.newest);
    if (!e)
        e = state_commit(h->state, place);
    else
        state_abort(h->state);
    feedback_kept(h, !e);
    if (e) {
        give_back(h, cold, dirty);
        goto done;
    }
    h->committed = s.counts;
    for (size_t k = 0; k < SHARDS; k++)
        settle(h, &h->shards[k], place);
    docs_kept(h, place);
done:
    buf_free(&s.copied);
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
        e = take(h, place);
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

enum err checkpoint_load(struct hub *h)
{
    struct buf b = buf_max(SNAPSHOT_MAX);
    enum err e;

    if ((e = load_value(h, BYTES("birth"), &b))) {
        e = e == ERR_NOT_FOUND ? OK : e; /* everything is in the log still */
        goto done;
    }
    if ((e = birth_decode(buf_bytes(&b), &h->birth)))
        goto done;
    h->born = true;
    if ((e = partitions_make(h)))
        goto done;
    if ((e = load_value(h, BYTES("policies"), &b)) || (e = policies_decode(h, buf_bytes(&b))))
        goto done;
    if ((e = load_value(h, BYTES("groups"), &b)) || (e = groups_apply(h, buf_bytes(&b), 0)))
        goto done;
    /* A checkpoint from before there were any has none. */
    if ((e = load_value(h, BYTES("cas"), &b)) ? e != ERR_NOT_FOUND : (e = cas_decode(h, buf_bytes(&b))) != OK)
        goto done;
    if ((e = load_value(h, BYTES("counts"), &b)) || (e = counts_decode(h, buf_bytes(&b))))
        goto done;
    if ((e = load_value(h, BYTES("ages"), &b)) || (e = ages_decode(h, buf_bytes(&b))))
        goto done;
    for (unsigned n = 0; !e && n < h->birth.partitions; n++) {
        char key[16];

        e = load_value(h, partition_key(key, n), &b);
        e = e == ERR_NOT_FOUND ? OK : e ? e : partition_decode(buf_bytes(&b), &h->partitions[n]);
    }
    if (!e)
        e = feedback_load(h);
    if (!e)
        e = docs_load(h);
    h->cold_dirty = false;
done:
    buf_free(&b);
    return e;
}
