/* The manifest of an edge device (service 4.3): which modules it has, and what is desired of each of them. All of it is
 * looked at before anything of it is done. */
#include "http_front.h"

#include "desired.h"
#include "json_body.h"
#include "text.h"

#include <stdio.h>

#define MANAGER "iotEdge"

struct manifest {
    struct http_request *r;
    struct http_answer *a;
    json_t *modules; /* name → what is desired of it, or null; owned */
    struct buf text, nodes;
    uint64_t at;
};

static enum err refuse(struct http_answer *a, const char *format, const char *name)
{
    a->code = CODE_CONTENT;
    return http_says(a, ERR_ARGUMENT, format, name);
}

/* ---- what is desired of one module ------------------------------------------------------------------------------- */

static enum err read_desired(struct http_answer *a, json_t *settings, json_t **out, bool *whole)
{
    const char *bad = "";
    enum err e = desired_read(settings, out, whole, &bad);

    return e == ERR_ARGUMENT ? refuse(a, "'%.60s' is not a path of desired properties, or contradicts another one", bad)
                             : e;
}

static enum err say_fault(struct http_answer *a, const char *module, enum err e, const struct twin_fault *fault)
{
    if (!e || !fault->why[0])
        return e;
    a->code = CODE_CONTENT;
    return http_says(a, ERR_ARGUMENT, "%.60s: %s", module, fault->why);
}

/* As JSON in m->text. */
static enum err write_desired(struct manifest *m, json_t *settings, bool *whole)
{
    json_t *object;
    enum err e = read_desired(m->a, settings, &object, whole);

    if (e)
        return e;
    buf_clear(&m->text);
    if (!(e = json_put(object, &m->text)))
        e = buf_check(&m->text);
    json_decref(object);
    return e;
}

/* ---- which modules ---------------------------------------------------------------------------------------------- */

static enum err add_module(struct manifest *m, const char *name, json_t *settings)
{
    char id[IDENTITY_LEN_MAX + 1];

    if (!identity_name(bytes_str(m->r->identity), bytes_str(name), id))
        return refuse(m->a, "'%.100s' is not a module id", name);
    if (json_object_get(m->modules, name) && json_is_null(settings))
        return OK;
    return json_object_set(m->modules, name, settings) ? ERR_MEMORY : OK;
}

/* $edgeAgent names the modules that the device runs; they need not have anything else. */
static enum err add_those_of_agent(struct manifest *m)
{
    json_t *agent = json_object_get(m->modules, "$edgeAgent"), *desired, *value;
    const char *name;
    bool whole;
    enum err e;

    if (!json_is_object(agent))
        return OK;
    if ((e = read_desired(m->a, agent, &desired, &whole)))
        return e;
    json_object_foreach(json_object_get(desired, "modules"), name, value) if (!e) e = add_module(m, name, json_null());
    json_decref(desired);
    return e;
}

static enum err collect(struct manifest *m, const json_t *content)
{
    json_t *modules = json_object_get(content, "modulesContent"), *settings;
    const json_t *others = json_object_get(content, "deviceContent");
    const char *name;
    enum err e = OK;

    if (!json_is_object(modules) || (json_is_object(others) && json_object_size(others)))
        return refuse(m->a, "The content for an edge device must be %s, an object", "modulesContent");
    json_object_foreach(modules, name, settings)
    {
        if (e)
            break;
        e = json_is_object(settings) ? add_module(m, name, settings)
                                     : refuse(m->a, "What is desired of %.100s must be an object", name);
    }
    if (!e)
        e = add_those_of_agent(m);
    if (!e && json_object_size(m->modules) > MODULES_MAX) {
        m->a->code = CODE_CONTENT;
        e = http_says(m->a, ERR_ARGUMENT, "A device must have at most %d modules", MODULES_MAX);
    }
    return e;
}

static enum err check(struct manifest *m)
{
    json_t *settings;
    const char *name;
    enum err e = OK;

