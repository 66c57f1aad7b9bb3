/* POST /devices/keys/regenerate (service 4.15): new keys for up to BULK_MAX devices and modules, each apart from the
 * others. */
#include "http_front.h"

#include "identity_json.h"
#include "text.h"

#include <stdio.h>

struct renewal {
    struct http_request *request;
    struct http_answer *answer;
    bool primary, secondary;
    struct buf renewed, errors;
};

static struct bytes text_at(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);

    return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value)) : NO_BYTES;
}

/* Anything that changed it meanwhile counts first. */
static enum err renew(struct renewal *w, const char *name, struct device *made)
{
    enum { TRIES = 8 };
    struct http_request *r = w->request;
    struct device d;
    uint64_t at = 0;
    enum err e = ERR_PRECONDITION;

    for (int i = 0; e == ERR_PRECONDITION && i < TRIES; i++) {
        if (hub_device_get(r->env->hub, bytes_str(name), &d))
            return http_no_identity(r, w->answer, bytes_str(name));
        if (d.auth != AUTH_SAS)
            return http_says(w->answer, ERR_ARGUMENT, "It does not authenticate by key");
        if (w->primary)
            d.primary.len = 0;
        if (w->secondary)
            d.secondary.len = 0;
        e = http_device_change(r, w->answer, &d, (struct match){.how = MATCH_ETAG, .etag = bytes_str(d.etag)}, made,
                               &at);
    }
    if (!e)
        front_wait_for(r->front, at);
    return e;
}

static void put_ids(struct buf *b, const json_t *entry)
{
    struct bytes module = text_at(entry, "moduleId");

    buf_puts(b, b->len ? ",{\"id\":" : "{\"id\":");
    buf_put_json(b, bytes_first(text_at(entry, "id"), ID_LEN_MAX));
    buf_puts(b, ",\"moduleId\":");
    if (module.len)
        buf_put_json(b, bytes_first(module, ID_LEN_MAX));
    else
        buf_puts(b, "null");
}

static void renew_one(struct renewal *w, const json_t *entry)
{
    struct bytes module = text_at(entry, "moduleId");
    char name[IDENTITY_LEN_MAX + 1];
    struct http_answer *a = w->answer;
    struct device made;
    enum err e;

    a->code = CODE_NONE;
    a->text[0] = 0;
    if (!identity_name(text_at(entry, "id"), module.len ? module : NO_BYTES, name))
        e = http_says(a, ERR_ARGUMENT, "The id is not valid");
    else
        e = renew(w, name, &made);
    if (e) {
        put_ids(&w->errors, entry);
        buf_printf(&w->errors, ",\"errorCode\":%d,\"errorStatus\":", http_code_number(a, e));
        buf_put_json(&w->errors, bytes_str(a->text[0] ? a->text : err_text(e)));
        buf_puts(&w->errors, "}");
        return;
    }
    put_ids(&w->renewed, entry);
    buf_puts(&w->renewed, ",\"primaryKey\":");
    identity_json_put_key(&w->renewed, &made.primary);
    buf_puts(&w->renewed, ",\"secondaryKey\":");
    identity_json_put_key(&w->renewed, &made.secondary);
    buf_puts(&w->renewed, "}");
}

static enum err read_question(struct renewal *w, const json_t *root, const json_t **all)
{
    struct bytes which = text_at(root, "policyKey");
    bool both = bytes_eq_nocase(which, BYTES("both"));

    w->primary = both || bytes_eq_nocase(which, BYTES("primaryKey"));
    w->secondary = both || bytes_eq_nocase(which, BYTES("secondaryKey"));
    if (!w->primary && !w->secondary)
        return http_says(w->answer, ERR_ARGUMENT, "policyKey must be primaryKey, secondaryKey or both");
    *all = json_object_get(root, "devices");
    if (!json_is_array(*all) || !json_array_size(*all))
        return http_says(w->answer, ERR_ARGUMENT, "devices must be a list of those that get new keys");
    if (json_array_size(*all) <= BULK_MAX)
        return OK;
    w->answer->code = CODE_TOO_MANY;
    return http_says(w->answer, ERR_LIMIT, "there are more than %d devices in one request", BULK_MAX);
}

static void put_result(struct renewal *w)
{
    struct http_answer *a = w->answer;

    a->code = CODE_NONE;
    a->text[0] = 0;
    a->status = !w->errors.len ? 200 : w->renewed.len ? 207 : 400;
    buf_printf(&a->body, "{\"policyKey\":\"%s\",\"rotatedKeys\":[",
               !w->secondary ? "primaryKey"
               : w->primary  ? "both"
                             : "secondaryKey");
    buf_put(&a->body, buf_bytes(&w->renewed));
    buf_puts(&a->body, "],\"errors\":[");
    buf_put(&a->body, buf_bytes(&w->errors));
    buf_puts(&a->body, "]}");
    a->body.bad |= w->renewed.bad || w->errors.bad;
}

enum err http_keys_renew(struct http_request *r, struct http_answer *a)
{
    struct renewal w = {
        .request = r, .answer = a, .renewed = buf_max(HTTP_ANSWER_MAX / 4), .errors = buf_max(HTTP_ANSWER_MAX / 4)};
    const json_t *all = NULL;
    json_t *root;
    enum err e = http_json(r->body, &root, a);

    if (e)
        return e;
    e = read_question(&w, root, &all);
    for (size_t i = 0; !e && i < json_array_size(all); i++)
        renew_one(&w, json_array_get(all, i));
    if (!e)
        put_result(&w);
    json_decref(root);
    buf_free(&w.renewed);
    buf_free(&w.errors);
    return e;
}
