#include "text.h"

#include <stdio.h>

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_put_base64(struct buf *b, struct bytes raw)
{
    uint8_t *out = buf_grow(b, (raw.len + 2) / 3 * 4);

    if (!out)
        return;
    for (size_t i = 0; i < raw.len; i += 3) {
        size_t n = raw.len - i < 3 ? raw.len - i : 3;
        uint32_t v = (uint32_t)raw.at[i] << 16;

        if (n > 1)
            v |= (uint32_t)raw.at[i + 1] << 8;
        if (n > 2)
            v |= raw.at[i + 2];
        *out++ = (uint8_t)BASE64[v >> 18];
        *out++ = (uint8_t)BASE64[v >> 12 & 63];
        *out++ = n > 1 ? (uint8_t)BASE64[v >> 6 & 63] : '=';
        *out++ = n > 2 ? (uint8_t)BASE64[v & 63] : '=';
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

enum err base64_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    size_t padding = 0, n = 0;
    uint32_t v = 0;
    unsigned bits = 0;

    while (text.len && text.at[text.len - 1] == '=' && padding < 2) {
        text.len--;
        padding++;
    }
    if (text.len % 4 == 1 || (padding && (text.len + padding) % 4 != 0))
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_value(text.at[i]);

        if (digit < 0)
            return ERR_MALFORMED;
        v = v << 6 | (uint32_t)digit;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (n == cap)
            return ERR_TOO_LARGE;
        out[n++] = (uint8_t)(v >> bits);
    }
    *len = n;
    return OK;
}

static bool unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void buf_put_percent(struct buf *b, struct bytes raw)
{
    static const char HEX[] = "0123456789ABCDEF";

    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.at[i];
        uint8_t escape[3] = {'%', (uint8_t)HEX[c >> 4], (uint8_t)HEX[c & 15]};

        buf_put(b, unreserved(c) ? bytes_of(&c, 1) : bytes_of(escape, sizeof escape));
    }
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err percent_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (c == '%') {
            int high = i + 1 < text.len ? hex_value(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return ERR_MALFORMED;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (n == cap)
            return ERR_TOO_LARGE;
        out[n++] = c;
    }
    *len = n;
    return OK;
}

void buf_put_hex(struct buf *b, struct bytes raw)
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t *out = buf_grow(b, raw.len * 2);

    for (size_t i = 0; out && i < raw.len; i++) {
        *out++ = (uint8_t)HEX[raw.at[i] >> 4];
        *out++ = (uint8_t)HEX[raw.at[i] & 15];
    }
}

enum err hex_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    if (text.len % 2)
        return ERR_MALFORMED;
    if (text.len / 2 > cap)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.at[i]), low = hex_value(text.at[i + 1]);

        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len = text.len / 2;
    return OK;
}

size_t utf8_take(struct bytes b, size_t i, uint32_t *code)
{
    uint8_t first = b.at[i];
    size_t n = first < 0x80                    ? 1
               : first >= 0xC2 && first < 0xE0 ? 2
               : (first & 0xF0) == 0xE0        ? 3
               : first >= 0xF0 && first < 0xF5 ? 4
                                               : 0;
    uint32_t point;

    *code = first;
    if (n < 2)
        return n;
    if (n > b.len - i)
        return 0;
    point = first & (0xFFu >> (n + 1));
    for (size_t k = 1; k < n; k++) {
        if ((b.at[i + k] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (b.at[i + k] & 0x3Fu);
    }
    if (n == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000)))
        return 0;
    if (n == 4 && (point < 0x10000 || point > 0x10FFFF))
        return 0;
    *code = point;
    return n;
}

size_t utf8_put(uint8_t out[4], uint32_t code)
{
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (n == 1) {
        out[0] = (uint8_t)code;
        return 1;
    }
    for (size_t k = n; k-- > 1; code >>= 6)
        out[k] = (uint8_t)(0x80 | (code & 0x3F));
    out[0] = (uint8_t)(0xF00u >> n | code);
    return n;
}

static size_t utf8_char(struct bytes b, size_t i)
{
    uint32_t code;

    return utf8_take(b, i, &code);
}

