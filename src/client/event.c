#include "event.h"

#include <inttypes.h>

/* Texts of numbers, and the NUL behind each text, beyond what the message itself has. */
enum { TEXT_MORE = 64 * PROPS_MAX };

enum err event_room_open(struct event_room *r)
{
    *r = (struct event_room){.raw = buf_max(AMQP_MESSAGE_MAX), .text = buf_max(2 * AMQP_MESSAGE_MAX + TEXT_MORE)};
    r->message = pn_message();
    return r->message ? OK : ERR_MEMORY;
}

void event_room_close(struct event_room *r)
{
    if (r->message)
        pn_message_free(r->message);
    buf_free(&r->raw);
    buf_free(&r->text);
}

/* The room was reserved, so that texts do not move. */
static const char *keep(struct event_room *r, pn_bytes_t b)
{
    size_t at = r->text.len;

    buf_put(&r->text, bytes_of(b.start, b.size));
    buf_put_u8(&r->text, 0);
    return r->text.bad ? "" : (const char *)r->text.at + at;
}

static const char *keep_number(struct event_room *r, int64_t value)
{
    size_t at = r->text.len;

    buf_printf(&r->text, "%" PRId64, value);
    buf_put_u8(&r->text, 0);
    return r->text.bad ? "" : (const char *)r->text.at + at;
}

static const char *keep_atom(struct event_room *r, pn_atom_t a)
{
    switch (a.type) {
    case PN_STRING:
    case PN_SYMBOL:
    case PN_BINARY:
        return keep(r, a.u.as_bytes);
    case PN_BOOL:
        return a.u.as_bool ? "true" : "false";
    case PN_BYTE:
        return keep_number(r, a.u.as_byte);
    case PN_UBYTE:
        return keep_number(r, a.u.as_ubyte);
    case PN_SHORT:
        return keep_number(r, a.u.as_short);
    case PN_USHORT:
        return keep_number(r, a.u.as_ushort);
    case PN_INT:
        return keep_number(r, a.u.as_int);
    case PN_UINT:
        return keep_number(r, a.u.as_uint);
    case PN_LONG:
        return keep_number(r, a.u.as_long);
    case PN_ULONG:
        return keep_number(r, (int64_t)a.u.as_ulong);
    case PN_TIMESTAMP:
        return keep_number(r, a.u.as_timestamp);
    default:
        return "";
    }
}

static bool is(pn_atom_t key, const char *name)
{
    return (key.type == PN_SYMBOL || key.type == PN_STRING) &&
           bytes_eq(bytes_of(key.u.as_bytes.start, key.u.as_bytes.size), bytes_str(name));
}

static void take_annotation(struct event_room *r, pn_atom_t key, pn_atom_t value, struct d2d_event *out)
{
    if (is(key, "x-opt-sequence-number") && value.type == PN_LONG)
        out->sequence = value.u.as_long;
    else if (is(key, "x-opt-offset"))
        out->offset = keep_atom(r, value);
    else if (is(key, "x-opt-enqueued-time") && value.type == PN_TIMESTAMP)
        out->enqueued_ms = value.u.as_timestamp;
    else if (is(key, "iothub-connection-device-id"))
        out->device = keep_atom(r, value);
}

static void take_annotations(struct event_room *r, struct d2d_event *out)
{
    pn_data_t *map = pn_message_annotations(r->message);

    pn_data_rewind(map);
    if (!pn_data_next(map) || pn_data_type(map) != PN_MAP)
        return;
    pn_data_enter(map);
    while (pn_data_next(map)) {
        pn_atom_t key = pn_data_get_atom(map);

        if (!pn_data_next(map))
            break;
        take_annotation(r, key, pn_data_get_atom(map), out);
    }
}

static void take_properties(struct event_room *r, struct d2d_event *out)
{
    pn_data_t *map = pn_message_properties(r->message);

    pn_data_rewind(map);
    out->properties = r->properties;
    if (!pn_data_next(map) || pn_data_type(map) != PN_MAP)
        return;
    pn_data_enter(map);
    while (out->n_properties < PROPS_MAX && pn_data_next(map)) {
        pn_atom_t key = pn_data_get_atom(map);

        if (!pn_data_next(map))
            break;
        r->properties[out->n_properties++] =
            (struct d2d_property){keep_atom(r, key), keep_atom(r, pn_data_get_atom(map))};
    }
}

static const char *keep_text(struct event_room *r, const char *text)
{
    return text ? keep(r, pn_bytes(strlen(text), text)) : "";
}

static void take_system(struct event_room *r, struct d2d_event *out)
{
    out->message_id = keep_atom(r, pn_message_get_id(r->message));
    out->correlation_id = keep_atom(r, pn_message_get_correlation_id(r->message));
    out->user_id = keep(r, pn_message_get_user_id(r->message));
    out->content_type = keep_text(r, pn_message_get_content_type(r->message));
    out->content_encoding = keep_text(r, pn_message_get_content_encoding(r->message));
}

static void take_body(struct event_room *r, struct d2d_event *out)
{
    pn_data_t *body = pn_message_body(r->message);

    out->body = "";
    pn_data_rewind(body);
    if (pn_data_next(body) && (pn_data_type(body) == PN_BINARY || pn_data_type(body) == PN_STRING)) {
        pn_bytes_t b = pn_data_get_bytes(body);

        out->body = b.size ? b.start : "";
        out->body_len = b.size;
    }
}

enum err event_view(struct event_room *r, const char *partition, struct d2d_event *out)
{
    *out = (struct d2d_event){.partition = partition, .sequence = -1, .offset = "", .device = ""};
    pn_message_clear(r->message);
    if (pn_message_decode(r->message, (const char *)r->raw.at, r->raw.len))
        return ERR_MALFORMED;
    buf_clear(&r->text);
    if (!buf_reserve(&r->text, r->raw.len + TEXT_MORE))
        return ERR_MEMORY;
    take_annotations(r, out);
    take_system(r, out);
    take_properties(r, out);
    take_body(r, out);
    return r->text.bad ? ERR_MALFORMED : OK;
}
