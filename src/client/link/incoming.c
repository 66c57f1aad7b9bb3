#include "incoming.h"

#include "bag.h"
#include "text.h"

static const struct d2d_c2d nothing = {
    .message_id = "", .correlation_id = "", .user_id = "", .content_type = "", .content_encoding = "", .body = ""};

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

/* devices/{d}/messages/devicebound/{bag} */
static bool find_bag(struct bytes topic, struct bytes device, struct bytes *bag)
{
    *bag = topic;
    return take(bag, BYTES("devices/")) && take(bag, device) && take(bag, BYTES("/messages/devicebound")) &&
           (!bag->len || take(bag, BYTES("/")));
}

bool incoming_is_ours(struct bytes device, struct bytes topic)
{
    struct bytes bag;

    return find_bag(topic, device, &bag);
}

/* device 6.2: the names of system properties. False: it is none. */
static bool take_system(struct message_room *r, const struct bag_pair *pair, struct d2d_c2d *out)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"$.mid", &out->message_id},
                 {"$.cid", &out->correlation_id},
                 {"$.uid", &out->user_id},
                 {"$.ct", &out->content_type},
                 {"$.ce", &out->content_encoding}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (bytes_eq(pair->name, bytes_str(texts[i].name))) {
            *texts[i].to = room_keep(r, pair->value);
            return true;
        }
    }
    if (bytes_eq(pair->name, BYTES("iothub-ack"))) {
        out->ack = ack_of(pair->value);
        return true;
    }
    if (bytes_eq(pair->name, BYTES("$.exp")) && iso_time_parse(pair->value, &out->expiry_ms))
        out->expiry_ms = 0;
    return bytes_starts(pair->name, BYTES("$."));
}

enum err incoming_mqtt(struct message_room *r, struct bytes device, struct bytes topic, struct bytes body,
                       struct d2d_c2d *out)
{
    struct bag_room room;
    struct bag_pair pair;
    struct bytes bag;
    enum err e;

    if (!find_bag(topic, device, &bag))
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
    while (bag_next(&bag, &room, &pair))
        if (!take_system(r, &pair, out) && out->n_properties < PROPS_MAX)
            r->properties[out->n_properties++] =
                (struct d2d_property){room_keep(r, pair.name), room_keep(r, pair.value)};
    out->body = body.len ? body.at : BYTES("").at;
    out->body_len = body.len;
    return r->text.bad ? ERR_TOO_LARGE : OK;
}

/* ---- AMQP ------------------------------------------------------------------------------------------------------ */

static void take_annotation(struct message_room *r, pn_atom_t key, pn_atom_t value, void *ctx)
{
    struct d2d_c2d *out = ctx;

    (void)r;
    if (atom_is(key, "iothub-enqueuedtime") && value.type == PN_TIMESTAMP)
        out->enqueued_ms = value.u.as_timestamp;
    else if (atom_is(key, "iothub-deliverycount") && value.type == PN_UBYTE)
        out->deliveries = value.u.as_ubyte;
}

static void take_property(struct message_room *r, pn_atom_t key, pn_atom_t value, void *ctx)
{
    struct d2d_c2d *out = ctx;

    if (atom_is(key, "iothub-ack"))
        out->ack = ack_of(bytes_str(room_keep_atom(r, value)));
    else if (out->n_properties < PROPS_MAX)
        r->properties[out->n_properties++] = (struct d2d_property){room_keep_atom(r, key), room_keep_atom(r, value)};
}

enum err incoming_amqp(struct message_room *r, struct d2d_c2d *out)
{
    enum err e = room_decode(r);
    pn_message_t *m = r->message;
    struct bytes body;
    pn_bytes_t user;

    if (e)
        return e;
    *out = nothing;
    out->properties = r->properties;
    out->message_id = room_keep_atom(r, pn_message_get_id(m));
    out->correlation_id = room_keep_atom(r, pn_message_get_correlation_id(m));
    user = pn_message_get_user_id(m);
    out->user_id = room_keep(r, bytes_of(user.start, user.size));
    out->content_type = room_keep_str(r, pn_message_get_content_type(m));
    out->content_encoding = room_keep_str(r, pn_message_get_content_encoding(m));
    out->expiry_ms = pn_message_get_expiry_time(m);
    room_each(r, pn_message_annotations(m), take_annotation, out);
    room_each(r, pn_message_properties(m), take_property, out);
    body = room_body(r);
    out->body = body.at;
    out->body_len = body.len;
    return r->text.bad ? ERR_MALFORMED : OK;
}
