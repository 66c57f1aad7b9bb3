#include "configurations.h"

#include "metrics.h"
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
    struct configuration_counts of;
};

struct configurations {
    struct hub *hub;
    struct waker *waker;
    struct mutex lock; /* of these: */
    bool changed;
    struct plan *current; /* of the last round that has begun; NULL: none has */
    struct count counts[CONFIGURATIONS_ALIVE];
    size_t n_counts;
    /* Of the thread that takes the turns: */
    int64_t next_ms;
    uint64_t seen; /* how far the log was when the last round began; 0: something is left to do */
    bool running;
    bool left;         /* what could not be done in this round */
    struct plan *plan; /* what this round carries out */
    struct scan scan;
    struct metrics metrics;
    bool counting; /* the scan is over, and metrics are counted */
    int64_t now_ms;
    struct claim claims[CONFIGURATIONS_ROOM];
    struct buf parent_run; /* of the device whose modules are being looked at */
    struct device parent;
};

/* ---- what there is to do ---------------------------------------------------------------------------------------- */

static void forget(struct configurations *c)
{
    plan_release(c->plan);
    c->plan = NULL;
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
    for (size_t i = 0; i < c->plan->n; i++) {
        struct configuration *f = &c->plan->at[i];
        bool edge = f->kind == CONFIGURES_EDGE;

        if (f->kind == CONFIGURES_MODULES || (edge && !d->device->edge) || !plan_targets(f, d))
            continue;
        f->targeted++;
        if (edge)
            f->applied += make_modules(c, f, d->device) && plan_has_manifest(c->hub, f, d->device);
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

/* Whose $edgeAgent says what became of the manifest that it has (service 4.11). */
static void count_report(const struct twin_document *d, const struct claim *claims, size_t n)
{
    struct twin_node reported, status, at;
    struct twin_facts facts;
    int64_t version, code;

    twin_facts_of(d->run, &facts);
    twin_root(d->run, TWIN_REPORTED, &reported);
    if (!n || !claims[0].applied || !twin_find(&reported, BYTES("lastDesiredVersion"), &at) ||
        !bytes_to_i64(at.value, &version) || (uint64_t)version != facts.part_version[TWIN_DESIRED] ||
        !twin_find(&reported, BYTES("lastDesiredStatus"), &status) || status.kind != TWIN_OBJECT ||
        !twin_find(&status, BYTES("code"), &at) || !bytes_to_i64(at.value, &code))
        return;
    claims[0].by->succeeded += code == 200;
    claims[0].by->failed += code != 200;
}

static enum err module_found(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct configurations *c = ctx;
    struct bytes name = bytes_str(d->device->id), module = identity_module(name);
    size_t n = 0;
    enum err e;

    (void)row;
    (void)enough;
    if (!find_parent(c, name))
        return OK; /* it has just gone, and its modules with it */
    for (size_t i = 0; i < c->plan->n; i++) {
        const struct twin_document parent = {.device = &c->parent, .run = buf_bytes(&c->parent_run)};
        struct configuration *f = &c->plan->at[i];
        json_t *settings = f->settings;

        if (f->kind == CONFIGURES_EDGE)
            settings = json_object_getn(f->settings, (const char *)module.at, module.len);
        if (f->kind == CONFIGURES_DEVICES || !settings || !plan_targets(f, f->kind == CONFIGURES_EDGE ? &parent : d) ||
            (f->kind == CONFIGURES_EDGE && !c->parent.edge))
            continue;
        f->targeted += f->kind == CONFIGURES_MODULES;
        c->claims[n++] = (struct claim){.by = f, .settings = settings};
    }
    e = settle(c, d, n);
    if (!e && bytes_eq(module, BYTES("$edgeAgent")))
        count_report(d, c->claims, n);
    return e;
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

/* The new plan is the one that twins are shown with from now on. */
static enum err begin(struct configurations *c)
{
    struct plan *plan, *old;
    enum err e = plan_new(c->hub, &plan);

    c->parent.id[0] = 0;
    c->left = false;
    if (e)
        return e;
    mutex_lock(&c->lock);
    old = c->current;
    c->current = plan;
    mutex_unlock(&c->lock);
    plan_release(old);
    if (!plan->n)
        return OK;
    plan_hold(plan);
    c->plan = plan;
    if (!(e = scan_open(&c->scan, c->hub, false, NULL)))
        c->running = true;
    else
        forget(c);
    return e;
}

static struct configuration_counts counts_of(const struct configuration *f)
{
    struct configuration_counts counts = {
        .targeted = f->targeted, .applied = f->applied, .succeeded = f->succeeded, .failed = f->failed};

    memcpy(counts.etag, f->doc.etag, sizeof counts.etag);
    memcpy(counts.metrics, f->metrics, sizeof counts.metrics);
    return counts;
}

static void tell_counts(struct configurations *c)
{
    mutex_lock(&c->lock);
    c->n_counts = 0;
    for (size_t i = 0; i < c->plan->n && c->n_counts < CONFIGURATIONS_ALIVE; i++) {
        struct count *to = &c->counts[c->n_counts];

        if (!c->plan->at[i].root)
            continue;
        memcpy(to->id, c->plan->at[i].doc.id, sizeof to->id);
        to->of = counts_of(&c->plan->at[i]);
        c->n_counts++;
    }
    mutex_unlock(&c->lock);
}

/* A deleted one's document goes once all that it had set is gone, unless it has been made again. */
static void drop_deleted(struct configurations *c)
{
    uint64_t at;

    for (size_t i = 0; i < c->plan->n; i++) {
        const struct doc *d = &c->plan->at[i].doc;
        const struct match match = {.how = MATCH_ETAG, .etag = bytes_str(d->etag)};

        if (!c->plan->at[i].root && hub_doc_delete(c->hub, DOC_CONFIGURATION, bytes_str(d->id), match, &at))
            continue; /* in the next round */
    }
}

static void end(struct configurations *c, bool complete)
{
    scan_close(&c->scan);
    metrics_close(&c->metrics);
    c->running = c->counting = false;
    if (complete)
        tell_counts(c);
    if (complete && !c->left)
        drop_deleted(c);
    else
        c->seen = 0;
    forget(c);
    c->next_ms = c->now_ms + ROUND_MS;
}

/* A slice of it: first all devices, then all modules, then the metrics. */
static void go_on(struct configurations *c)
{
    bool modules = c->scan.modules;
    enum err e;

    if (c->counting) {
        if (!metrics_turn(&c->metrics))
            end(c, true);
        return;
    }
    e = scan_turn(&c->scan, modules ? module_found : device_found, c);
    if (!e && c->scan.end && !modules) {
        scan_close(&c->scan);
        e = scan_open(&c->scan, c->hub, true, NULL);
    } else if (!e && c->scan.end) {
        metrics_open(&c->metrics, c->plan);
        c->counting = true;
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
    plan_release(c->current);
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

bool configurations_counts(struct configurations *c, struct bytes id, struct configuration_counts *out)
{
    bool there = false;

    mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_counts && !there; i++)
        if ((there = bytes_eq(bytes_str(c->counts[i].id), id)))
            *out = c->counts[i].of;
    mutex_unlock(&c->lock);
    return there;
}

struct plan *configurations_hold(struct configurations *c)
{
    struct plan *plan;

    mutex_lock(&c->lock);
    if ((plan = c->current))
        plan_hold(plan);
    mutex_unlock(&c->lock);
    return plan;
}
