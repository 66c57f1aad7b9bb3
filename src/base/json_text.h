/* A JSON value as text. jansson's own function for that forgets that it had no memory for a key, and gives what is no
 * JSON. */
#pragma once

#include "buf.h"
#include "real_text.h"

#include <jansson.h>

enum { JSON_TEXT_MAX = 16 * 1024 * 1024 };

static inline int json_text_part(const char *text, size_t len, void *buf)
{
    buf_put(buf, bytes_of(text, len));
    return 0;
}

/* `flags` are jansson's. NULL without a value or without memory; the caller frees it. */
static inline char *json_text(const json_t *value, size_t flags)
{
    struct buf b = buf_max(JSON_TEXT_MAX);

    if (!value || json_dump_callback(value, json_text_part, &b, flags))
        b.bad = true;
    if (!b.bad)
        buf_shorten_reals(&b, 0);
    buf_put_u8(&b, 0);
    if (b.bad)
        buf_free(&b);
    return (char *)b.at;
}
