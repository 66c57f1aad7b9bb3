/* Twins for services (service 4.6): read, merged, replaced. Of what a client sends only tags and desired properties are
 * read; SDKs send the whole twin back, with what they do not know as null. */
#include "twins.h"

#include "json_span.h"
#include "twin_document.h"
#include "twin_run.h"

#include <stdio.h>

/* ---- what a client sends --------------------------------------------------------------------------------------- */

/* The source text of a member that is an object in `parsed`, which stands for what `text` is. */
static enum err take_part(const json_t *parsed, struct bytes text, const char *name, struct bytes *out,
                          struct http_answer *a)
{
    if (!json_is_object(json_object_get(parsed, name)))
        return OK;
    *out = json_span(text, bytes_str(name));
    return out->len ? OK : http_says(a, ERR_ARGUMENT, "The name %s must stand without escapes", name);
}

enum err http_twin_take(json_t *root, struct bytes text, struct twin_change *out, struct http_answer *a)
{
    const json_t *properties;
    struct bytes inside = NO_BYTES;
    enum err e;

    if (!json_is_object(root))
        return http_says(a, ERR_ARGUMENT, "A twin must be an object");
    if ((e = http_spell(root, NAMES_TWIN, a)) || (e = take_part(root, text, "tags", &out->part[TWIN_TAGS], a)))
        return e;
    properties = json_object_get(root, "properties");
    if ((e = take_part(root, text, "properties", &inside, a)) ||
        (e = take_part(properties, inside, "desired", &out->part[TWIN_DESIRED], a)))
        return e;
    return take_part(properties, inside, "reported", &out->part[TWIN_REPORTED], a);
}

enum err http_twin_failed(struct http_answer *a, enum err e, const struct twin_fault *fault)
{
    if (e == ERR_TOO_LARGE)
        a->code = CODE_TWIN_SIZE;
    if (e == ERR_MALFORMED)
        a->code = CODE_ARGUMENT;
    return fault->why[0] ? http_says(a, e, "%s", fault->why) : e;
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* The name of the identity in the path. False: there can be none. */
static bool name_of(const struct http_request *r, char name[IDENTITY_LEN_MAX + 1])
{
    const char *module = r->names[1];

    return identity_name(bytes_str(r->names[0]), module[0] ? bytes_str(module) : NO_BYTES, name);
}

static enum err not_found(const struct http_request *r, struct http_answer *a)
{
    if (!r->names[1][0])
        return http_says(a, ERR_NOT_FOUND, "Device %.128s not registered", r->names[0]);
    a->code = CODE_NO_MODULE;
    return http_says(a, ERR_NOT_FOUND, "Module %.80s on device %.80s not registered", r->names[1], r->names[0]);
}

/* Also what a change is answered with. What it shows is durable when it leaves. */
static enum err put_twin(struct http_request *r, const char *name, struct http_answer *a)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct device device;
    struct twin_facts facts;
    uint64_t at = 0;
    enum err e = hub_twin_copy(r->env->hub, bytes_str(name), &run, &device, &at);

    if (!e) {
        twin_facts_of(buf_bytes(&run), &facts);
        twin_etag_text(facts.etag, a->etag);
        e = twin_document_put(&a->body, &(struct twin_document){.device = &device, .run = buf_bytes(&run)});
        front_wait_for(r->front, at);
    }
    buf_free(&run);
    return e == ERR_NOT_FOUND ? not_found(r, a) : e;
}

enum err http_twin_get(struct http_request *r, struct http_answer *a)
{
    char name[IDENTITY_LEN_MAX + 1];

    return name_of(r, name) ? put_twin(r, name, a) : not_found(r, a);
}

static enum err carry_out(struct http_request *r, struct http_answer *a, const char *name,
                          const struct twin_change *change)
{
    struct twin_fault fault = {.why = ""};
    uint64_t at = 0;
    enum err e = hub_twin_change(r->env->hub, bytes_str(name), change, r->now_ms, &fault, &at);

    if (!e)
        front_wait_for(r->front, at);
    return e == ERR_NOT_FOUND ? not_found(r, a) : e ? http_twin_failed(a, e, &fault) : OK;
}

/* The change that a body asks for. `clears`: null for all that is desired, which empties it (Node's suite). */
struct asked {
    struct twin_change change;
    bool clears;
};

static enum err read_body(const struct http_request *r, struct http_answer *a, struct asked *out)
{
    json_t *root;
    enum err e = http_json(r->body, &root, a);

    if (e)
        return e;
    e = http_twin_take(root, r->body, &out->change, a);
    out->clears = json_is_null(json_object_get(json_object_get(root, "properties"), "desired"));
    out->change.part[TWIN_REPORTED] = NO_BYTES; /* the device's own */
    json_decref(root);
    return e;
}

static enum err change(struct http_request *r, struct http_answer *a, bool replace)
{
    static const struct twin_change nothing = {.part = {[TWIN_DESIRED] = {(const uint8_t *)"{}", 2}}, .replace = true};
    struct asked asked = {.change = {.replace = replace, .match = http_match(r->head)}};
    struct twin_change cleared = nothing;
    char name[IDENTITY_LEN_MAX + 1];
    enum err e;

    if (!name_of(r, name))
        return not_found(r, a);
    if ((e = read_body(r, a, &asked)))
        return e;
    for (int p = TWIN_TAGS; replace && p <= TWIN_DESIRED; p++)
        if (!asked.change.part[p].at) /* service 4.6: what is missing is empty */
            asked.change.part[p] = BYTES("{}");
    if (!replace && asked.clears && !asked.change.part[TWIN_TAGS].at)
        cleared.match = asked.change.match;
    else if ((e = carry_out(r, a, name, &asked.change)))
        return e;
    if (!replace && asked.clears && (e = carry_out(r, a, name, &cleared)))
        return e;
    return put_twin(r, name, a);
}

enum err http_twin_merge(struct http_request *r, struct http_answer *a)
{
    return change(r, a, false);
}

enum err http_twin_replace(struct http_request *r, struct http_answer *a)
{
    return change(r, a, true);
}
