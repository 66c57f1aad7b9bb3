#include "registry.h"

#include "etag.h"
#include "identities.h"
#include "identity.h"
#include "module.h"
#include "part.h"
#include "registry_keep.h"
#include "seat.h"
#include "session.h"

#include <stdio.h>

static bool same_key(const struct key_bytes *a, const struct key_bytes *b)
{
    return bytes_eq_secret(bytes_of(a->at, a->len), bytes_of(b->at, b->len));
}

static bool same_credentials(const struct device *a, const struct device *b)
{
    return a->auth == b->auth && same_key(&a->primary, &b->primary) && same_key(&a->secondary, &b->secondary) &&
           strcmp(a->thumbprint[0], b->thumbprint[0]) == 0 && strcmp(a->thumbprint[1], b->thumbprint[1]) == 0;
}

/* A generation that was used is not given again, whatever the clock says. */
static void generation_used(struct hub *h, const char *generation)
{
    int64_t ticks, last = atomic_load(&h->last_generation);

    if (!bytes_to_i64(bytes_str(generation), &ticks))
        return;
    while (ticks > last && !atomic_compare_exchange_weak(&h->last_generation, &last, ticks))
        ;
}

/* Under the shard's lock: the identity becomes what the record says. Nothing here can fail: the record is in the log.
 */
static void device_become(struct hub *h, struct shard *s, struct identity *i, const struct device *d, int64_t now_ms,
                          uint64_t at)
{
    bool was = !i->gone, counts = !identity_is_module(bytes_str(d->id));
    struct device old;

    assert_locked(&s->lock);
    assert(i->shard == s);
    if (d->disabled) {
        seat_end(h, i, ERR_DISABLED, now_ms);
        modules_end_seats(h, s, i, ERR_DISABLED, now_ms);
    } else if (was && !same_credentials(&i->device, d)) {
        seat_end(h, i, ERR_UNAUTHORIZED, now_ms);
        modules_end_seats_by_device(h, s, i, now_ms);
    }
    old = i->device;
    generation_used(h, d->generation);
    if (counts) {
        h->devices += !was;
        h->disabled += (uint64_t)d->disabled - (uint64_t)(was && old.disabled);
    }
    i->device = *d;
    if (was && strcmp(old.generation, d->generation) == 0) {
        i->device.connected = old.connected;
        i->device.connection_ms = old.connection_ms;
        i->device.activity_ms = old.activity_ms;
        i->device.c2d_count = old.c2d_count;
    } else {
        i->has_session = false;
        i->has_modules = false;
    }
    if (!was) {
        i->made_at = at;
        list_del(&i->made);
        list_add(&s->made, &i->made);
    }
    i->gone = false;
    i->dirty = true;
    i->changed_at = at;
    EACH_PART (p)
        if ((*p)->identity.became)
            (*p)->identity.became(h, s, i);
}

/* A module whose device is not there has gone with it, in a checkpoint that is ahead of this record. */
static enum err device_took(struct hub *h, struct shard *s, const struct device *d, int64_t now_ms, uint64_t at)
{
    struct bytes name = bytes_str(d->id);
    struct identity *i = map_get(&s->identities, name), *device = NULL;
    enum err e = identity_is_module(name) ? identity_get_beside(h, s, identity_device(name), i, &device) : OK;

    assert_locked(&s->lock);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if ((e = identity_make(h, s, name, device, &i)))
        return e;
    device_become(h, s, i, d, now_ms, at);
    if (device)
        module_came(device, at);
    return OK;
}

static enum err device_apply(struct hub *h, const struct record *r)
{
    struct device d;
    struct shard *s;
    enum err e = device_decode(r->body, &d);

    if (e)
        return e;
    s = shard_of(h, bytes_str(d.id));
    mutex_lock(&s->lock);
    e = device_took(h, s, &d, 0, r->at);
    mutex_unlock(&s->lock);
    return e;
}

enum err identity_unset(struct hub *h, struct shard *s, struct bytes name, int64_t now_ms, uint64_t at)
{
    bool counts = !identity_is_module(name);
    struct identity *i;
    enum err e = identity_get(h, s, name, &i);

    assert_locked(&s->lock);
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (counts && (e || i->has_modules)) {
        enum err of_modules = modules_unset(h, s, name, !e, now_ms, at);

        if (of_modules)
            return of_modules;
        if (!e) /* they may have pushed it out of memory */
            e = identity_get(h, s, name, &i);
    }
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    h->devices -= counts;
    h->disabled -= counts && i->device.disabled;
    seat_end(h, i, ERR_NOT_FOUND, now_ms);
    EACH_PART (p)
        if ((*p)->identity.gone)
            (*p)->identity.gone(h, s, i);
    i->gone = true;
    i->has_session = false;
    i->has_modules = false;
    i->dirty = true;
    i->changed_at = at;
    return OK;
}

