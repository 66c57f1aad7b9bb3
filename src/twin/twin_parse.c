#include "twin_parse.h"

#include "text.h"
#include "twin_scan.h"
#include "twin_sort.h"
#include "twin_write.h"

#include <stdio.h>

struct parse {
    struct scan scan;
    const uint8_t *from;
    struct buf *out;
    enum twin_part part;
    bool whole;
    unsigned depth;                       /* of objects and arrays, the section itself is 0 */
    unsigned arrays;                      /* of them */
    unsigned skipping;                    /* inside of what is passed over, which only has to be JSON */
    size_t open[TWIN_SKIP_DEPTH_MAX + 2]; /* where the node of each depth begins */
    struct twin_fault *fault;
};

const char *twin_part_name(enum twin_part part)
{
    static const char *const names[] = {
        [TWIN_TAGS] = "tags", [TWIN_DESIRED] = "properties.desired", [TWIN_REPORTED] = "properties.reported"};

    return names[part];
}

/* ---- what is wrong --------------------------------------------------------------------------------------------- */

static void add_key(struct buf *path, struct bytes key)
{
    buf_puts(path, ".");
    buf_put(path, bytes_first(key, TWIN_PATH_CAP));
}

/* The names from the section to the node that is open. */
static void say_path(struct parse *p)
{
    struct buf path = buf_max(TWIN_PATH_CAP * (TWIN_SKIP_DEPTH_MAX + 4));

    buf_puts(&path, twin_part_name(p->part));
    for (unsigned i = 1; i <= p->depth + 1 && !p->out->bad; i++) {
        size_t at = p->open[i];
        struct rd r;

        if (at <= p->open[i - 1] || at + NODE_HEAD > p->out->len)
            break;
        r = rd_over(bytes_skip(buf_bytes(p->out), at + NODE_KEY_LEN_AT));
        add_key(&path, rd_str16(&r));
    }
    snprintf(p->fault->path, TWIN_PATH_CAP, "%s", buf_str(&path));
    buf_free(&path);
}

static enum err refuse(struct parse *p, const char *rule)
{
    say_path(p);
    snprintf(p->fault->why, TWIN_WHY_CAP, "%s: %s.", p->fault->path, rule);
    return ERR_ARGUMENT;
}

static enum err malformed(struct parse *p, const char *what)
{
    if (p->out->bad)
        return ERR_TOO_LARGE;
    say_path(p);
    snprintf(p->fault->why, TWIN_WHY_CAP, "Provided json is not a valid 'tags' or 'properties' object: %s at byte %zu.",
             what, (size_t)(p->scan.at - p->from));
    return ERR_MALFORMED;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static enum err read_value(struct parse *p);

static void set_kind(struct parse *p, enum twin_kind kind)
{
    if (!p->out->bad)
        p->out->at[p->open[p->depth + 1]] |= (uint8_t)kind;
}

static enum err read_text(struct parse *p)
{
    size_t from = p->out->len;
    bool is_plain;

    set_kind(p, TWIN_TEXT);
    if (!scan_text(&p->scan, p->out, &is_plain))
        return malformed(p, "not a JSON string");
    if (!is_plain && !p->out->bad)
        p->out->at[p->open[p->depth + 1]] |= NODE_ESCAPED;
    if (p->out->len - from > TWIN_TEXT_MAX && !p->skipping)
        return refuse(p, "Property or Tag value is too long, the maximum is 4096 bytes");
    return OK;
}
static_assert(TWIN_TEXT_MAX == 4096, "what the text says");

static enum err read_number(struct parse *p)
{
    struct bytes number;
    bool is_integer;

    set_kind(p, TWIN_NUMBER);
    if (!scan_number(&p->scan, &number, &is_integer))
        return malformed(p, "not a JSON value");
    buf_put(p->out, number);
    if (p->skipping)
        return OK;
    if (number.len > TWIN_NUMBER_MAX)
        return refuse(p, "a number has at most 64 characters");
    if (is_integer && !integer_fits(number))
        return refuse(p, "an integer is from -4503599627370496 to 4503599627370495");
    return is_integer || number_is_finite(number) ? OK : refuse(p, "the number is too large");
}
static_assert(TWIN_NUMBER_MAX == 64 && TWIN_INTEGER_MAX == 4503599627370495, "what the texts say");

static enum err read_null(struct parse *p)
{
    set_kind(p, TWIN_NULL);
    if (!scan_word(&p->scan, BYTES("null")))
        return malformed(p, "not a JSON value");
    if (p->skipping)
        return OK;
    if (p->arrays)
        return refuse(p, "null cannot be in an array");
    return p->whole ? refuse(p, "the value cannot be null where all is replaced") : OK;
}

static enum err read_word(struct parse *p, const char *word, enum twin_kind kind)
{
    set_kind(p, kind);
    return scan_word(&p->scan, bytes_str(word)) ? OK : malformed(p, "not a JSON value");
}

/* ---- what is in others ----------------------------------------------------------------------------------------- */

static enum err go_in(struct parse *p)
{
    if (p->depth + 1 > (p->skipping ? TWIN_SKIP_DEPTH_MAX : TWIN_DEPTH_MAX))
        return p->skipping ? malformed(p, "too many levels") : refuse(p, "more than 10 levels");
    p->depth++;
    return OK;
}
static_assert(TWIN_DEPTH_MAX == 10, "what the text says");

static enum err check_key(struct parse *p, struct bytes key)
{
    if (!key.len || key.len > TWIN_KEY_MAX)
        return refuse(p, "a name has 1 to 1024 bytes");
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.at[i];

