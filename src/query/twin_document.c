#include "twin_document.h"

#include "json_row.h"
#include "text.h"
#include "twin_json.h"
#include "twin_value.h"

static const char NEVER[] = "0001-01-01T00:00:00Z";

enum what {
    TAGS,
    PROPERTIES,
    OBJECT, /* what follows and stands deeper is in it */
    ID,
    MODULE,
    ETAG,
    DEVICE_ETAG,
    STATUS,
    CONNECTION,
    REASON,
    STATUS_TIME,
    AUTHENTICATION,
    ACTIVITY_TIME,
    C2D_COUNT,
    GENERATION,
    THUMBPRINT_1,
    THUMBPRINT_2,
    MODEL,
    VERSION,
    EDGE,
    CONFIGURED,
    PARENTS,
    SCOPE,
};

static const struct member {
    uint8_t depth;
    const char *name;
    enum what what;
} members[] = {
    {0, "deviceId", ID},
    {0, "moduleId", MODULE},
    {0, "etag", ETAG},
    {0, "deviceEtag", DEVICE_ETAG},
    {0, "status", STATUS},
    {0, "statusReason", REASON},
    {0, "statusUpdateTime", STATUS_TIME},
    {0, "connectionState", CONNECTION},
    {0, "lastActivityTime", ACTIVITY_TIME},
    {0, "cloudToDeviceMessageCount", C2D_COUNT},
    {0, "authenticationType", AUTHENTICATION},
    {0, "generationId", GENERATION},
    {0, "x509Thumbprint", OBJECT},
    {1, "primaryThumbprint", THUMBPRINT_1},
    {1, "secondaryThumbprint", THUMBPRINT_2},
    {0, "modelId", MODEL},
    {0, "version", VERSION},
    {0, "tags", TAGS}, /* these two: twin_value.h */
    {0, "properties", PROPERTIES},
    {0, "capabilities", OBJECT},
    {1, "iotEdge", EDGE},
    {0, "configurations", CONFIGURED},
    {0, "deviceScope", SCOPE},
    {0, "parentScopes", PARENTS},
};
enum { MEMBERS = sizeof members / sizeof *members, TWIN_SLOT = UINT16_MAX, CONFIGURED_SLOT = UINT16_MAX - 1 };

/* The handles of single configurations. */
static const char configured[CONFIGURATIONS_ROOM];

/* ---- paths ----------------------------------------------------------------------------------------------------- */

static bool is_named(const struct member *m, struct bytes name)
{
    return m->depth ? bytes_eq(name, bytes_str(m->name)) : bytes_eq_nocase(name, bytes_str(m->name));
}

/* The place of a member, from 1; 0: there is none. */
static uint16_t find(const struct path *path)
{
    size_t at = 0, end = MEMBERS;

    for (size_t depth = 0; depth < path->n; depth++) {
        while (at < end && (members[at].depth != depth || !is_named(&members[at], path->at[depth].name)))
            at++;
        if (at == end)
            return 0;
        /* Its inside ends where something stands as high. */
        for (end = at + 1; end < MEMBERS && members[end].depth > depth;)
            end++;
        at++;
    }
    return (uint16_t)at;
}

/* configurations.[[id]], and its status. */
static bool is_configured(const struct path *path)
{
    return (path->n == 2 || path->n == 3) && bytes_eq_nocase(path->at[0].name, BYTES("configurations"));
}

