#include "twin_run.h"

#include "text.h"
#include "twin_write.h"

#include <stdio.h>

enum { FACTS_MIN = 1 + 4 * 8 + TWIN_PARTS * 4 + 2 };

/* ---- reading --------------------------------------------------------------------------------------------------- */

static uint64_t be48(const uint8_t *at)
{
    return (uint64_t)be16(at) << 32 | be32(at + 2);
}

/* The configuration that wrote it. */
static const uint8_t *read_by(const uint8_t *at, struct twin_node *n)
{
    n->by = bytes_of(at + 1, *at);
    at += 1 + *at;
    n->digest = bytes_of(at + 1, *at);
    return at + 1 + *at;
}

static void read_node(const uint8_t *at, struct twin_node *n)
{
    uint8_t head = at[0];

    n->at = at;
    n->behind = at + be32(at + NODE_LENGTH_AT);
    n->kind = (enum twin_kind)(head & NODE_KIND);
    n->is_plain = !(head & NODE_ESCAPED);
    n->key_is_plain = !(head & NODE_KEY_ESCAPED);
    n->key = bytes_of(at + NODE_HEAD, be16(at + NODE_KEY_LEN_AT));
    at = n->key.at + n->key.len;
    n->has_time = head & NODE_TIME;
    n->time_ms = 0;
    n->version = 0;
    n->by = n->digest = NO_BYTES;
    if (head & NODE_TIME) {
        n->time_ms = (int64_t)be48(at);
        at += 6;
    }
    if (head & NODE_VERSION) {
        n->version = be48(at);
        at += 6;
    }
    if (head & NODE_BY)
        at = read_by(at, n);
    n->value = bytes_of(at, (size_t)(n->behind - at));
}

bool twin_first(const struct twin_node *of, struct twin_node *out)
{
    if (of->kind < TWIN_ARRAY || !of->value.len)
        return false;
    read_node(of->value.at, out);
    return true;
}

bool twin_next(const struct twin_node *of, struct twin_node *at)
{
    if (at->behind == of->behind)
        return false;
    read_node(at->behind, at);
    return true;
}

bool twin_find(const struct twin_node *of, struct bytes key, struct twin_node *out)
{
    if (of->kind != TWIN_OBJECT)
        return false;
    for (bool more = twin_first(of, out); more; more = twin_next(of, out)) {
        int order = bytes_cmp(out->key, key);

        if (order >= 0)
            return order == 0;
    }
    return false;
}

bool twin_nth(const struct twin_node *array, size_t n, struct twin_node *out)
{
    bool more = array->kind == TWIN_ARRAY && twin_first(array, out);

    for (; more && n; n--)
        more = twin_next(array, out);
    return more;
}

/* ---- a run ----------------------------------------------------------------------------------------------------- */

void twin_facts_of(struct bytes run, struct twin_facts *out)
{
    struct rd r = rd_over(run);

    *out = (struct twin_facts){.version = 2, .etag = 1, .part_version = {0, 1, 1}}; /* service 4.6: a fresh one */
    if (!run.len)
        return;
    rd_u8(&r);
    out->version = rd_u64(&r);
    out->etag = rd_u64(&r);
    out->part_version[TWIN_DESIRED] = rd_u64(&r);
    out->part_version[TWIN_REPORTED] = rd_u64(&r);
    for (int part = 0; part < TWIN_PARTS; part++)
        out->size[part] = rd_u32(&r);
    out->model = rd_str16(&r);
}

void run_put_facts(struct buf *out, const struct twin_facts *facts)
{
    buf_put_u8(out, TWIN_FORM);
    buf_put_u64(out, facts->version);
    buf_put_u64(out, facts->etag);
    buf_put_u64(out, facts->part_version[TWIN_DESIRED]);
    buf_put_u64(out, facts->part_version[TWIN_REPORTED]);
    for (int part = 0; part < TWIN_PARTS; part++)
        buf_put_u32(out, facts->size[part]);
    buf_put_u16(out, (uint16_t)facts->model.len);
    buf_put(out, facts->model);
}

void twin_root(struct bytes run, enum twin_part part, struct twin_node *out)
{
    *out = (struct twin_node){.kind = TWIN_OBJECT};
    if (!run.len)
        return;
    read_node(run.at + FACTS_MIN + be16(run.at + FACTS_MIN - 2), out);
    for (int i = 0; i < (int)part; i++)
        read_node(out->behind, out);
}

void twin_nodes_root(struct bytes nodes, struct twin_node *out)
{
    read_node(nodes.at, out);
}

void twin_etag_text(uint64_t etag, char out[TWIN_ETAG_CAP])
{
    struct buf text = buf_over(out, TWIN_ETAG_CAP);
    uint8_t raw[8];

    for (int i = 0; i < 8; i++)
        raw[i] = (uint8_t)(etag >> (56 - 8 * i));
    buf_put_base64(&text, bytes_of(raw, sizeof raw));
    buf_str(&text);
}

/* ---- size ------------------------------------------------------------------------------------------------------ */

/* C0 and C1 do not count. */
static size_t text_size(struct bytes text)
{
    size_t n = text.len;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < 0x20)
            n--;
        else if (text.at[i] == 0xC2 && text.at[i + 1] < 0xA0)
            n -= 2;
    }
    return n;
}

