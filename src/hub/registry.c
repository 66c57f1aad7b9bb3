#include "core.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

bool device_id_valid(struct bytes id)
{
    static const char MARKS[] = "-:.+%_#*?!(),=@;$'"; /* device 1.1 */

    if (id.len < 1 || id.len > ID_LEN_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!plain && !memchr(MARKS, c, sizeof MARKS - 1))
            return false;
    }
    return true;
}

struct shard *shard_of(struct hub *h, struct bytes id)
{
    return &h->shards[bytes_hash(id, h->options.hash_seed) % SHARDS];
}

static struct bytes state_key(char out[STATE_KEY_MAX], struct bytes id)
{
    int n = snprintf(out, STATE_KEY_MAX, "d/%.*s", BYTES_ARG(id));

    return bytes_of(out, (size_t)n);
}

/* From the checkpoint into memory. */
static enum err identity_load(struct hub *h, struct shard *s, struct bytes id, struct identity **out)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    struct identity *i = calloc(1, sizeof *i);
    char key[STATE_KEY_MAX];
    enum err e = i ? OK : ERR_MEMORY;

    if (!e)
        e = state_get(h->state, state_key(key, id), &value);
    if (!e)
        e = identity_decode(buf_bytes(&value), i);
    if (!e)
        e = map_put(&s->identities, bytes_str(i->device.id), i);
    if (e)
        free(i);
    else
        *out = i;
    buf_free(&value);
    return e;
}

enum err identity_get(struct hub *h, struct shard *s, struct bytes id, struct identity **out)
{
    struct identity *i;

    if (!device_id_valid(id))
        return ERR_NOT_FOUND;
    i = map_get(&s->identities, id);
    if (!i)
        return identity_load(h, s, id, out);
    *out = i;
    return i->gone ? ERR_NOT_FOUND : OK;
}

void seat_end(struct identity *i, enum err why)
{
    struct seat *seat = i->seat;

    if (!seat)
        return;
    i->seat = NULL;
    seat->identity = NULL;
    atomic_store(&seat->state, (int)why);
    /* A wake only marks the connection; it never calls the hub. */
    seat->waker->wake(seat->waker);
}

static bool same_key(const struct key_bytes *a, const struct key_bytes *b)
{
    return bytes_eq_secret(bytes_of(a->at, a->len), bytes_of(b->at, b->len));
}

/* The identity becomes what the record says. */
static void device_become(struct hub *h, struct identity *i, const struct device *d, bool was)
{
    struct device old = i->device;

    h->devices += !was;
    h->disabled += (uint64_t)d->disabled - (uint64_t)(was && old.disabled);
    i->device = *d;
    if (was && strcmp(old.generation, d->generation) == 0) {
        i->device.connected = old.connected;
        i->device.connection_ms = old.connection_ms;
        i->device.activity_ms = old.activity_ms;
    } else {
        i->has_session = false;
    }
    if (d->disabled)
        seat_end(i, ERR_DISABLED);
    else if (was && (!same_key(&old.primary, &d->primary) || !same_key(&old.secondary, &d->secondary)))
        seat_end(i, ERR_UNAUTHORIZED);
}

/* Whoever sat there does not any more: said once, here and in hub_detach(). */
static void unseated(struct hub *h, struct identity *i, const struct seat *before, int64_t now_ms)
{
    if (!before || i->seat)
        return;
    i->device.connected = false;
    i->device.connection_ms = now_ms;
    h->connected--;
}

/* Under the shard's lock. */
static enum err device_set(struct hub *h, struct shard *s, const struct device *d, uint64_t at)
{
    struct identity *i = NULL;
    enum err e = identity_get(h, s, bytes_str(d->id), &i);
    const struct seat *before = i ? i->seat : NULL;
    bool was = e == OK;

