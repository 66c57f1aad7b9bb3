#include "amqp_value.h"

#include "sections.h"
#include "text.h"

#include <stdio.h>

enum { DESCRIBED_MAX = 4 }; /* described values inside each other: real ones have one */

/* The bytes inside a list or map, behind its size and count. */
static struct bytes inside(struct rd *rd, bool wide, uint32_t *count)
{
    struct rd in = rd_over(rd_bytes(rd, wide ? rd_u32(rd) : rd_u8(rd)));

    *count = wide ? rd_u32(&in) : rd_u8(&in);
    rd->bad |= in.bad;
    return rd_rest(&in);
}

/* Behind its code (OASIS AMQP 1.0, 1.2): the code's upper half is the width. */
static struct amqp_value value_of(struct rd *rd, uint8_t code)
{
    static const uint8_t widths[16] = {[5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    struct amqp_value v = {.code = code};

    switch (code >> 4) {
    case 0x4:
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        v.raw = rd_bytes(rd, widths[code >> 4]);
        break;
    case 0xa:
        v.raw = rd_bytes(rd, rd_u8(rd));
        break;
    case 0xb:
        v.raw = rd_bytes(rd, rd_u32(rd));
        v.code = (uint8_t)(code - 0x10);
        break;
    case 0xc:
    case 0xd:
    case 0xe:
    case 0xf:
        v.raw = inside(rd, code >> 4 == 0xd || code >> 4 == 0xf, &v.count);
        v.code = (uint8_t)(code | 0x10);
        break;
    default:
        rd->bad = true;
    }
    return v;
}

/* A descriptor is a symbol or a number; of the outermost where that is wanted. */
static struct amqp_value described_next(struct rd *rd, struct amqp_value *descriptor)
{
    uint8_t code = rd_u8(rd);

    for (int i = 0; code == 0 && i < DESCRIBED_MAX && !rd->bad; i++) {
        struct amqp_value one = value_of(rd, rd_u8(rd));

        if (descriptor && i == 0)
            *descriptor = one;
        code = rd_u8(rd);
    }
    return value_of(rd, code);
}

struct amqp_value amqp_value_next(struct rd *rd)
{
    return described_next(rd, NULL);
}

struct amqp_value amqp_value_in(struct bytes b)
{
    struct rd rd = rd_over(b);
    struct amqp_value v = amqp_value_next(&rd);

    if (rd.bad)
        v = (struct amqp_value){.code = 0};
    return v;
}

bool amqp_value_is_text(const struct amqp_value *v)
{
    return v->code == AMQP_STR8 || v->code == AMQP_SYM8;
}

bool amqp_value_is_map(const struct amqp_value *v)
{
    return v->code == AMQP_MAP32;
}

bool amqp_value_is_list(const struct amqp_value *v)
{
    return v->code == AMQP_LIST32 || v->code == AMQP_LIST0;
}

bool amqp_value_is_bytes(const struct amqp_value *v)
{
    return amqp_value_is_text(v) || v->code == AMQP_BIN8;
}

static uint64_t big_endian(struct bytes raw)
{
    uint64_t v = 0;

    for (size_t i = 0; i < raw.len && i < 8; i++)
        v = v << 8 | raw.at[i];
    return v;
}

enum kind { KIND_NONE, KIND_BOOLEAN, KIND_UNSIGNED, KIND_SIGNED, KIND_REAL, KIND_TIME, KIND_UUID };

static enum kind kind_of(uint8_t code)
{
    switch (code) {
    case AMQP_TRUE:
    case AMQP_FALSE:
    case 0x56: /* with a byte */
        return KIND_BOOLEAN;
    case 0x43: /* uint and ulong 0 */
    case 0x44:
    case 0x50: /* ubyte, ushort, uint, smalluint, ulong, smallulong */
    case 0x60:
    case 0x70:
    case 0x52:
    case 0x80:
    case 0x53:
        return KIND_UNSIGNED;
    case 0x51: /* byte, short, int, smallint, long, smalllong */
    case 0x61:
    case AMQP_INT:
    case 0x54:
    case AMQP_LONG:
    case 0x55:
        return KIND_SIGNED;
    case 0x72:
    case 0x82:
        return KIND_REAL;
    case AMQP_TIMESTAMP:
        return KIND_TIME;
    case AMQP_UUID:
        return KIND_UUID;
    default:
        return KIND_NONE;
    }
}

/* Sign-extended from whatever width it came in. */
static int64_t signed_of(struct bytes raw)
{
    unsigned unused = 64 - 8 * (unsigned)raw.len;

    return raw.len ? (int64_t)(big_endian(raw) << unused) >> unused : 0;
}

bool amqp_value_integer(const struct amqp_value *v, int64_t *out)
{
    enum kind kind = kind_of(v->code);
    uint64_t n = big_endian(v->raw);

    if (kind != KIND_SIGNED && kind != KIND_TIME && (kind != KIND_UNSIGNED || n > INT64_MAX))
        return false;
    *out = kind == KIND_UNSIGNED ? (int64_t)n : signed_of(v->raw);
    return true;
}

static double real_of(struct bytes raw)
{
    uint64_t bits = big_endian(raw);
    uint32_t narrow = (uint32_t)bits;
    float f;
    double d;

    if (raw.len == 4) {
        memcpy(&f, &narrow, sizeof f);
        return (double)f;
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

static void put_uuid_text(struct bytes raw, char out[AMQP_SCALAR_CAP])
{
    size_t n = 0;

    for (size_t i = 0; i < raw.len; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        n += (size_t)snprintf(out + n, AMQP_SCALAR_CAP - n, dash ? "-%02x" : "%02x", raw.at[i]);
    }
}

static void put_time(int64_t unix_ms, char out[AMQP_SCALAR_CAP])
{
    char text[ISO_TIME_CAP];

    iso_time(unix_ms, text);
    snprintf(out, AMQP_SCALAR_CAP, "%s", text);
}

bool amqp_value_scalar(const struct amqp_value *v, char out[AMQP_SCALAR_CAP])
{
    switch (kind_of(v->code)) {
    case KIND_BOOLEAN:
        snprintf(out, AMQP_SCALAR_CAP, "%s", v->code == AMQP_TRUE || (v->raw.len && *v->raw.at) ? "true" : "false");
        return true;
    case KIND_UNSIGNED:
        snprintf(out, AMQP_SCALAR_CAP, "%llu", (unsigned long long)big_endian(v->raw));
        return true;
    case KIND_SIGNED:
        snprintf(out, AMQP_SCALAR_CAP, "%lld", (long long)signed_of(v->raw));
        return true;
    case KIND_REAL:
        snprintf(out, AMQP_SCALAR_CAP, "%.*g", v->raw.len == 4 ? 9 : 17, real_of(v->raw));
        return true;
    case KIND_TIME:
        put_time(signed_of(v->raw), out);
        return true;
    case KIND_UUID:
        put_uuid_text(v->raw, out);
        return true;
    case KIND_NONE:
        break;
    }
    return false;
}

bool amqp_value_is_scalar(const struct amqp_value *v)
{
    return v->code && v->code != AMQP_NULL && v->code != AMQP_LIST0 && v->code < AMQP_LIST8;
}

void amqp_value_put(struct buf *b, const struct amqp_value *v)
{
    if (!amqp_value_is_scalar(v)) {
        buf_put_u8(b, AMQP_NULL);
    } else if (v->code == AMQP_STR8) {
        put_str(b, v->raw);
    } else if (v->code == AMQP_SYM8) {
        put_sym(b, v->raw);
    } else if (v->code == AMQP_BIN8) {
        put_binary(b, v->raw);
    } else {
        buf_put_u8(b, v->code);
        buf_put(b, v->raw);
    }
}

struct amqp_pairs amqp_pairs_of(const struct amqp_value *map)
{
    return amqp_value_is_map(map) ? (struct amqp_pairs){rd_over(map->raw), map->count} : (struct amqp_pairs){.left = 0};
}

static bool pairs_next(struct amqp_pairs *p, struct amqp_value *key, struct amqp_value *descriptor,
                       struct amqp_value *value)
{
    if (p->left < 2 || p->rd.bad)
        return false;
    p->left -= 2;
    *key = amqp_value_next(&p->rd);
    *value = described_next(&p->rd, descriptor);
    return !p->rd.bad;
}

bool amqp_pairs_next(struct amqp_pairs *p, struct amqp_value *key, struct amqp_value *value)
{
    return pairs_next(p, key, NULL, value);
}

bool amqp_pairs_next_described(struct amqp_pairs *p, struct amqp_value *key, struct amqp_value *descriptor,
                               struct amqp_value *value)
{
    *descriptor = (struct amqp_value){.code = 0};
    return pairs_next(p, key, descriptor, value);
}

bool amqp_map_find(const struct amqp_value *map, struct bytes key, struct amqp_value *out)
{
    struct amqp_pairs pairs = amqp_pairs_of(map);
    struct amqp_value name;

    while (amqp_pairs_next(&pairs, &name, out))
        if (amqp_value_is_text(&name) && bytes_eq(name.raw, key))
            return true;
    return false;
}

bool amqp_items_of(const struct amqp_value *v, struct amqp_items *out)
{
    *out = (struct amqp_items){rd_over(v->raw), v->count, 0};
    if (amqp_value_is_list(v))
        return true;
    if (v->code != AMQP_ARRAY32)
        return false;
    out->code = rd_u8(&out->rd);
    return !out->rd.bad && out->code >> 4 >= 0x5 && out->code >> 4 <= 0xb;
}

bool amqp_items_next(struct amqp_items *items, struct amqp_value *out)
{
    if (!items->left || items->rd.bad)
        return false;
    items->left--;
    *out = items->code ? value_of(&items->rd, items->code) : amqp_value_next(&items->rd);
    return !items->rd.bad;
}

bool amqp_section_next(struct rd *rd, uint64_t *section, struct amqp_value *out)
{
    uint8_t code;

    if (rd->bad || !rd_left(rd))
        return false;
    rd->bad = rd_u8(rd) != 0;
    code = rd_u8(rd);
    *section = code == 0x53 ? rd_u8(rd) : code == 0x80 ? rd_u64(rd) : 0;
    *out = amqp_value_next(rd);
    return !rd->bad;
}