uint64_t twin_size(const struct twin_node *n)
{
    uint64_t size = n->key.len;
    struct twin_node in;

    switch (n->kind) {
    case TWIN_NULL:
        break;
    case TWIN_FALSE:
    case TWIN_TRUE:
        return size + 4;
    case TWIN_NUMBER:
        return size + 8;
    case TWIN_TEXT:
        return size + (n->is_plain ? n->value.len : text_size(n->value));
    case TWIN_ARRAY:
    case TWIN_OBJECT:
        for (bool more = twin_first(n, &in); more; more = twin_next(n, &in))
            size += twin_size(&in);
    }
    return size;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

void put_u32_at(struct buf *out, size_t at, uint32_t v)
{
    be32_put(out->at + at, v);
}

void put_u16_at(struct buf *out, size_t at, uint16_t v)
{
    be16_put(out->at + at, v);
}

static void put_u48(struct buf *out, uint64_t v)
{
    buf_put_u16(out, (uint16_t)(v >> 32));
    buf_put_u32(out, (uint32_t)v);
}

static void put_stamp(struct buf *out, const struct twin_stamp *s)
{
    if (s->has_time)
        put_u48(out, s->time_ms > 0 ? (uint64_t)s->time_ms : 0);
    if (s->has_version)
        put_u48(out, s->version);
    if (!s->by.len)
        return;
    buf_put_u8(out, (uint8_t)s->by.len);
    buf_put(out, s->by);
    buf_put_u8(out, (uint8_t)s->digest.len);
    buf_put(out, s->digest);
}

size_t node_begin(struct buf *out, enum twin_kind kind, unsigned escapes, struct bytes key,
                  const struct twin_stamp *stamp)
{
    unsigned head = kind | escapes;
    size_t at = out->len;
    uint8_t *to;

    if (stamp)
        head |= (stamp->has_time ? NODE_TIME : 0u) | (stamp->has_version ? NODE_VERSION : 0u) |
                (stamp->by.len ? NODE_BY : 0u);
    if (!(to = buf_grow(out, NODE_HEAD + key.len)))
        return at;
    to[0] = (uint8_t)head;
    put_u16_at(out, at + NODE_KEY_LEN_AT, (uint16_t)key.len);
    if (key.len)
        memcpy(to + NODE_HEAD, key.at, key.len);
    if (stamp)
        put_stamp(out, stamp);
    return at;
}

void node_end(struct buf *out, size_t at)
{
    if (!out->bad)
        put_u32_at(out, at + NODE_LENGTH_AT, (uint32_t)(out->len - at));
}

/* ---- what was read from a disk --------------------------------------------------------------------------------- */

/* The parts of a node behind its key, as far as its flags promise them. */
static struct bytes value_of(struct rd *r, uint8_t head)
{
    if (head & NODE_TIME)
        rd_bytes(r, 6);
    if (head & NODE_VERSION)
        rd_bytes(r, 6);
    if (head & NODE_BY) {
        rd_bytes(r, rd_u8(r));
        rd_bytes(r, rd_u8(r));
    }
    return rd_rest(r);
}

static bool nodes_are_whole(struct bytes all, bool in_array, unsigned depth);

/* Takes a node off the front. */
static bool node_is_whole(struct rd *r, struct bytes *key, unsigned depth)
{
    struct bytes length, value;
    struct rd in;
    uint8_t head = rd_u8(r);
    uint32_t len = rd_u32(r);

    if (r->bad || len < NODE_HEAD)
        return false;
    length = rd_bytes(r, len - NODE_KEY_LEN_AT);
    in = rd_over(length);
    *key = rd_str16(&in);
    value = value_of(&in, head);
    if (r->bad || in.bad || (head & NODE_KIND) > TWIN_OBJECT)
        return false;
    switch ((enum twin_kind)(head & NODE_KIND)) {
    case TWIN_NULL:
    case TWIN_FALSE:
    case TWIN_TRUE:
        return !value.len;
    case TWIN_NUMBER:
        return value.len > 0;
    case TWIN_TEXT:
        return utf8_valid(value);
    case TWIN_ARRAY:
    case TWIN_OBJECT:
        return nodes_are_whole(value, (head & NODE_KIND) == TWIN_ARRAY, depth + 1);
    }
    return false;
}

/* All of them, and in order. */
static bool nodes_are_whole(struct bytes all, bool in_array, unsigned depth)
{
    struct rd r = rd_over(all);
    struct bytes before = NO_BYTES, key;

    if (depth > TWIN_DEPTH_MAX + 1)
        return false;
    while (rd_left(&r)) {
        if (!node_is_whole(&r, &key, depth))
            return false;
        if (in_array ? key.len != 0 : bytes_cmp(before, key) >= 0)
            return false;
        before = key;
    }
    return true;
}

static bool root_is_whole(struct rd *r)
{
    struct bytes key;
    uint8_t kind = rd_left(r) ? *r->at & NODE_KIND : TWIN_NULL;

    return kind == TWIN_OBJECT && node_is_whole(r, &key, 0) && !key.len;
}

enum err twin_check(struct bytes run)
{
    struct rd r = rd_over(run);

    if (!run.len)
        return OK;
    if (rd_u8(&r) != TWIN_FORM)
        return ERR_DAMAGED;
    rd_bytes(&r, FACTS_MIN - 3);
    rd_str16(&r);
    for (int part = 0; part < TWIN_PARTS; part++)
        if (r.bad || !root_is_whole(&r))
            return ERR_DAMAGED;
    return rd_left(&r) ? ERR_DAMAGED : OK;
}

enum err twin_check_nodes(struct bytes nodes)
{
    struct rd r = rd_over(nodes);

    return root_is_whole(&r) && !rd_left(&r) ? OK : ERR_DAMAGED;
}
