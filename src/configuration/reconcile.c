#include "reconcile.h"

#include "desired.h"
#include "json_body.h"
#include "twin_json.h"

/* ---- who has which place ---------------------------------------------------------------------------------------- */

static bool is_branch(const json_t *v)
{
    return json_is_object(v) && json_object_size(v);
}

/* Of `wish` what nobody has taken yet goes into `won` and `taken`. *all: that is all of it. */
static enum err win(json_t *wish, json_t *taken, json_t *won, bool *all)
{
    const char *key;
    json_t *value;

    json_object_foreach(wish, key, value)
    {
        json_t *there = json_object_get(taken, key), *below;
        enum err e;

        if (there && !(is_branch(value) && json_is_object(there))) {
            *all = false;
            continue;
        }
        if (!is_branch(value)) {
            if (json_object_set(taken, key, value) || json_object_set(won, key, value))
                return ERR_MEMORY;
            continue;
        }
        if (!there && json_object_set_new(taken, key, there = json_object()))
            return ERR_MEMORY;
        if (!(below = json_object()))
            return ERR_MEMORY;
        e = win(value, there, below, all);
        if (!e && json_object_size(below) && json_object_set(won, key, below))
            e = ERR_MEMORY;
        json_decref(below);
        if (e)
            return e;
    }
    return OK;
}

static enum err share_out(struct claim *claims, size_t n)
{
    json_t *taken = json_object(), *wish;
    enum err e = taken ? OK : ERR_MEMORY;

    for (size_t i = 0; i < n && !e; i++) {
        const char *bad;
        bool whole;

        claims[i].applied = true;
        if (!(claims[i].won = json_object())) {
            e = ERR_MEMORY;
        } else if ((e = desired_read(claims[i].settings, &wish, &whole, &bad)) == OK) {
            e = win(wish, taken, claims[i].won, &claims[i].applied);
            json_decref(wish);
        }
    }
    json_decref(taken);
    return e;
}

/* ---- what has to be written ------------------------------------------------------------------------------------- */

static bool same_value(const struct twin_node *node, json_t *value)
{
    struct buf text = buf_max(HTTP_BODY_MAX);
    json_t *there;
    bool same;

    twin_put_value(&text, node);
    there = json_loadb((const char *)text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    same = there && json_equal(there, value);
    json_decref(there);
    buf_free(&text);
    return same;
}

static bool is_as_wanted(const struct twin_node *node, json_t *value, struct bytes by)
{
    if (json_is_null(value))
        return !node;
    return node && bytes_eq(node->by, by) && same_value(node, value);
}

static bool holds(const struct twin_node *node, json_t *wish, struct bytes by)
{
    const char *key;
    json_t *value;

    json_object_foreach(wish, key, value)
    {
        struct twin_node child;
        bool there = node && node->kind == TWIN_OBJECT && twin_find(node, bytes_str(key), &child);

        if (is_branch(value) ? !holds(there ? &child : NULL, value, by)
                             : !is_as_wanted(there ? &child : NULL, value, by))
            return false;
    }
    return true;
}

bool reconciled(struct bytes run, json_t *wish, struct bytes by)
{
    struct twin_node root;

    twin_root(run, TWIN_DESIRED, &root);
    return holds(&root, wish, by);
}

/* The patch that makes `node` (NULL: there is none) what is wanted. */
static enum err differ(const struct twin_node *node, json_t *wanted, struct bytes by, json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach(wanted, key, value)
    {
        struct twin_node child;
        bool there = node && node->kind == TWIN_OBJECT && twin_find(node, bytes_str(key), &child);
        json_t *below;
        enum err e = OK;

        if (!is_branch(value)) {
            if (!is_as_wanted(there ? &child : NULL, value, by) && json_object_set(patch, key, value))
                return ERR_MEMORY;
            continue;
        }
        if (!(below = json_object()))
            return ERR_MEMORY;
        e = differ(there ? &child : NULL, value, by, below);
        if (!e && json_object_size(below) && json_object_set(patch, key, below))
            e = ERR_MEMORY;
        json_decref(below);
        if (e)
            return e;
    }
    return OK;
}

/* ---- what has to go ---------------------------------------------------------------------------------------------- */

/* The names from the section to a node. */
struct place {
    const struct place *before;
    struct bytes name;
};

static json_t *at_place(json_t *tree, const struct place *p)
{
    json_t *of = p->before ? at_place(tree, p->before) : tree;

    return of ? json_object_getn(of, (const char *)p->name.at, p->name.len) : NULL;
}

static bool is_stale(const struct twin_node *node, const struct place *p, const struct claim *claims, size_t n)
{
    if (!node->by.len)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *wanted = bytes_eq(bytes_str(claims[i].by->doc.id), node->by) ? at_place(claims[i].won, p) : NULL;

        if (wanted && !json_is_null(wanted))
            return false;
    }
    return true;
}

