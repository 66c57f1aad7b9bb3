#include "configurations.h"

#include "mutex.h"
#include "reconcile.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROUND_MS = 5000, /* between two rounds, at least */
};

struct count {
    char id[ID_LEN_MAX + 1];
    uint64_t targeted, applied;
};

struct configurations {
    struct hub *hub;
    struct waker *waker;
    struct mutex lock; /* of these: */
    bool changed;
    struct count counts[CONFIGURATIONS_ALIVE];
    size_t n_counts;
    /* Of the thread that takes the turns: */
    int64_t next_ms;
    uint64_t seen; /* how far the log was when the last round began; 0: something is left to do */
    bool running;
    bool left;                                    /* what could not be done in this round */
    struct configuration at[CONFIGURATIONS_ROOM]; /* by rank, the highest first */
    size_t n;
    struct scan scan;
    int64_t now_ms;
    struct claim claims[CONFIGURATIONS_ROOM];
    struct buf parent_run; /* of the device whose modules are being looked at */
    struct device parent;
};

/* ---- what there is to do ---------------------------------------------------------------------------------------- */

/* The higher priority first, of equals the later one. */
static int by_rank(const void *a, const void *b)
{
    const struct configuration *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->doc.created_ms != y->doc.created_ms)
        return x->doc.created_ms > y->doc.created_ms ? -1 : 1;
    return strcmp(x->doc.id, y->doc.id);
}

static void forget(struct configurations *c)
{
    for (size_t i = 0; i < c->n; i++)
        configuration_clear(&c->at[i]);
    c->n = 0;
}

static enum err load(struct configurations *c)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct bytes after = NO_BYTES;
    struct doc doc;
    enum err e = OK;

    while (!e && c->n < CONFIGURATIONS_ROOM) {
        buf_clear(&body);
        if (hub_doc_next(c->hub, DOC_CONFIGURATION, after, &body, &doc))
            break;
        if (!(e = configuration_read(&doc, buf_bytes(&body), &c->at[c->n])))
            after = bytes_str(c->at[c->n++].doc.id);
    }
    buf_free(&body);
    if (!e)
        qsort(c->at, c->n, sizeof *c->at, by_rank);
    return e;
}

static bool targets(const struct configuration *f, const struct twin_document *d)
{
    struct row row = twin_document_row(d);

    return f->root && f->targets && (!f->condition || condition_holds(f->condition, &row));
}

/* ---- one device -------------------------------------------------------------------------------------------------- */

/* The modules that a manifest has settings for are there. */
static bool make_modules(struct configurations *c, const struct configuration *f, const struct device *device)
{
    struct device wanted = {.auth = AUTH_SAS, .managed_by = "iotEdge"}, made;
    const char *module;
    json_t *settings;
    uint64_t at;
    bool all = true;

    json_object_foreach(f->settings, module, settings)
    {
        enum err e = OK;

        if (!identity_name(bytes_str(device->id), bytes_str(module), wanted.id))
            e = ERR_ARGUMENT;
        else if (hub_device_get(c->hub, bytes_str(wanted.id), &made) == ERR_NOT_FOUND)
            e = hub_device_put(c->hub, &wanted, (struct match){.how = MATCH_NONE}, c->now_ms, &made, &at);
        all &= !e;
        c->left |= reconcile_passes(e);
    }
    return all;
}

static enum err settle(struct configurations *c, const struct twin_document *d, size_t n)
{
    bool done;
    enum err e = reconcile(c->hub, bytes_str(d->device->id), d->run, c->claims, n, c->now_ms, &done);

    c->left |= !done;
    for (size_t i = 0; i < n; i++)
        c->claims[i].by->applied += c->claims[i].applied && c->claims[i].by->kind != CONFIGURES_EDGE;
    return e;
}

static enum err device_found(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct configurations *c = ctx;
    size_t n = 0;

    (void)row;
    (void)enough;
    for (size_t i = 0; i < c->n; i++) {
        struct configuration *f = &c->at[i];
        bool edge = f->kind == CONFIGURES_EDGE;

        if (f->kind == CONFIGURES_MODULES || (edge && !d->device->edge) || !targets(f, d))
            continue;
        f->targeted++;
        if (edge)
            f->applied += make_modules(c, f, d->device);
        else
            c->claims[n++] = (struct claim){.by = f, .settings = f->settings};
    }
    return settle(c, d, n);
}

/* ---- one module -------------------------------------------------------------------------------------------------- */

/* The device that it is of; it stays until a module of another one is looked at. */
static bool find_parent(struct configurations *c, struct bytes name)
{
    struct bytes id = identity_device(name);

    if (bytes_eq(bytes_str(c->parent.id), id))
        return true;
    buf_clear(&c->parent_run);
    if (!hub_twin_copy(c->hub, id, &c->parent_run, &c->parent, NULL))
        return true;
    c->parent.id[0] = 0;
    return false;
}

