/* AMQP 1.0 messages of peers and of our own log, as a msg. */
#include "msg.h"

#include "amqp_value.h"
#include "properties.h"
#include "sections.h"
#include "text.h"

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

/* Room that does not move any more: views into it are handed out. */
static bool has_room(struct reading *r)
{
    struct buf *text = &r->room->text;

    if (text->cap || buf_reserve(text, r->all.len + (PROPS_MAX + 8) * AMQP_SCALAR_CAP))
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

/* device 6.2: what is stored is text. */
static struct bytes text_of(struct reading *r, struct amqp_value v)
{
    char text[AMQP_SCALAR_CAP];

    if (v.code == AMQP_NULL)
        return NO_BYTES;
    if (amqp_value_is_bytes(&v)) { /* stored as what it is not, it could not be read again */
        if (!utf8_valid(v.raw))
            fails(r, ERR_MALFORMED);
        return v.raw;
    }
    if (amqp_value_scalar(&v, text))
        return written(r, text);
    fails(r, ERR_UNSUPPORTED);
    return NO_BYTES;
}

/* OASIS AMQP 1.0, 3.2.4: the fields in order. */
static void read_properties(struct reading *r, struct amqp_value list)
{
    struct bytes *const fields[] = {&r->m->message_id,   &r->m->user_id,         &r->m->to,
                                    &r->m->label,        &r->m->reply_to,        &r->m->correlation_id,
                                    &r->m->content_type, &r->m->content_encoding};
    struct rd rd = rd_over(list.raw);

    for (uint32_t i = 0; i < list.count && i < 9 && !r->e; i++) {
        struct amqp_value v = amqp_value_next(&rd);

        if (rd.bad)
            fails(r, ERR_MALFORMED);
        else if (i < 8)
            *fields[i] = fields[i] == &r->m->user_id && v.code == AMQP_BIN8 ? v.raw : text_of(r, v);
        else if (v.code != AMQP_NULL && (v.code != AMQP_TIMESTAMP || !amqp_value_integer(&v, &r->m->expiry_ms)))
            fails(r, ERR_MALFORMED);
    }
}

static void take_annotation(struct reading *r, struct bytes name, struct amqp_value v)
{
    enum property which = property_named(IN_ANNOTATIONS, name);

    if (which != PROPERTIES)
        *property_in(r->m, which) = text_of(r, v);
}

static void take_property(struct reading *r, struct bytes name, struct amqp_value v)
{
    enum property which = property_named(IN_APPLICATION, name);
    struct bytes text = text_of(r, v);

    if (which != PROPERTIES)
        *property_in(r->m, which) = text;
    else if (r->m->n_props == PROPS_MAX)
        fails(r, ERR_LIMIT);
    else
        r->room->props[r->m->n_props++] = (struct prop){name, text};
}

static void read_map(struct reading *r, struct amqp_value map,
                     void (*take)(struct reading *r, struct bytes name, struct amqp_value v))
{
    struct rd rd = rd_over(map.raw);

    for (uint32_t i = 0; i + 1 < map.count && !r->e; i += 2) {
        struct amqp_value key = amqp_value_next(&rd), v = amqp_value_next(&rd);

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

static void read_section(struct reading *r, uint64_t section, struct amqp_value v)
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
    case SECTION_VALUE: /* text and bytes are taken as they are */
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
    struct amqp_value v;
    uint64_t section;

    *out = (struct msg){.props = room->props};
    buf_clear(&room->text);
    while (!r.e && amqp_section_next(&rd, &section, &v))
        read_section(&r, section, v);
    return r.e ? r.e : rd.bad ? ERR_MALFORMED : OK;
}
