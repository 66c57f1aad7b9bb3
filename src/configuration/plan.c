#include "plan.h"

#include "reconcile.h"

#include <stdlib.h>

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

bool plan_targets(const struct configuration *f, const struct twin_document *d)
{
    struct row row = twin_document_row(d);

    return f->root && f->targets && (!f->condition || condition_holds(f->condition, &row));
}

/* ---- what twins are told ---------------------------------------------------------------------------------------- */

static enum configured status_of(bool applied)
{
    return applied ? CONFIGURED_APPLIED : CONFIGURED_TARGETED;
}

bool plan_has_manifest(struct hub *hub, const struct configuration *f, const struct device *d)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    char name[IDENTITY_LEN_MAX + 1];
    const char *module;
    bool all = true;
    json_t *wish;

    json_object_foreach(f->wish, module, wish)
    {
        buf_clear(&run);
        all = all && identity_name(bytes_str(d->id), bytes_str(module), name) &&
              !hub_twin_copy(hub, bytes_str(name), &run, NULL, NULL) &&
              reconciled(buf_bytes(&run), wish, bytes_str(f->doc.id));
    }
    buf_free(&run);
    return all;
}

static enum configured edge_device(const struct plan *p, const struct configuration *f, const struct twin_document *d)
{
    return d->device->edge && plan_targets(f, d) ? status_of(plan_has_manifest(p->hub, f, d->device)) : CONFIGURED_NOT;
}

static enum configured edge_module(const struct plan *p, const struct configuration *f, const struct twin_document *d)
{
    struct bytes name = bytes_str(d->device->id), module = identity_module(name);
    json_t *wish = json_object_getn(f->wish, (const char *)module.at, module.len);
    struct buf run = buf_max(TWIN_RUN_MAX);
    enum configured how = CONFIGURED_NOT;
    struct device parent;

    if (wish && !hub_twin_copy(p->hub, identity_device(name), &run, &parent, NULL) && parent.edge &&
        plan_targets(f, &(struct twin_document){.device = &parent, .run = buf_bytes(&run)}))
        how = status_of(reconciled(d->run, wish, bytes_str(f->doc.id)));
    buf_free(&run);
    return how;
}

/* Conditions see no configurations: none can depend on another one. */
static enum configured how(const void *of, size_t i, const struct twin_document *document)
{
    const struct twin_document d = {.device = document->device, .run = document->run};
    bool module = identity_is_module(bytes_str(d.device->id));
    const struct plan *p = of;
    const struct configuration *f = &p->at[i];

    if (!f->root)
        return CONFIGURED_NOT;
    if (f->kind == CONFIGURES_EDGE)
        return module ? edge_module(p, f, &d) : edge_device(p, f, &d);
    if (module != (f->kind == CONFIGURES_MODULES) || !plan_targets(f, &d))
        return CONFIGURED_NOT;
    return status_of(reconciled(d.run, f->wish, bytes_str(f->doc.id)));
}

static struct bytes id_of(const void *of, size_t i)
{
    return bytes_str(((const struct plan *)of)->at[i].doc.id);
}

/* ---- its life --------------------------------------------------------------------------------------------------- */

static enum err load(struct plan *p)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct bytes after = NO_BYTES;
    struct doc doc;
    enum err e = OK;

    while (!e && p->n < CONFIGURATIONS_ROOM) {
        buf_clear(&body);
        if (hub_doc_next(p->hub, DOC_CONFIGURATION, after, &body, &doc))
            break;
        if (!(e = configuration_read(&doc, buf_bytes(&body), &p->at[p->n])))
            after = bytes_str(p->at[p->n++].doc.id);
    }
    buf_free(&body);
    if (!e)
        qsort(p->at, p->n, sizeof *p->at, by_rank);
    return e;
}

enum err plan_new(struct hub *hub, struct plan **out)
{
    struct plan *p = calloc(1, sizeof *p);
    enum err e;

    if (!p)
        return ERR_MEMORY;
    p->holders = 1;
    p->hub = hub;
    if ((e = load(p))) {
        plan_release(p);
        return e;
    }
    p->told = (struct configured_by){.of = p, .n = p->n, .id = id_of, .how = how};
    *out = p;
    return OK;
}

void plan_hold(struct plan *p)
{
    p->holders++;
}

void plan_release(struct plan *p)
{
    if (!p || --p->holders)
        return;
    for (size_t i = 0; i < p->n; i++)
        configuration_clear(&p->at[i]);
    free(p);
}
