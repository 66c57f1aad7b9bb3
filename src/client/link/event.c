#include "event.h"

static void take_annotation(struct message_room *r, const struct amqp_value *key, const struct amqp_value *value,
                            void *ctx)
{
    struct d2d_event *out = ctx;
    int64_t number;

    if (key_is(key, "x-opt-offset"))
        out->offset = room_keep_value(r, value);
    else if (key_is(key, "iothub-connection-device-id"))
        out->device = room_keep_value(r, value);
    else if (key_is(key, "iothub-connection-module-id"))
        out->module = room_keep_value(r, value);
    else if (key_is(key, "x-opt-sequence-number") && amqp_value_integer(value, &number))
        out->sequence = number;
    else if (key_is(key, "x-opt-enqueued-time") && amqp_value_integer(value, &number))
        out->enqueued_ms = number;
}

static void take_property(struct message_room *r, const struct amqp_value *key, const struct amqp_value *value,
                          void *ctx)
{
    struct d2d_event *out = ctx;

    room_add_property(r, &out->n_properties, room_keep_value(r, key), room_keep_value(r, value));
}

enum err event_view(struct message_room *r, const char *partition, struct d2d_event *out)
{
    const struct amqp_value *fields = r->message.fields;
    enum err e = room_decode(r);
    struct bytes body;

    if (e)
        return e;
    *out = (struct d2d_event){.partition = partition,
                              .sequence = -1,
                              .offset = "",
                              .device = "",
                              .module = "",
                              .message_id = room_keep_value(r, &fields[AMQP_MESSAGE_ID]),
                              .correlation_id = room_keep_value(r, &fields[AMQP_CORRELATION_ID]),
                              .user_id = room_keep_value(r, &fields[AMQP_USER_ID]),
                              .content_type = room_keep_value(r, &fields[AMQP_CONTENT_TYPE]),
                              .content_encoding = room_keep_value(r, &fields[AMQP_CONTENT_ENCODING]),
                              .properties = r->properties};
    room_each(r, &r->message.annotations, take_annotation, out);
    room_each(r, &r->message.properties, take_property, out);
    body = room_body(r);
    out->body = body.at;
    out->body_len = body.len;
    return r->text.bad ? ERR_MALFORMED : OK;
}
