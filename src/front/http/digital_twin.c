/* Digital twins (service 4.11): a device with a model as its properties, components and commands. */
#include "http_front.h"

#include "digital_twin.h"
#include "json_body.h"

#include <string.h>

static enum err say_fault(struct http_answer *a, enum err e, const struct twin_fault *fault)
{
    if (e == ERR_TOO_LARGE)
        a->code = CODE_TWIN_SIZE;
    else if (e == ERR_MALFORMED || e == ERR_ARGUMENT)
        a->code = CODE_PATCH;
    return fault->why[0] ? http_says(a, e == ERR_MALFORMED ? ERR_ARGUMENT : e, "%s", fault->why) : e;
}

/* Its ETag is that of the twin. */
static enum err look(struct http_request *r, struct http_answer *a, bool with_body)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct device device;
    struct twin_facts facts;
    uint64_t at = 0;
    enum err e = hub_twin_copy(r->env->hub, bytes_str(r->identity), &run, &device, &at);

    if (!e) {
        twin_facts_of(buf_bytes(&run), &facts);
        twin_etag_text(facts.etag, a->etag);
        if (with_body)
            digital_twin_put(&a->body, &(struct twin_document){.device = &device, .run = buf_bytes(&run)});
        front_wait_for(r->front, at);
    }
    buf_free(&run);
    return e == ERR_NOT_FOUND ? http_no_identity(r, a, bytes_str(r->identity)) : e;
}

enum err http_digital_twin_get(struct http_request *r, struct http_answer *a)
{
    a->nested = true;
    return look(r, a, true);
}

/* ---- patches ---------------------------------------------------------------------------------------------------- */

/* A name of a JSON pointer: ~1 is a slash, ~0 a tilde. False: another mark follows the tilde, or it is too long. */
static bool take_name(struct bytes raw, char out[TWIN_KEY_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < raw.len && n < TWIN_KEY_MAX; i++) {
        char c = (char)raw.at[i];

        if (c == '~' && (++i == raw.len || (raw.at[i] != '0' && raw.at[i] != '1')))
            return false;
        out[n++] = c == '~' ? (raw.at[i] == '1' ? '/' : '~') : c;
    }
    out[n] = 0;
    return n > 0 && n < TWIN_KEY_MAX;
}

/* The desired properties of a component, to which they belong by a mark. */
static json_t *component(json_t *patch, const char *name)
{
    json_t *of = json_object_get(patch, name);

    if (!json_is_object(of) && json_object_set_new(patch, name, of = json_object()))
        return NULL;
    return json_object_set_new(of, "__t", json_string("c")) ? NULL : of;
}

/* A component that comes as a whole says so by its $metadata. */
static enum err put_component(json_t *patch, const char *name, json_t *value)
{
    json_t *of = component(patch, name);

    if (!of || json_object_update(of, value))
        return ERR_MEMORY;
    json_object_del(of, "$metadata");
    return OK;
}

static enum err bad_patch(struct http_answer *a, enum http_code code, const char *text)
{
    a->code = code;
    return http_says(a, ERR_ARGUMENT, "%s", text);
}

static enum err take_step(struct http_answer *a, const json_t *step, json_t *patch)
{
    const char *how = json_string_value(json_object_get(step, "op"));
    struct bytes path = bytes_str(json_string_value(json_object_get(step, "path")));
    json_t *value = json_object_get(step, "value"), *of = patch;
    char first[TWIN_KEY_MAX + 1], second[TWIN_KEY_MAX + 1];
    bool removes = how && strcmp(how, "remove") == 0, two;
    struct bytes rest = bytes_skip(path, 1), name = bytes_cut(&rest, '/');

    two = rest.at != NULL;
    if (!how || (!removes && strcmp(how, "add") != 0 && strcmp(how, "replace") != 0))
        return bad_patch(a, CODE_JSON_PATCH, "op must be add, replace or remove");
    if (!path.len || path.at[0] != '/' || !take_name(name, first) || (two && !take_name(rest, second)) ||
        (two && bytes_find(rest, '/') < rest.len))
        return bad_patch(a, CODE_PATCH_PATH, "path must be /property, /component or /component/property");
    if (!removes && !value)
        return bad_patch(a, CODE_JSON_PATCH, "value is missing");
    if (!removes && !two && json_object_get(value, "$metadata"))
        return put_component(patch, first, value);
    if (two && !(of = component(patch, first)))
        return ERR_MEMORY;
    return json_object_set_new(of, two ? second : first, removes ? json_null() : json_incref(value)) ? ERR_MEMORY : OK;
}

static enum err take_patch(const struct http_request *r, struct http_answer *a, struct buf *desired)
{
    json_t *steps, *patch = json_object(), *step;
    size_t i;
    enum err e = patch ? http_json(r->body, &steps, a) : ERR_MEMORY;

    if (e) {
        json_decref(patch);
        return e;
    }
    if (!json_is_array(steps))
        e = bad_patch(a, CODE_JSON_PATCH, "The body must be a JSON patch, an array");
    json_array_foreach(steps, i, step) if (!e) e = take_step(a, step, patch);
    if (!e)
        e = json_put(patch, desired);
    if (!e && desired->bad)
        e = ERR_TOO_LARGE;
    json_decref(steps);
    json_decref(patch);
    return e;
}

enum err http_digital_twin_patch(struct http_request *r, struct http_answer *a)
{
    struct buf desired = buf_max(HTTP_BODY_MAX);
    struct twin_change change = {.match = http_match(r->head)};
    struct twin_fault fault = {.why = ""};
    uint64_t at = 0;
    enum err e;

    a->nested = true;
    e = take_patch(r, a, &desired);

    if (!e) {
        change.part[TWIN_DESIRED] = buf_bytes(&desired);
        e = hub_twin_change(r->env->hub, bytes_str(r->identity), &change, r->now_ms, &fault, &at);
        if (!e && at)
            http_audit_twin(r, bytes_str(r->identity), &change);
        e = e == ERR_NOT_FOUND ? http_no_identity(r, a, bytes_str(r->identity)) : e ? say_fault(a, e, &fault) : OK;
    }
    buf_free(&desired);
    if (!e && !(e = look(r, a, false))) {
        struct buf place = buf_max(512);

        front_wait_for(r->front, at);
        buf_printf(&place, "https://%s/digitaltwins/", r->env->host);
        buf_put_percent(&place, bytes_str(r->identity));
        http_put_header(&a->headers, "Location", buf_bytes(&place));
        buf_free(&place);
        a->status = 202;
    }
    return e;
}
