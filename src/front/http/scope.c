/* Questions of an edge hub about those that may come to it (service 4.14): with the credentials of its module, it looks
 * up the identities in the scope of its device, or of an edge device below it. */
#include "http_front.h"

#include "identity_json.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 50 }; /* devices that are in memory at a time */

static_assert(MODULES_ROOM * (IDENTITY_JSON_MAX + 1) < HTTP_ANSWER_MAX / 2, "modules of one more device always fit");

struct lookup {
    struct http_request *request;
    struct http_answer *answer;
    char edge[ID_LEN_MAX + 1]; /* the device whose scope it is */
    char scope[EDGE_SCOPE_LEN_MAX + 1];
    struct buf devices, modules;
    size_t n, max, looked;
    char after[ID_LEN_MAX + 1]; /* the last device that was looked at */
    bool more;
};

/* ---- who asks about which edge device -------------------------------------------------------------------------- */

static enum err take_edge(struct lookup *l, struct bytes id)
{
    struct device d;

    if (hub_device_get(l->request->env->hub, id, &d) || !d.edge || !bytes_to_str(id, l->edge, sizeof l->edge))
        return http_says(l->answer, ERR_DENIED, "This is not an edge device");
    device_scope(&d, l->scope);
    return OK;
}

/* An edge device, whose scope the one below it belongs to (NULL: there is none); that one's parent is then this one's.
 */
static bool goes_up(const struct lookup *l, struct bytes id, bool first, char parent[EDGE_SCOPE_LEN_MAX + 1])
{
    char scope[EDGE_SCOPE_LEN_MAX + 1];
    struct device d;

    if (hub_device_get(l->request->env->hub, id, &d) || !d.edge)
        return false;
    device_scope(&d, scope);
    if (!first && strcmp(parent, scope) != 0)
        return false;
    memcpy(parent, d.parent, sizeof d.parent);
    return true;
}

/* "{edge};{its parent};…;{who asks}"; the module of the first one that asks may stand before it. */
static enum err take_chain(struct lookup *l, const json_t *body)
{
    const json_t *text = json_object_get(body, "authChain");
    struct bytes rest = bytes_str(json_string_value(text)),
                 first = identity_device(bytes_first(rest, bytes_find(rest, ';')));
    struct bytes own = identity_device(bytes_str(l->request->who.device)), last = NO_BYTES;
    char parent[EDGE_SCOPE_LEN_MAX + 1] = "";

    bool good = true;

    for (int n = 0; good && rest.at && n < EDGE_DEPTH_MAX; n++) {
        struct bytes next = identity_device(bytes_cut(&rest, ';'));

        if (last.at && bytes_eq(next, last))
            continue;
        good = goes_up(l, next, !last.at, parent);
        last = next;
    }
    if (!good || rest.at || !last.at || !bytes_eq(last, own))
        return http_says(l->answer, ERR_DENIED, "authChain does not lead from an edge device up to the one that asks");
    return take_edge(l, first);
}

/* ---- what is told ---------------------------------------------------------------------------------------------- */

static void put_one(struct buf *b, const struct device *d)
{
    buf_puts(b, b->len ? "," : "");
    identity_json_put(b, d);
}

static enum err put_with_modules(struct lookup *l, const struct device *d)
{
    struct device *all = malloc(MODULES_ROOM * sizeof *all);
    size_t n = 0;
    enum err e = all ? hub_module_list(l->request->env->hub, bytes_str(d->id), all, &n) : ERR_MEMORY;

    assert(e || n <= MODULES_ROOM);
    if (!e)
        put_one(&l->devices, d);
    for (size_t i = 0; !e && i < n; i++)
        put_one(&l->modules, &all[i]);
    free(all);
    l->n += !e;
    return e == ERR_NOT_FOUND ? OK : e; /* it has gone meanwhile */
}

static bool has_room(const struct lookup *l)
{
    return l->n < l->max && l->looked < QUERY_SCAN_MAX && l->devices.len + l->modules.len < HTTP_ANSWER_MAX / 2;
}

