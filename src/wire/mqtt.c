#include "mqtt.h"

#include "text.h"

#define REMAINING_MAX 268435455u /* 2.2.3: four bytes of seven bits */

/* 1.5.3: UTF-8, and no U+0000 in it. */
static struct bytes get_text(struct rd *r)
{
    struct bytes text = rd_str16(r);
    if (!r->bad && (!utf8_valid(text) || bytes_find(text, '\0') < text.len))
        r->bad = true;
    return r->bad ? NO_BYTES : text;
}

static uint16_t get_id(struct rd *r)
{
    uint16_t id = rd_u16(r);
    if (id == 0) /* 2.3.1 */
        r->bad = true;
    return id;
}

/* 3.3.2.1: a name, not a filter. But a device's id may have those characters, and stands in its topics as it is. */
static bool is_topic(struct bytes text)
{
    struct bytes rest = text;

    if (bytes_starts(text, BYTES("devices/"))) {
        rest = bytes_skip(text, strlen("devices/"));
        bytes_cut(&rest, '/');
    }
    return text.len > 0 && bytes_find(rest, '+') == rest.len && bytes_find(rest, '#') == rest.len;
}

static bool decode_will(uint8_t flags, struct rd *r, struct mqtt_connect *out)
{
    out->will_qos = flags >> 3 & 3;
    out->will_retain = flags & 0x20;
    if (!(flags & 0x04))
        return out->will_qos == 0 && !out->will_retain; /* 3.1.2.6, 3.1.2.7 */
    out->will_topic = get_text(r);
    out->will_body = rd_str16(r);
    return !r->bad && out->will_qos < 3 && is_topic(out->will_topic);
}

static bool decode_connect(struct bytes in, struct mqtt_connect *out)
{
    struct rd r = rd_over(in);
    struct bytes name = rd_str16(&r);

    *out = (struct mqtt_connect){.level = rd_u8(&r)};
    if (r.bad)
        return false;
    /* 3.1.2.2: an older or newer protocol is to be answered, and its packet looks different from here on. */
    if (bytes_eq(name, BYTES("MQIsdp")) || (bytes_eq(name, BYTES("MQTT")) && out->level != 4)) {
        out->level = out->level == 4 ? 3 : out->level;
        return true;
    }
    uint8_t flags = rd_u8(&r);
    if (!bytes_eq(name, BYTES("MQTT")) || flags & 0x01 || (flags & 0xC0) == 0x40) /* 3.1.2.3, 3.1.2.9 */
        return false;
    out->clean = flags & 0x02;
    out->keep_alive_s = rd_u16(&r);
    out->client_id = get_text(&r);
    if (!decode_will(flags, &r, out))
        return false;
    if (flags & 0x80)
        out->user = get_text(&r);
    if (flags & 0x40)
        out->password = rd_str16(&r);
    return !r.bad && rd_left(&r) == 0;
}

static bool decode_publish(uint8_t flags, struct bytes in, struct mqtt_publish *out)
{
    struct rd r = rd_over(in);

    *out = (struct mqtt_publish){.dup = flags & 8, .qos = flags >> 1 & 3, .retain = flags & 1};
    out->topic = get_text(&r);
    out->id = out->qos ? get_id(&r) : 0;
    out->body = rd_rest(&r);
    return !r.bad && out->qos < 3 && is_topic(out->topic) && !(out->dup && out->qos == 0); /* 3.3.1.1 */
}

static bool decode_connack(struct bytes in, struct mqtt_packet *out)
{
    if (in.len != 2 || in.at[0] > 1 || in.at[1] > MQTT_NOT_AUTHORIZED || (in.at[0] && in.at[1]))
        return false;
    out->connack.session_present = in.at[0];
    out->connack.code = in.at[1];
    return true;
}