static enum err module_found(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct configurations *c = ctx;
    struct bytes name = bytes_str(d->device->id), module = identity_module(name);
    size_t n = 0;

    (void)row;
    (void)enough;
    if (!find_parent(c, name))
        return OK; /* it has just gone, and its modules with it */
    for (size_t i = 0; i < c->n; i++) {
        const struct twin_document parent = {.device = &c->parent, .run = buf_bytes(&c->parent_run)};
        struct configuration *f = &c->at[i];
        json_t *settings = f->settings;

        if (f->kind == CONFIGURES_EDGE)
            settings = json_object_getn(f->settings, (const char *)module.at, module.len);
        if (f->kind == CONFIGURES_DEVICES || !settings || !targets(f, f->kind == CONFIGURES_EDGE ? &parent : d) ||
            (f->kind == CONFIGURES_EDGE && !c->parent.edge))
            continue;
        f->targeted += f->kind == CONFIGURES_MODULES;
        c->claims[n++] = (struct claim){.by = f, .settings = settings};
    }
    return settle(c, d, n);
}

/* ---- a round ----------------------------------------------------------------------------------------------------- */

static bool take_changed(struct configurations *c)
{
    bool changed;

    mutex_lock(&c->lock);
    changed = c->changed;
    c->changed = false;
    mutex_unlock(&c->lock);
    return changed;
}

static enum err begin(struct configurations *c)
{
    enum err e = load(c);

    c->parent.id[0] = 0;
    c->left = false;
    if (!e && c->n && !(e = scan_open(&c->scan, c->hub, false, NULL)))
        c->running = true;
    if (e)
        forget(c);
    return e;
}

static void tell_counts(struct configurations *c)
{
    mutex_lock(&c->lock);
    c->n_counts = 0;
    for (size_t i = 0; i < c->n && c->n_counts < CONFIGURATIONS_ALIVE; i++) {
        struct count *to = &c->counts[c->n_counts];

        if (!c->at[i].root)
            continue;
        memcpy(to->id, c->at[i].doc.id, sizeof to->id);
        to->targeted = c->at[i].targeted;
        to->applied = c->at[i].applied;
        c->n_counts++;
    }
    mutex_unlock(&c->lock);
}

/* A deleted one's document goes once all that it had set is gone, unless it has been made again. */
static void drop_deleted(struct configurations *c)
{
    uint64_t at;

    for (size_t i = 0; i < c->n; i++) {
        const struct doc *d = &c->at[i].doc;
        const struct match match = {.how = MATCH_ETAG, .etag = bytes_str(d->etag)};

        if (!c->at[i].root && hub_doc_delete(c->hub, DOC_CONFIGURATION, bytes_str(d->id), match, &at))
            continue; /* in the next round */
    }
}

static void end(struct configurations *c, bool complete)
{
    scan_close(&c->scan);
    c->running = false;
    if (complete)
        tell_counts(c);
    if (complete && !c->left)
        drop_deleted(c);
    else
        c->seen = 0;
    forget(c);
    c->next_ms = c->now_ms + ROUND_MS;
}

/* A slice of it: first all devices, then all modules. */
static void go_on(struct configurations *c)
{
    bool modules = c->scan.modules;
    enum err e = scan_turn(&c->scan, modules ? module_found : device_found, c);

    if (!e && c->scan.end && !modules) {
        scan_close(&c->scan);
        e = scan_open(&c->scan, c->hub, true, NULL);
    } else if (!e && c->scan.end) {
        end(c, true);
        return;
    }
    if (e)
        end(c, false);
}

int64_t configurations_turn(struct configurations *c, int64_t now_ms)
{
    uint64_t seen;
    bool changed;

    c->now_ms = now_ms;
    if (!c->running) {
        changed = take_changed(c);
        if (!changed && now_ms < c->next_ms)
            return c->next_ms;
        seen = hub_seen(c->hub);
        c->next_ms = now_ms + ROUND_MS;
        if (!changed && seen == c->seen)
            return c->next_ms;
        c->seen = seen;
        if (begin(c))
            c->seen = 0;
        if (!c->running)
            return c->next_ms;
    }
    go_on(c);
    return c->running ? now_ms : c->next_ms;
}

/* ---- from outside ------------------------------------------------------------------------------------------------ */

enum err configurations_new(struct hub *hub, struct waker *waker, struct configurations **out)
{
    struct configurations *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_MEMORY;
    c->hub = hub;
    c->waker = waker;
    c->changed = true;
    c->parent_run = buf_max(TWIN_RUN_MAX);
    mutex_init(&c->lock, RANK_OWN);
    *out = c;
    return OK;
}

void configurations_free(struct configurations *c)
{
    if (!c)
        return;
    if (c->running)
        end(c, false);
    buf_free(&c->parent_run);
    mutex_destroy(&c->lock);
    free(c);
}

void configurations_changed(struct configurations *c)
{
    mutex_lock(&c->lock);
    c->changed = true;
    mutex_unlock(&c->lock);
    c->waker->wake(c->waker);
}

bool configurations_counts(struct configurations *c, struct bytes id, uint64_t *targeted, uint64_t *applied)
{
    bool there = false;

    mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_counts && !there; i++) {
        if (!bytes_eq(bytes_str(c->counts[i].id), id))
            continue;
        *targeted = c->counts[i].targeted;
        *applied = c->counts[i].applied;
        there = true;
    }
    mutex_unlock(&c->lock);
    return there;
}