static enum err look_at(struct lookup *l, const struct device *d)
{
    snprintf(l->after, sizeof l->after, "%.*s", ID_LEN_MAX, d->id);
    l->looked++;
    /* The edge device itself came first. */
    return strcmp(d->id, l->edge) != 0 && strcmp(d->parent, l->scope) == 0 ? put_with_modules(l, d) : OK;
}

/* Devices behind `after`, as many as one request may look at. */
static enum err look_through(struct lookup *l)
{
    struct device *page = malloc(PAGE * sizeof *page);
    enum err e = page ? OK : ERR_MEMORY;

    assert(l->max > 0 && l->max <= LIST_MAX);
    l->more = true;
    while (!e && l->more && has_room(l)) {
        size_t n = 0, i = 0;

        e = hub_device_list(l->request->env->hub, bytes_str(l->after), page, PAGE, &n);
        while (!e && i < n && has_room(l))
            e = look_at(l, &page[i++]);
        l->more = n == PAGE || i < n;
    }
    free(page);
    return e;
}

static enum err look_up(struct lookup *l)
{
    struct device edge;
    enum err e = OK;

    if (!l->max || l->max > LIST_MAX)
        l->max = LIST_MAX;
    if (!l->after[0] && !(e = hub_device_get(l->request->env->hub, bytes_str(l->edge), &edge)))
        e = put_with_modules(l, &edge);
    return e ? e : look_through(l);
}

static void lookup_begin(struct lookup *l, struct http_request *r, struct http_answer *a)
{
    *l = (struct lookup){
        .request = r, .answer = a, .devices = buf_max(HTTP_ANSWER_MAX), .modules = buf_max(HTTP_ANSWER_MAX)};
}

/* `link` comes back in the next question. */
static enum err lookup_end(struct lookup *l, enum err e, struct bytes link)
{
    struct buf *b = &l->answer->body;

    if (!e) {
        buf_puts(b, "{\"devices\":[");
        buf_put(b, buf_bytes(&l->devices));
        buf_puts(b, "],\"modules\":[");
        buf_put(b, buf_bytes(&l->modules));
        buf_puts(b, "],\"continuationLink\":");
        if (link.at)
            buf_put_json(b, link);
        else
            buf_puts(b, "null");
        buf_puts(b, "}");
        b->bad |= l->devices.bad || l->modules.bad;
    }
    buf_free(&l->devices);
    buf_free(&l->modules);
    return e;
}

/* ---- pages of all of them -------------------------------------------------------------------------------------- */

static enum err take_parameter(const struct http_request *r, const char *name, char *out, size_t cap,
                               struct http_answer *a)
{
    enum err e = http_query(r->head->query, bytes_str(name), out, cap);

    if (e == ERR_NOT_FOUND)
        out[0] = 0;
    return e && e != ERR_NOT_FOUND ? http_says(a, ERR_ARGUMENT, "%s is not valid", name) : OK;
}

/* The link is the path of the next page; the edge hub adds nothing to it. */
static void put_link(const struct lookup *l, const char *version, struct buf *out)
{
    buf_puts(out, "/devices/");
    buf_put_percent(out, bytes_str(l->request->names[0]));
    buf_puts(out, "/modules/");
    buf_put_percent(out, bytes_str(l->request->names[1]));
    buf_printf(out, "/devicesAndModulesInDeviceScope?deviceCount=%zu&continuationToken=", l->max);
    buf_put_percent(out, bytes_str(l->after));
    buf_printf(out, "&api-version=%s", version);
}

enum err http_scope_list(struct http_request *r, struct http_answer *a)
{
    struct buf link = buf_max(2048);
    char count[24], version[32];
    struct lookup l;
    uint64_t n = 0;
    enum err e;

