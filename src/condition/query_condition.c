/* Conditions of the query language: read and evaluated in one go. */
#include "query_read.h"

#include "text.h"

#include <math.h>
#include <stdlib.h>

struct value {
    enum { UNDEFINED, NOTHING, BOOLEAN, NUMBER, TEXT, OTHER } is;
    bool yes;
    double number;
    struct bytes text;
    const json_t *other; /* an object or an array */
};

static struct value read_or(struct query_reader *r);

static struct value undefined(void)
{
    return (struct value){.is = UNDEFINED};
}

static struct value boolean(bool yes)
{
    return (struct value){.is = BOOLEAN, .yes = yes};
}

static bool is_true(const struct value *v)
{
    return v->is == BOOLEAN && v->yes;
}

static bool is_false(const struct value *v)
{
    return v->is == BOOLEAN && !v->yes;
}

static struct value value_of(const json_t *json)
{
    switch (json ? (int)json_typeof(json) : -1) {
    case JSON_NULL:
        return (struct value){.is = NOTHING};
    case JSON_TRUE:
    case JSON_FALSE:
        return boolean(json_is_true(json));
    case JSON_INTEGER:
    case JSON_REAL:
        return (struct value){.is = NUMBER, .number = json_number_value(json)};
    case JSON_STRING:
        return (struct value){.is = TEXT, .text = bytes_of(json_string_value(json), json_string_length(json))};
    case JSON_OBJECT:
    case JSON_ARRAY:
        return (struct value){.is = OTHER, .other = json};
    default:
        return undefined();
    }
}

/* ---- constants ------------------------------------------------------------------------------------------------- */

static void keep(struct query_reader *r, uint8_t c)
{
    if (r->text_len < QUERY_LEN_MAX)
        r->text[r->text_len++] = c;
}

