#include "json_row.h"

#include "json_body.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_value(const json_t *json, struct value *out)
{
    switch (json ? (int)json_typeof(json) : -1) {
    case JSON_NULL:
        out->kind = VALUE_NULL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_bool(json_is_true(json));
        break;
    case JSON_INTEGER:
        *out = value_int(json_integer_value(json));
        break;
    case JSON_REAL:
        *out = value_double(json_real_value(json));
        break;
    case JSON_STRING:
        *out = value_text(bytes_of(json_string_value(json), json_string_length(json)));
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        *out = (struct value){.kind = json_is_array(json) ? VALUE_ARRAY : VALUE_OBJECT, .handle = json};
        break;
    default:
        out->kind = VALUE_UNDEFINED;
        break;
    }
}

/* The value under a name; at the top in any case, and then `name` becomes the document's own spelling. */
static const json_t *member(const json_t *in, struct bytes *name, bool top)
{
    const json_t *at = name->len ? json_object_getn(in, (const char *)name->at, name->len) : NULL;
    json_t *object = (json_t *)in; /* which is only looked through */
    const char *key;
    size_t len;
    json_t *value;

    if (at || !top)
        return at;
    json_object_keylen_foreach(object, key, len, value)
    {
        if (!bytes_eq_nocase(*name, bytes_of(key, len)))
            continue;
        *name = bytes_of(key, len);
        return value;
    }
    return NULL;
}

static void get(const struct row *row, const struct path *path, struct scratch *scratch, struct value *out,
                struct bytes *spelled)
{
    const json_t *at = row->of;
    struct bytes name = NO_BYTES;

    (void)scratch;
    for (size_t i = 0; at && i < path->n; i++) {
        name = path->at[i].name;
        at = name.at ? member(at, &name, i == 0) : json_array_get(at, path->at[i].index);
    }
    json_value(at, out);
    if (spelled && at)
        *spelled = name;
}

static bool element(const struct row *row, const struct value *array, size_t n, struct value *out)
{
    const json_t *at = json_array_get(array->handle, n);

    (void)row;
    json_value(at, out);
    return at != NULL;
}

struct row json_row(const json_t *document)
{
    return (struct row){.of = document, .get = get, .element = element};
}

/* The shortest that is the same number again. */
static void put_double(double number, struct buf *out)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    buf_puts(out, isfinite(number) ? text : "null");
}

enum err json_put_value(const struct value *v, struct buf *out)
{
    switch (v->kind) {
    case VALUE_BOOL:
        buf_puts(out, v->yes ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)v->integer);
        break;
    case VALUE_DOUBLE:
        put_double(v->number, out);
        break;
    case VALUE_TEXT:
        buf_put_json(out, v->text);
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return json_put(v->handle, out);
    case VALUE_UNDEFINED:
    case VALUE_NULL:
        buf_puts(out, "null");
        break;
    }
    return OK;
}
