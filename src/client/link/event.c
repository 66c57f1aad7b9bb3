#include "event.h"

static void take_annotation(struct message_room *r, pn_atom_t key, pn_atom_t value, void *ctx)
{
    struct d2d_event *out = ctx;

    if (atom_is(key, "x-opt-sequence-number") && value.type == PN_LONG)
        out->sequence = value.u.as_long;
    else if (atom_is(key, "x-opt-offset"))
        out->offset = room_keep_atom(r, value);
    else if (atom_is(key, "x-opt-enqueued-time") && value.type == PN_TIMESTAMP)
        out->enqueued_ms = value.u.as_timestamp;
    else if (atom_is(key, "iothub-connection-device-id"))
        out->device = room_keep_atom(r, value);
}

static void take_property(struct message_room *r, pn_atom_t key, pn_atom_t value, void *ctx)
{
    struct d2d_event *out = ctx;

    if (out->n_properties < PROPS_MAX)
        r->properties[out->n_properties++] = (struct d2d_property){room_keep_atom(r, key), room_keep_atom(r, value)};
}

static void take_system(struct message_room *r, struct d2d_event *out)
{
    pn_bytes_t user = pn_message_get_user_id(r->message);

    out->message_id = room_keep_atom(r, pn_message_get_id(r->message));
    out->correlation_id = room_keep_atom(r, pn_message_get_correlation_id(r->message));
    out->user_id = room_keep(r, bytes_of(user.start, user.size));
    out->content_type = room_keep_str(r, pn_message_get_content_type(r->message));
    out->content_encoding = room_keep_str(r, pn_message_get_content_encoding(r->message));
}

enum err event_view(struct message_room *r, const char *partition, struct d2d_event *out)
{
    enum err e = room_decode(r);
    struct bytes body;

    if (e)
        return e;
    *out = (struct d2d_event){
        .partition = partition, .sequence = -1, .offset = "", .device = "", .properties = r->properties};
    room_each(r, pn_message_annotations(r->message), take_annotation, out);
    take_system(r, out);
    room_each(r, pn_message_properties(r->message), take_property, out);
    body = room_body(r);
    out->body = body.at;
    out->body_len = body.len;
    return r->text.bad ? ERR_MALFORMED : OK;
}
