#include "message_room.h"

/* Texts of numbers, and the NUL behind each text, beyond what the message itself has. */
enum { TEXT_MORE = (AMQP_SCALAR_CAP + 16) * PROPS_MAX };

void room_init(struct message_room *r)
{
    *r = (struct message_room){.raw = buf_max(AMQP_MESSAGE_MAX), .text = buf_max(2 * AMQP_MESSAGE_MAX + TEXT_MORE)};
}

void room_close(struct message_room *r)
{
    buf_free(&r->raw);
    buf_free(&r->text);
}

enum err room_begin(struct message_room *r, size_t len)
{
    buf_clear(&r->text);
    return buf_reserve(&r->text, len + TEXT_MORE) ? OK : ERR_MEMORY;
}

const char *room_keep(struct message_room *r, struct bytes b)
{
    size_t at = r->text.len;

    buf_put(&r->text, b);
    buf_put_u8(&r->text, 0);
    return r->text.bad ? "" : (const char *)r->text.at + at;
}

const char *room_keep_value(struct message_room *r, const struct amqp_value *v)
{
    char text[AMQP_SCALAR_CAP];

    if (amqp_value_is_bytes(v))
        return room_keep(r, v->raw);
    return amqp_value_scalar(v, text) ? room_keep(r, bytes_str(text)) : "";
}

void room_add_property(struct message_room *r, size_t *n, const char *name, const char *value)
{
    if (*n < PROPS_MAX)
        r->properties[(*n)++] = (struct d2d_property){name, value};
}

enum err room_decode(struct message_room *r)
{
    enum err e = amqp_message_read(buf_bytes(&r->raw), &r->message);

    return e ? e : room_begin(r, 2 * r->raw.len);
}

void room_each(struct message_room *r, const struct amqp_value *map, room_pair *each, void *ctx)
{
    struct amqp_pairs pairs = amqp_pairs_of(map);
    struct amqp_value key, value;

    while (amqp_pairs_next(&pairs, &key, &value))
        each(r, &key, &value, ctx);
}

bool key_is(const struct amqp_value *key, const char *name)
{
    return amqp_value_is_text(key) && bytes_eq(key->raw, bytes_str(name));
}

struct bytes room_body(struct message_room *r)
{
    size_t at = r->text.len;

    if (r->message.n_data < 2)
        return r->message.body.len ? r->message.body : BYTES("");
    amqp_message_join(buf_bytes(&r->raw), &r->text);
    return r->text.bad || r->text.len == at ? BYTES("") : bytes_of(r->text.at + at, r->text.len - at);
}