/* \uXXXX becomes UTF-8; halves of a pair are refused. */
static void keep_escape(struct query_reader *r)
{
    struct bytes digits = bytes_first(bytes_skip(r->rest, 1), 4);
    uint8_t hex[2];
    size_t len;

    if (digits.len < 4 || hex_decode(digits, hex, sizeof hex, &len) || (hex[0] & 0xF8) == 0xD8 || !(hex[0] | hex[1])) {
        query_bad(r, ERR_MALFORMED, "this is not an escape:", bytes_first(r->rest, 5));
        return;
    }
    unsigned code = (unsigned)hex[0] << 8 | hex[1];
    if (code < 0x80) {
        keep(r, (uint8_t)code);
    } else if (code < 0x800) {
        keep(r, (uint8_t)(0xC0 | code >> 6));
        keep(r, (uint8_t)(0x80 | (code & 0x3F)));
    } else {
        keep(r, (uint8_t)(0xE0 | code >> 12));
        keep(r, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        keep(r, (uint8_t)(0x80 | (code & 0x3F)));
    }
    r->rest = bytes_skip(r->rest, 5);
}

static struct value read_text(struct query_reader *r)
{
    uint8_t quote = *r->rest.at;
    size_t start = r->text_len;

    r->rest = bytes_skip(r->rest, 1);
    while (r->rest.len && *r->rest.at != quote) {
        if (*r->rest.at != '\\') {
            keep(r, *r->rest.at);
            r->rest = bytes_skip(r->rest, 1);
            continue;
        }
        r->rest = bytes_skip(r->rest, 1);
        if (r->rest.len && (*r->rest.at | 0x20) == 'u') {
            keep_escape(r);
        } else if (r->rest.len) {
            keep(r, *r->rest.at);
            r->rest = bytes_skip(r->rest, 1);
        }
    }
    if (!r->rest.len)
        query_bad(r, ERR_MALFORMED, "a text does not end", NO_BYTES);
    r->rest = bytes_skip(r->rest, 1);
    return (struct value){.is = TEXT, .text = bytes_of(r->text + start, r->text_len - start)};
}

/* 12, 1.5e3, 0x1F */
static struct value read_number(struct query_reader *r)
{
    char text[40], *end;
    struct value v = {.is = NUMBER};

    if (!bytes_to_str(bytes_first(r->rest, sizeof text - 1), text, sizeof text))
        text[0] = 0;
    v.number = strtod(text, &end);
    if (end == text || !isfinite(v.number))
        query_bad(r, ERR_MALFORMED, "this is not a number:", r->rest);
    r->rest = bytes_skip(r->rest, (size_t)(end - text));
    return v;
}

/* ---- functions ------------------------------------------------------------------------------------------------- */

enum { ARGUMENTS_MAX = 2 };

typedef struct value function(const struct value *a);

static struct value is_defined(const struct value *a)
{
    return boolean(a->is != UNDEFINED);
}

static struct value is_null(const struct value *a)
{
    return boolean(a->is == NOTHING);
}

static struct value is_bool(const struct value *a)
{
    return boolean(a->is == BOOLEAN);
}

static struct value is_number(const struct value *a)
{
    return boolean(a->is == NUMBER);
}

static struct value is_string(const struct value *a)
{
    return boolean(a->is == TEXT);
}

static struct value starts_with(const struct value *a)
{
    return a[0].is == TEXT && a[1].is == TEXT ? boolean(bytes_starts(a[0].text, a[1].text)) : undefined();
}

static struct value ends_with(const struct value *a)
{
    return a[0].is == TEXT && a[1].is == TEXT ? boolean(bytes_ends(a[0].text, a[1].text)) : undefined();
}

static struct value contains(const struct value *a)
{
    if (a[0].is != TEXT || a[1].is != TEXT)
        return undefined();
    return boolean(!a[1].text.len || bytes_find_bytes(a[0].text, a[1].text) < a[0].text.len);
}

static bool same(const struct value *a, const struct value *b);

static struct value array_contains(const struct value *a)
{
    if (a[0].is != OTHER || !json_is_array(a[0].other))
        return undefined();
    for (size_t i = 0; i < json_array_size(a[0].other); i++) {
        struct value one = value_of(json_array_get(a[0].other, i));

        if (same(&one, &a[1]))
            return boolean(true);
    }
    return boolean(false);
}

/* service 4.8: the documented one, those that tools use, and their relatives of service 6.6. */
static const struct {
    const char *name;
    size_t arguments;
    function *run;
} functions[] = {
    {"IS_DEFINED", 1, is_defined},
    {"IS_NULL", 1, is_null},
    {"IS_BOOL", 1, is_bool},
    {"IS_NUMBER", 1, is_number},
    {"IS_STRING", 1, is_string},
    {"STARTSWITH", 2, starts_with},
    {"STARTS_WITH", 2, starts_with},
    {"ENDSWITH", 2, ends_with},
    {"ENDS_WITH", 2, ends_with},
    {"CONTAINS", 2, contains},
    {"ARRAY_CONTAINS", 2, array_contains},
};

static struct value read_call(struct query_reader *r, struct bytes name)
{
    struct value arguments[ARGUMENTS_MAX] = {{0}};
    size_t f = 0, n = 0;

    while (f < sizeof functions / sizeof *functions && !bytes_eq_nocase(name, bytes_str(functions[f].name)))
        f++;
    if (f == sizeof functions / sizeof *functions) {
        query_bad(r, ERR_UNSUPPORTED, "there is no function", name);
        return undefined();
    }
    do {
        struct value v = read_or(r);

        if (n < ARGUMENTS_MAX)
            arguments[n] = v;
        n++;
    } while (query_take(r, ","));
    if (n != functions[f].arguments || !query_take(r, ")"))
        query_bad(r, ERR_MALFORMED, "these are not the arguments of", name);
    return r->bad ? undefined() : functions[f].run(arguments);
}

/* ---- expressions ----------------------------------------------------------------------------------------------- */

static struct value read_named(struct query_reader *r)
{
    struct bytes path = query_path(r, NULL);

    if (!path.len) {
        query_bad(r, ERR_MALFORMED, r->rest.len ? "a value is missing at" : "a value is missing at the end", r->rest);
        return undefined();
    }
    if (bytes_eq_nocase(path, BYTES("true")) || bytes_eq_nocase(path, BYTES("false")))
        return boolean((*path.at | 0x20) == 't');
    if (bytes_eq_nocase(path, BYTES("null")))
        return (struct value){.is = NOTHING};
    if (bytes_eq_nocase(path, BYTES("undefined")))
        return undefined();
    if (query_take(r, "("))
        return read_call(r, path);
    return value_of(query_at(r->document, path, NULL));
}

/* Everything that nests comes through here. */
static struct value read_value(struct query_reader *r)
{
    struct value v = {0};

    if (++r->depth > QUERY_DEPTH_MAX) {
        query_bad(r, ERR_UNSUPPORTED, "this is nested too deep", NO_BYTES);
    } else if (query_take(r, "(")) {
        v = read_or(r);
        if (!query_take(r, ")"))
            query_bad(r, ERR_MALFORMED, "a parenthesis is not closed", NO_BYTES);
    } else if (query_take(r, "-")) {
        v = read_value(r);
        v.number = -v.number;
        if (v.is != NUMBER)
            v = undefined();
    } else if (r->rest.len && (*r->rest.at == '\'' || *r->rest.at == '"')) {
        v = read_text(r);
    } else if (r->rest.len && *r->rest.at >= '0' && *r->rest.at <= '9') {
        v = read_number(r);
    } else {
        v = read_named(r);
    }
    r->depth--;
    return v;
}

static struct value calculate(char how, const struct value *a, const struct value *b)
{
    struct value v = {.is = NUMBER};

    if (a->is != NUMBER || b->is != NUMBER)
        return undefined();
    v.number = how == '+'   ? a->number + b->number
               : how == '-' ? a->number - b->number
               : how == '*' ? a->number * b->number
               : how == '/' ? a->number / b->number
                            : fmod(a->number, b->number);
    return isfinite(v.number) ? v : undefined();
}

static struct value read_product(struct query_reader *r)
{
    struct value v = read_value(r);

    for (;;) {
        char how = query_take(r, "*") ? '*' : query_take(r, "/") ? '/' : query_take(r, "%") ? '%' : 0;

        if (!how)
            return v;
        struct value next = read_value(r);
        v = calculate(how, &v, &next);
    }
}

static struct value read_sum(struct query_reader *r)
{
    struct value v = read_product(r);

    for (;;) {
        char how = query_take(r, "+") ? '+' : query_take(r, "-") ? '-' : 0;

        if (!how)
            return v;
        struct value next = read_product(r);
        v = calculate(how, &v, &next);
    }
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static int order(const struct value *a, const struct value *b)
{
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;

    if (a->is == NUMBER)
        return a->number < b->number ? -1 : a->number > b->number;
    int by_bytes = n ? memcmp(a->text.at, b->text.at, n) : 0;
    return by_bytes ? by_bytes : a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
}

static bool same(const struct value *a, const struct value *b)
{
    if (a->is != b->is || a->is == UNDEFINED || a->is == OTHER)
        return false;
    return a->is == NOTHING || (a->is == BOOLEAN ? a->yes == b->yes : order(a, b) == 0);
}

/* service 4.8: only primitives compare, and only what is of one kind has an order. */
static struct value compare(const char *how, const struct value *a, const struct value *b)
{
    if (a->is == UNDEFINED || b->is == UNDEFINED || a->is == OTHER || b->is == OTHER)
        return undefined();
    if (how[0] == '=')
        return boolean(same(a, b));
    if (how[0] == '!' || (how[0] == '<' && how[1] == '>'))
        return boolean(!same(a, b));
    if (a->is != b->is || (a->is != NUMBER && a->is != TEXT))
        return undefined();
    int by = order(a, b);
    bool or_same = how[1] == '=' && by == 0;
    return boolean(or_same || (how[0] == '<' ? by < 0 : by > 0));
}

/* [c, c] or, as some write it, (c, c) */
static struct value read_list(struct query_reader *r, const struct value *v, bool wanted)
{
    const char *end = query_take(r, "[") ? "]" : query_take(r, "(") ? ")" : NULL;
    bool found = false;

    if (!end) {
        query_bad(r, ERR_MALFORMED, "a list in [ ] is missing at", r->rest);
        return undefined();
    }
    do {
        struct value one = read_sum(r);

        found |= same(v, &one);
    } while (query_take(r, ","));
    if (!query_take(r, end))
        query_bad(r, ERR_MALFORMED, "a list does not end", NO_BYTES);
    return v->is == UNDEFINED ? undefined() : boolean(found == wanted);
}

static struct value read_comparison(struct query_reader *r)
{
    static const char *const marks[] = {"<=", ">=", "<>", "!=", "=", "<", ">"};
    struct value v = read_sum(r);

    if (query_take_word(r, "IN"))
        return read_list(r, &v, true);
    if (query_take_word(r, "NIN"))
        return read_list(r, &v, false);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (!query_take(r, marks[i]))
            continue;
        struct value other = read_sum(r);
        return compare(marks[i], &v, &other);
    }
    return v;
}

static struct value read_not(struct query_reader *r)
{
    struct value v;

    if (!query_take_word(r, "NOT"))
        return read_comparison(r);
    if (++r->depth > QUERY_DEPTH_MAX)
        query_bad(r, ERR_UNSUPPORTED, "this is nested too deep", NO_BYTES);
    v = r->bad ? undefined() : read_not(r);
    r->depth--;
    return v.is == BOOLEAN ? boolean(!v.yes) : undefined();
}

static struct value read_and(struct query_reader *r)
{
    struct value v = read_not(r);

    while (query_take_word(r, "AND")) {
        struct value next = read_not(r);

        v = is_true(&v) && is_true(&next)     ? boolean(true)
            : is_false(&v) || is_false(&next) ? boolean(false)
                                              : undefined();
    }
    return v;
}

static struct value read_or(struct query_reader *r)
{
    struct value v = read_and(r);

    while (query_take_word(r, "OR")) {
        struct value next = read_and(r);

        v = is_true(&v) || is_true(&next)     ? boolean(true)
            : is_false(&v) && is_false(&next) ? boolean(false)
                                              : undefined();
    }
    return v;
}

bool query_condition(struct query_reader *r)
{
    struct value v = read_or(r);

    return !r->bad && is_true(&v);
}
