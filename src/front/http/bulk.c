/* POST /devices: up to BULK_MAX changes in one request (service 4.4). Each stands for itself. */
#include "http_front.h"

#include "text.h"

#include <assert.h>

enum mode {
    CREATE,
    CREATE_OR_UPDATE,
    CREATE_OR_UPDATE_IF_MATCH,
    UPDATE,
    UPDATE_IF_MATCH,
    DELETE,
    DELETE_IF_MATCH,
    UPDATE_TWIN,
    UPDATE_TWIN_IF_MATCH,
    MODES,
};

static const char *const modes[MODES] = {
    [CREATE] = "create",
    [CREATE_OR_UPDATE] = "createOrUpdate",
    [CREATE_OR_UPDATE_IF_MATCH] = "createOrUpdateIfMatchETag",
    [UPDATE] = "update",
    [UPDATE_IF_MATCH] = "updateIfMatchETag",
    [DELETE] = "delete",
    [DELETE_IF_MATCH] = "deleteIfMatchETag",
    [UPDATE_TWIN] = "updateTwin",
    [UPDATE_TWIN_IF_MATCH] = "updateTwinIfMatchETag",
};

struct bulk {
    struct http_request *request;
    struct http_answer *answer;
    struct buf errors, warnings;
};

static struct bytes text_at(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);

    return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value)) : NO_BYTES;
}

static enum mode mode_of(const json_t *entry)
{
    struct bytes text = text_at(entry, "importMode");
    int m = 0;

    while (m < MODES && !bytes_eq_nocase(text, bytes_str(modes[m])))
        m++;
    return (enum mode)m;
}

/* Their ETag, with the quotes that some clients leave on it. */
static struct match match_of(const json_t *entry)
{
    struct bytes etag = text_at(entry, "etag");

    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        etag = bytes_first(bytes_skip(etag, 1), etag.len - 2);
    if (bytes_eq(etag, BYTES("*")))
        return (struct match){.how = MATCH_ANY};
    return (struct match){.how = MATCH_ETAG, .etag = etag};
}

/* ---- one of them ----------------------------------------------------------------------------------------------- */

/* An update that says nothing of authentication leaves it as it is (SDKs change only the status that way); the etag
 * tells whether it still was. */
static enum err keep_authentication(struct bulk *b, struct device *wanted, char etag[24])
{
    struct device now;
    enum err e = hub_device_get(b->request->env->hub, bytes_str(wanted->id), &now);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e; /* it is new, or refused */
    wanted->auth = now.auth;
    wanted->primary = now.primary;
    wanted->secondary = now.secondary;
    memcpy(wanted->thumbprint, now.thumbprint, sizeof wanted->thumbprint);
    memcpy(etag, now.etag, sizeof now.etag);
    return OK;
}

/* Anything that changed it meanwhile counts first. */
static enum err update_rest(struct bulk *b, struct device *wanted, struct match match, struct device *made,
                            uint64_t *at)
{
    enum { TRIES = 8 };
    bool any = match.how == MATCH_ANY;
    enum err e = ERR_PRECONDITION;

    for (int i = 0; e == ERR_PRECONDITION && i < (any ? TRIES : 1); i++) {
        char etag[24] = "";

        if ((e = keep_authentication(b, wanted, etag)))
            break;
        if (any && etag[0])
            match = (struct match){.how = MATCH_ETAG, .etag = bytes_str(etag)};
        e = http_device_change(b->request, b->answer, wanted, match, made, at);
    }
    return e;
}

static enum err change(struct bulk *b, const json_t *entry, enum mode mode, struct device *wanted)
{
    const json_t *authentication = json_object_get(entry, "authentication");
    bool whole = mode == CREATE || (authentication && !json_is_null(authentication));
    struct http_request *r = b->request;
    struct match match = {.how = mode == CREATE ? MATCH_NONE : MATCH_ANY};
    struct device made;
    uint64_t at;
    enum err e = http_identity_take(entry, wanted, b->answer);

    if (e)
        return e;
    if (mode == UPDATE_IF_MATCH || mode == CREATE_OR_UPDATE_IF_MATCH)
        match = match_of(entry);
    e = whole ? http_device_change(r, b->answer, wanted, match, &made, &at) : update_rest(b, wanted, match, &made, &at);
    if (e == ERR_NOT_FOUND && (mode == CREATE_OR_UPDATE || mode == CREATE_OR_UPDATE_IF_MATCH))
        e = http_device_change(r, b->answer, wanted, (struct match){.how = MATCH_NONE}, &made, &at);
    if (!e)
        front_wait_for(r->front, at);
    return e;
}

static enum err remove_one(struct bulk *b, const json_t *entry, enum mode mode, struct bytes id)
{
    struct http_request *r = b->request;
    struct match match = {.how = MATCH_ANY};
    uint64_t at;
    enum err e;

    if (mode == DELETE_IF_MATCH)
        match = match_of(entry);
    e = http_device_drop(r, id, match, &at);
    if (!e)
        front_wait_for(r->front, at);
    return e;
}

static enum err run_one(struct bulk *b, const json_t *entry, enum mode mode, struct bytes id)
{
    struct bytes module = text_at(entry, "moduleId"), name;
    struct device wanted = {.auth = AUTH_SAS};
    enum err e;

