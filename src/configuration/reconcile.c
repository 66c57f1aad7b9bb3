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
    if (json_is_object(value)) /* an empty one: objects have no writer */
        return node && node->kind == TWIN_OBJECT;
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

struct sweep {
    const struct claim *claims;
    size_t n;
};

static bool is_stale(const struct twin_node *node, const struct place *p, const struct claim *claims, size_t n)
{
    if (!node->by.len)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *wanted = bytes_eq(bytes_str(claims[i].by->doc.id), node->by) ? at_place(claims[i].won, p) : NULL;

        if (wanted && !json_is_null(wanted) && !is_branch(wanted))
            return false;
    }
    return true;
}

static enum err sweep(const struct twin_node *node, const struct place *before, const struct sweep *w, json_t *coming,
                      json_t *patch, bool *all);

/* An object that stays when it is empty. */
static bool is_wanted_empty(const struct place *p, const struct sweep *w)
{
    for (size_t i = 0; i < w->n; i++) {
        json_t *wanted = at_place(w->claims[i].won, p);

        if (json_is_object(wanted) && !json_object_size(wanted))
            return true;
    }
    return false;
}

/* `coming`: what is written over the member. */
static enum err sweep_member(const struct twin_node *child, const struct place *p, const struct sweep *w,
                             json_t *coming, json_t *patch, bool *gone)
{
    bool branch = child->kind == TWIN_OBJECT && child->value.len;
    const char *key = (const char *)child->key.at;
    json_t *below;
    enum err e;

    *gone = false;
    if (coming && !(branch && is_branch(coming)))
        return OK;
    if (!branch) {
        *gone = is_stale(child, p, w->claims, w->n);
        return *gone && json_object_setn_new(patch, key, child->key.len, json_null()) ? ERR_MEMORY : OK;
    }
    if (!(below = json_object()))
        return ERR_MEMORY;
    e = sweep(child, p, w, coming, below, gone);
    *gone = *gone && !coming && !is_wanted_empty(p, w);
    if (!e && *gone)
        e = json_object_setn_new(patch, key, child->key.len, json_null()) ? ERR_MEMORY : OK;
    else if (!e && json_object_size(below))
        e = json_object_setn(patch, key, child->key.len, below) ? ERR_MEMORY : OK;
    json_decref(below);
    return e;
}

/* The patch that removes below `node` what is stale, and objects of which nothing stays, but for what `coming` (NULL:
 * nothing) writes. *all: nothing stays. */
static enum err sweep(const struct twin_node *node, const struct place *before, const struct sweep *w, json_t *coming,
                      json_t *patch, bool *all)
{
    struct twin_node child;

    *all = true;
    for (bool more = twin_first(node, &child); more; more = twin_next(node, &child)) {
        const struct place p = {before, child.key};
        json_t *over = coming ? json_object_getn(coming, (const char *)child.key.at, child.key.len) : NULL;
        bool gone;
        enum err e = sweep_member(&child, &p, w, over, patch, &gone);

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

/* The twin as it was looked at, and what is to become of it. */
struct round {
    struct hub *hub;
    struct bytes name, run;
    struct claim *claims;
    size_t n;
    int64_t now_ms;
    bool *done;
};

/* The patches of all claims: their places are apart. */
static enum err plan_patches(const struct round *r, json_t *coming)
{
    struct twin_node root;
    enum err e = OK;

    twin_root(r->run, TWIN_DESIRED, &root);
    for (size_t i = 0; i < r->n && !e; i++) {
        struct claim *c = &r->claims[i];
        json_t *copy;

        if (!(c->patch = json_object()))
            return ERR_MEMORY;
        e = differ(&root, c->won, bytes_str(c->by->doc.id), c->patch);
        copy = json_deep_copy(c->patch);
        if (!e && (!copy || json_object_update_recursive(coming, copy)))
            e = ERR_MEMORY;
        json_decref(copy);
    }
    return e;
}

static enum err plan_removal(const struct round *r, json_t *coming, json_t *gone)
{
    const struct sweep w = {r->claims, r->n};
    struct twin_node root;
    bool all;

    twin_root(r->run, TWIN_DESIRED, &root);
    return sweep(&root, NULL, &w, coming, gone, &all);
}

/* `by` (NULL: none) writes the patch. With a removal it is by the ETag: what is stale in the run may have become
 * somebody else's value meanwhile. */
static enum err write(const struct round *r, const struct claim *by, json_t *patch, bool removes, enum err *outcome)
{
    struct twin_change c = {.by = NO_BYTES};
    char etag[TWIN_ETAG_CAP];
    struct twin_facts facts;
    enum err e;

    if (by) {
        c.by = bytes_str(by->by->doc.id);
        c.digest = bytes_str(by->by->digest);
    }
    if (removes) {
        twin_facts_of(r->run, &facts);
        twin_etag_text(facts.etag, etag);
        c.match = (struct match){.how = MATCH_ETAG, .etag = bytes_str(etag)};
    }
    e = change(r->hub, r->name, patch, &c, r->now_ms, outcome);
    *r->done = *r->done && !reconcile_passes(*outcome);
    return e;
}

/* Stale values go with the first that are written: one version, of which the device is told by one patch. */
static enum err write_first(const struct round *r, json_t *gone, struct claim *first, enum err *outcome)
{
    json_t *both = json_deep_copy(first->patch);
    enum err e = both && !json_object_update_recursive(both, gone) ? OK : ERR_MEMORY;

    if (!e)
        e = write(r, first, both, json_object_size(gone), outcome);
    json_decref(both);
    return e;
}

static struct claim *first_writer(const struct round *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (json_object_size(r->claims[i].patch))
            return &r->claims[i];
    return NULL;
}

/* Alone, where there is no value to write or it cannot be: then there may be room for it. */
static enum err remove_alone(const struct round *r)
{
    json_t *gone = json_object();
    enum err outcome, e = gone ? plan_removal(r, NULL, gone) : ERR_MEMORY;

    if (!e)
        e = write(r, NULL, gone, true, &outcome);
    json_decref(gone);
    return e;
}

static enum err fulfil(const struct round *r, json_t *gone)
{
    struct claim *first = first_writer(r);
    enum err outcome = OK, e = OK;

    if (first)
        e = write_first(r, gone, first, &outcome);
    if (!e && json_object_size(gone) && (!first || (outcome && !reconcile_passes(outcome)))) {
        e = remove_alone(r);
        if (!e && first)
            e = write(r, first, first->patch, false, &outcome);
    }
    if (first)
        first->applied = first->applied && !outcome;
    for (size_t i = 0; i < r->n && !e; i++) {
        if (&r->claims[i] == first)
            continue;
        e = write(r, &r->claims[i], r->claims[i].patch, false, &outcome);
        r->claims[i].applied = r->claims[i].applied && !outcome;
    }
    return e;
}

static void forget(struct claim *c)
{
    json_decref(c->won);
    json_decref(c->patch);
    c->won = c->patch = NULL;
}

enum err reconcile(struct hub *hub, struct bytes name, struct bytes run, struct claim *claims, size_t n, int64_t now_ms,
                   bool *done)
{
    const struct round r = {hub, name, run, claims, n, now_ms, done};
    json_t *coming = json_object(), *gone = json_object();
    enum err e = coming && gone ? share_out(claims, n) : ERR_MEMORY;

    *done = true;
    if (!e && !(e = plan_patches(&r, coming)) && !(e = plan_removal(&r, coming, gone)))
        e = fulfil(&r, gone);
    for (size_t i = 0; i < n; i++)
        forget(&claims[i]);
    json_decref(coming);
    json_decref(gone);
    return e;
}