static enum err device_gone_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    char id[IDENTITY_LEN_MAX + 1];
    struct identity *i;
    struct shard *s;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, id, sizeof id);
    if (r.bad)
        return ERR_DAMAGED;
    s = shard_of(h, bytes_str(id));
    mutex_lock(&s->lock);
    /* A checkpoint that is ahead of this record may have the device as it was made again, and modules of before. */
    if (!identity_get(h, s, bytes_str(id), &i))
        i->has_modules = true;
    e = identity_unset(h, s, bytes_str(id), 0, record->at);
    mutex_unlock(&s->lock);
    return e;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

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
    return identity_valid(bytes_str(d->id)) && strlen(d->reason) <= REASON_LEN_MAX && key_valid(&d->primary) &&
           key_valid(&d->secondary) && thumbprint_valid(d->thumbprint[0]) && thumbprint_valid(d->thumbprint[1]);
}

#define SCOPE "ms-azure-iot-edge://"
static_assert(sizeof SCOPE + ID_LEN_MAX + 1 + sizeof((struct device *)0)->generation <= EDGE_SCOPE_LEN_MAX + 1,
              "every device has a scope");

void device_scope(const struct device *d, char out[EDGE_SCOPE_LEN_MAX + 1])
{
    snprintf(out, EDGE_SCOPE_LEN_MAX + 1, SCOPE "%.*s-%s", ID_LEN_MAX, d->id, d->generation);
}

/* The device whose scope this is. Clients cut at the last `-` to find it. */
static bool scope_device(struct hub *h, const char *scope, struct device *out)
{
    char own[EDGE_SCOPE_LEN_MAX + 1];
    const char *end = strrchr(scope, '-');

    if (!bytes_starts(bytes_str(scope), BYTES(SCOPE)) || end < scope + strlen(SCOPE) ||
        hub_device_get(h, bytes_of(scope + strlen(SCOPE), (size_t)(end - scope) - strlen(SCOPE)), out))
        return false;
    device_scope(out, own);
    return strcmp(own, scope) == 0;
}

bool hub_scope_exists(struct hub *h, const char *scope)
{
    struct device d;

    return scope_device(h, scope, &d) && d.edge;
}

bool hub_scope_may_hold(struct hub *h, const char *scope, const char *below)
{
    char at[EDGE_SCOPE_LEN_MAX + 1];
    struct device d;

    for (int n = 1; n < EDGE_DEPTH_MAX; n++) { /* with the one below */
        if (strcmp(scope, below) == 0)
            return false;
        if (!scope_device(h, scope, &d) || !d.parent[0])
            return true;
        memcpy(at, d.parent, sizeof at);
        scope = at;
    }
    return false;
}

/* .NET ticks, 18 digits, never the same twice (device 6.3). */
static void make_generation(struct hub *h, int64_t now_ms, char out[24])
{
    int64_t ticks = hub_wall_ms(h, now_ms) * 10000 + 621355968000000000, last = atomic_load(&h->last_generation);
    int64_t next;

    do
        next = ticks > last ? ticks : last + 1;
    while (!atomic_compare_exchange_weak(&h->last_generation, &last, next));
    snprintf(out, 24, "%lld", (long long)next);
}

static void to_upper(char *text)
{
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
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
    return match_fits(&match, bytes_str(now->device.etag)) ? OK : ERR_PRECONDITION;
}

/* The identity as it will be. */
static void device_compose(struct hub *h, const struct device *wanted, const struct identity *now, int64_t now_ms,
                           struct device *out)
{
    *out = *wanted;
    out->connected = false;
    out->connection_ms = out->activity_ms = 0;
    out->status_ms = now ? now->device.status_ms : 0;
    if (now && now->device.disabled != wanted->disabled)
        out->status_ms = hub_wall_ms(h, now_ms);
    if (now)
        memcpy(out->generation, now->device.generation, sizeof out->generation);
    else
        make_generation(h, now_ms, out->generation);
    make_etag(h, now ? now->device.etag : "", out->etag);
    to_upper(out->thumbprint[0]);
    to_upper(out->thumbprint[1]);
    if (out->auth == AUTH_SAS) {
        make_key(h, &out->primary);
        make_key(h, &out->secondary);
    }
}

enum err device_put(struct hub *h, struct shard *s, const struct device *wanted, struct match match, int64_t now_ms,
                    struct device *out, uint64_t *at)
{
    struct buf body = buf_max(DEVICE_VALUE_MAX);
    struct bytes name = bytes_str(wanted->id);
    struct identity *i, *now;
    struct device made;
    enum err e = identity_make(h, s, name, NULL, &i);