bool mqtt_next_filter(enum mqtt_type type, struct bytes *list, struct bytes *filter, uint8_t *qos)
{
    struct rd r = rd_over(*list);

    *filter = get_text(&r);
    *qos = type == MQTT_SUBSCRIBE ? rd_u8(&r) : 0;
    if (r.bad || filter->len == 0 || *qos > 2)
        return false;
    *list = rd_rest(&r);
    return true;
}

static bool decode_filters(enum mqtt_type type, struct bytes in, struct mqtt_filters *out)
{
    struct rd r = rd_over(in);
    struct bytes filter;
    uint8_t qos;

    out->id = get_id(&r);
    out->list = rd_rest(&r);
    if (r.bad || out->list.len == 0) /* 3.8.3, 3.10.3: at least one */
        return false;
    struct bytes rest = out->list;
    while (rest.len)
        if (!mqtt_next_filter(type, &rest, &filter, &qos))
            return false;
    return true;
}

static bool decode_suback(struct bytes in, struct mqtt_filters *out)
{
    struct rd r = rd_over(in);

    out->id = get_id(&r);
    out->list = rd_rest(&r);
    for (size_t i = 0; i < out->list.len; i++)
        if (out->list.at[i] > 2 && out->list.at[i] != 0x80) /* 3.9.3 */
            return false;
    return !r.bad && out->list.len > 0;
}

static bool decode_id(struct bytes in, uint16_t *id)
{
    struct rd r = rd_over(in);

    *id = get_id(&r);
    return !r.bad && rd_left(&r) == 0;
}

/* 2.2.2: the flags that a type has, but PUBLISH. */
static uint8_t flags_of(enum mqtt_type type)
{
    return type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2 : 0;
}

static bool decode_body(uint8_t flags, struct bytes in, struct mqtt_packet *out)
{
    switch (out->type) {
    case MQTT_CONNECT:
        return decode_connect(in, &out->connect);
    case MQTT_CONNACK:
        return decode_connack(in, out);
    case MQTT_PUBLISH:
        return decode_publish(flags, in, &out->publish);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK:
        return decode_id(in, &out->id);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return decode_filters(out->type, in, &out->filters);
    case MQTT_SUBACK:
        return decode_suback(in, &out->filters);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
        return in.len == 0;
    }
    return false;
}

enum mqtt_answer mqtt_decode(struct bytes in, size_t max, struct mqtt_packet *out, size_t *used)
{
    size_t remaining = 0, head = 1;

    if (in.len == 0)
        return MQTT_MORE;
    uint8_t type = in.at[0] >> 4, flags = in.at[0] & 15;
    if (type < MQTT_CONNECT || type > MQTT_DISCONNECT)
        return MQTT_MALFORMED;
    struct mqtt_packet p = {.type = (enum mqtt_type)type};
    if (p.type != MQTT_PUBLISH && flags != flags_of(p.type))
        return MQTT_MALFORMED;
    for (bool more = true; more; head++) {
        if (head > 4)
            return MQTT_MALFORMED;
        if (head == in.len)
            return MQTT_MORE;
        remaining |= (size_t)(in.at[head] & 127) << 7 * (head - 1);
        more = in.at[head] & 128;
    }
    if (head + remaining > max)
        return MQTT_TOO_LARGE;
    if (in.len - head < remaining)
        return MQTT_MORE;
    if (!decode_body(flags, bytes_of(in.at + head, remaining), &p))
        return MQTT_MALFORMED;
    *out = p;
    *used = head + remaining;
    return MQTT_PACKET;
}

static void put_head(struct buf *b, enum mqtt_type type, uint8_t flags, size_t remaining)
{
    if (remaining > REMAINING_MAX) {
        b->bad = true;
        return;
    }
    buf_put_u8(b, (uint8_t)(type << 4 | flags));
    do {
        uint8_t seven = remaining & 127;
        remaining >>= 7;
        buf_put_u8(b, remaining ? seven | 128 : seven);
    } while (remaining);
}

static void put_str16(struct buf *b, struct bytes text)
{
    if (text.len > UINT16_MAX) {
        b->bad = true;
        return;
    }
    buf_put_u16(b, (uint16_t)text.len);
    buf_put(b, text);
}