    if (e && e != ERR_NOT_FOUND)
        return e;
    if (!i) {
        if (!(i = calloc(1, sizeof *i)))
            return ERR_MEMORY;
        memcpy(i->device.id, d->id, sizeof i->device.id);
        if ((e = map_put(&s->identities, bytes_str(i->device.id), i))) {
            free(i);
            return e;
        }
    }
    device_become(h, i, d, was);
    unseated(h, i, before, d->status_ms);
    i->gone = false;
    i->dirty = true;
    i->changed_at = at;
    return OK;
}

enum err device_apply(struct hub *h, struct bytes body, uint64_t at)
{
    struct device d;
    struct shard *s;
    enum err e = device_decode(body, &d);

    if (e)
        return e;
    s = shard_of(h, bytes_str(d.id));
    pthread_mutex_lock(&s->lock);
    e = device_set(h, s, &d, at);
    pthread_mutex_unlock(&s->lock);
    return e;
}

/* Under the shard's lock. Deleting what is not there is fine: the record may be applied twice. */
static enum err device_unset(struct hub *h, struct shard *s, struct bytes id, int64_t now_ms, uint64_t at)
{
    struct identity *i = NULL;
    enum err e = identity_get(h, s, id, &i);
    const struct seat *before;

    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    before = i->seat;
    h->devices--;
    h->disabled -= i->device.disabled;
    seat_end(i, ERR_NOT_FOUND);
    unseated(h, i, before, now_ms);
    i->gone = true;
    i->has_session = false;
    i->dirty = true;
    i->changed_at = at;
    return OK;
}

enum err device_gone_apply(struct hub *h, struct bytes body, uint64_t at)
{
    struct rd r = rd_over(body);
    char id[ID_LEN_MAX + 1];
    struct shard *s;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, id, sizeof id);
    if (r.bad)
        return ERR_DAMAGED;
    s = shard_of(h, bytes_str(id));
    pthread_mutex_lock(&s->lock);
    e = device_unset(h, s, bytes_str(id), 0, at);
    pthread_mutex_unlock(&s->lock);
    return e;
}

/* ---- changes ------------------------------------------------------------------------------------------------------ */

static bool key_valid(const struct key_bytes *key)
{
    return key->len == 0 || (key->len >= KEY_LEN_MIN && key->len <= KEY_LEN_MAX);
}

static bool thumbprint_valid(const char *text)
{
    size_t len = strlen(text);

    return (len == 0 || len == 40 || len == 64) && strspn(text, "0123456789ABCDEFabcdef") == len;
}

static bool device_valid(const struct device *d)
{
    return device_id_valid(bytes_str(d->id)) && strlen(d->reason) <= REASON_LEN_MAX && key_valid(&d->primary) &&
           key_valid(&d->secondary) && thumbprint_valid(d->thumbprint[0]) && thumbprint_valid(d->thumbprint[1]);
}

/* .NET ticks, 18 digits, never the same twice (device 6.3). */
static void make_generation(struct hub *h, int64_t now_ms, char out[24])
{
    int64_t ticks = now_ms * 10000 + 621355968000000000, last = atomic_load(&h->last_generation);
    int64_t next;

    do
        next = ticks > last ? ticks : last + 1;
    while (!atomic_compare_exchange_weak(&h->last_generation, &last, next));
    snprintf(out, 24, "%lld", (long long)next);
}

/* Base64 of a random number as text (service 4.3). */
static void make_etag(struct hub *h, char out[24])
{
    struct buf text = buf_max(32);
    uint32_t number;
    char digits[16];

    hub_random(h, (uint8_t *)&number, sizeof number);
    snprintf(digits, sizeof digits, "%09u", (unsigned)(number % 1000000000));
    buf_put_base64(&text, bytes_str(digits));
    snprintf(out, 24, "%s", buf_str(&text));
    buf_free(&text);
}

static void make_key(struct hub *h, struct key_bytes *key)
{
    if (key->len)
        return;
    key->len = 32;
    hub_random(h, key->at, key->len);
}