    lookup_begin(&l, r, a);
    if (!(e = take_edge(&l, identity_device(bytes_str(r->identity)))) &&
        !(e = take_parameter(r, "deviceCount", count, sizeof count, a)) &&
        !(e = take_parameter(r, "api-version", version, sizeof version, a)))
        e = take_parameter(r, "continuationToken", l.after, sizeof l.after, a);
    if (!e && count[0] && (!bytes_to_u64(bytes_str(count), &n) || n > LIST_MAX))
        e = http_says(a, ERR_ARGUMENT, "deviceCount must be a number up to %d", LIST_MAX);
    l.max = (size_t)n;
    if (!e && !(e = look_up(&l)) && l.more)
        put_link(&l, version, &link);
    e = lookup_end(&l, e, link.len ? buf_bytes(&link) : NO_BYTES);
    buf_free(&link);
    return e;
}

enum err http_scope_list_of(struct http_request *r, struct http_answer *a)
{
    const json_t *page, *link;
    struct lookup l;
    json_t *body;
    enum err e = http_json(r->body, &body, a);

    if (e)
        return e;
    lookup_begin(&l, r, a);
    page = json_object_get(body, "pageSize");
    link = json_object_get(body, "continuationLink");
    if (json_integer_value(page) > 0 && json_integer_value(page) <= LIST_MAX)
        l.max = (size_t)json_integer_value(page);
    if (json_is_string(link) &&
        !bytes_to_str(bytes_of(json_string_value(link), json_string_length(link)), l.after, sizeof l.after))
        e = http_says(a, ERR_ARGUMENT, "continuationLink is not valid");
    if (!e && !(e = take_chain(&l, body)))
        e = look_up(&l);
    json_decref(body);
    return lookup_end(&l, e, l.more ? bytes_str(l.after) : NO_BYTES);
}

/* ---- one of them ----------------------------------------------------------------------------------------------- */

/* A device of the scope, and one module of it where it is asked for. */
static enum err look_for(struct lookup *l, struct bytes id, struct bytes module)
{
    struct hub *hub = l->request->env->hub;
    char name[IDENTITY_LEN_MAX + 1] = "";
    struct device d;

    if (!device_id_valid(id) || hub_device_get(hub, id, &d) ||
        (strcmp(d.id, l->edge) != 0 && strcmp(d.parent, l->scope) != 0)) {
        l->answer->code = CODE_NO_DEVICE;
        return http_says(l->answer, ERR_NOT_FOUND, "There is no such device in this scope");
    }
    put_one(&l->devices, &d);
    if (!module.len)
        return OK;
    if (!identity_name(id, module, name) || hub_device_get(hub, bytes_str(name), &d))
        return http_no_identity(l->request, l->answer, bytes_str(name));
    put_one(&l->modules, &d);
    return OK;
}

enum err http_scope_get(struct http_request *r, struct http_answer *a)
{
    char device[ID_LEN_MAX + 1], module[ID_LEN_MAX + 1];
    struct lookup l;
    enum err e;

    lookup_begin(&l, r, a);
    if (!(e = take_edge(&l, identity_device(bytes_str(r->identity)))) &&
        !(e = take_parameter(r, "targetDeviceId", device, sizeof device, a)) &&
        !(e = take_parameter(r, "targetModuleId", module, sizeof module, a)))
        e = look_for(&l, bytes_str(device), bytes_str(module));
    return lookup_end(&l, e, NO_BYTES);
}

enum err http_scope_on_behalf(struct http_request *r, struct http_answer *a)
{
    const json_t *device, *module;
    struct lookup l;
    json_t *body;
    enum err e = http_json(r->body, &body, a);

    if (e)
        return e;
    lookup_begin(&l, r, a);
    device = json_object_get(body, "targetDeviceId");
    module = json_object_get(body, "targetModuleId");
    if (!(e = take_chain(&l, body)))
        e = look_for(&l, bytes_str(json_string_value(device)), bytes_str(json_string_value(module)));
    json_decref(body);
    return lookup_end(&l, e, NO_BYTES);
}