/* The patch that removes below `node` what is stale, and objects of which nothing stays. *all: nothing does. */
static enum err sweep(const struct twin_node *node, const struct place *before, const struct claim *claims, size_t n,
                      json_t *patch, bool *all)
{
    struct twin_node child;

    *all = true;
    for (bool more = twin_first(node, &child); more; more = twin_next(node, &child)) {
        const struct place p = {before, child.key};
        bool branch = child.kind == TWIN_OBJECT && child.value.len, gone = false;
        const char *key = (const char *)child.key.at;
        json_t *below = json_object();
        enum err e = below ? OK : ERR_MEMORY;

        if (!e && branch)
            e = sweep(&child, &p, claims, n, below, &gone);
        else if (!e)
            gone = is_stale(&child, &p, claims, n);
        if (!e && gone)
            e = json_object_setn_new(patch, key, child.key.len, json_null()) ? ERR_MEMORY : OK;
        else if (!e && json_object_size(below))
            e = json_object_setn(patch, key, child.key.len, below) ? ERR_MEMORY : OK;
        json_decref(below);
        if (e)
            return e;
        *all = *all && gone;
    }
    return OK;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* ERR_MEMORY, or what came of it. */
static enum err change(struct hub *hub, struct bytes name, json_t *patch, struct twin_change *c, int64_t now_ms,
                       enum err *outcome)
{
    struct buf text = buf_max(HTTP_BODY_MAX);
    struct twin_fault fault;
    uint64_t at;
    enum err e = OK;

    *outcome = OK;
    if (json_object_size(patch) && !(e = json_put(patch, &text))) {
        c->part[TWIN_DESIRED] = buf_bytes(&text);
        *outcome = text.bad ? ERR_TOO_LARGE : hub_twin_change(hub, name, c, now_ms, &fault, &at);
    }
    buf_free(&text);
    return e;
}

bool reconcile_passes(enum err e)
{
    return e == ERR_BUSY || e == ERR_DISK_FULL || e == ERR_MEMORY || e == ERR_PRECONDITION;
}

/* By the ETag: what is stale in `run` may have become somebody else's value meanwhile. */
static enum err remove_stale(struct hub *hub, struct bytes name, struct bytes run, struct claim *claims, size_t n,
                             int64_t now_ms, bool *done)
{
    char etag[TWIN_ETAG_CAP];
    struct twin_change c = {.match = {.how = MATCH_ETAG}};
    json_t *patch = json_object();
    enum err outcome = OK, e = patch ? OK : ERR_MEMORY;
    struct twin_facts facts;
    struct twin_node root;
    bool all;

    twin_root(run, TWIN_DESIRED, &root);
    twin_facts_of(run, &facts);
    twin_etag_text(facts.etag, etag);
    c.match.etag = bytes_str(etag);
    if (!e && !(e = sweep(&root, NULL, claims, n, patch, &all)))
        e = change(hub, name, patch, &c, now_ms, &outcome);
    *done = !reconcile_passes(outcome);
    json_decref(patch);
    return e;
}

static enum err fulfil(struct hub *hub, struct bytes name, const struct twin_node *root, struct claim *claim,
                       int64_t now_ms, bool *done)
{
    struct twin_change c = {.by = bytes_str(claim->by->doc.id), .digest = bytes_str(claim->by->digest)};
    json_t *patch = json_object();
    enum err outcome = OK, e = patch ? differ(root, claim->won, c.by, patch) : ERR_MEMORY;

    if (!e)
        e = change(hub, name, patch, &c, now_ms, &outcome);
    claim->applied = claim->applied && !outcome;
    *done = *done && !reconcile_passes(outcome);
    json_decref(patch);
    return e;
}

enum err reconcile(struct hub *hub, struct bytes name, struct bytes run, struct claim *claims, size_t n, int64_t now_ms,
                   bool *done)
{
    struct twin_node root;
    enum err e = share_out(claims, n);

    *done = true;
    twin_root(run, TWIN_DESIRED, &root);
    if (!e)
        e = remove_stale(hub, name, run, claims, n, now_ms, done);
    for (size_t i = 0; i < n && !e; i++)
        e = fulfil(hub, name, &root, &claims[i], now_ms, done);
    for (size_t i = 0; i < n; i++) {
        json_decref(claims[i].won);
        claims[i].won = NULL;
    }
    return e;
}
