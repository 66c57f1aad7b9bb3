#include "twin_sort.h"

#include "twin_write.h"

/* Room behind the nodes: a copy of them, and an array of where each begins in it. */
struct sorting {
    const uint8_t *copy;
    uint32_t *at;
    size_t n;
};

static size_t length_of(const uint8_t *node)
{
    struct rd r = rd_over(bytes_of(node + NODE_LENGTH_AT, 4));

    return rd_u32(&r);
}

static struct bytes key_of(const struct sorting *s, size_t i)
{
    const uint8_t *node = s->copy + s->at[i];
    struct rd r = rd_over(bytes_of(node + NODE_KEY_LEN_AT, 2));

    return bytes_of(node + NODE_HEAD, rd_u16(&r));
}

static void swap(struct sorting *s, size_t a, size_t b)
{
    uint32_t was = s->at[a];

    s->at[a] = s->at[b];
    s->at[b] = was;
}

/* The largest of a heap of n goes up to where it belongs. */
static void sift(struct sorting *s, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && bytes_cmp(key_of(s, child), key_of(s, child + 1)) < 0)
            child++;
        if (bytes_cmp(key_of(s, i), key_of(s, child)) >= 0)
            return;
        swap(s, i, child);
    }
}

/* In place, and never slow, whatever the order was. */
static void heap_sort(struct sorting *s)
{
    for (size_t i = s->n / 2; i-- > 0;)
        sift(s, i, s->n);
    for (size_t n = s->n; n-- > 1;) {
        swap(s, 0, n);
        sift(s, 0, n);
    }
}

static bool has_twice(const struct sorting *s, struct bytes *twice)
{
    for (size_t i = 1; i < s->n; i++) {
        *twice = key_of(s, i);
        if (bytes_eq(key_of(s, i - 1), *twice))
            return true;
    }
    return false;
}

static size_t count(struct bytes nodes)
{
    size_t n = 0;

    for (size_t at = 0; at < nodes.len; at += length_of(nodes.at + at))
        n++;
    return n;
}

bool nodes_sort(struct buf *nodes, size_t from, struct bytes *twice)
{
    size_t len = nodes->len - from, n, aligned;
    struct sorting s;
    uint8_t *to;

    *twice = NO_BYTES;
    if (nodes->bad)
        return false;
    n = count(bytes_skip(buf_bytes(nodes), from));
    aligned = -(nodes->len + len) % sizeof(uint32_t);
    if (!buf_reserve(nodes, len + aligned + n * sizeof(uint32_t)))
        return false;
    to = nodes->at + from;
    memcpy(to + len, to, len);
    s = (struct sorting){.copy = to + len, .at = (uint32_t *)(void *)(to + 2 * len + aligned)};
    for (size_t at = 0; at < len; at += length_of(s.copy + at))
        s.at[s.n++] = (uint32_t)at;
    heap_sort(&s);
    if (has_twice(&s, twice))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        size_t part = length_of(s.copy + s.at[i]);

        memcpy(to, s.copy + s.at[i], part);
        to += part;
    }
    return true;
}