/* ASCII is most of it. */
bool utf8_valid(struct bytes b)
{
    for (size_t i = 0; i < b.len;) {
        uint64_t eight = UINT64_MAX;
        size_t n;

        if (b.len - i >= sizeof eight)
            memcpy(&eight, b.at + i, sizeof eight);
        n = eight & UINT64_MAX / 255 << 7 ? utf8_char(b, i) : sizeof eight;

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; months from 1. (The era arithmetic of a 400-year cycle.) */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned year_of_era = (unsigned)(y - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned day_of_era = (unsigned)(z - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* The years 1 to 9999 are all that the form can say; times outside are clamped to them. */
static const int64_t ISO_FIRST_MS = -62135596800000, ISO_LAST_MS = 253402300799999;

void iso_time(int64_t unix_ms, char out[ISO_TIME_CAP])
{
    int64_t ms = unix_ms < ISO_FIRST_MS ? ISO_FIRST_MS : unix_ms > ISO_LAST_MS ? ISO_LAST_MS : unix_ms;
    int64_t days = ms / 86400000, of_day = ms % 86400000, year;
    unsigned month, day;
    char text[64]; /* what the compiler can prove to be enough */

    if (of_day < 0) {
        of_day += 86400000;
        days--;
    }
    date_from_days(days, &year, &month, &day);
    snprintf(text, sizeof text, "%04d-%02u-%02uT%02u:%02u:%02u.%03u0000Z", (int)year, month, day,
             (unsigned)(of_day / 3600000), (unsigned)(of_day / 60000 % 60), (unsigned)(of_day / 1000 % 60),
             (unsigned)(of_day % 1000));
    memcpy(out, text, ISO_TIME_CAP - 1);
    out[ISO_TIME_CAP - 1] = 0;
}

/* Exactly n digits. */
static unsigned rd_digits(struct rd *r, size_t n)
{
    struct bytes b = rd_bytes(r, n);
    uint64_t v = 0;

    if (!bytes_to_u64(b, &v))
        r->bad = true;
    return (unsigned)v;
}

static void rd_char(struct rd *r, char c)
{
    if (rd_u8(r) != (uint8_t)c)
        r->bad = true;
}

static unsigned rd_fraction_ms(struct rd *r)
{
    unsigned ms = 0, scale = 100;

    for (unsigned digits = 0; rd_left(r) && r->at[0] >= '0' && r->at[0] <= '9'; digits++) {
        ms += (unsigned)(rd_u8(r) - '0') * scale;
        scale /= 10;
        if (digits == 9)
            r->bad = true;
    }
    return ms;
}

static int64_t rd_zone_ms(struct rd *r)
{
    uint8_t sign = rd_left(r) ? rd_u8(r) : 'Z';
    unsigned hours, minutes;

    if (sign == 'Z' || sign == 'z')
        return 0;
    if (sign != '+' && sign != '-')
        r->bad = true;
    hours = rd_digits(r, 2);
    if (rd_left(r) && r->at[0] == ':')
        rd_u8(r);
    minutes = rd_digits(r, 2);
    if (hours > 14 || minutes > 59)
        r->bad = true;
    return (sign == '-' ? -1 : 1) * ((int64_t)hours * 3600000 + (int64_t)minutes * 60000);
}

enum err iso_time_parse(struct bytes text, int64_t *unix_ms)
{
    struct rd r = rd_over(text);
    unsigned year, month, day, hour, minute, second, ms = 0;
    uint8_t between;
    int64_t zone;

    year = rd_digits(&r, 4);
    rd_char(&r, '-');
    month = rd_digits(&r, 2);
    rd_char(&r, '-');
    day = rd_digits(&r, 2);
    between = rd_u8(&r);
    hour = rd_digits(&r, 2);
    rd_char(&r, ':');
    minute = rd_digits(&r, 2);
    rd_char(&r, ':');
    second = rd_digits(&r, 2);
    if (rd_left(&r) && r.at[0] == '.') {
        rd_u8(&r);
        ms = rd_fraction_ms(&r);
    }
    zone = rd_zone_ms(&r);
    if (r.bad || rd_left(&r) || (between != 'T' && between != 't' && between != ' ') || year == 0 || month < 1 ||
        month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return ERR_MALFORMED;
    *unix_ms = days_from_date(year, month, day) * 86400000 + (int64_t)hour * 3600000 + (int64_t)minute * 60000 +
               (int64_t)second * 1000 + ms - zone;
    return OK;
}

struct unit {
    const char *name;
    uint64_t scale;
};

/* A decimal number and the unit behind it, "" being the first unit of the list. */
static enum err with_unit(struct bytes text, const struct unit *units, size_t n, uint64_t *out)
{
    size_t digits = 0;
    uint64_t v;
    struct bytes unit;

    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    unit = bytes_skip(text, digits);
    if (!bytes_to_u64(bytes_first(text, digits), &v))
        return ERR_MALFORMED;
    for (size_t i = 0; i < n; i++) {
        if (!bytes_eq_nocase(unit, bytes_str(units[i].name)))
            continue;
        if (v > (uint64_t)INT64_MAX / units[i].scale)
            return ERR_RANGE;
        *out = v * units[i].scale;
        return OK;
    }
    return ERR_MALFORMED;
}

bool is_bare_ip6(struct bytes host)
{
    bool bracket = host.len && host.at[0] == '[';

    (void)bytes_cut(&host, ':');
    return !bracket && bytes_find(host, ':') < host.len;
}

enum err duration_parse(struct bytes text, int64_t *ms)
{
    static const struct unit units[] = {{"", 1000},         {"ms", 1},          {"s", 1000},        {"m", 60 * 1000},
                                        {"min", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}};
    uint64_t v;
    enum err e = with_unit(text, units, sizeof units / sizeof *units, &v);

    if (!e)
        *ms = (int64_t)v;
    return e;
}

enum err size_parse(struct bytes text, uint64_t *n)
{
    static const struct unit units[] = {{"", 1},
                                        {"b", 1},
                                        {"k", 1024},
                                        {"kb", 1024},
                                        {"m", 1024 * 1024},
                                        {"mb", 1024 * 1024},
                                        {"g", 1024 * 1024 * 1024},
                                        {"gb", 1024 * 1024 * 1024}};

    return with_unit(text, units, sizeof units / sizeof *units, n);
}

void buf_put_json(struct buf *b, struct bytes text)
{
    buf_put_u8(b, '"');
    for (size_t i = 0; i < text.len;) {
        uint8_t c = text.at[i];
        size_t n = utf8_char(text, i);

        if (n == 0)
            buf_puts(b, "\\ufffd");
        else if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\u%04x", c);
        else
            buf_put(b, bytes_of(text.at + i, n));
        i += n ? n : 1;
    }
    buf_put_u8(b, '"');
}