    if (e)
        return e;
    now = i->gone ? NULL : i;
    if (!(e = match_check(match, now)) && !now && identity_is_module(name))
        e = module_may_come(h, s, i);
    if (!e) {
        device_compose(h, wanted, now, now_ms, &made);
        device_encode(&body, &made);
        e = record_append(h, REC_DEVICE, &body, at);
    }
    if (!e)
        e = device_took(h, s, &made, now_ms, *at);
    if (!e && !now)
        identity_happened(h, s, i, HAPPENED_CREATED, now_ms, at);
    if (e)
        identity_unmake(s, i);
    else
        *out = i->device;
    buf_free(&body);
    return e;
}

enum err hub_device_put(struct hub *h, const struct device *wanted, struct match match, int64_t now_ms,
                        struct device *out, uint64_t *at)
{
    struct shard *s = shard_of(h, bytes_str(wanted->id));
    struct identity *i;
    enum err e;

    if (!device_valid(wanted))
        return ERR_ARGUMENT;
    mutex_lock(&s->lock);
    if (!(e = device_put(h, s, wanted, match, now_ms, out, at))) {
        hub_trace(h, "device %s is %s", out->id, out->disabled ? "disabled" : "enabled");
        if (!identity_is_module(bytes_str(out->id)) && !(e = identity_get(h, s, bytes_str(out->id), &i)))
            e = edge_modules_follow(h, s, i, now_ms, at);
    }
    mutex_unlock(&s->lock);
    return e;
}

enum err hub_device_get(struct hub *h, struct bytes id, struct device *out)
{
    struct shard *s = shard_of(h, id);
    struct identity *i;
    enum err e;

    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, id, &i)))
        *out = i->device;
    mutex_unlock(&s->lock);
    return e;
}

/* Under the shard's lock: what each part has to write down before it goes. */
static enum err device_leave(struct hub *h, struct identity *i, int64_t now_ms, uint64_t *at)
{
    enum err e = OK;

    assert_locked(&i->shard->lock);
    EACH_PART (p)
        if (!e && (*p)->identity.leave)
            e = (*p)->identity.leave(h, i, now_ms, at);
    return e;
}

/* An identity that has gone stays in memory until the checkpoint knows. */
static void gone_happened(struct hub *h, struct shard *s, struct bytes name, int64_t now_ms, uint64_t *at)
{
    const struct identity *i = map_get(&s->identities, name);

    if (i)
        identity_happened(h, s, i, HAPPENED_DELETED, now_ms, at);
}

enum err device_drop(struct hub *h, struct shard *s, struct identity *i, int64_t now_ms, uint64_t *at)
{
    struct buf body = buf_max(IDENTITY_LEN_MAX + 8), modules = buf_max(0);
    char name[IDENTITY_LEN_MAX + 1];
    struct rd r;
    enum err e = device_leave(h, i, now_ms, at);

    memcpy(name, i->device.id, sizeof name);
    if (!e && i->has_modules)
        e = modules_names(h, s, bytes_str(name), &modules);
    buf_put_u8(&body, RECORD_VERSION);
    put_text(&body, name);
    if (!e && !(e = record_append(h, REC_DEVICE_GONE, &body, at)))
        e = identity_unset(h, s, bytes_str(name), now_ms, *at);
    for (r = rd_over(buf_bytes(&modules)); !e && rd_left(&r);)
        gone_happened(h, s, rd_text_bytes(&r), now_ms, at);
    if (!e)
        gone_happened(h, s, bytes_str(name), now_ms, at);
    buf_free(&body);
    buf_free(&modules);
    return e;
}

enum err hub_device_delete(struct hub *h, struct bytes id, struct match match, int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, id);
    struct identity *i;
    enum err e;

    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, id, &i)))
        /* service 4.2: a delete without If-Match is refused */
        e = match.how == MATCH_NONE ? ERR_PRECONDITION : match_check(match, i);
    if (!e && !(e = device_drop(h, s, i, now_ms, at)))
        hub_trace(h, "device %.*s is deleted", BYTES_ARG(id));
    mutex_unlock(&s->lock);
    return e;
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static const struct record_kind kinds[] = {
    {REC_DEVICE, ROOM_REGISTRY, "a device", SAYS_DEVICE, device_apply},
    {REC_DEVICE_GONE, ROOM_REGISTRY, "the deletion of a device", SAYS_DEVICE, device_gone_apply},
    {REC_SESSION, ROOM_UPKEEP, "the subscriptions of a device", SAYS_DEVICE, session_apply},
};

const struct part registry_part = {.name = "registry",
                                   .kinds = kinds,
                                   .n_kinds = sizeof kinds / sizeof *kinds,
                                   .keep = registry_keep,
                                   .kept = registry_kept,
                                   .load = registry_load};
