#include "http_device.h"

#include "json_body.h"
#include "text.h"

static struct bytes text_of(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

/* Plain text, or what it is in base64 unless that is denied. */
static enum err take_body(const json_t *entry, struct buf *room, struct bytes *out)
{
    const json_t *body = json_object_get(entry, "body"), *coded = json_object_get(entry, "base64Encoded");
    size_t len;

    if (!json_is_string(body) || (coded && !json_is_boolean(coded)))
        return ERR_MALFORMED;
    *out = text_of(body);
    if (json_is_false(coded))
        return OK;
    buf_clear(room);
    uint8_t *at = buf_grow(room, out->len / 4 * 3 + 3);
    if (!at || base64_decode(*out, at, room->len, &len))
        return at ? ERR_MALFORMED : ERR_MEMORY;
    *out = bytes_of(at, len);
    return OK;
}

static enum err take_properties(const json_t *entry, struct http_message *m)
{
    json_t *properties = json_object_get(entry, "properties"), *value;
    const char *name;
    enum err e = OK;
    bool known;

    if (!properties || json_is_null(properties))
        return OK;
    if (!json_is_object(properties))
        return ERR_MALFORMED;
    json_object_foreach(properties, name, value)
    {
        struct bytes text = json_is_null(value) ? NO_BYTES : text_of(value);

        if (!json_is_string(value) && !json_is_null(value))
            return http_message_wrong(m, ERR_MALFORMED, bytes_str(name), "must be a text or null");
        if ((e = http_message_take(m, bytes_str(name), text, &known)))
            return e;
        if (!known)
            return http_message_wrong(m, ERR_ARGUMENT, bytes_str(name),
                                      "is not known; properties of an application begin with iothub-app-");
    }
    return http_message_check(m);
}

/* Each of them is looked at, and sent the second time. `*size` counts all. */
static enum err each(struct http_request *r, struct http_answer *a, const json_t *batch, bool sends, size_t *size)
{
    struct buf room = buf_max(HTTP_BODY_MAX);
    enum err e = OK;

    *size = 0;
    for (size_t i = 0; !e && i < json_array_size(batch); i++) {
        json_t *entry = json_array_get(batch, i);
        struct http_message m = {.msg = {.n_props = 0}};
        char why[JSON_WHY_CAP] = "";

        m.msg.props = m.props;
        if (!json_is_object(entry) || (!sends && (e = json_spell(entry, NAMES_BATCH, why))) ||
            (e = take_body(entry, &room, &m.msg.body)) || (e = take_properties(entry, &m)))
            e = http_says(a, e ? e : ERR_MALFORMED, "Message %zu of the batch is refused: %s", i,
                          m.wrong[0] ? m.wrong
                          : why[0]
                              ? why
                              : "it is not {\"body\": text, \"base64Encoded\": true or false, \"properties\": {}}");
        m.msg.ack = NO_BYTES;
        *size += msg_size(&m.msg);
        if (!e && sends)
            e = http_send(r, a, &m.msg);
    }
    buf_free(&room);
    return e;
}

enum err http_batch_send(struct http_request *r, struct http_answer *a)
{
    char why[JSON_WHY_CAP] = "it is another value";
    json_t *batch = json_body(r->body, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, why);
    size_t size = 0;
    enum err e;

    if (!json_is_array(batch)) {
        json_decref(batch);
        a->code = CODE_NO_JSON;
        return http_says(a, ERR_MALFORMED, "The batch is not a JSON array: %s", why);
    }
    if (json_array_size(batch) > HTTP_BATCH_MAX)
        e = http_says(a, ERR_ARGUMENT, "A batch must have at most %d messages", HTTP_BATCH_MAX);
    else
        e = each(r, a, batch, false, &size);
    if (!e && size > MESSAGE_LEN_MAX) {
        a->code = CODE_MESSAGE_SIZE;
        e = http_says(a, ERR_TOO_LARGE, "A batch must be at most %d bytes", MESSAGE_LEN_MAX);
    }
    if (!e)
        e = each(r, a, batch, true, &size);
    json_decref(batch);
    return e;
}
