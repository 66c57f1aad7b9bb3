#include "json_body.h"

#include "real_text.h"

#include <stdio.h>

/* A value of two bytes becomes 250 in memory, and a megabyte of them would keep a loop busy for a tenth of a second. */
static bool has_too_many(struct bytes text)
{
    bool in_string = false;
    size_t n = 0;

    for (size_t i = 0; i < text.len && n <= JSON_VALUES_MAX; i++) {
        uint8_t c = text.at[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string)
            n += c == ',' || c == '[' || c == '{';
    }
    return n > JSON_VALUES_MAX;
}

json_t *json_body(struct bytes text, size_t flags, char why[JSON_WHY_CAP])
{
    json_error_t error;
    json_t *root;

    if (has_too_many(text)) {
        snprintf(why, JSON_WHY_CAP, "it has more than %d values", JSON_VALUES_MAX);
        return NULL;
    }
    root = json_loadb(text.len ? (const char *)text.at : "", text.len, flags, &error);
    if (!root)
        snprintf(why, JSON_WHY_CAP, "%.90s in line %d", error.text, error.line);
    return root;
}

static int put_part(const char *text, size_t len, void *ctx)
{
    buf_put(ctx, bytes_of(text, len));
    return 0;
}

enum err json_put(const json_t *json, struct buf *out)
{
    size_t from = out->len;

    if (!json || json_dump_callback(json, put_part, out, JSON_COMPACT))
        return ERR_MEMORY;
    if (!out->bad)
        buf_shorten_reals(out, from);
    return OK;
}
