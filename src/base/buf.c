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
    if ((b->bad || n > b->cap - b->len) && !buf_reserve(b, n))
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
    uint8_t *to = buf_grow(b, 1);

    if (to)
        *to = v;
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t *to = buf_grow(b, 2);

    if (to)
        be16_put(to, v);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t *to = buf_grow(b, 4);

    if (to)
        be32_put(to, v);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t *to = buf_grow(b, 8);

    if (!to)
        return;
    be32_put(to, (uint32_t)(v >> 32));
    be32_put(to + 4, (uint32_t)v);
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, bytes_str(text));
}

/* vsnprintf writes a NUL behind the text: it needs room, too, and is not counted. */
void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    size_t room = b->bad ? 0 : b->cap - b->len;
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(room ? (char *)b->at + b->len : NULL, room, format, again);
    va_end(again);
    if (n < 0) {
        b->bad = true;
        return;
    }
    if ((size_t)n >= room) {
        if (!buf_reserve(b, (size_t)n + 1))
            return;
        vsnprintf((char *)b->at + b->len, (size_t)n + 1, format, args);
    }
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_put_decimal(struct buf *b, uint64_t v)
{
    uint8_t digits[20], *from = digits + sizeof digits;

    do
        *--from = (uint8_t)('0' + v % 10);
    while (v /= 10);
    buf_put(b, bytes_of(from, (size_t)(digits + sizeof digits - from)));
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