/* If-Match against what is there (service 4.2, the observed column). */
static enum err match_check(struct match match, const struct identity *now)
{
    if (match.how == MATCH_NONE)
        return now ? ERR_EXISTS : OK;
    if (!now)
        return ERR_NOT_FOUND;
    return match.how == MATCH_ETAG && !bytes_eq(match.etag, bytes_str(now->device.etag)) ? ERR_PRECONDITION : OK;
}

/* What the identity will be. */
static void device_compose(struct hub *h, const struct device *wanted, const struct identity *now, int64_t now_ms,
                           struct device *out)
{
    *out = *wanted;
    out->connected = false;
    out->connection_ms = out->activity_ms = 0;
    out->status_ms = now ? now->device.status_ms : 0;
    if (now && now->device.disabled != wanted->disabled)
        out->status_ms = now_ms;
    if (now)
        memcpy(out->generation, now->device.generation, sizeof out->generation);
    else
        make_generation(h, now_ms, out->generation);
    make_etag(h, out->etag);
    if (out->auth == AUTH_SAS) {
        make_key(h, &out->primary);
        make_key(h, &out->secondary);
    }
}

enum err hub_device_put(struct hub *h, const struct device *wanted, struct match match, int64_t now_ms,
                        struct device *out, uint64_t *at)
{
    struct shard *s = shard_of(h, bytes_str(wanted->id));
    struct buf body = buf_max(DEVICE_VALUE_MAX);
    struct identity *i = NULL;
    struct device made;
    enum err e;

    if (!device_valid(wanted))
        return ERR_ARGUMENT;
    pthread_mutex_lock(&s->lock);
    e = identity_get(h, s, bytes_str(wanted->id), &i);
    if (!e || e == ERR_NOT_FOUND)
        e = match_check(match, e ? NULL : i);
    if (e)
        goto done;
    device_compose(h, wanted, match.how == MATCH_NONE ? NULL : i, now_ms, &made);
    device_encode(&body, &made);
    if ((e = record_append(h->store, REC_DEVICE, &body, at)) || (e = device_set(h, s, &made, *at)))
        goto done;
    *out = ((struct identity *)map_get(&s->identities, bytes_str(made.id)))->device;
    hub_trace(h, "device %s is %s", made.id, made.disabled ? "disabled" : "enabled");
done:
    pthread_mutex_unlock(&s->lock);
    buf_free(&body);
    return e;
}

enum err hub_device_get(struct hub *h, struct bytes id, struct device *out)
{
    struct shard *s = shard_of(h, id);
    struct identity *i;
    enum err e;

    pthread_mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, id, &i)))
        *out = i->device;
    pthread_mutex_unlock(&s->lock);
    return e;
}

enum err hub_device_delete(struct hub *h, struct bytes id, struct match match, int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, id);
    struct buf body = buf_max(ID_LEN_MAX + 8);
    struct identity *i;
    enum err e;

    pthread_mutex_lock(&s->lock);
    if ((e = identity_get(h, s, id, &i)))
        goto done;
    /* service 4.2: a delete without If-Match is refused */
    if ((e = match.how == MATCH_NONE ? ERR_PRECONDITION : match_check(match, i)))
        goto done;
    buf_put_u8(&body, RECORD_VERSION);
    put_text(&body, i->device.id);
    if ((e = record_append(h->store, REC_DEVICE_GONE, &body, at)))
        goto done;
    e = device_unset(h, s, id, now_ms, *at);
    hub_trace(h, "device %.*s is deleted", BYTES_ARG(id));
done:
    pthread_mutex_unlock(&s->lock);
    buf_free(&body);
    return e;
}

void hub_count(struct hub *h, struct hub_counts *out)
{
    *out = (struct hub_counts){.devices = h->devices,
                               .disabled = h->disabled,
                               .connected = h->connected,
                               .received = h->received,
                               .received_bytes = h->received_bytes};
}
