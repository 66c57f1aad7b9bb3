/* Bytes that somebody else owns: a view with a length, never freed, never written through. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(nth, first) __attribute__((format(printf, nth, first)))

struct bytes {
    const uint8_t *at;
    size_t len;
};

/* A string literal, which may hold NULs. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define NO_BYTES ((struct bytes){NULL, 0})
/* For printf("%.*s", BYTES_ARG(b)). */
#define BYTES_ARG(b) (int)(b).len, (const char *)(b).at

static inline struct bytes bytes_of(const void *at, size_t len)
{
    return (struct bytes){at, len};
}

static inline struct bytes bytes_str(const char *text)
{
    return text ? (struct bytes){(const uint8_t *)text, strlen(text)} : NO_BYTES;
}

static inline struct bytes bytes_first(struct bytes b, size_t n)
{
    return (struct bytes){b.at, n < b.len ? n : b.len};
}

static inline struct bytes bytes_skip(struct bytes b, size_t n)
{
    if (n > b.len)
        n = b.len;
    return (struct bytes){b.at ? b.at + n : NULL, b.len - n};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Byte order, the shorter first: less than, equal to or greater than zero. */
int bytes_cmp(struct bytes a, struct bytes b);

/* ASCII letters in either case are the same. */
bool bytes_eq_nocase(struct bytes a, struct bytes b);
bool bytes_are_zeros(struct bytes b); /* none, too */
bool bytes_starts(struct bytes b, struct bytes with);
bool bytes_starts_nocase(struct bytes b, struct bytes with);
bool bytes_ends(struct bytes b, struct bytes with);
bool bytes_ends_nocase(struct bytes b, struct bytes with);

/* Index of the first c, or b.len. */
size_t bytes_find(struct bytes b, char c);

/* Index of the first occurrence of needle, or b.len. */
size_t bytes_find_bytes(struct bytes b, struct bytes needle);

/* Cuts *rest at the first c: gives what stood before it and leaves what comes after. The last piece leaves *rest
 * empty with at == NULL, so `while (rest.at)` visits every piece, empty ones too. */
struct bytes bytes_cut(struct bytes *rest, char c);

/* White space of either end taken off. */
struct bytes bytes_trim(struct bytes b);

/* Decimal digits only, all of b; false on anything else or overflow, and *out untouched. */
bool bytes_to_u64(struct bytes b, uint64_t *out) MUST_CHECK;
bool bytes_to_i64(struct bytes b, int64_t *out) MUST_CHECK;

/* Copies with a terminating NUL; false (and an empty string) when it does not fit or holds a NUL. */
bool bytes_to_str(struct bytes b, char *out, size_t cap) MUST_CHECK;

/* In time that does not depend on where they differ. */
bool bytes_eq_secret(struct bytes a, struct bytes b);

/* Numbers at any address, big-endian. */
static inline uint16_t be16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void be16_put(uint8_t *to, uint16_t v)
{
    to[0] = (uint8_t)(v >> 8);
    to[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *to, uint32_t v)
{
    to[0] = (uint8_t)(v >> 24);
    to[1] = (uint8_t)(v >> 16);
    to[2] = (uint8_t)(v >> 8);
    to[3] = (uint8_t)v;
}
