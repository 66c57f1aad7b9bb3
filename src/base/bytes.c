#include "bytes.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;

    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool bytes_eq_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool bytes_are_zeros(struct bytes b)
{
    return b.len == 0 || (b.at[0] == 0 && memcmp(b.at, b.at + 1, b.len - 1) == 0);
}

bool bytes_starts(struct bytes b, struct bytes with)
{
    return b.len >= with.len && bytes_eq(bytes_first(b, with.len), with);
}

bool bytes_starts_nocase(struct bytes b, struct bytes with)
{
    return b.len >= with.len && bytes_eq_nocase(bytes_first(b, with.len), with);
}

bool bytes_ends(struct bytes b, struct bytes with)
{
    return b.len >= with.len && bytes_eq(bytes_skip(b, b.len - with.len), with);
}

bool bytes_ends_nocase(struct bytes b, struct bytes with)
{
    return b.len >= with.len && bytes_eq_nocase(bytes_skip(b, b.len - with.len), with);
}

size_t bytes_find(struct bytes b, char c)
{
    const uint8_t *hit = b.len ? memchr(b.at, c, b.len) : NULL;

    return hit ? (size_t)(hit - b.at) : b.len;
}

size_t bytes_find_bytes(struct bytes b, struct bytes needle)
{
    const uint8_t *hit;

    if (needle.len == 0)
        return 0;
    if (b.len < needle.len)
        return b.len;
    hit = memmem(b.at, b.len, needle.at, needle.len);
    return hit ? (size_t)(hit - b.at) : b.len;
}

struct bytes bytes_cut(struct bytes *rest, char c)
{
    size_t n = bytes_find(*rest, c);
    struct bytes piece = bytes_first(*rest, n);

    *rest = n < rest->len ? bytes_skip(*rest, n + 1) : NO_BYTES;
    return piece;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.len && is_space(b.at[0]))
        b = bytes_skip(b, 1);
    while (b.len && is_space(b.at[b.len - 1]))
        b.len--;
    return b;
}

bool bytes_to_u64(struct bytes b, uint64_t *out)
{
    uint64_t n = 0;

    if (b.len == 0)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        unsigned digit = (unsigned)b.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return true;
}

bool bytes_to_i64(struct bytes b, int64_t *out)
{
    bool minus = b.len && b.at[0] == '-';
    uint64_t n;

    if (!bytes_to_u64(minus ? bytes_skip(b, 1) : b, &n) || n > (uint64_t)INT64_MAX)
        return false;
    *out = minus ? -(int64_t)n : (int64_t)n;
    return true;
}

bool bytes_to_str(struct bytes b, char *out, size_t cap)
{
    out[0] = 0;
    if (b.len >= cap || (b.len && memchr(b.at, 0, b.len)))
        return false;
    if (b.len)
        memcpy(out, b.at, b.len);
    out[b.len] = 0;
    return true;
}

bool bytes_eq_secret(struct bytes a, struct bytes b)
{
    volatile uint8_t differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ |= a.at[i] ^ b.at[i];
    return differ == 0;
}
