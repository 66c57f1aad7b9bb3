#include "twin_scan.h"

#include "ceilings.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>

bool scan_word(struct scan *s, struct bytes word)
{
    if ((size_t)(s->end - s->at) < word.len || memcmp(s->at, word.at, word.len) != 0)
        return false;
    s->at += word.len;
    return true;
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

static bool hex4(struct scan *s, uint32_t *out)
{
    *out = 0;
    if (s->end - s->at < 4)
        return false;
    for (int i = 0; i < 4; i++, s->at++) {
        uint8_t c = *s->at, lower = c | 0x20;

        if (c >= '0' && c <= '9')
            *out = *out << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *out = *out << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* Behind \u. */
static bool scan_code(struct scan *s, uint32_t *code)
{
    uint32_t low;

    if (!hex4(s, code))
        return false;
    if (*code < 0xD800 || *code > 0xDFFF)
        return *code != 0;
    if (*code > 0xDBFF || !scan_word(s, BYTES("\\u")) || !hex4(s, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Behind a backslash. */
static bool scan_escape(struct scan *s, struct buf *out, bool *is_plain)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = s->at < s->end ? *s->at : 0;
    const char *found = c ? strchr(from, c) : NULL;
    uint8_t utf8[4];
    uint32_t code;

    if (found) {
        s->at++;
        code = (uint8_t)to[found - from];
    } else {
        if (c != 'u')
            return false;
        s->at++;
        if (!scan_code(s, &code))
            return false;
    }
    if (code < 0x20 || code == '"' || code == '\\' || (code >= 0x7F && code < 0xA0))
        *is_plain = false;
    buf_put(out, bytes_of(utf8, utf8_put(utf8, code)));
    return true;
}

/* Of eight bytes that stand together, in whatever order: not zero if one of them is c. */
static uint64_t any_is(uint64_t eight, uint8_t c)
{
    uint64_t ones = UINT64_MAX / 255, x = eight ^ ones * c;

    return (x - ones) & ~x & ones << 7;
}

/* Characters that stand for themselves: letters, digits and the like, which are most. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = UINT64_MAX / 255, high = ones << 7;
    uint64_t eight;

    for (; (size_t)(end - at) >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        /* Control characters borrow from the highest bit; DEL reaches it. */
        if ((((eight - ones * 0x20) | (eight + ones) | eight) & high) || any_is(eight, '"') || any_is(eight, '\\'))
            break;
    }
    while (at < end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Reads a character that is not ASCII, or DEL. */
static bool scan_wide(struct scan *s, struct buf *out, bool *is_plain)
{
    struct bytes rest = bytes_of(s->at, (size_t)(s->end - s->at));
    uint32_t code;
    size_t n = utf8_take(rest, 0, &code);

    if (!n)
        return false;
    if (code < 0xA0)
        *is_plain = false;
    buf_put(out, bytes_first(rest, n));
    s->at += n;
    return true;
}

bool scan_text(struct scan *s, struct buf *out, bool *is_plain)
{
    *is_plain = true;
    if (s->at == s->end || *s->at != '"')
        return false;
    s->at++;
    for (;;) {
        const uint8_t *from = s->at;

        s->at = skip_ascii(s->at, s->end);
        buf_put(out, bytes_of(from, (size_t)(s->at - from)));
        if (s->at == s->end || *s->at < 0x20)
            return false;
        if (*s->at == '"') {
            s->at++;
            return true;
        }
        if (*s->at == '\\') {
            s->at++;
            if (!scan_escape(s, out, is_plain))
                return false;
        } else if (!scan_wide(s, out, is_plain)) {
            return false;
        }
    }
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static bool digits(struct scan *s)
{
    const uint8_t *from = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

bool scan_number(struct scan *s, struct bytes *out, bool *is_integer)
{
    const uint8_t *from = s->at;

    *is_integer = true;
    scan_word(s, BYTES("-"));
    if (!scan_word(s, BYTES("0")) && !digits(s))
        return false;
    if (scan_word(s, BYTES("."))) {
        *is_integer = false;
        if (!digits(s))
            return false;
    }
    if (scan_word(s, BYTES("e")) || scan_word(s, BYTES("E"))) {
        *is_integer = false;
        if (!scan_word(s, BYTES("+")))
            scan_word(s, BYTES("-"));
        if (!digits(s))
            return false;
    }
    *out = bytes_of(from, (size_t)(s->at - from));
    return true;
}

bool integer_fits(struct bytes number)
{
    bool negative = bytes_starts(number, BYTES("-"));
    uint64_t n;

    if (!bytes_to_u64(bytes_skip(number, negative), &n))
        return false;
    return negative ? n <= TWIN_INTEGER_MAX + 1 : n <= TWIN_INTEGER_MAX;
}

bool number_is_finite(struct bytes number)
{
    char text[TWIN_NUMBER_MAX + 1];

    return bytes_to_str(number, text, sizeof text) && isfinite(strtod(text, NULL));
}
