#include "module.h"

#include "identities.h"
#include "registry.h"
#include "seat.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 1 << 20 };

/* ---- which there are ------------------------------------------------------------------------------------------- */

static bool is_of(const struct identity *i, struct bytes device)
{
    struct bytes name = bytes_str(i->device.id);

    return identity_is_module(name) && bytes_eq(identity_device(name), device);
}

/* Names as put_text() writes them. */
struct names {
    const struct shard *shard;
    bool with_memory; /* those in memory are in it already */
    struct buf b;
};

/* Of those in memory it is known there whether they are gone. */
static bool add_kept(void *ctx, struct bytes key, struct bytes value)
{
    struct names *n = ctx;
    char name[IDENTITY_LEN_MAX + 1];
    const struct identity *i;

    (void)value;
    if (!bytes_to_str(bytes_skip(key, strlen("mod/")), name, sizeof name))
        return true;
    i = map_get(&n->shard->identities, bytes_str(name));
    if (n->with_memory ? !i : !i || !i->gone)
        put_text(&n->b, name);
    return !n->b.bad;
}

static enum err take_names(struct hub *h, struct names *n, struct bytes device, struct buf *out)
{
    char text[STATE_KEY_MAX], prefix[ID_LEN_MAX + 2];
    enum err e;

    snprintf(prefix, sizeof prefix, "%.*s/", BYTES_ARG(device));
    e = state_each(h->state, identity_key(text, bytes_str(prefix)), NO_BYTES, add_kept, n);
    if (!e)
        e = buf_check(&n->b);
    if (e)
        buf_free(&n->b);
    else
        *out = n->b;
    return e;
}

enum err modules_names(struct hub *h, const struct shard *s, struct bytes device, struct buf *out)
{
    struct names n = {.shard = s, .with_memory = true, .b = buf_max(NAMES_MAX)};
    const struct identity *i;

    assert_locked(&s->lock);
    for (size_t at = 0; (i = map_next(&s->identities, &at));)
        if (!i->gone && is_of(i, device))
            put_text(&n.b, i->device.id);
    return take_names(h, &n, device, out);
}

/* Names in the checkpoint: a module whose device is not there comes from nowhere else. */
static enum err kept_names_of(struct hub *h, const struct shard *s, struct bytes device, struct buf *out)
{
    struct names n = {.shard = s, .b = buf_max(NAMES_MAX)};

    return take_names(h, &n, device, out);
}

static int by_name(const void *a, const void *b)
{
    const struct device *x = a, *y = b;

    return bytes_cmp(bytes_str(x->id), bytes_str(y->id));
}

enum err hub_module_list(struct hub *h, struct bytes device, struct device out[MODULES_ROOM], size_t *n)
{
    struct shard *s = shard_of(h, device);
    struct identity *i;
    struct buf names = buf_max(0);
    struct rd r;
    enum err e;

    *n = 0;
    mutex_lock(&s->lock);
    if (identity_is_module(device))
        e = ERR_NOT_FOUND;
    else if (!(e = identity_get(h, s, device, &i)) && i->has_modules)
        e = modules_names(h, s, device, &names);
    r = rd_over(buf_bytes(&names));
    while (!e && rd_left(&r) && *n < MODULES_ROOM)
        if (!(e = identity_get(h, s, rd_text_bytes(&r), &i)))
            out[(*n)++] = i->device;
    mutex_unlock(&s->lock);
    if (!e)
        qsort(out, *n, sizeof *out, by_name);
    buf_free(&names);
    return e;
}

/* ---- what happens to them with their device --------------------------------------------------------------------- */

static bool is_system(struct bytes module)
{
    return module.len && module.at[0] == '$';
}

enum err module_may_come(struct hub *h, struct shard *s, const struct identity *module)
{
    struct bytes name = bytes_str(module->device.id);
    struct identity *device;
    struct buf names;
    unsigned n = 0;
    struct rd r;
    enum err e = identity_parent(h, s, module, &device);

    assert_locked(&s->lock);
    if (e || !device->has_modules || is_system(identity_module(name)))
        return e;
    if ((e = modules_names(h, s, identity_device(name), &names)))
        return e;
    for (r = rd_over(buf_bytes(&names)); rd_left(&r); n++)
        (void)rd_text_bytes(&r);
    buf_free(&names);
    return n < MODULES_MAX ? OK : ERR_LIMIT;
}

void module_came(struct identity *device, uint64_t at)
{
    assert_locked(&device->shard->lock);
    if (device->has_modules)
        return;
    device->has_modules = true;
    device->dirty = true;
    device->changed_at = at;
}

static void end_seats(struct hub *h, struct shard *s, const struct identity *device, bool above, enum err why,
                      int64_t now_ms)
{
    struct identity *i;

    assert_locked(&s->lock);
    assert(device->shard == s);
    for (size_t at = 0; device->has_modules && (i = map_next(&s->identities, &at));)
        if (i->seat && (!above || i->seat->proof == PROOF_ABOVE_SAS) && is_of(i, bytes_str(device->device.id)))
            seat_end(h, i, why, now_ms);
}

void modules_end_seats(struct hub *h, struct shard *s, const struct identity *device, enum err why, int64_t now_ms)
{
    end_seats(h, s, device, false, why, now_ms);
}

void modules_end_seats_by_device(struct hub *h, struct shard *s, const struct identity *device, int64_t now_ms)
{
    end_seats(h, s, device, true, ERR_UNAUTHORIZED, now_ms);
}

enum err modules_unset(struct hub *h, struct shard *s, struct bytes id, bool was_there, int64_t now_ms, uint64_t at)
{
    struct buf names;
    struct rd r;
    enum err e = was_there ? modules_names(h, s, id, &names) : kept_names_of(h, s, id, &names);

    if (e)
        return e;
    r = rd_over(buf_bytes(&names));
    while (!e && rd_left(&r))
        e = identity_unset(h, s, rd_text_bytes(&r), now_ms, at);
    buf_free(&names);
    return e;
}

/* ---- those of an edge device ------------------------------------------------------------------------------------ */

static enum err follow_one(struct hub *h, struct shard *s, const struct device *edge, const char *module,
                           int64_t now_ms, uint64_t *at)
{
    struct device wanted = {.auth = AUTH_SAS, .managed_by = "iotEdge"}, made;
    struct identity *i;
    enum err e;

    if (!identity_name(bytes_str(edge->id), bytes_str(module), wanted.id))
        return ERR_INTERNAL;
    e = identity_get(h, s, bytes_str(wanted.id), &i);
    if (e == ERR_NOT_FOUND)
        return edge->edge ? device_put(h, s, &wanted, (struct match){.how = MATCH_NONE}, now_ms, &made, at) : OK;
    if (e || edge->edge)
        return e;
    return device_drop(h, s, i, now_ms, at);
}

enum err edge_modules_follow(struct hub *h, struct shard *s, struct identity *device, int64_t now_ms, uint64_t *at)
{
    static const char *const modules[] = {"$edgeAgent", "$edgeHub"};
    const struct device edge = device->device;
    enum err e = OK;

    if (!edge.edge && !device->has_modules)
        return OK;
    for (size_t k = 0; !e && k < sizeof modules / sizeof *modules; k++)
        e = follow_one(h, s, &edge, modules[k], now_ms, at);
    return e;
}
