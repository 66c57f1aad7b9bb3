/* Changes of a service and of a device. The text is read outside of all locks. */
#include "ceiling.h"
#include "identities.h"
#include "twin_record.h"

#include <stdio.h>

enum { NODES_MAX = RECORD_LEN_MAX - 4096 };

static void say_too_large(const struct hub *h, enum twin_part part, struct twin_fault *fault)
{
    static const char *const names[] = {
        [TWIN_TAGS] = "Tags", [TWIN_DESIRED] = "Properties.Desired", [TWIN_REPORTED] = "Properties.Reported"};

    snprintf(fault->path, sizeof fault->path, "%s", twin_part_name(part));
    snprintf(fault->why, sizeof fault->why, "The maximum size of '%s' is %u bytes.", names[part],
             (unsigned)h->twins->limit[part]);
}

/* The fault of what twin_parse() could not hold. */
static enum err parse(const struct hub *h, struct bytes json, enum twin_part part, bool whole, struct buf *nodes,
                      struct twin_fault *fault)
{
    enum err e = twin_parse(json, part, whole, nodes, fault);

    if (e == ERR_TOO_LARGE)
        say_too_large(h, part, fault);
    return e;
}

enum err hub_twin_check(const struct hub *h, enum twin_part part, struct bytes json, struct twin_fault *fault)
{
    struct buf nodes = buf_max(NODES_MAX);
    struct twin_node root;
    enum err e;

    *fault = (struct twin_fault){0};
    if (!(e = parse(h, json, part, true, &nodes, fault))) {
        twin_nodes_root(buf_bytes(&nodes), &root);
        if (twin_size(&root) > h->twins->limit[part]) {
            say_too_large(h, part, fault);
            e = ERR_TOO_LARGE;
        }
    }
    buf_free(&nodes);
    return e;
}

/* The sections, one behind the other in `nodes`; those that say nothing are left out. */
static enum err parse_parts(const struct hub *h, const struct twin_change *c, struct buf *nodes, struct twin_write *w,
                            struct twin_fault *fault)
{
    size_t from[TWIN_PARTS + 1] = {0};
    enum err e = OK;

    for (int part = 0; part < TWIN_PARTS && !e; part++) {
        if (c->part[part].at)
            e = parse(h, c->part[part], (enum twin_part)part, c->replace, nodes, fault);
        from[part + 1] = nodes->len;
    }
    for (int part = 0; part < TWIN_PARTS && !e; part++) {
        struct bytes all = bytes_first(bytes_skip(buf_bytes(nodes), from[part]), from[part + 1] - from[part]);
        struct twin_node root;

        if (!all.len)
            continue;
        twin_nodes_root(all, &root);
        if (c->replace || root.value.len)
            w->nodes[part] = all;
    }
    return e;
}

static enum err check_match(const struct twin_change *c, struct bytes run)
{
    char etag[TWIN_ETAG_CAP];
    struct twin_facts facts;

    if (c->match.how != MATCH_ETAG)
        return OK;
    twin_facts_of(run, &facts);
    twin_etag_text(facts.etag, etag);
    return match_fits(&c->match, bytes_str(etag)) ? OK : ERR_PRECONDITION;
}

static bool is_empty(const struct twin_write *w)
{
    for (int part = 0; part < TWIN_PARTS; part++)
        if (w->nodes[part].at)
            return false;
    return true;
}

/* Under the shard's lock. */
static enum err change(struct hub *h, struct shard *s, struct bytes id, const struct twin_change *c,
                       struct twin_write *w, int64_t now_ms, struct twin_fault *fault, uint64_t *at)
{
    enum twin_part too_large;
    struct identity *i;
    struct twin *t;
    enum err e = identity_get(h, s, id, &i);

    if (e || (e = twin_get(h, s, i, &t)) || (e = check_match(c, twin_run(t))) || is_empty(w))
        return e;
    e = twin_write(h, s, i, w, TWIN_BY_SERVICE, now_ms, &too_large, at);
    if (e == ERR_TOO_LARGE)
        say_too_large(h, too_large, fault);
    return e;
}

enum err hub_twin_change(struct hub *h, struct bytes id, const struct twin_change *c, int64_t now_ms,
                         struct twin_fault *fault, uint64_t *at)
{
    struct twin_write w = {.replace = c->replace, .by = c->by, .digest = c->digest};
    struct buf nodes = buf_max(NODES_MAX);
    struct shard *s = shard_of(h, id);
    enum err e;

    *at = 0;
    *fault = (struct twin_fault){0};
    if (c->by.len > TWIN_BY_MAX || c->digest.len > TWIN_BY_MAX)
        return ERR_ARGUMENT;
    if (!(e = parse_parts(h, c, &nodes, &w, fault))) {
        mutex_lock(&s->lock);
        e = change(h, s, id, c, &w, now_ms, fault, at);
        mutex_unlock(&s->lock);
    }
    buf_free(&nodes);
    return e;
}

/* ---- the device ------------------------------------------------------------------------------------------------ */

static enum err check_version(struct bytes run, int64_t expected)
{
    struct twin_facts facts;

    twin_facts_of(run, &facts);
    return expected < 0 || (uint64_t)expected == facts.part_version[TWIN_REPORTED] ? OK : ERR_PRECONDITION;
}

/* Under the shard's lock. */
static enum err report(struct seat *seat, struct twin_write *w, int64_t expected, int64_t now_ms,
                       struct twin_fault *fault, uint64_t *at)
{
    size_t size = w->nodes[TWIN_REPORTED].len;
    enum twin_part too_large;
    struct twin *t;
    enum err e = seat_state(seat);

    if (e || (e = identity_lets(seat->hub, seat->identity, size, now_ms)) ||
        (e = twin_get(seat->hub, seat->shard, seat->identity, &t)) || (e = check_version(twin_run(t), expected)))
        return e;
    e = twin_write(seat->hub, seat->shard, seat->identity, w, TWIN_BY_DEVICE, now_ms, &too_large, at);
    if (e == ERR_TOO_LARGE)
        say_too_large(seat->hub, too_large, fault);
    else if (!e)
        identity_took(seat->hub, seat->identity, size, now_ms);
    return e;
}

enum err hub_twin_report(struct seat *seat, struct bytes patch, int64_t expected, int64_t now_ms,
                         struct twin_fault *fault, int64_t *version, uint64_t *at)
{
    struct buf nodes = buf_max(NODES_MAX);
    struct twin_write w = {0};
    enum err e;

    *at = 0;
    *fault = (struct twin_fault){0};
    if (!(e = parse(seat->hub, patch, TWIN_REPORTED, false, &nodes, fault))) {
        w.nodes[TWIN_REPORTED] = buf_bytes(&nodes);
        mutex_lock(&seat->shard->lock);
        e = report(seat, &w, expected, now_ms, fault, at);
        mutex_unlock(&seat->shard->lock);
        *version = (int64_t)w.after.part_version[TWIN_REPORTED];
    }
    buf_free(&nodes);
    return e;
}

enum err hub_model_set(struct seat *seat, struct bytes model, int64_t now_ms, uint64_t *at)
{
    enum err e;

    *at = 0;
    if (model.len > MODEL_LEN_MAX)
        return ERR_ARGUMENT;
    mutex_lock(&seat->shard->lock);
    if (!(e = seat_state(seat)))
        e = twin_write_model(seat->hub, seat->shard, seat->identity, model, now_ms, at);
    mutex_unlock(&seat->shard->lock);
    return e;
}
