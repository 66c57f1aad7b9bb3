#include "twin_merge.h"

#include "twin_write.h"

struct merge {
    struct buf *out;
    struct twin_stamp inner, leaf; /* of objects; of all else */
    int64_t size;                  /* what was added, less what was taken away */
    bool idle;
};

/* Two objects, walked by their keys together. */
struct pair {
    const struct twin_node *a, *b;
    struct twin_node in_a, in_b;
    bool more_a, more_b;
};

static struct pair pair_of(const struct twin_node *a, const struct twin_node *b)
{
    struct pair p = {.a = a, .b = b};

    p.more_a = twin_first(a, &p.in_a);
    p.more_b = twin_first(b, &p.in_b);
    return p;
}

/* Less than 0: the next one is only in a; more: only in b; 0: it is in both. */
static int pair_order(const struct pair *p)
{
    if (!p->more_a || !p->more_b)
        return p->more_a ? -1 : 1;
    return bytes_cmp(p->in_a.key, p->in_b.key);
}

static void pair_step(struct pair *p, int order)
{
    if (order <= 0)
        p->more_a = twin_next(p->a, &p->in_a);
    if (order >= 0)
        p->more_b = twin_next(p->b, &p->in_b);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static unsigned escapes_of(const struct twin_node *n)
{
    return (n->is_plain ? 0u : NODE_ESCAPED) | (n->key_is_plain ? 0u : NODE_KEY_ESCAPED);
}

/* A value as it comes, with the time; nulls in it are of nothing that is there. */
static void put_fresh(struct merge *m, const struct twin_node *n)
{
    bool is_object = n->kind == TWIN_OBJECT;
    size_t at = node_begin(m->out, n->kind, escapes_of(n), n->key, is_object ? &m->inner : &m->leaf);
    struct twin_node in;

    if (is_object) {
        m->size += (int64_t)n->key.len;
        for (bool more = twin_first(n, &in); more; more = twin_next(n, &in))
            if (in.kind != TWIN_NULL)
                put_fresh(m, &in);
    } else {
        m->size += (int64_t)twin_size(n);
        buf_put(m->out, n->value);
    }
    node_end(m->out, at);
}

static void merge_objects(struct merge *m, const struct twin_node *old, const struct twin_node *patch);

/* The patch's word on a member that is there. */
static void merge_member(struct merge *m, const struct twin_node *old, const struct twin_node *patch)
{
    if (old->kind == TWIN_OBJECT && patch->kind == TWIN_OBJECT) {
        merge_objects(m, old, patch);
        return;
    }
    m->idle = false;
    m->size -= (int64_t)twin_size(old);
    if (patch->kind != TWIN_NULL)
        put_fresh(m, patch);
}

/* Members that nothing is said of are copied as they are, as many at once as stand together. */
static void merge_objects(struct merge *m, const struct twin_node *old, const struct twin_node *patch)
{
    size_t at = node_begin(m->out, TWIN_OBJECT, escapes_of(old), old->key, &m->inner);
    struct pair p = pair_of(old, patch);
    const uint8_t *from = old->value.at;

    while (p.more_b) {
        int order = pair_order(&p);

        if (order >= 0 && p.more_a) {
            buf_put(m->out, bytes_of(from, (size_t)(p.in_a.at - from)));
            from = p.in_a.at;
        } else if (order > 0 && from) {
            buf_put(m->out, bytes_of(from, (size_t)(old->value.at + old->value.len - from)));
            from = old->value.at + old->value.len;
        }
        if (order == 0) {
            merge_member(m, &p.in_a, &p.in_b);
            from = p.in_a.behind;
        } else if (order > 0 && p.in_b.kind != TWIN_NULL) {
            m->idle = false;
            put_fresh(m, &p.in_b);
        }
        pair_step(&p, order);
    }
    if (from)
        buf_put(m->out, bytes_of(from, (size_t)(old->value.at + old->value.len - from)));
    node_end(m->out, at);
}

/* ---- a change -------------------------------------------------------------------------------------------------- */

void twin_write_number(struct twin_write *w, struct bytes run)
{
    struct twin_facts *after = &w->after;

    twin_facts_of(run, after);
    after->version++;
    after->etag += w->nodes[TWIN_TAGS].at || w->nodes[TWIN_DESIRED].at;
    for (int part = TWIN_DESIRED; part < TWIN_PARTS; part++)
        after->part_version[part] += w->nodes[part].at != NULL;
}

/* tools of the service show no times of tags; desired has a version with each (service 4.6) */
static struct merge merge_of(const struct twin_write *w, enum twin_part part, struct buf *out)
{
    struct twin_stamp stamp = {.has_time = part != TWIN_TAGS,
                               .has_version = part == TWIN_DESIRED,
                               .time_ms = w->wall_ms,
                               .version = w->after.part_version[part]};
    struct merge m = {.out = out, .inner = stamp, .leaf = stamp, .idle = true};

    if (part == TWIN_DESIRED) {
        m.leaf.by = w->by;
        m.leaf.digest = w->digest;
    }
    return m;
}

/* *size is that of the section, and becomes what it is then. */
static void put_part(const struct twin_write *w, enum twin_part part, const struct twin_node *old, struct buf *out,
                     uint32_t *size, bool *idle)
{
    struct merge m = merge_of(w, part, out);
    struct twin_node patch;

    twin_nodes_root(w->nodes[part], &patch);
    if (w->replace) {
        m.size = -(int64_t)*size;
        m.idle = false;
        put_fresh(&m, &patch);
    } else {
        merge_objects(&m, old, &patch);
    }
    *size = (uint32_t)((int64_t)*size + m.size);
    *idle = *idle && m.idle;
}

static void copy_part(const struct twin_node *old, struct buf *out)
{
    if (old->at)
        buf_put(out, bytes_of(old->at, (size_t)(old->behind - old->at)));
    else
        node_end(out, node_begin(out, TWIN_OBJECT, 0, NO_BYTES, NULL));
}

static bool is_over(uint64_t now, uint64_t before, uint64_t limit)
{
    return now > limit && now > before;
}

enum err twin_apply(struct bytes run, const struct twin_write *w, const uint32_t limit[TWIN_PARTS], struct buf *out,
                    struct twin_outcome *outcome)
{
    struct twin_facts facts = w->after, before;
    size_t from = out->len, sizes_at = from + 1 + 4 * 8;

    *outcome = (struct twin_outcome){.idle = true};
    twin_facts_of(run, &before);
    run_put_facts(out, &facts);
    for (int part = 0; part < TWIN_PARTS; part++) {
        size_t at = out->len;
        struct twin_node old;

        twin_root(run, (enum twin_part)part, &old);
        facts.size[part] = before.size[part];
        if (!w->nodes[part].at) {
            copy_part(&old, out);
            continue;
        }
        put_part(w, (enum twin_part)part, &old, out, &facts.size[part], &outcome->idle);
        outcome->too_large = (enum twin_part)part;
        if (limit &&
            (is_over(facts.size[part], before.size[part], limit[part]) ||
             is_over(out->len - at, (uint64_t)(old.behind - old.at), (uint64_t)limit[part] * TWIN_STORED_RATIO)))
            return ERR_TOO_LARGE;
    }
    if (out->bad)
        return ERR_MEMORY;
    for (int part = 0; part < TWIN_PARTS; part++)
        put_u32_at(out, sizes_at + 4 * (size_t)part, facts.size[part]);
    return OK;
}

/* ---- what somebody missed -------------------------------------------------------------------------------------- */

static void put_null(struct buf *out, const struct twin_node *n)
{
    node_end(out, node_begin(out, TWIN_NULL, n->key_is_plain ? 0 : NODE_KEY_ESCAPED, n->key, NULL));
}

void twin_catch_up(const struct twin_node *from, const struct twin_node *to, struct buf *nodes)
{
    size_t at = node_begin(nodes, TWIN_OBJECT, escapes_of(to), to->key, NULL);
    struct merge m = {.out = nodes};
    struct pair p = pair_of(from, to);

    while (p.more_a || p.more_b) {
        int order = pair_order(&p);

        if (order < 0)
            put_null(nodes, &p.in_a);
        else if (order == 0 && p.in_a.kind == TWIN_OBJECT && p.in_b.kind == TWIN_OBJECT)
            twin_catch_up(&p.in_a, &p.in_b, nodes);
        else
            put_fresh(&m, &p.in_b);
        pair_step(&p, order);
    }
    node_end(nodes, at);
}
