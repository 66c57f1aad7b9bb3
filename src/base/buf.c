#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

void buf_free(struct buf *b)
{
    free(b->at);
    *b = buf_max(b->max);
}

void buf_shrink(struct buf *b, size_t keep)
{
    if (b->len == 0 && b->cap > keep) {
        bool bad = b->bad;

        buf_free(b);
        b->bad = bad;
    }
}

bool buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    uint8_t *at;

    if (b->bad)
        return false;
    if (more <= b->cap - b->len)
        return true;
    if (more > b->max || b->len > b->max - more) {
        b->bad = true;
        return false;
    }
    while (cap < b->len + more)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    at = realloc(b->at, cap);
    if (!at) {
        b->bad = true;
        return false;
    }
    b->at = at;
    b->cap = cap;
    return true;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    if (!buf_reserve(b, n))
        return NULL;
    if (!n)
        return b->at; /* which may be nowhere yet */
    b->len += n;
    return b->at + b->len - n;
}

void buf_put(struct buf *b, struct bytes bytes)
{
    uint8_t *to = bytes.len ? buf_grow(b, bytes.len) : NULL;

    if (to)
        memcpy(to, bytes.at, bytes.len);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, bytes_of(&v, 1));
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t wire[2] = {(uint8_t)(v >> 8), (uint8_t)v};

    buf_put(b, bytes_of(wire, sizeof wire));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    buf_put_u16(b, (uint16_t)(v >> 16));
    buf_put_u16(b, (uint16_t)v);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    buf_put_u32(b, (uint32_t)(v >> 32));
    buf_put_u32(b, (uint32_t)v);
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, bytes_str(text));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0) {
        b->bad = true;
        return;
    }
    /* vsnprintf writes a NUL behind the text: reserve it, do not count it. */
    if (!buf_reserve(b, (size_t)n + 1))
        return;
    vsnprintf((char *)b->at + b->len, (size_t)n + 1, format, args);
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->at, b->at + n, b->len - n);
    b->len -= n;
}

const char *buf_str(struct buf *b)
{
    if (b->bad || b->len == 0 || !buf_reserve(b, 1))
        return "";
    b->at[b->len] = 0;
    return (const char *)b->at;
}

struct bytes rd_bytes(struct rd *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->bad || n > rd_left(r)) {
        r->bad = true;
        return NO_BYTES;
    }
    r->at += n;
    return bytes_of(at, n);
}

uint8_t rd_u8(struct rd *r)
{
    struct bytes b = rd_bytes(r, 1);

    return r->bad ? 0 : b.at[0];
}

uint16_t rd_u16(struct rd *r)
{
    struct bytes b = rd_bytes(r, 2);

    if (r->bad)
        return 0;
    return (uint16_t)((unsigned)b.at[0] << 8 | b.at[1]);
}

uint32_t rd_u32(struct rd *r)
{
    uint32_t high = rd_u16(r);

    return high << 16 | rd_u16(r);
}

uint64_t rd_u64(struct rd *r)
{
    uint64_t high = rd_u32(r);

    return high << 32 | rd_u32(r);
}

struct bytes rd_str16(struct rd *r)
{
    return rd_bytes(r, rd_u16(r));
}

struct bytes rd_str32(struct rd *r)
{
    return rd_bytes(r, rd_u32(r));
}

struct bytes rd_rest(struct rd *r)
{
    return rd_bytes(r, r->bad ? 0 : rd_left(r));
}
