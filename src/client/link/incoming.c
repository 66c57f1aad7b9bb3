#include "incoming.h"

#include "bag.h"
#include "properties.h"
#include "text.h"

static const struct d2d_c2d nothing = {.message_id = "",
                                       .correlation_id = "",
                                       .user_id = "",
                                       .content_type = "",
                                       .content_encoding = "",
                                       .input = "",
                                       .body = ""};

static enum d2d_ack ack_of(struct bytes text)
{
    enum d2d_ack a = D2D_ACK_FULL;

    while (a != D2D_ACK_NONE && !bytes_eq_nocase(text, bytes_str(d2d_ack_text(a))))
        a--;
    return a;
}

/* ---- MQTT ------------------------------------------------------------------------------------------------------ */

static bool take(struct bytes *rest, struct bytes what)
{
    bool is = bytes_starts(*rest, what);

    if (is)
        *rest = bytes_skip(*rest, what.len);
    return is;
}

/* {path}/messages/devicebound/{bag}, {path}/inputs/{input}/{bag} (device 2.10) */
static bool find_bag(struct bytes topic, const char *path, struct bytes *input, struct bytes *bag)
{
    *bag = topic;
    *input = NO_BYTES;
    if (!take(bag, bytes_str(path)))
        return false;
    if (take(bag, BYTES("/inputs/"))) {
        *input = bytes_cut(bag, '/');
        return true;
    }
    return take(bag, BYTES("/messages/devicebound")) && (!bag->len || take(bag, BYTES("/")));
}

bool incoming_is_ours(const char *path, struct bytes topic)
{
    struct bytes bag, input;

    return find_bag(topic, path, &input, &bag);
}

/* device 6.2: the names of system properties. False: it is none. */
static bool take_system(struct message_room *r, const struct bag_pair *pair, struct d2d_c2d *out)
{
    const char **const texts[PROPERTIES] = {[PROPERTY_MESSAGE_ID] = &out->message_id,
                                            [PROPERTY_CORRELATION_ID] = &out->correlation_id,
                                            [PROPERTY_USER_ID] = &out->user_id,
                                            [PROPERTY_CONTENT_TYPE] = &out->content_type,
                                            [PROPERTY_CONTENT_ENCODING] = &out->content_encoding};
    enum property which = property_named(IN_DEVICE_TOPIC, pair->name);

    if (which == PROPERTY_ACK) {
        out->ack = ack_of(pair->value);
        return true;
    }
    if (which != PROPERTIES && texts[which]) {
        *texts[which] = room_keep(r, pair->value);
        return true;
    }
    if (bytes_eq(pair->name, BYTES("$.exp")) && iso_time_parse(pair->value, &out->expiry_ms))
        out->expiry_ms = 0;
    return bytes_starts(pair->name, BYTES("$."));
}

enum err incoming_mqtt(struct message_room *r, const char *path, struct bytes topic, struct bytes body,
                       struct d2d_c2d *out)
{
    struct bag_room room;
    struct bag_pair pair;
    struct bytes bag, input;
    enum err e;

    if (!find_bag(topic, path, &input, &bag))
        return ERR_MALFORMED;
    buf_clear(&r->raw);
    room.left = bag.len;
    room.at = buf_grow(&r->raw, bag.len + 1);
    if (!room.at)
        return ERR_MEMORY;
    if ((e = room_begin(r, topic.len)))
        return e;
    *out = nothing;
    out->properties = r->properties;
    out->input = room_keep(r, input);
    while (bag_next(&bag, &room, &pair))
        if (!take_system(r, &pair, out))
            room_add_property(r, &out->n_properties, room_keep(r, pair.name), room_keep(r, pair.value));
    out->body = body.len ? body.at : BYTES("").at;
    out->body_len = body.len;
    return r->text.bad ? ERR_TOO_LARGE : OK;
}

/* ---- AMQP ------------------------------------------------------------------------------------------------------ */

static void take_annotation(struct message_room *r, const struct amqp_value *key, const struct amqp_value *value,
                            void *ctx)
{
    struct d2d_c2d *out = ctx;
    int64_t number;

    if (key_is(key, "x-opt-input-name"))
        out->input = room_keep_value(r, value);
    if (!amqp_value_integer(value, &number))
        return;
    if (key_is(key, "iothub-enqueuedtime"))
        out->enqueued_ms = number;
    else if (key_is(key, "iothub-deliverycount") && number >= 0 && number <= UINT8_MAX)
        out->deliveries = (unsigned)number;
}

static void take_property(struct message_room *r, const struct amqp_value *key, const struct amqp_value *value,
                          void *ctx)
{
    struct d2d_c2d *out = ctx;

    if (key_is(key, "iothub-ack"))
        out->ack = ack_of(bytes_str(room_keep_value(r, value)));
    else
        room_add_property(r, &out->n_properties, room_keep_value(r, key), room_keep_value(r, value));
}

enum err incoming_amqp(struct message_room *r, struct d2d_c2d *out)
{
    const struct amqp_value *fields = r->message.fields;
    enum err e = room_decode(r);
    struct bytes body;

    if (e)
        return e;
    *out = nothing;
    out->properties = r->properties;
    out->message_id = room_keep_value(r, &fields[AMQP_MESSAGE_ID]);
    out->correlation_id = room_keep_value(r, &fields[AMQP_CORRELATION_ID]);
    out->user_id = room_keep_value(r, &fields[AMQP_USER_ID]);
    out->content_type = room_keep_value(r, &fields[AMQP_CONTENT_TYPE]);
    out->content_encoding = room_keep_value(r, &fields[AMQP_CONTENT_ENCODING]);
    if (!amqp_value_integer(&fields[AMQP_EXPIRY], &out->expiry_ms))
        out->expiry_ms = 0;
    room_each(r, &r->message.annotations, take_annotation, out);
    room_each(r, &r->message.properties, take_property, out);
    body = room_body(r);
    out->body = body.at;
    out->body_len = body.len;
    return r->text.bad ? ERR_MALFORMED : OK;
}
