#include "sections.h"

#include "properties.h"

#include <assert.h>

void section_begin(struct buf *b, enum section section)
{
    buf_put_u8(b, 0x00);
    buf_put_u8(b, 0x53);
    buf_put_u8(b, (uint8_t)section);
}

void put_header(struct buf *b)
{
    section_begin(b, SECTION_HEADER);
    buf_put_u8(b, AMQP_LIST0);
}

static void put_variable(struct buf *b, uint8_t code8, uint8_t code32, struct bytes v)
{
    if (v.len <= UINT8_MAX) {
        buf_put_u8(b, code8);
        buf_put_u8(b, (uint8_t)v.len);
    } else {
        buf_put_u8(b, code32);
        buf_put_u32(b, (uint32_t)v.len);
    }
    buf_put(b, v);
}

void put_sym(struct buf *b, struct bytes text)
{
    put_variable(b, AMQP_SYM8, AMQP_SYM32, text);
}

void put_str(struct buf *b, struct bytes text)
{
    put_variable(b, AMQP_STR8, AMQP_STR32, text);
}

void put_binary(struct buf *b, struct bytes bytes)
{
    put_variable(b, AMQP_BIN8, AMQP_BIN32, bytes);
}

void put_uuid(struct buf *b, const uint8_t uuid[16])
{
    buf_put_u8(b, AMQP_UUID);
    buf_put(b, bytes_of(uuid, 16));
}

void put_bool(struct buf *b, bool v)
{
    buf_put_u8(b, v ? AMQP_TRUE : AMQP_FALSE);
}

void put_ubyte(struct buf *b, uint8_t v)
{
    buf_put_u8(b, AMQP_UBYTE);
    buf_put_u8(b, v);
}

void put_ulong(struct buf *b, uint64_t v)
{
    buf_put_u8(b, AMQP_ULONG);
    buf_put_u64(b, v);
}

void put_int(struct buf *b, int32_t v)
{
    buf_put_u8(b, AMQP_INT);
    buf_put_u32(b, (uint32_t)v);
}

void put_long(struct buf *b, int64_t v)
{
    buf_put_u8(b, AMQP_LONG);
    buf_put_u64(b, (uint64_t)v);
}

void put_narrow_int(struct buf *b, int32_t v)
{
    if (v < INT8_MIN || v > INT8_MAX) {
        put_int(b, v);
        return;
    }
    buf_put_u8(b, AMQP_SMALL_INT);
    buf_put_u8(b, (uint8_t)v);
}

void put_narrow_long(struct buf *b, int64_t v)
{
    if (v < INT8_MIN || v > INT8_MAX) {
        put_long(b, v);
        return;
    }
    buf_put_u8(b, AMQP_SMALL_LONG);
    buf_put_u8(b, (uint8_t)v);
}

void put_timestamp(struct buf *b, int64_t ms)
{
    buf_put_u8(b, AMQP_TIMESTAMP);
    buf_put_u64(b, (uint64_t)ms);
}

enum { COMPOUND_HEAD = 9 }; /* code, and size and count of four bytes each */

/* Size and count of a list or map are known when its items are written. */
static size_t compound_begin(struct buf *b, uint8_t code)
{
    buf_put_u8(b, code);
    buf_put_u64(b, 0);
    return b->len;
}

size_t put_list_begin(struct buf *b)
{
    return compound_begin(b, AMQP_LIST32);
}

size_t put_map_begin(struct buf *b)
{
    return compound_begin(b, AMQP_MAP32);
}

