#include "http.h"

#include "text.h"

/* Decoded to the end of the text that is there already. */
static enum err put_decoded(struct http_path *p, size_t *used, struct bytes raw, struct bytes *out)
{
    size_t len;

    if (percent_decode(raw, p->text + *used, sizeof p->text - *used, &len))
        return ERR_MALFORMED;
    *out = bytes_of(p->text + *used, len);
    *used += len;
    return !len || bytes_find(*out, '\0') < len ? ERR_MALFORMED : OK;
}

static bool is_escaped_whole(struct bytes path)
{
    return bytes_find(path, '/') == path.len &&
           (bytes_find_bytes(path, BYTES("%2F")) < path.len || bytes_find_bytes(path, BYTES("%2f")) < path.len);
}

enum err http_path_split(struct bytes path, struct http_path *out)
{
    uint8_t unescaped[HTTP_TARGET_MAX];
    size_t used = 0;
    enum err e;

    out->n = 0;
    if (!path.len || path.at[0] != '/' || path.len > sizeof out->text)
        return ERR_MALFORMED;
    path = bytes_skip(path, 1);
    if (path.len && path.at[path.len - 1] == '/')
        path.len--;
    if (is_escaped_whole(path)) {
        if (percent_decode(path, unescaped, sizeof unescaped, &path.len))
            return ERR_MALFORMED;
        path.at = unescaped;
    }
    if (!path.len)
        return OK;
    while (path.at) {
        if (out->n == HTTP_SEGMENTS_MAX)
            return ERR_LIMIT;
        if ((e = put_decoded(out, &used, bytes_cut(&path, '/'), &out->segments[out->n])))
            return e;
        out->n++;
    }
    return OK;
}

enum err http_query(struct bytes query, struct bytes name, char *out, size_t cap)
{
    uint8_t text[HTTP_TARGET_MAX];
    size_t len;

    while (query.at) {
        struct bytes value = bytes_cut(&query, '&'), key = bytes_cut(&value, '=');

        if (!bytes_eq_nocase(key, name))
            continue;
        if (percent_decode(value, text, sizeof text, &len) || bytes_find(bytes_of(text, len), '\0') < len)
            return ERR_MALFORMED;
        return bytes_to_str(bytes_of(text, len), out, cap) ? OK : ERR_TOO_LARGE;
    }
    return ERR_NOT_FOUND;
}
