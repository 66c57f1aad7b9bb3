#include "text_function.h"

#include "text.h"

#include <math.h>
#include <stdlib.h>

/* All arguments are texts, and there is work left for going through them. */
static bool are_texts(const struct call *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->arguments[i].kind != VALUE_TEXT)
            return false;
        c->scratch->work += c->arguments[i].text.len;
    }
    return c->scratch->work <= CONDITION_WORK_MAX;
}

struct value text_starts(const struct call *c)
{
    return are_texts(c, 2) ? value_bool(bytes_starts(c->arguments[0].text, c->arguments[1].text)) : value_undefined();
}

struct value text_ends(const struct call *c)
{
    return are_texts(c, 2) ? value_bool(bytes_ends(c->arguments[0].text, c->arguments[1].text)) : value_undefined();
}

/* The place in bytes, or a->len. */
static size_t find(struct bytes a, struct bytes part)
{
    return part.len ? bytes_find_bytes(a, part) : 0;
}

struct value text_contains(const struct call *c)
{
    struct bytes text = c->arguments[0].text, part = c->arguments[1].text;

    if (!are_texts(c, 2))
        return value_undefined();
    return value_bool(!part.len || find(text, part) < text.len);
}

/* ---- UTF-16 ---------------------------------------------------------------------------------------------------- */

/* Units of the character at `i`, whose bytes are *n; a byte that is none counts as one. */
static size_t units_at(struct bytes text, size_t i, size_t *n)
{
    uint32_t code;

    *n = utf8_take(text, i, &code);
    if (!*n)
        *n = 1;
    return *n == 4 ? 2 : 1;
}

static size_t units(struct bytes text)
{
    size_t sum = 0, n;

    for (size_t i = 0; i < text.len; i += n)
        sum += units_at(text, i, &n);
    return sum;
}

/* The place of the character that has this unit; text.len: behind the end. */
static size_t place_of(struct bytes text, size_t unit)
{
    size_t i = 0, n;

    while (i < text.len && unit) {
        size_t more = units_at(text, i, &n);

        unit -= more < unit ? more : unit;
        i += n;
    }
    return i;
}

struct value text_length(const struct call *c)
{
    return are_texts(c, 1) ? value_int((int64_t)units(c->arguments->text)) : value_undefined();
}

struct value text_index(const struct call *c)
{
    struct bytes text = c->arguments[0].text, part = c->arguments[1].text;
    size_t at;

    if (!are_texts(c, 2))
        return value_undefined();
    at = find(text, part);
    return value_int(part.len && at >= text.len ? -1 : (int64_t)units(bytes_first(text, at)));
}

/* True for 0, 1, 2 …: *out. */
static bool is_count(const struct value *v, size_t *out)
{
    double number = value_is_number(v) ? value_number(v) : -1;

    if (!(number >= 0 && number <= UINT32_MAX && number == floor(number)))
        return false;
    *out = (size_t)number;
    return true;
}

/* service 6.6: a start at the end gives '', but not with a length. */
struct value text_part(const struct call *c)
{
    struct bytes text = c->arguments[0].text;
    size_t start, length = 0, all;

    if (!are_texts(c, 1) || !is_count(&c->arguments[1], &start) || (c->n == 3 && !is_count(&c->arguments[2], &length)))
        return value_undefined();
    all = units(text);
    if (start > all || (c->n == 3 && (start == all || length > all - start)))
        return value_undefined();
    text = bytes_skip(text, place_of(text, start));
    return value_text(c->n == 3 ? bytes_first(text, place_of(text, length)) : text);
}

/* ---- made anew ------------------------------------------------------------------------------------------------- */

struct value text_concat(const struct call *c)
{
    size_t len = 0;
    uint8_t *to;

    if (!are_texts(c, c->n))
        return value_undefined();
    for (size_t i = 0; i < c->n; i++)
        len += c->arguments[i].text.len;
    if (!(to = scratch_take(c->scratch, len)))
        return value_undefined();
    for (size_t i = 0, at = 0; i < c->n; i++) {
        struct bytes text = c->arguments[i].text;

        if (text.len)
            memcpy(to + at, text.at, text.len);
        at += text.len;
    }
    return value_text(bytes_of(to, len));
}

/* The other case of a letter of Latin, Greek or Cyrillic; of these, no letter needs more bytes in its other case. */
static uint32_t in_case(uint32_t code, bool upper)
{
    static const struct {
        uint16_t first, last, distance; /* of the capitals; 1: capitals and small ones take turns */
    } rows[] = {{'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},  {0x100, 0x12F, 1},  {0x132, 0x137, 1},
                {0x139, 0x148, 1},  {0x14A, 0x177, 1},  {0x179, 0x17E, 1}, {0x391, 0x3A1, 32}, {0x3A3, 0x3A9, 32},
                {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x460, 0x481, 1}, {0x1E00, 0x1E95, 1}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t first = rows[i].first, last = rows[i].last, far = rows[i].distance;

        if (far == 1 && code >= first && code <= last)
            return ((code - first) & 1) == upper ? (upper ? code - 1 : code + 1) : code;
        if (far > 1 && !upper && code >= first && code <= last)
            return code + far;
        if (far > 1 && upper && code >= first + far && code <= last + far)
            return code - far;
    }
    return code;
}

static struct value text_in_case(const struct call *c, bool upper)
{
    struct bytes text = c->arguments->text;
    uint8_t *to;
    size_t put = 0;

    if (!are_texts(c, 1) || !(to = scratch_take(c->scratch, text.len)))
        return value_undefined();
    for (size_t i = 0; i < text.len;) {
        uint32_t code;
        size_t n = utf8_take(text, i, &code);

        if (n)
            put += utf8_put(to + put, in_case(code, upper));
        else
            to[put++] = text.at[i];
        i += n ? n : 1;
    }
    return value_text(bytes_of(to, put));
}

struct value text_lower(const struct call *c)
{
    return text_in_case(c, false);
}

struct value text_upper(const struct call *c)
{
    return text_in_case(c, true);
}

/* service 6.6: blanks around it, a sign, commas between thousands, an exponent. */
static bool number_of(struct bytes text, double *out)
{
    char plain[64], *end;
    size_t n = 0, digits = 0;
    bool behind = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.at[i];

        behind |= ch == '.' || (ch | 0x20) == 'e';
        digits += ch >= '0' && ch <= '9';
        if (ch == ',' && !behind && digits)
            continue;
        if (n + 1 == sizeof plain || !memchr("+-.0123456789eE", ch, 15))
            return false;
        plain[n++] = (char)ch;
    }
    plain[n] = 0;
    *out = strtod(plain, &end);
    return digits && !*end && isfinite(*out);
}

struct value text_as_number(const struct call *c)
{
    double number;

    if (value_is_number(c->arguments))
        return *c->arguments;
    return are_texts(c, 1) && number_of(bytes_trim(c->arguments->text), &number) ? value_double(number)
                                                                                 : value_undefined();
}
