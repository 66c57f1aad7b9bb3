/* A buffer that grows up to a ceiling that it was born with. Puts are sticky: after the first that does not fit, the
 * buffer is bad, later puts do nothing, and whoever filled it asks once. */
#pragma once

#include "err.h"

#include <stdarg.h>

struct buf {
    uint8_t *at;
    size_t len, cap, max;
    bool bad; /* something did not fit, or memory ran out */
};

/* Allocates nothing until the first put. */
static inline struct buf buf_max(size_t max)
{
    return (struct buf){.max = max};
}

/* Over memory that is the caller's: it never grows, and there is nothing to free. */
static inline struct buf buf_over(void *at, size_t cap)
{
    return (struct buf){.at = (uint8_t *)at, .cap = cap, .max = cap};
}

void buf_free(struct buf *b);                 /* and is as new: same ceiling, nothing in it, not bad */
bool buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len; false and bad when not */
void buf_shrink(struct buf *b, size_t keep);  /* gives memory back when empty and larger than keep */

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->at, b->len};
}

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->bad = false;
}

/* OK, or ERR_TOO_LARGE when anything did not fit. */
static inline enum err buf_check(const struct buf *b)
{
    return b->bad ? ERR_TOO_LARGE : OK;
}

void buf_put(struct buf *b, struct bytes bytes);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v); /* big-endian, as on every wire we speak */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);

void buf_put_decimal(struct buf *b, uint64_t v);

/* `n` bytes to be filled in by the caller, already counted in len; NULL when they do not fit. */
uint8_t *buf_grow(struct buf *b, size_t n);

/* Takes n bytes off the front. */
void buf_drop(struct buf *b, size_t n);

/* As a C string: a NUL stands behind len, uncounted. "" when the buffer is empty or bad. */
const char *buf_str(struct buf *b);

/* A sticky reader over bytes: once bad, every get gives zero or nothing. Big-endian. */
struct rd {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct rd rd_over(struct bytes b)
{
    return (struct rd){b.at, b.at ? b.at + b.len : NULL, false};
}

static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->at);
}

/* The next n bytes; NULL: there are not as many. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->bad || n > rd_left(r)) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    return at;
}

static inline struct bytes rd_bytes(struct rd *r, size_t n)
{
    const uint8_t *at = rd_take(r, n);

    return at ? bytes_of(at, n) : NO_BYTES;
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *at = rd_take(r, 1);

    return at ? *at : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *at = rd_take(r, 2);

    return at ? be16(at) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *at = rd_take(r, 4);

    return at ? be32(at) : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
    const uint8_t *at = rd_take(r, 8);

    return at ? (uint64_t)be32(at) << 32 | be32(at + 4) : 0;
}

/* A 16-bit length and that many bytes. */
static inline struct bytes rd_str16(struct rd *r)
{
    return rd_bytes(r, rd_u16(r));
}

static inline struct bytes rd_str32(struct rd *r)
{
    return rd_bytes(r, rd_u32(r));
}

static inline struct bytes rd_rest(struct rd *r)
{
    return rd_bytes(r, r->bad ? 0 : rd_left(r));
}
