/* AMQP 1.0 messages of peers and of our own log, read without recursion: what is not wanted is skipped by its length.
 */
#include "msg.h"

#include "sections.h"
#include "text.h"

#include <stdio.h>

enum {
    DESCRIBED_MAX = 4, /* described values inside each other: real ones have one */
    SCALAR_TEXT = 48,  /* the longest number, time or uuid */
};

/* A value; of a list or map its inside and how many items it claims to have. */
struct value {
    uint8_t code; /* of a width class' narrowest form: AMQP_STR8 for both kinds of string */
    struct bytes raw;
    uint32_t count;
};

struct reading {
    struct bytes all;
    struct msg_room *room;
    struct msg *m;
    unsigned bodies;
    enum err e;
};

static void fails(struct reading *r, enum err e)
{
    if (!r->e)
        r->e = e;
}

/* The bytes inside a list or map, behind its size and count. */
static struct bytes inside(struct rd *rd, bool wide, uint32_t *count)
{
    struct rd in = rd_over(rd_bytes(rd, wide ? rd_u32(rd) : rd_u8(rd)));

    *count = wide ? rd_u32(&in) : rd_u8(&in);
    rd->bad |= in.bad;
    return rd_rest(&in);
}

/* The next value; a descriptor in front of it is passed over. OASIS AMQP 1.0, 1.2: the code's upper half is the width.
 */
