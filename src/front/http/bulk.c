/* POST /devices: up to BULK_MAX changes in one request (service 4.4). Each stands for itself. */
#include "twins.h"

#include "json_span.h"
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

/* Of a device, or of a module of one. False: the ids are none. */
static bool take_name(const json_t *entry, char name[IDENTITY_LEN_MAX + 1])
{
    struct bytes module = text_at(entry, "moduleId");

    return identity_name(text_at(entry, "id"), module.len ? module : NO_BYTES, name);
}

static enum mode mode_of(const json_t *entry)
{
    struct bytes text = text_at(entry, "importMode");
    int m = 0;

    while (m < MODES && !bytes_eq_nocase(text, bytes_str(modes[m])))
        m++;
    return (enum mode)m;
}

/* Their ETag, or that of their twin, with the quotes that some clients leave on it. */
static struct match match_of(const json_t *entry, const char *name)
{
    struct bytes etag = text_at(entry, name);

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
        match = match_of(entry, "etag");
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
        match = match_of(entry, "etag");
    e = http_device_drop(r, id, match, &at);
    if (!e)
        front_wait_for(r->front, at);
    return e;
}

/* ---- its twin -------------------------------------------------------------------------------------------------- */

/* Merges what the entry has of tags and properties. What a device reported is another's to say only where the device is
 * made with it. */
static enum err change_twin(struct bulk *b, json_t *entry, struct bytes text, struct bytes name, struct match match,
                            bool is_new)
{
    struct twin_change change = {.match = match};
    struct twin_fault fault = {.why = ""};
    struct http_request *r = b->request;
    uint64_t at = 0;
    enum err e = http_twin_take(entry, text, &change, b->answer);

    if (e)
        return e;
    if (!is_new)
        change.part[TWIN_REPORTED] = NO_BYTES;
    if ((e = hub_twin_change(r->env->hub, name, &change, r->now_ms, &fault, &at)))
        return http_twin_failed(b->answer, e, &fault);
    front_wait_for(r->front, at);
    return OK;
}

static bool is_of_twins(enum mode mode)
{
    return mode == UPDATE_TWIN || mode == UPDATE_TWIN_IF_MATCH;
}

/* The twin modes: whatever else the entry holds is passed over. */
static enum err update_twin(struct bulk *b, json_t *entry, struct bytes text, enum mode mode)
{
    struct match match = {.how = MATCH_ANY};
    char name[IDENTITY_LEN_MAX + 1];
    enum err e = ERR_NOT_FOUND;

    if (mode == UPDATE_TWIN_IF_MATCH)
        match = match_of(entry, "twinETag");
    if (take_name(entry, name))
        e = change_twin(b, entry, text, bytes_str(name), match, false);
    if (e == ERR_NOT_FOUND && identity_is_module(bytes_str(name)))
        b->answer->code = CODE_NO_MODULE;
    return e;
}

static bool has_some(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);

    return value && !json_is_null(value);
}

/* Carries out what an entry says of the twin besides the identity. The identity stands, whatever becomes of this. */
static enum err add_twin(struct bulk *b, json_t *entry, struct bytes text, enum mode mode)
{
    struct match match = has_some(entry, "twinETag") ? match_of(entry, "twinETag") : (struct match){.how = MATCH_ANY};

    char name[IDENTITY_LEN_MAX + 1];

    if (!has_some(entry, "tags") && !has_some(entry, "properties"))
        return OK;
    return take_name(entry, name) ? change_twin(b, entry, text, bytes_str(name), match, mode == CREATE) : ERR_ARGUMENT;
}

/* ---- one entry ------------------------------------------------------------------------------------------------- */

static enum err run_one(struct bulk *b, json_t *entry, struct bytes text, enum mode mode)
{
    struct bytes name;
    struct device wanted = {.auth = AUTH_SAS};
    enum err e;

    if (is_of_twins(mode))
        return update_twin(b, entry, text, mode);
    if (mode == MODES)
        return http_says(b->answer, ERR_ARGUMENT, "importMode is not valid");
    if (!take_name(entry, wanted.id))
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

/* service 4.4: the device is there, its twin is as that of any new one. */
static void put_warning(struct bulk *b, struct bytes id, enum err e)
{
    const char *why = b->answer->text;

    buf_puts(&b->warnings, b->warnings.len ? ",{\"deviceId\":" : "{\"deviceId\":");
    buf_put_json(&b->warnings, id);
    buf_puts(&b->warnings, ",\"warningCode\":\"DeviceRegisteredWithoutTwin\",\"warningStatus\":");
    buf_put_json(&b->warnings, bytes_str(why[0] ? why : err_text(e)));
    buf_puts(&b->warnings, "}");
}

static void take_one(struct bulk *b, const json_t *all, size_t i, struct bytes text)
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
        e = spelled ? spelled : run_one(b, entry, text, mode);
    }
    if (!e && mode < DELETE && (e = add_twin(b, entry, text, mode)) && mode == CREATE) {
        put_warning(b, id, e);
        e = OK;
    }
    if (e)
        put_error(b, entry, id, e);
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
    struct bytes rest = r->body, text = NO_BYTES;
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
    for (size_t i = 0; !e && i < json_array_size(all) && json_span_next(&rest, &text); i++)
        take_one(&b, all, i, text);
    if (!e)
        put_result(&b);
    json_decref(all);
    buf_free(&b.errors);
    buf_free(&b.warnings);
    return e;
}