    if (mode == UPDATE_TWIN || mode == UPDATE_TWIN_IF_MATCH) {
        b->answer->code = CODE_NOT_HERE;
        return http_says(b->answer, ERR_UNSUPPORTED, "Twins are not available on this hub");
    }
    if (mode == MODES)
        return http_says(b->answer, ERR_ARGUMENT, "importMode is not valid");
    if (!identity_name(id, module.len ? module : NO_BYTES, wanted.id))
        return http_says(b->answer, ERR_ARGUMENT, "The id is not valid");
    name = bytes_str(wanted.id);
    if (http_module_is_system(name))
        return http_says(b->answer, ERR_ARGUMENT, "Modules whose ids begin with $ are the hub's");
    if (mode == DELETE || mode == DELETE_IF_MATCH)
        e = remove_one(b, entry, mode, name);
    else
        e = change(b, entry, mode, &wanted);
    return identity_is_module(name) ? http_module_fault(b->request, b->answer, name, e) : e;
}

static void put_error(struct bulk *b, const json_t *entry, struct bytes id, enum err e)
{
    struct bytes module = text_at(entry, "moduleId");
    struct http_answer *a = b->answer;

    buf_puts(&b->errors, b->errors.len ? ",{\"deviceId\":" : "{\"deviceId\":");
    buf_put_json(&b->errors, bytes_first(id, ID_LEN_MAX));
    buf_puts(&b->errors, ",\"moduleId\":");
    if (module.len)
        buf_put_json(&b->errors, bytes_first(module, ID_LEN_MAX));
    else
        buf_puts(&b->errors, "null");
    buf_printf(&b->errors, ",\"errorCode\":%d,\"errorStatus\":", http_code_number(a, e));
    buf_put_json(&b->errors, bytes_str(a->text[0] ? a->text : err_text(e)));
    buf_puts(&b->errors, ",\"operation\":");
    buf_put_json(&b->errors, bytes_first(text_at(entry, "importMode"), 32));
    buf_puts(&b->errors, "}");
}

static void put_warning(struct bulk *b, struct bytes id)
{
    buf_puts(&b->warnings, b->warnings.len ? ",{\"deviceId\":" : "{\"deviceId\":");
    buf_put_json(&b->warnings, id);
    buf_puts(&b->warnings,
             ",\"warningCode\":\"DeviceRegisteredWithoutTwin\",\"warningStatus\":\"The tags and properties "
             "were not kept: twins are not available on this hub\"}");
}

static void take_one(struct bulk *b, const json_t *all, size_t i)
{
    json_t *entry = json_array_get(all, i);
    enum err e, spelled = http_spell(entry, NAMES_DEVICE, b->answer);
    struct bytes id = text_at(entry, "id");
    enum mode mode = mode_of(entry);
    bool twice = false;

    assert(i < json_array_size(all) && mode <= MODES);
    b->answer->code = CODE_NONE;
    if (!spelled)
        b->answer->text[0] = 0;
    for (size_t j = 0; j < i && !twice; j++)
        twice = bytes_eq(id, text_at(json_array_get(all, j), "id")) &&
                bytes_eq(text_at(entry, "moduleId"), text_at(json_array_get(all, j), "moduleId"));
    if (twice) {
        b->answer->code = CODE_TWICE;
        e = http_says(b->answer, ERR_ARGUMENT, "The device is named more than once in this request");
    } else {
        e = spelled ? spelled : run_one(b, entry, mode, id);
    }
    if (e)
        put_error(b, entry, id, e);
    else if (mode < UPDATE && (json_object_get(entry, "tags") || json_object_get(entry, "properties")))
        put_warning(b, id);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static void put_result(struct bulk *b)
{
    struct http_answer *a = b->answer;
    bool failed = b->errors.len > 0;

    a->code = CODE_NONE;
    a->text[0] = 0;
    buf_printf(&a->body, "{\"isSuccessful\":%s,\"errors\":[", failed ? "false" : "true");
    buf_put(&a->body, buf_bytes(&b->errors));
    buf_puts(&a->body, "],\"warnings\":[");
    buf_put(&a->body, buf_bytes(&b->warnings));
    buf_puts(&a->body, "]}");
    a->body.bad |= b->errors.bad || b->warnings.bad;
    if (failed) { /* service 4.4: one client throws without the first of them */
        a->status = 400;
        http_put_header(&a->headers, "IotHubErrorCode", BYTES("BulkRegistryOperationFailure"));
        http_put_header(&a->headers, "iothub-errorcode", BYTES("BulkRegistryOperationFailure"));
    }
}

enum err http_devices_bulk(struct http_request *r, struct http_answer *a)
{
    struct bulk b = {r, a, buf_max(HTTP_ANSWER_MAX / 4), buf_max(HTTP_ANSWER_MAX / 4)};
    json_t *all;
    enum err e = http_json(r->body, &all, a);

    if (e)
        return e;
    if (!json_is_array(all)) {
        a->code = CODE_NO_JSON;
        e = http_says(a, ERR_MALFORMED, "the body is not a JSON array");
    } else if (json_array_size(all) > BULK_MAX) {
        a->code = CODE_TOO_MANY;
        e = http_says(a, ERR_LIMIT, "there are more than %d devices in one request", BULK_MAX);
    }
    for (size_t i = 0; !e && i < json_array_size(all); i++)
        take_one(&b, all, i);
    if (!e)
        put_result(&b);
    json_decref(all);
    buf_free(&b.errors);
    buf_free(&b.warnings);
    return e;
}