void twin_document_know_paths(struct path *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        paths[i].slot = twin_path_is(&paths[i])    ? TWIN_SLOT
                        : is_configured(&paths[i]) ? CONFIGURED_SLOT
                                                   : find(&paths[i]);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static struct value text_of(const char *text)
{
    return value_text(bytes_str(text));
}

static struct value text_or_null(const char *text)
{
    return text[0] ? text_of(text) : value_null();
}

static struct value time_of(int64_t ms, struct scratch *scratch)
{
    char *iso = (char *)scratch_take(scratch, ISO_TIME_CAP);

    if (!ms || !iso)
        return text_of(NEVER);
    iso_time(ms, iso);
    return text_of(iso);
}

/* service 4.3, as the identity has them. */
static struct value scope_of(const struct device *d, struct scratch *scratch)
{
    char *own = (char *)scratch_take(scratch, EDGE_SCOPE_LEN_MAX + 1);

    if (!d->edge)
        return d->parent[0] ? text_of(d->parent) : value_undefined();
    if (!own)
        return value_undefined();
    device_scope(d, own);
    return text_of(own);
}

static struct twin_facts facts_of(const struct twin_document *document)
{
    struct twin_facts facts;

    twin_facts_of(document->run, &facts);
    return facts;
}

static struct value etag_of(struct bytes run, struct scratch *scratch)
{
    char *text = (char *)scratch_take(scratch, TWIN_ETAG_CAP);
    struct twin_facts facts;

    if (!text)
        return value_undefined();
    twin_facts_of(run, &facts);
    twin_etag_text(facts.etag, text);
    return text_of(text);
}

static enum configured how(const struct twin_document *d, size_t i)
{
    return d->configurations->how(d->configurations->of, i, d);
}

static struct bytes status_of(enum configured how)
{
    return how == CONFIGURED_APPLIED ? BYTES("Applied") : BYTES("Targeted");
}

static bool is_targeted(const struct twin_document *d)
{
    for (size_t i = 0; d->configurations && i < d->configurations->n; i++)
        if (how(d, i))
            return true;
    return false;
}

static void get_configured(const struct twin_document *d, const struct path *path, struct value *out)
{
    const struct configured_by *by = d->configurations;
    enum configured is;

    for (size_t i = 0; by && i < by->n; i++) {
        if (!bytes_eq(by->id(by->of, i), path->at[1].name) || !(is = how(d, i)))
            continue;
        if (path->n == 2)
            *out = (struct value){.kind = VALUE_OBJECT, .handle = &configured[i]};
        else if (bytes_eq(path->at[2].name, BYTES("status")))
            *out = value_text(status_of(is));
    }
}

static struct value value_of(const struct twin_document *document, const struct member *m, struct scratch *scratch)
{
    static const char *const auth[] = {[AUTH_SAS] = "sas",
                                       [AUTH_SELF_SIGNED] = "selfSigned",
                                       [AUTH_CA] = "certificateAuthority",
                                       [AUTH_NONE] = "none"};
    const struct device *d = document->device;

    switch (m->what) {
    case TAGS:
    case PROPERTIES:
    case OBJECT:
        return (struct value){.kind = VALUE_OBJECT, .handle = m};
    case ID:
        return value_text(identity_device(bytes_str(d->id)));
    case MODULE:
        return identity_is_module(bytes_str(d->id)) ? value_text(identity_module(bytes_str(d->id))) : value_undefined();
    case ETAG:
        return etag_of(document->run, scratch);
    case DEVICE_ETAG:
        return text_of(d->etag);
    case STATUS:
        return text_of(d->disabled ? "disabled" : "enabled");
    case CONNECTION:
        return text_of(d->connected ? "Connected" : "Disconnected");
    case REASON:
        return text_or_null(d->reason);
    case STATUS_TIME:
        return time_of(d->status_ms, scratch);
    case AUTHENTICATION:
        return text_of(auth[d->auth]);
    case ACTIVITY_TIME:
        return time_of(d->activity_ms, scratch);
    case C2D_COUNT:
        return value_int(d->c2d_count);
    case GENERATION:
        return text_of(d->generation);
    case THUMBPRINT_1:
    case THUMBPRINT_2:
        return text_or_null(d->thumbprint[m->what - THUMBPRINT_1]);
    case MODEL:
        return value_text(facts_of(document).model);
    case VERSION:
        return value_int((int64_t)facts_of(document).version);
    case EDGE:
        return value_bool(d->edge);
    case CONFIGURED:
        return (struct value){.kind = is_targeted(document) ? VALUE_OBJECT : VALUE_UNDEFINED, .handle = m};
    case PARENTS:
        return (struct value){.kind = d->edge || d->parent[0] ? VALUE_ARRAY : VALUE_UNDEFINED, .handle = m};
    case SCOPE:
        return scope_of(d, scratch);
    }
    return value_undefined();
}

static void get(const struct row *row, const struct path *path, struct scratch *scratch, struct value *out,
                struct bytes *spelled)
{
    const struct twin_document *d = row->of;

    if (path->slot == TWIN_SLOT) {
        twin_value_at(d->run, path, scratch, out, spelled);
        return;
    }
    if (path->slot == CONFIGURED_SLOT) {
        get_configured(d, path, out);
        return;
    }
    if (!path->slot)
        return;
    const struct member *m = &members[path->slot - 1];

    *out = value_of(row->of, m, scratch);
    if (spelled)
        *spelled = bytes_str(m->name);
}

/* Of parentScopes, the only array: one at most. */
static bool element(const struct row *row, const struct value *array, size_t n, struct value *out)
{
    const struct twin_document *d = row->of;

    if (twin_value_is(d->run, array))
        return twin_value_nth(array, n, out);
    *out = text_of(d->device->parent);
    return n == 0 && d->device->parent[0];
}

struct row twin_document_row(const struct twin_document *d)
{
    return (struct row){.of = d, .get = get, .element = element};
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static enum err put_value(struct buf *out, const struct twin_document *d, const struct value *v,
                          struct scratch *scratch);

/* Written by the twin itself, or not part of the document: an identity has it. */
static bool is_twins_own(const struct member *m)
{
    return m->what == TAGS || m->what == PROPERTIES || m->what == GENERATION;
}

/* The members at this depth from `at` on, up to something that stands higher. */
static enum err put_members(struct buf *out, const struct twin_document *d, const struct member *at, unsigned depth,
                            struct scratch *scratch)
{
    const char *before = "{";
    enum err e = OK;

    for (; !e && at < members + MEMBERS && at->depth >= depth; at++) {
        if (!depth && is_twins_own(at)) {
            if (at->what == PROPERTIES) {
                buf_puts(out, before);
                twin_put_service(out, d->run);
            }
            continue;
        }
        struct value v = at->depth == depth ? value_of(d, at, scratch) : value_undefined();

        if (!v.kind)
            continue;
        buf_printf(out, "%s\"%s\":", before, at->name);
        e = put_value(out, d, &v, scratch);
        before = ",";
    }
    buf_puts(out, *before == '{' ? "{}" : "}");
    return e;
}

static void put_configured(struct buf *out, const struct twin_document *d)
{
    const char *before = "{";

    for (size_t i = 0; i < d->configurations->n; i++) {
        enum configured is = how(d, i);

        if (!is)
            continue;
        buf_puts(out, before);
        buf_put_json(out, d->configurations->id(d->configurations->of, i));
        buf_printf(out, ":{\"status\":\"%.*s\"}", BYTES_ARG(status_of(is)));
        before = ",";
    }
    buf_puts(out, "}");
}

static enum err put_value(struct buf *out, const struct twin_document *d, const struct value *v,
                          struct scratch *scratch)
{
    const struct member *m = v->handle;
    uintptr_t one = (uintptr_t)v->handle - (uintptr_t)configured;

    if (twin_value_is(d->run, v)) {
        twin_value_put(out, d->run, v);
        return OK;
    }
    if (v->kind == VALUE_OBJECT && one < sizeof configured) {
        buf_printf(out, "{\"status\":\"%.*s\"}", BYTES_ARG(status_of(how(d, one))));
        return OK;
    }
    if (v->kind == VALUE_OBJECT && m->what == CONFIGURED) {
        put_configured(out, d);
        return OK;
    }
    if (v->kind == VALUE_OBJECT)
        return put_members(out, d, m + 1, m->depth + 1u, scratch);
    if (v->kind != VALUE_ARRAY)
        return json_put_value(v, out);
    buf_puts(out, "[");
    if (d->device->parent[0])
        buf_put_json(out, bytes_str(d->device->parent));
    buf_puts(out, "]");
    return OK;
}

enum err twin_document_put_value(struct buf *out, const struct twin_document *d, const struct value *v)
{
    struct scratch scratch;

    scratch_clear(&scratch);
    return put_value(out, d, v, &scratch);
}

enum err twin_document_put(struct buf *out, const struct twin_document *d)
{
    struct scratch scratch;

    scratch_clear(&scratch);
    return put_members(out, d, members, 0, &scratch);
}