static size_t str16_len(struct bytes text)
{
    return text.at ? 2 + text.len : 0;
}

void mqtt_put_connect(struct buf *b, const struct mqtt_connect *c)
{
    uint8_t flags = (uint8_t)(c->clean << 1);

    if (c->will_topic.at)
        flags |= (uint8_t)(0x04 | c->will_qos << 3 | c->will_retain << 5);
    if (c->user.at)
        flags |= 0x80;
    if (c->password.at)
        flags |= 0x40;
    put_head(b, MQTT_CONNECT, 0,
             10 + 2 + c->client_id.len + (c->will_topic.at ? 4 + c->will_topic.len + c->will_body.len : 0) +
                 str16_len(c->user) + str16_len(c->password));
    put_str16(b, BYTES("MQTT"));
    buf_put_u8(b, 4);
    buf_put_u8(b, flags);
    buf_put_u16(b, c->keep_alive_s);
    put_str16(b, c->client_id);
    if (c->will_topic.at) {
        put_str16(b, c->will_topic);
        put_str16(b, c->will_body);
    }
    if (c->user.at)
        put_str16(b, c->user);
    if (c->password.at)
        put_str16(b, c->password);
}

void mqtt_put_connack(struct buf *b, bool session_present, enum mqtt_code code)
{
    put_head(b, MQTT_CONNACK, 0, 2);
    buf_put_u8(b, session_present && code == MQTT_ACCEPTED);
    buf_put_u8(b, (uint8_t)code);
}

void mqtt_put_publish(struct buf *b, const struct mqtt_publish *p)
{
    uint8_t flags = (uint8_t)(p->dup << 3 | p->qos << 1 | p->retain);

    put_head(b, MQTT_PUBLISH, flags, 2 + p->topic.len + (p->qos ? 2 : 0) + p->body.len);
    put_str16(b, p->topic);
    if (p->qos)
        buf_put_u16(b, p->id);
    buf_put(b, p->body);
}

void mqtt_put_ack(struct buf *b, enum mqtt_type type, uint16_t id)
{
    put_head(b, type, flags_of(type), 2);
    buf_put_u16(b, id);
}

void mqtt_put_subscribe(struct buf *b, uint16_t id, struct bytes filter, uint8_t qos)
{
    put_head(b, MQTT_SUBSCRIBE, 2, 2 + 2 + filter.len + 1);
    buf_put_u16(b, id);
    put_str16(b, filter);
    buf_put_u8(b, qos);
}

void mqtt_put_suback(struct buf *b, uint16_t id, const uint8_t *codes, size_t n)
{
    put_head(b, MQTT_SUBACK, 0, 2 + n);
    buf_put_u16(b, id);
    buf_put(b, bytes_of(codes, n));
}

void mqtt_put_unsubscribe(struct buf *b, uint16_t id, struct bytes filter)
{
    put_head(b, MQTT_UNSUBSCRIBE, 2, 2 + 2 + filter.len);
    buf_put_u16(b, id);
    put_str16(b, filter);
}

void mqtt_put_empty(struct buf *b, enum mqtt_type type)
{
    put_head(b, type, 0, 0);
}

void mqtt_put_reason(struct buf *b, uint8_t reason)
{
    put_head(b, MQTT_DISCONNECT, 0, 1);
    buf_put_u8(b, reason);
}

enum mqtt_answer mqtt_decode_reason(struct bytes in, uint8_t *reason, size_t *used)
{
    static const uint8_t head[] = {MQTT_DISCONNECT << 4, 1};
    struct bytes both = bytes_first(in, sizeof head);

    if (!bytes_eq(both, bytes_of(head, both.len)))
        return MQTT_MALFORMED;
    if (in.len <= sizeof head)
        return MQTT_MORE;
    *reason = in.at[sizeof head];
    *used = sizeof head + 1;
    return MQTT_PACKET;
}