    json_object_foreach(m->modules, name, settings)
    {
        struct twin_fault fault = {.why = ""};
        bool whole;

        if (e || json_is_null(settings))
            continue;
        buf_clear(&m->nodes);
        if (!(e = write_desired(m, settings, &whole)))
            e = say_fault(m->a, name, twin_parse(buf_bytes(&m->text), TWIN_DESIRED, whole, &m->nodes, &fault), &fault);
    }
    return e;
}

/* ---- what is done ------------------------------------------------------------------------------------------------ */

static void wait_for(struct manifest *m, uint64_t at)
{
    m->at = at > m->at ? at : m->at;
}

static enum err follow(struct manifest *m, const char *name, json_t *settings)
{
    struct device wanted = {.auth = AUTH_SAS, .managed_by = MANAGER}, made;
    struct twin_change change = {.part[TWIN_DESIRED] = NO_BYTES};
    struct twin_fault fault = {.why = ""};
    uint64_t at = 0, changed = 0;
    enum err e;

    if (!identity_name(bytes_str(m->r->identity), bytes_str(name), wanted.id))
        return ERR_INTERNAL; /* it was one */
    e = hub_device_get(m->r->env->hub, bytes_str(wanted.id), &made);
    if (e == ERR_NOT_FOUND)
        e = http_device_change(m->r, m->a, &wanted, (struct match){.how = MATCH_NONE}, &made, &at);
    wait_for(m, at);
    if (e || json_is_null(settings) || (e = write_desired(m, settings, &change.replace)))
        return e;
    change.part[TWIN_DESIRED] = buf_bytes(&m->text);
    e = hub_twin_change(m->r->env->hub, bytes_str(wanted.id), &change, m->r->now_ms, &fault, &changed);
    if (!e && changed)
        http_audit_twin(m->r, bytes_str(wanted.id), &change);
    wait_for(m, changed);
    return say_fault(m->a, name, e, &fault);
}

/* Modules that came by an earlier manifest and are not in this one. */
static enum err drop_others(struct manifest *m)
{
    struct device *all = calloc(MODULES_ROOM, sizeof *all);
    enum err e = all ? OK : ERR_MEMORY;
    size_t n = 0;

    if (!e)
        e = hub_module_list(m->r->env->hub, bytes_str(m->r->identity), all, &n);
    for (size_t i = 0; i < n && !e; i++) {
        struct bytes name = identity_module(bytes_str(all[i].id));
        uint64_t at = 0;

        if (name.at[0] == '$' || strcmp(all[i].managed_by, MANAGER) != 0 ||
            json_object_getn(m->modules, (const char *)name.at, name.len))
            continue;
        e = http_device_drop(m->r, bytes_str(all[i].id), (struct match){.how = MATCH_ANY}, &at);
        wait_for(m, at);
    }
    free(all);
    return e == ERR_NOT_FOUND ? OK : e; /* somebody else was quicker */
}

static enum err apply(struct manifest *m, const json_t *content)
{
    json_t *settings;
    const char *name;
    enum err e;

    if ((e = collect(m, content)) || (e = check(m)))
        return e;
    json_object_foreach(m->modules, name, settings) if (!e) e = follow(m, name, settings);
    return e ? e : drop_others(m);
}

enum err http_manifest_apply(struct http_request *r, struct http_answer *a)
{
    struct manifest m = {
        .r = r, .a = a, .modules = json_object(), .text = buf_max(HTTP_BODY_MAX), .nodes = buf_max(2 * HTTP_BODY_MAX)};
    json_t *content = NULL;
    struct device device;
    enum err e = m.modules ? hub_device_get(r->env->hub, bytes_str(r->identity), &device) : ERR_MEMORY;

    if (e == ERR_NOT_FOUND)
        e = http_says(a, e, "Device %.128s not registered", r->names[0]);
    else if (!e && !device.edge)
        e = refuse(a, "Device %.128s is not an edge device", r->names[0]);
    if (!e && !(e = http_json(r->body, &content, a)))
        e = apply(&m, content);
    front_wait_for(r->front, m.at);
    a->status = 204;
    json_decref(content);
    json_decref(m.modules);
    buf_free(&m.text);
    buf_free(&m.nodes);
    return e;
}