void put_compound_end(struct buf *b, size_t items_at, uint32_t count)
{
    uint32_t size = (uint32_t)(b->len - items_at + 4);

    if (b->bad)
        return;
    for (int i = 0; i < 4; i++) {
        b->at[items_at - 8 + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
        b->at[items_at - 4 + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
    }
}

void put_narrow_end(struct buf *b, size_t items_at, uint32_t count)
{
    size_t len = b->len - items_at, shorter = COMPOUND_HEAD - 3;

    if (b->bad)
        return;
    assert(items_at >= COMPOUND_HEAD && items_at <= b->len);
    if (len + 1 > UINT8_MAX || count > UINT8_MAX) {
        put_compound_end(b, items_at, count);
        return;
    }
    uint8_t *head = b->at + items_at - COMPOUND_HEAD;
    assert(head[0] == AMQP_LIST32 || head[0] == AMQP_MAP32);
    head[0] = head[0] == AMQP_LIST32 ? AMQP_LIST8 : AMQP_MAP8;
    head[1] = (uint8_t)(len + 1);
    head[2] = (uint8_t)count;
    memmove(head + 3, b->at + items_at, len);
    b->len -= shorter;
}

size_t put_texts_begin(struct buf *b)
{
    size_t at = compound_begin(b, AMQP_ARRAY32);

    buf_put_u8(b, AMQP_STR32); /* of each */
    return at;
}

void put_texts_item(struct buf *b, struct bytes text)
{
    buf_put_u32(b, (uint32_t)text.len);
    buf_put(b, text);
}

enum form { FORM_STRING, FORM_SYMBOL, FORM_BINARY };

static void put_or_null(struct buf *b, struct bytes v, enum form form)
{
    if (!v.at)
        buf_put_u8(b, AMQP_NULL);
    else if (form == FORM_STRING)
        put_str(b, v);
    else if (form == FORM_SYMBOL)
        put_sym(b, v);
    else
        put_binary(b, v);
}

/* device 6.2: user-id is binary, content type and encoding are symbols */
void put_properties(struct buf *b, const struct msg *m)
{
    uint32_t count = m->expiry_ms             ? 9
                     : m->content_encoding.at ? 8
                     : m->content_type.at     ? 7
                     : m->correlation_id.at   ? 6
                     : m->reply_to.at         ? 5
                     : m->label.at            ? 4
                     : m->to.at               ? 3
                     : m->user_id.at          ? 2
                     : m->message_id.at       ? 1
                                              : 0;
    size_t at;

    if (count == 0)
        return;
    section_begin(b, SECTION_PROPERTIES);
    at = put_list_begin(b);
    put_or_null(b, m->message_id, FORM_STRING);
    if (count > 1)
        put_or_null(b, m->user_id, FORM_BINARY);
    if (count > 2)
        put_or_null(b, m->to, FORM_STRING);
    if (count > 3)
        put_or_null(b, m->label, FORM_STRING);
    if (count > 4)
        put_or_null(b, m->reply_to, FORM_STRING);
    if (count > 5)
        put_or_null(b, m->correlation_id, FORM_STRING);
    if (count > 6)
        put_or_null(b, m->content_type, FORM_SYMBOL);
    if (count > 7)
        put_or_null(b, m->content_encoding, FORM_SYMBOL);
    if (count > 8)
        put_timestamp(b, m->expiry_ms);
    put_compound_end(b, at, count);
}

static uint32_t put_pair(struct buf *b, struct bytes name, struct bytes value)
{
    put_str(b, name);
    put_or_null(b, value, FORM_STRING);
    return 2;
}

void put_application_properties(struct buf *b, const struct msg *m, bool nulls)
{
    static const enum property system[] = {PROPERTY_ACK, PROPERTY_CREATION_TIME, PROPERTY_SCHEMA};
    uint32_t items = 0;
    size_t at;

    if (m->n_props == 0 && !m->ack.at && !m->creation_time.at && !m->schema.at)
        return;
    section_begin(b, SECTION_APPLICATION_PROPERTIES);
    at = put_map_begin(b);
    for (size_t i = 0; i < m->n_props; i++)
        items += put_pair(b, m->props[i].name, m->props[i].value.at || nulls ? m->props[i].value : BYTES(""));
    for (size_t i = 0; i < sizeof system / sizeof *system; i++)
        if (property_of(m, system[i]).at)
            items += put_pair(b, property_name(system[i], IN_APPLICATION), property_of(m, system[i]));
    put_compound_end(b, at, items);
}

void put_data_head(struct buf *b, size_t len)
{
    section_begin(b, SECTION_DATA);
    buf_put_u8(b, AMQP_BIN32);
    buf_put_u32(b, (uint32_t)len);
}
