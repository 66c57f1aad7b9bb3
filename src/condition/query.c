#include "query_read.h"

#include "text.h"

#include <stdio.h>

/* ---- words ----------------------------------------------------------------------------------------------------- */

void query_bad(struct query_reader *r, enum err e, const char *text, struct bytes what)
{
    if (r->bad)
        return;
    r->bad = e;
    snprintf(r->why, QUERY_WHY_CAP, what.at ? "%s '%.*s'" : "%s", text, BYTES_ARG(bytes_first(what, 40)));
    r->rest = NO_BYTES;
}

static void skip_blanks(struct query_reader *r)
{
    while (r->rest.len && memchr(" \t\r\n", *r->rest.at, 4))
        r->rest = bytes_skip(r->rest, 1);
}

bool query_take(struct query_reader *r, const char *mark)
{
    skip_blanks(r);
    if (!bytes_starts(r->rest, bytes_str(mark)))
        return false;
    r->rest = bytes_skip(r->rest, strlen(mark));
    return true;
}

static bool is_of_name(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$' || c >= 0x80;
}

/* A hyphen between two characters of a name is one of them: Java's keys have a UUID. Minus has blanks around it
 * (service 6.2). */
static bool is_hyphen(struct bytes rest, size_t n)
{
    return n > 0 && n + 1 < rest.len && rest.at[n] == '-' && is_of_name(rest.at[n + 1]);
}

static struct bytes peek_name(struct query_reader *r)
{
    size_t n = 0;

    skip_blanks(r);
    while (n < r->rest.len && (is_of_name(r->rest.at[n]) || is_hyphen(r->rest, n)))
        n++;
    return bytes_first(r->rest, n);
}

bool query_take_word(struct query_reader *r, const char *word)
{
    struct bytes name = peek_name(r);

    if (!bytes_eq_nocase(name, bytes_str(word)))
        return false;
    r->rest = bytes_skip(r->rest, name.len);
    return true;
}

struct bytes query_name(struct query_reader *r)
{
    struct bytes name = peek_name(r);

    if (!name.len && bytes_starts(r->rest, BYTES("[["))) {
        name = bytes_skip(r->rest, 2);
        name = bytes_first(name, bytes_find_bytes(name, BYTES("]]")));
        r->rest = bytes_skip(r->rest, 2 + name.len);
        if (!name.len || !query_take(r, "]]"))
            query_bad(r, ERR_MALFORMED, "a name in [[ ]] does not end", NO_BYTES);
        return name;
    }
    r->rest = bytes_skip(r->rest, name.len);
    return name;
}

struct bytes query_path(struct query_reader *r, struct bytes *last)
{
    struct bytes begin, name;

    skip_blanks(r);
    begin = r->rest;
    name = query_name(r);
    while (name.len && bytes_starts(r->rest, BYTES("."))) {
        r->rest = bytes_skip(r->rest, 1);
        name = query_name(r);
        if (!name.len)
            query_bad(r, ERR_MALFORMED, "a name is missing after", bytes_first(begin, 40));
    }
    if (last)
        *last = name;
    return name.len && !r->bad ? bytes_of(begin.at, (size_t)(r->rest.at - begin.at)) : NO_BYTES;
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

/* What stands under a name; at the top of a document in any case, and then `name` becomes the document's own spelling.
 */
static const json_t *member(const json_t *in, struct bytes *name, bool any_case)
{
    const json_t *at = name->len ? json_object_getn(in, (const char *)name->at, name->len) : NULL;
    json_t *object = (json_t *)in; /* which is only looked through */
    const char *key;
    json_t *value;

    if (at || !any_case)
        return at;
    json_object_foreach(object, key, value)
    {
        if (!bytes_eq_nocase(*name, bytes_str(key)))
            continue;
        *name = bytes_str(key);
        return value;
    }
    return NULL;
}

/* Names that tools have for members of the top. */
static const json_t *by_alias(const json_t *in, struct bytes name)
{
    static const char *const aliases[][2] = {{"statusUpdatedTime", "statusUpdateTime"}, {"id", "deviceId"}};

    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (bytes_eq_nocase(name, bytes_str(aliases[i][0])))
            return json_object_get(in, aliases[i][1]);
    return NULL;
}

const json_t *query_at(const json_t *document, struct bytes path, struct bytes *key)
{
    char why[QUERY_WHY_CAP];
    struct query_reader r = {.rest = path, .why = why};
    struct bytes name = query_name(&r);
    const json_t *at = document;

    /* service 4.8: the prefix is optional, and tools name this field as the identity has it. */
    if (bytes_eq_nocase(name, BYTES("devices")) && query_take(&r, "."))
        name = query_name(&r);
    at = member(document, &name, true);
    if (!at)
        at = by_alias(document, name);
    if (key)
        *key = name;
    while (at && query_take(&r, ".")) {
        name = query_name(&r);
        at = member(at, &name, false);
        if (key)
            *key = name;
    }
    return at;
}

/* ---- the query ------------------------------------------------------------------------------------------------- */

static void take_top(struct query_reader *r, struct query *q)
{
    struct bytes number;

    q->top = UINT64_MAX;
    if (!query_take_word(r, "TOP"))
        return;
    number = query_name(r);
    if (!bytes_to_u64(number, &q->top) || !q->top)
        query_bad(r, ERR_MALFORMED, "TOP takes a number, not", number);
}

static void take_column(struct query_reader *r, struct query *q)
{
    struct query_column column;

    column.path = query_path(r, &column.name);
    if (!column.path.len)
        query_bad(r, ERR_MALFORMED, "a column is missing at", r->rest);
    else if (query_take(r, "("))
        query_bad(r, ERR_UNSUPPORTED, "aggregates are not supported:", column.path);
    column.named = query_take_word(r, "AS");
    if (column.named && !(column.name = query_name(r)).len)
        query_bad(r, ERR_MALFORMED, "a name is missing after AS", NO_BYTES);
    if (q->n_columns == QUERY_COLUMNS_MAX)
        query_bad(r, ERR_UNSUPPORTED, "there are too many columns", NO_BYTES);
    if (!r->bad)
        q->columns[q->n_columns++] = column;
}

/* True if FROM names the one source that there is, or is not there behind a star. */
static void take_only(struct query_reader *r, const struct query *q, const char *source)
{
    static const char *const all[] = {"enrollments", "enrollmentGroups", "registrations", "deviceRegistrations"};
    struct bytes path;
    char text[QUERY_WHY_CAP];

    if (!query_take_word(r, "FROM")) {
        skip_blanks(r);
        if (q->all && !r->rest.len)
            return;
        path = NO_BYTES;
    } else {
        path = query_path(r, NULL);
    }
    for (size_t i = 0; path.len && i < sizeof all / sizeof *all; i++)
        if (bytes_eq_nocase(path, bytes_str(all[i])))
            return;
    snprintf(text, sizeof text, "FROM names %s, not", source);
    query_bad(r, ERR_MALFORMED, text, path.len ? path : r->rest);
}

static void take_from(struct query_reader *r, struct query *q)
{
    static const struct {
        const char *name;
        enum query_from from;
    } sources[] = {{"devices", QUERY_DEVICES}, {"devices.modules", QUERY_MODULES}, {"devices.jobs", QUERY_JOBS}};
    struct bytes path = query_take_word(r, "FROM") ? query_path(r, NULL) : NO_BYTES;

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        q->from = sources[i].from;
        if (bytes_eq_nocase(path, bytes_str(sources[i].name)))
            return;
    }
    query_bad(r, ERR_MALFORMED, "FROM names devices, devices.modules or devices.jobs, not", path.len ? path : r->rest);
}