        if (c <= ' ' || c == '.' || c == '$' || c == 0x7F || (c == 0xC2 && key.at[i + 1] < 0xA0))
            return refuse(p, "a name has no control character, '.', '$' or blank");
    }
    return OK;
}
static_assert(TWIN_KEY_MAX == 1024, "what the text says");

/* A node begins with the key that stands here. */
static enum err read_key(struct parse *p, struct bytes *key, bool *is_skipped)
{
    size_t at = node_begin(p->out, TWIN_NULL, 0, NO_BYTES, NULL), from = p->out->len;
    bool is_plain;

    p->open[p->depth + 1] = at;
    scan_blanks(&p->scan);
    if (!scan_text(&p->scan, p->out, &is_plain))
        return malformed(p, "a name that is not a JSON string");
    if (p->out->bad)
        return ERR_TOO_LARGE;
    *key = bytes_skip(buf_bytes(p->out), from);
    *is_skipped = !p->depth && (bytes_eq(*key, BYTES("$metadata")) || bytes_eq(*key, BYTES("$version")));
    put_u16_at(p->out, at + NODE_KEY_LEN_AT, (uint16_t)(key->len > UINT16_MAX ? UINT16_MAX : key->len));
    if (!is_plain)
        p->out->at[at] |= NODE_KEY_ESCAPED;
    return p->skipping || *is_skipped ? OK : check_key(p, *key);
}

/* Parses a member; *sorted becomes false where it is not behind the one before. */
static enum err read_member(struct parse *p, struct bytes *before, bool *sorted)
{
    size_t was = p->out->len, before_at = before->at ? (size_t)(before->at - p->out->at) : 0, key_at;
    bool is_skipped;
    struct bytes key;
    enum err e = read_key(p, &key, &is_skipped);

    if (e)
        return e;
    *before = before->at ? bytes_of(p->out->at + before_at, before->len) : NO_BYTES;
    key_at = (size_t)(key.at - p->out->at);
    if (before->at && !is_skipped && bytes_cmp(*before, key) >= 0)
        *sorted = false;
    if (!scan_take(&p->scan, ':'))
        return malformed(p, "no colon after a name");
    p->skipping += is_skipped;
    e = read_value(p);
    p->skipping -= is_skipped;
    if (e)
        return e;
    if (is_skipped || p->skipping)
        p->out->len = was;
    else
        *before = bytes_of(p->out->at + key_at, key.len);
    return OK;
}

/* Behind the opening brace. */
static enum err read_members(struct parse *p)
{
    size_t from = p->out->len;
    struct bytes before = NO_BYTES;
    bool sorted = true;
    enum err e = OK;

    if (scan_take(&p->scan, '}'))
        return OK;
    do
        e = read_member(p, &before, &sorted);
    while (!e && scan_take(&p->scan, ','));
    if (e)
        return e;
    if (!scan_take(&p->scan, '}'))
        return malformed(p, "no comma or brace after a member");
    if (!sorted && !p->skipping && !nodes_sort(p->out, from, &before))
        return malformed(p, "a name that is given twice");
    return OK;
}

/* Behind the opening bracket. */
static enum err read_elements(struct parse *p)
{
    enum err e = OK;

    if (scan_take(&p->scan, ']'))
        return OK;
    do {
        size_t at = p->open[p->depth + 1] = node_begin(p->out, TWIN_NULL, 0, NO_BYTES, NULL);

        if (!(e = read_value(p)) && p->skipping)
            p->out->len = at;
    } while (!e && scan_take(&p->scan, ','));
    if (e)
        return e;
    return scan_take(&p->scan, ']') ? OK : malformed(p, "no comma or bracket after an element");
}

static enum err read_object(struct parse *p)
{
    enum err e;

    set_kind(p, TWIN_OBJECT);
    p->scan.at++;
    if ((e = go_in(p)) || (e = read_members(p)))
        return e;
    p->depth--;
    return OK;
}

static enum err read_array(struct parse *p)
{
    enum err e;

    set_kind(p, TWIN_ARRAY);
    p->scan.at++;
    if ((e = go_in(p)))
        return e;
    p->arrays++;
    if ((e = read_elements(p)))
        return e;
    p->arrays--;
    p->depth--;
    return OK;
}

static enum err read_by_first(struct parse *p, uint8_t first)
{
    switch (first) {
    case '{':
        return read_object(p);
    case '[':
        return read_array(p);
    case '"':
        return read_text(p);
    case 't':
        return read_word(p, "true", TWIN_TRUE);
    case 'f':
        return read_word(p, "false", TWIN_FALSE);
    case 'n':
        return read_null(p);
    default:
        return read_number(p);
    }
}

/* Of the node that has begun at this depth, which ends with it. */
static enum err read_value(struct parse *p)
{
    enum err e = read_by_first(p, scan_look(&p->scan));

    if (e)
        return e;
    if (p->out->bad)
        return ERR_TOO_LARGE;
    node_end(p->out, p->open[p->depth + 1]);
    return OK;
}

enum err twin_parse(struct bytes json, enum twin_part part, bool whole, struct buf *nodes, struct twin_fault *fault)
{
    struct parse p = {.scan = {json.at, json.at ? json.at + json.len : NULL},
                      .from = json.at,
                      .out = nodes,
                      .part = part,
                      .whole = whole,
                      .fault = fault};
    enum err e;

    *fault = (struct twin_fault){0};
    p.open[0] = node_begin(nodes, TWIN_OBJECT, 0, NO_BYTES, NULL);
    if (!scan_take(&p.scan, '{'))
        return malformed(&p, "not a JSON object");
    if ((e = read_members(&p)))
        return e;
    node_end(nodes, p.open[0]);
    if (scan_look(&p.scan) || p.scan.at != p.scan.end)
        return malformed(&p, "more than one object");
    return buf_check(nodes);
}
