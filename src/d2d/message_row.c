#include "message_row.h"

#include "text.h"

void message_row_text(json_t *row, const char *key, const char *text)
{
    if (*text)
        json_object_set_new(row, key, json_string(text));
}

void message_row_time(json_t *row, const char *key, int64_t unix_ms)
{
    char text[ISO_TIME_CAP];

    if (!unix_ms)
        return;
    iso_time(unix_ms, text);
    json_object_set_new(row, key, json_string(text));
}

void message_row_properties(json_t *row, const struct d2d_property *properties, size_t n)
{
    json_t *all = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(all, properties[i].name, json_string(properties[i].value));
    json_object_set_new(row, "properties", all);
}

void message_row_body(json_t *row, const void *body, size_t len)
{
    struct bytes raw = bytes_of(body, len);
    struct buf text = buf_max(2 * len + 16);

    if (utf8_valid(raw) && bytes_find(raw, 0) == len) {
        json_object_set_new(row, "body", json_stringn(len ? body : "", len));
    } else {
        buf_put_base64(&text, raw);
        json_object_set_new(row, "body", json_stringn((const char *)text.at, text.len));
        json_object_set_new(row, "bodyEncoding", json_string("base64"));
    }
    buf_free(&text);
}
