/* POST /devices: up to BULK_MAX changes in one request (service 4.4). Each stands for itself. */
#include "http_front.h"

#include "entry.h"
#include "json_span.h"
#include "text.h"

#include <assert.h>

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
static void put_warning(struct bulk *b, struct bytes id)
{
    buf_puts(&b->warnings, b->warnings.len ? ",{\"deviceId\":" : "{\"deviceId\":");
    buf_put_json(&b->warnings, id);
    buf_puts(&b->warnings, ",\"warningCode\":\"DeviceRegisteredWithoutTwin\",\"warningStatus\":");
    buf_put_json(&b->warnings, bytes_str(b->answer->text));
    buf_puts(&b->warnings, "}");
}

static bool is_there_before(const json_t *all, size_t i)
{
    const json_t *entry = json_array_get(all, i);
    bool twice = false;

    for (size_t j = 0; j < i && !twice; j++)
        twice = bytes_eq(text_at(entry, "id"), text_at(json_array_get(all, j), "id")) &&
                bytes_eq(text_at(entry, "moduleId"), text_at(json_array_get(all, j), "moduleId"));
    return twice;
}

static enum err run_one(struct bulk *b, json_t *root, struct bytes text, bool *half)
{
    const struct entry entry = {.root = root, .text = text, .mode = entry_mode_of(root, ENTRY_MODES)};
    const struct changer by = http_changer(b->request);
    struct entry_fault fault = {.number = 0};
    uint64_t at = 0;
    enum err e = entry_run(&by, &entry, &at, half, &fault);

    front_wait_for(b->request->front, at);
    return http_fault(b->answer, e, &fault);
}

static void take_one(struct bulk *b, const json_t *all, size_t i, struct bytes text)
{
    json_t *entry = json_array_get(all, i);
    struct bytes id;
    bool half = false;
    enum err e;

    assert(i < json_array_size(all));
    b->answer->code = CODE_NONE;
    b->answer->text[0] = 0;
    e = http_spell(entry, NAMES_DEVICE, b->answer);
    id = text_at(entry, "id");
    if (is_there_before(all, i)) {
        b->answer->code = CODE_TWICE;
        e = http_says(b->answer, ERR_ARGUMENT, "The device is named more than once in this request");
    } else if (!e) {
        e = run_one(b, entry, text, &half);
    }
    if (e)
        put_error(b, entry, id, e);
    else if (half)
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