static struct value next_value(struct rd *rd)
{
    static const uint8_t widths[16] = {[5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    struct value v = {.code = rd_u8(rd)};

    for (int i = 0; v.code == 0 && i < 2 * DESCRIBED_MAX && !rd->bad; i++) {
        struct value descriptor = {.code = rd_u8(rd)};

        if (descriptor.code >> 4 == 0xa)
            rd_bytes(rd, rd_u8(rd));
        else
            rd_bytes(rd, widths[descriptor.code >> 4]);
        v.code = rd_u8(rd);
    }
    switch (v.code >> 4) {
    case 0x4:
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        v.raw = rd_bytes(rd, widths[v.code >> 4]);
        break;
    case 0xa:
        v.raw = rd_bytes(rd, rd_u8(rd));
        break;
    case 0xb:
        v.raw = rd_bytes(rd, rd_u32(rd));
        v.code = (uint8_t)(v.code - 0x10);
        break;
    case 0xc:
    case 0xd:
        v.raw = inside(rd, v.code >> 4 == 0xd, &v.count);
        v.code = (uint8_t)(v.code | 0x10);
        break;
    case 0xe:
        v.raw = rd_bytes(rd, rd_u8(rd));
        break;
    case 0xf:
        v.raw = rd_bytes(rd, rd_u32(rd));
        break;
    default:
        rd->bad = true;
    }
    return v;
}

/* Room that does not move any more: views into it are handed out. */
static bool has_room(struct reading *r)
{
    struct buf *text = &r->room->text;

    if (text->cap || buf_reserve(text, r->all.len + (PROPS_MAX + 8) * SCALAR_TEXT))
        return true;
    fails(r, ERR_TOO_LARGE);
    return false;
}

static struct bytes written(struct reading *r, const char *text)
{
    size_t at = r->room->text.len;

    if (!has_room(r))
        return NO_BYTES;
    if (r->room->text.cap - at < strlen(text)) {
        fails(r, ERR_TOO_LARGE);
        return NO_BYTES;
    }
    buf_puts(&r->room->text, text);
    return bytes_of(r->room->text.at + at, r->room->text.len - at);
}

static uint64_t big_endian(struct bytes raw)
{
    uint64_t v = 0;

    for (size_t i = 0; i < raw.len && i < 8; i++)
        v = v << 8 | raw.at[i];
    return v;
}

static struct bytes uuid_text(struct reading *r, struct bytes raw)
{
    char text[SCALAR_TEXT];
    size_t n = 0;

    for (size_t i = 0; i < raw.len; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        n += (size_t)snprintf(text + n, sizeof text - n, dash ? "-%02x" : "%02x", raw.at[i]);
    }
    return written(r, text);
}

static struct bytes real_text(struct reading *r, struct value v)
{
    uint64_t bits = big_endian(v.raw);
    uint32_t narrow = (uint32_t)bits;
    char text[SCALAR_TEXT];
    float f;
    double d;

    if (v.raw.len == 4) {
        memcpy(&f, &narrow, sizeof f);
        d = (double)f;
    } else {
        memcpy(&d, &bits, sizeof d);
    }
    snprintf(text, sizeof text, "%.*g", v.raw.len == 4 ? 9 : 17, d);
    return written(r, text);
}

/* Sign-extended from whatever width it came in. */
static struct bytes integer_text(struct reading *r, struct value v, bool is_signed)
{
    uint64_t n = big_endian(v.raw);
    unsigned unused = 64 - 8 * (unsigned)v.raw.len;
    char text[SCALAR_TEXT];

    if (is_signed)
        snprintf(text, sizeof text, "%lld", v.raw.len ? (long long)((int64_t)(n << unused) >> unused) : 0);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return written(r, text);
}

static struct bytes time_text(struct reading *r, struct value v)
{
    char text[ISO_TIME_CAP];

    iso_time((int64_t)big_endian(v.raw), text);
    return written(r, text);
}

/* device 6.2: what is stored is text. */
static struct bytes text_of(struct reading *r, struct value v)
{
    switch (v.code) {
    case AMQP_NULL:
        return NO_BYTES;
    case AMQP_STR8:
    case AMQP_SYM8:
    case AMQP_BIN8: /* stored as what it is not, it could not be read again */
        if (!utf8_valid(v.raw))
            fails(r, ERR_MALFORMED);
        return v.raw;
    case 0x41:
        return BYTES("true");
    case 0x42:
        return BYTES("false");
    case 0x56: /* boolean with a byte */
        return v.raw.len && *v.raw.at ? BYTES("true") : BYTES("false");
    case 0x43: /* uint and ulong 0 */
    case 0x44:
    case 0x50: /* ubyte, ushort, uint, smalluint, ulong, smallulong */
    case 0x60:
    case 0x70:
    case 0x52:
    case 0x80:
    case 0x53:
        return integer_text(r, v, false);
    case 0x51: /* byte, short, int, smallint, long, smalllong */
    case 0x61:
    case 0x71:
    case 0x54:
    case 0x81:
    case 0x55:
        return integer_text(r, v, true);
    case 0x72:
    case 0x82:
        return real_text(r, v);
    case AMQP_TIMESTAMP:
        return time_text(r, v);
    case 0x98:
        return uuid_text(r, v.raw);
    default:
        fails(r, ERR_UNSUPPORTED);
        return NO_BYTES;
    }
}

/* OASIS AMQP 1.0, 3.2.4: the fields in order. */
static void read_properties(struct reading *r, struct value list)
{
    struct bytes *const fields[] = {&r->m->message_id,   &r->m->user_id,         &r->m->to,
                                    &r->m->label,        &r->m->reply_to,        &r->m->correlation_id,
                                    &r->m->content_type, &r->m->content_encoding};
    struct rd rd = rd_over(list.raw);

    for (uint32_t i = 0; i < list.count && i < 9 && !r->e; i++) {
        struct value v = next_value(&rd);

        if (rd.bad)
            fails(r, ERR_MALFORMED);
        else if (i < 8)
            *fields[i] = fields[i] == &r->m->user_id && v.code == AMQP_BIN8 ? v.raw : text_of(r, v);
        else if (v.code == AMQP_TIMESTAMP)
            r->m->expiry_ms = (int64_t)big_endian(v.raw);
        else if (v.code != AMQP_NULL)
            fails(r, ERR_MALFORMED);
    }
}

static void take_annotation(struct reading *r, struct bytes name, struct value v)
{
    static const struct {
        struct bytes name;
        size_t field; /* in struct msg */
    } known[] = {
#define ANNOTATION(text, field) {{(const uint8_t *)(text), sizeof(text) - 1}, offsetof(struct msg, field)}
        ANNOTATION("iothub-interface-id", interface_id),
        ANNOTATION("dt-subject", subject),
        ANNOTATION("Diagnostic-Id", diagnostic_id),
        ANNOTATION("Correlation-Context", correlation_context),
#undef ANNOTATION
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bytes_eq(name, known[i].name))
            *(struct bytes *)(void *)((char *)r->m + known[i].field) = text_of(r, v);
}

static void take_property(struct reading *r, struct bytes name, struct value v)
{
    struct bytes text = text_of(r, v);

    if (bytes_eq(name, BYTES("iothub-ack")))
        r->m->ack = text;
    else if (bytes_eq(name, BYTES("iothub-creation-time-utc")))
        r->m->creation_time = text;
    else if (bytes_eq(name, BYTES("iothub-message-schema")))
        r->m->schema = text;
    else if (r->m->n_props == PROPS_MAX)
        fails(r, ERR_LIMIT);
    else
        r->room->props[r->m->n_props++] = (struct prop){name, text};
}

static void read_map(struct reading *r, struct value map,
                     void (*take)(struct reading *r, struct bytes name, struct value v))
{
    struct rd rd = rd_over(map.raw);

    for (uint32_t i = 0; i + 1 < map.count && !r->e; i += 2) {
        struct value key = next_value(&rd), v = next_value(&rd);

        if (rd.bad || (key.code != AMQP_STR8 && key.code != AMQP_SYM8) || !utf8_valid(key.raw))
            fails(r, ERR_MALFORMED);
        else
            take(r, key.raw, v);
    }
}

/* A single piece is lent as it lies there, several are put together. */
static void take_body(struct reading *r, struct bytes piece)
{
    struct buf *text = &r->room->text;
    size_t at = text->len;

    if (r->bodies++ == 0) {
        r->m->body = piece;
        return;
    }
    if (!has_room(r))
        return;
    /* The first time the first piece moves; later what is there already lies at the end, or moves there again. */
    if (r->m->body.at + r->m->body.len != text->at + text->len) {
        if (text->cap - text->len < r->m->body.len + piece.len) {
            fails(r, ERR_TOO_LARGE);
            return;
        }
        buf_put(text, r->m->body);
    } else {
        at -= r->m->body.len;
    }
    if (text->cap - text->len < piece.len) {
        fails(r, ERR_TOO_LARGE);
        return;
    }
    buf_put(text, piece);
    r->m->body = bytes_of(text->at + at, text->len - at);
}

static void read_section(struct reading *r, uint64_t section, struct value v)
{
    bool map = v.code == AMQP_MAP32, list = v.code == AMQP_LIST32 || v.code == AMQP_LIST0;

    switch (section) {
    case 0x70: /* header, delivery annotations, footer: between the peer and its link */
    case 0x71:
    case 0x78:
        return;
    case SECTION_MESSAGE_ANNOTATIONS:
        if (map)
            read_map(r, v, take_annotation);
        break;
    case SECTION_PROPERTIES:
        if (list)
            read_properties(r, v);
        else
            fails(r, ERR_MALFORMED);
        break;
    case SECTION_APPLICATION_PROPERTIES:
        if (map)
            read_map(r, v, take_property);
        else if (v.code != AMQP_NULL)
            fails(r, ERR_MALFORMED);
        break;
    case SECTION_DATA:
        if (v.code == AMQP_BIN8)
            take_body(r, v.raw);
        else
            fails(r, ERR_MALFORMED);
        break;
    case 0x77: /* a value: text and bytes are taken as they are */
        if (v.code == AMQP_STR8 || v.code == AMQP_BIN8 || v.code == AMQP_NULL)
            take_body(r, v.raw);
        else
            fails(r, ERR_UNSUPPORTED);
        break;
    case 0x76: /* a sequence of lists */
        fails(r, ERR_UNSUPPORTED);
        break;
    default:
        fails(r, ERR_MALFORMED);
    }
}

enum err msg_read(struct bytes sections, struct msg_room *room, struct msg *out)
{
    struct reading r = {.all = sections, .room = room, .m = out};
    struct rd rd = rd_over(sections);

    *out = (struct msg){.props = room->props};
    buf_clear(&room->text);
    while (!r.e && rd_left(&rd)) {
        uint64_t section = 0;
        uint8_t code;

        if (rd_u8(&rd) != 0)
            return ERR_MALFORMED;
        code = rd_u8(&rd);
        if (code == 0x53)
            section = rd_u8(&rd);
        else if (code == 0x80)
            section = rd_u64(&rd);
        struct value v = next_value(&rd);
        if (rd.bad)
            return ERR_MALFORMED;
        read_section(&r, section, v);
    }
    return r.e;
}