static void take_condition(struct query_reader *r, struct query *q)
{
    struct bytes begin;

    if (!query_take_word(r, "WHERE"))
        return;
    begin = r->rest;
    query_condition(r);
    q->condition = bytes_first(begin, begin.len - r->rest.len);
}

/* `source`: the only one; NULL: those of devices. */
static enum err parse(struct bytes text, const char *source, struct query *q, char why[QUERY_WHY_CAP])
{
    uint8_t texts[QUERY_LEN_MAX];
    struct query_reader r = {.rest = text, .why = why, .text = texts};

    *q = (struct query){.all = false};
    if (text.len > QUERY_LEN_MAX) {
        snprintf(why, QUERY_WHY_CAP, "a query must be at most %d bytes", QUERY_LEN_MAX);
        return ERR_TOO_LARGE;
    }
    if (!utf8_valid(text) || bytes_find(text, '\0') < text.len)
        query_bad(&r, ERR_MALFORMED, "a query must be text in UTF-8", NO_BYTES);
    bool bare = source && bytes_eq(bytes_trim(text), BYTES("*"));
    if (!bare && !query_take_word(&r, "SELECT"))
        query_bad(&r, ERR_MALFORMED, "a query must begin with SELECT, not", r.rest);
    take_top(&r, q);
    q->all = query_take(&r, "*");
    while (!q->all && !r.bad) {
        take_column(&r, q);
        if (!query_take(&r, ","))
            break;
    }
    if (source)
        take_only(&r, q, source);
    else
        take_from(&r, q);
    take_condition(&r, q);
    if (query_take_word(&r, "GROUP"))
        query_bad(&r, ERR_UNSUPPORTED, "GROUP BY is not supported", NO_BYTES);
    skip_blanks(&r);
    if (r.rest.len)
        query_bad(&r, ERR_MALFORMED, "this is not understood:", r.rest);
    return r.bad;
}

enum err query_parse(struct bytes text, struct query *q, char why[QUERY_WHY_CAP])
{
    return parse(text, NULL, q, why);
}

enum err query_parse_from(struct bytes text, const char *source, struct query *q, char why[QUERY_WHY_CAP])
{
    return parse(text, source, q, why);
}

bool query_selects(const struct query *q, const json_t *document)
{
    char why[QUERY_WHY_CAP];
    uint8_t texts[QUERY_LEN_MAX];
    struct query_reader r = {.rest = q->condition, .document = document, .why = why, .text = texts};

    return !q->condition.at || query_condition(&r);
}

json_t *query_columns(const struct query *q, const json_t *document)
{
    json_t *row = json_object();

    for (size_t i = 0; row && i < q->n_columns; i++) {
        const struct query_column *column = &q->columns[i];
        struct bytes key = column->name;
        json_t *copy = json_deep_copy(query_at(document, column->path, column->named ? NULL : &key));

        if (copy && json_object_setn_new(row, (const char *)key.at, key.len, copy)) {
            json_decref(row);
            return NULL;
        }
    }
    return row;
}
