/* Identities in memory: those that are used, or that the checkpoint does not know as they are. */
#include "identities.h"

#include "ceiling.h"
#include "identity.h"
#include "ids.h"
#include "part.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVICT_LOOKS = 16 }; /* at most so many are looked at for one that comes */

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

bool identity_valid(struct bytes name)
{
    return device_id_valid(identity_device(name)) &&
           (!identity_is_module(name) || device_id_valid(identity_module(name)));
}

bool identity_name(struct bytes device, struct bytes module, char out[IDENTITY_LEN_MAX + 1])
{
    bool valid = device_id_valid(device) && (!module.at || device_id_valid(module));

    snprintf(out, IDENTITY_LEN_MAX + 1, "%.*s%s%.*s", valid ? (int)device.len : 0, (const char *)device.at,
             valid && module.at ? "/" : "", valid ? (int)module.len : 0, module.at ? (const char *)module.at : "");
    return valid;
}

struct bytes identity_key(char out[STATE_KEY_MAX], struct bytes name)
{
    int n = snprintf(out, STATE_KEY_MAX, "%s/%.*s", identity_is_module(name) ? "mod" : "d", BYTES_ARG(name));

    return bytes_of(out, (size_t)n);
}

void identity_free(struct shard *s, struct identity *i)
{
    if (!i)
        return;
    assert(!i->seat);
    EACH_PART (p)
        if ((*p)->identity.free)
            (*p)->identity.free(s, i);
    list_del(&i->made);
    free(i);
}

void identity_happened(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms,
                       uint64_t *at)
{
    EACH_PART (p)
        if ((*p)->identity.happened)
            (*p)->identity.happened(h, s, i, what, now_ms, at);
}

bool identity_may_go(const struct hub *h, const struct identity *i)
{
    bool may = !i->dirty && !i->seat && !identity_spent(h, i);

    assert_locked(&i->shard->lock);
    EACH_PART (p)
        if (may && (*p)->identity.may_go)
            may = (*p)->identity.may_go(h, i);
    return may;
}

static void keep_seen(struct hub *h, struct identity *i)
{
    assert_locked(&i->shard->lock);
    if (i->gone || identity_seen_ms(i) == i->kept_ms)
        return;
    i->unkept = true;
    atomic_store(&h->unkept, true);
}

bool identity_leaves(struct hub *h, struct identity *i)
{
    if (!identity_may_go(h, i))
        return false;
    keep_seen(h, i);
    return !i->unkept;
}

void hub_remember(struct hub *h)
{
    struct identity *i;

    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];

        mutex_lock(&s->lock);
        for (size_t at = 0; (i = map_next(&s->identities, &at));)
            keep_seen(h, i);
        mutex_unlock(&s->lock);
    }
}

/* A few of those that nobody uses make room for one that is asked for. All of them in use: there is room for that, too.
 * The one that whoever asks has in hand stays. */
static void make_room(struct hub *h, struct shard *s, const struct identity *stays)
{
    struct identity *i;

    assert_locked(&s->lock);
    for (int n = 0; n < EVICT_LOOKS && s->identities.n >= SHARD_IDLE_MAX; n++) {
        i = map_next(&s->identities, &s->hand);
        if (!i) {
            s->hand = 0;
        } else if (i != stays && identity_leaves(h, i)) {
            map_del(&s->identities, bytes_str(i->device.id));
            identity_free(s, i);
        }
    }
}

static enum err load_parts(struct hub *h, struct shard *s, struct identity *i)
{
    enum err e = OK;

    EACH_PART (p)
        if (!e && (*p)->identity.load)
            e = (*p)->identity.load(h, s, i);
    return e;
}

/* From the checkpoint into memory. */
static enum err identity_load(struct hub *h, struct shard *s, struct bytes name, const struct identity *stays,
                              struct identity **out)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    struct identity *i = calloc(1, sizeof *i);
    char key[STATE_KEY_MAX];
    enum err e = i ? OK : ERR_MEMORY;

    if (!e)
        e = state_get(h->state, identity_key(key, name), &value);
    if (!e)
        e = identity_decode(buf_bytes(&value), i);
    if (i)
        i->shard = s;
    if (!e)
        e = load_parts(h, s, i);
    if (!e)
        make_room(h, s, stays);
    if (!e)
        e = map_put(&s->identities, bytes_str(i->device.id), i);
    if (e)
        identity_free(s, i);
    else
        *out = i;
    buf_free(&value);
    return e;
}

enum err identity_get_beside(struct hub *h, struct shard *s, struct bytes name, const struct identity *stays,
                             struct identity **out)
{
    struct identity *i;

    assert_locked(&s->lock);
    if (!identity_valid(name))
        return ERR_NOT_FOUND;
    i = map_get(&s->identities, name);
    if (!i)
        return identity_load(h, s, name, stays, out);
    *out = i;
    return i->gone ? ERR_NOT_FOUND : OK;
}

enum err identity_get(struct hub *h, struct shard *s, struct bytes name, struct identity **out)
{
    return identity_get_beside(h, s, name, NULL, out);
}

enum err identity_make(struct hub *h, struct shard *s, struct bytes name, const struct identity *stays,
                       struct identity **out)
{
    struct identity *i = NULL;
    enum err e = identity_get_beside(h, s, name, stays, &i);

    if (e == ERR_NOT_FOUND && !i) {
        if (!(i = calloc(1, sizeof *i)))
            return ERR_MEMORY;
        i->shard = s;
        i->gone = true;
        if (!bytes_to_str(name, i->device.id, sizeof i->device.id) ||
            map_put(&s->identities, bytes_str(i->device.id), i)) {
            free(i);
            return ERR_MEMORY;
        }
    }
    *out = i;
    return e == ERR_NOT_FOUND ? OK : e;
}

void identity_unmake(struct shard *s, struct identity *i)
{
    assert_locked(&s->lock);
    if (!i->gone || i->dirty)
        return;
    assert(i->shard == s && !i->seat);
    map_del(&s->identities, bytes_str(i->device.id));
    free(i);
}

enum err identity_parent(struct hub *h, struct shard *s, const struct identity *module, struct identity **out)
{
    return identity_get_beside(h, s, identity_device(bytes_str(module->device.id)), module, out);
}

bool identity_disabled(struct hub *h, struct shard *s, const struct identity *i)
{
    struct identity *device;

    if (!identity_is_module(bytes_str(i->device.id)))
        return i->device.disabled;
    return !identity_parent(h, s, i, &device) && device->device.disabled;
}

enum err identities_behind(bool modules, struct bytes after, char key[STATE_KEY_MAX], struct bytes *prefix,
                           struct bytes *from)
{
    struct buf b = buf_over((uint8_t *)key, STATE_KEY_MAX);

    *prefix = modules ? BYTES("mod/") : BYTES("d/");
    if (after.len > IDENTITY_LEN_MAX)
        return ERR_ARGUMENT;
    buf_put(&b, *prefix);
    buf_put(&b, after);
    *from = after.len ? buf_bytes(&b) : NO_BYTES;
    return OK;
}

void identities_made(struct hub *h, bool modules, struct bytes after, struct ids *ids)
{
    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];

        mutex_lock(&s->lock);
        LIST_EACH (&s->made, at) {
            const struct identity *i = LIST_OF(at, struct identity, made);
            struct bytes name = bytes_str(i->device.id);

            if (!i->gone && identity_is_module(name) == modules && bytes_cmp(name, after) > 0)
                ids_add(ids, name);
        }
        mutex_unlock(&s->lock);
    }
}
