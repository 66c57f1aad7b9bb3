#include "twin_json.h"

#include "text.h"

/* Escapes what JSON asks for and no more, in its short forms, as JavaScript writes it: there are clients that compare
 * texts. */
static void put_escaped(struct buf *out, uint8_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;

    if (found)
        buf_printf(out, "\\%c", to[found - from]);
    else
        buf_printf(out, "\\u%04x", c);
}

static bool is_escaped(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void put_text(struct buf *out, struct bytes text, bool is_plain)
{
    size_t from = 0;

    buf_put_u8(out, '"');
    for (size_t i = 0; !is_plain && i < text.len; i++) {
        if (!is_escaped(text.at[i]))
            continue;
        buf_put(out, bytes_first(bytes_skip(text, from), i - from));
        put_escaped(out, text.at[i]);
        from = i + 1;
    }
    buf_put(out, bytes_skip(text, from));
    buf_put_u8(out, '"');
}

static void put_members(struct buf *out, const struct twin_node *of, const char *before)
{
    struct twin_node n;

    for (bool more = twin_first(of, &n); more; more = twin_next(of, &n)) {
        buf_puts(out, before);
        if (of->kind == TWIN_OBJECT) {
            put_text(out, n.key, n.key_is_plain);
            buf_put_u8(out, ':');
        }
        twin_put_value(out, &n);
        before = ",";
    }
}

void twin_put_value(struct buf *out, const struct twin_node *n)
{
    switch (n->kind) {
    case TWIN_NULL:
        buf_puts(out, "null");
        break;
    case TWIN_FALSE:
        buf_puts(out, "false");
        break;
    case TWIN_TRUE:
        buf_puts(out, "true");
        break;
    case TWIN_NUMBER:
        buf_put(out, n->value);
        break;
    case TWIN_TEXT:
        put_text(out, n->value, n->is_plain);
        break;
    case TWIN_ARRAY:
        buf_put_u8(out, '[');
        put_members(out, n, "");
        buf_put_u8(out, ']');
        break;
    case TWIN_OBJECT:
        buf_put_u8(out, '{');
        put_members(out, n, "");
        buf_put_u8(out, '}');
        break;
    }
}

/* ---- metadata -------------------------------------------------------------------------------------------------- */

/* Most nodes have the time of the one before. */
struct times {
    int64_t ms;
    char text[ISO_TIME_CAP];
};

static void put_time(struct buf *out, const struct twin_node *n, struct times *t)
{
    if (!n->time_ms) {
        buf_puts(out, "0001-01-01T00:00:00Z");
        return;
    }
    if (n->time_ms != t->ms) {
        t->ms = n->time_ms;
        iso_time(t->ms, t->text);
    }
    buf_puts(out, t->text);
}

static void put_by(struct buf *out, const struct twin_node *n)
{
    if (!n->by.len)
        return;
    buf_puts(out, ",\"$lastUpdatedBy\":");
    put_text(out, n->by, false);
    if (!n->digest.len)
        return;
    buf_puts(out, ",\"$lastUpdatedByDigest\":");
    put_text(out, n->digest, false);
}

/* An object for each property, whatever its value is; elements of arrays have none. */
static void put_metadata(struct buf *out, const struct twin_node *of, struct times *t)
{
    struct twin_node n;

    buf_puts(out, "{\"$lastUpdated\":\"");
    put_time(out, of, t);
    buf_put_u8(out, '"');
    if (of->version)
        buf_printf(out, ",\"$lastUpdatedVersion\":%llu", (unsigned long long)of->version);
    put_by(out, of);
    if (of->kind == TWIN_OBJECT) {
        for (bool more = twin_first(of, &n); more; more = twin_next(of, &n)) {
            buf_put_u8(out, ',');
            put_text(out, n.key, n.key_is_plain);
            buf_put_u8(out, ':');
            put_metadata(out, &n, t);
        }
    }
    buf_put_u8(out, '}');
}

void twin_put_metadata(struct buf *out, const struct twin_node *n)
{
    struct times times = {0};

    put_metadata(out, n, &times);
}

/* ---- sections -------------------------------------------------------------------------------------------------- */

static void put_version(struct buf *out, bool is_first, uint64_t version)
{
    buf_printf(out, "%s\"$version\":%llu}", is_first ? "" : ",", (unsigned long long)version);
}

void twin_put_part(struct buf *out, struct bytes run, enum twin_part part, bool metadata)
{
    struct times times = {0};
    struct twin_facts facts;
    struct twin_node root;

    twin_root(run, part, &root);
    if (part == TWIN_TAGS) {
        twin_put_value(out, &root);
        return;
    }
    twin_facts_of(run, &facts);
    buf_put_u8(out, '{');
    put_members(out, &root, "");
    if (metadata) {
        buf_puts(out, root.value.len ? ",\"$metadata\":" : "\"$metadata\":");
        put_metadata(out, &root, &times);
    }
    put_version(out, !root.value.len && !metadata, facts.part_version[part]);
}

static void put_properties(struct buf *out, struct bytes run, bool metadata)
{
    buf_puts(out, "{\"desired\":");
    twin_put_part(out, run, TWIN_DESIRED, metadata);
    buf_puts(out, ",\"reported\":");
    twin_put_part(out, run, TWIN_REPORTED, metadata);
    buf_put_u8(out, '}');
}

void twin_put_device(struct buf *out, struct bytes run)
{
    put_properties(out, run, false);
}

void twin_put_service(struct buf *out, struct bytes run)
{
    struct twin_node tags;

    twin_root(run, TWIN_TAGS, &tags);
    if (tags.value.len) {
        buf_puts(out, "\"tags\":");
        twin_put_value(out, &tags);
        buf_put_u8(out, ',');
    }
    buf_puts(out, "\"properties\":");
    put_properties(out, run, true);
}

void twin_put_patch(struct buf *out, struct bytes nodes, uint64_t version)
{
    struct twin_node root;

    twin_nodes_root(nodes, &root);
    buf_put_u8(out, '{');
    put_members(out, &root, "");
    put_version(out, !root.value.len, version);
}
