#include "message_room.h"

#include <inttypes.h>
#include <stdio.h>

/* Texts of numbers, and the NUL behind each text, beyond what the message itself has. */
enum { TEXT_MORE = 64 * PROPS_MAX };

enum err room_open(struct message_room *r)
{
    *r = (struct message_room){.raw = buf_max(AMQP_MESSAGE_MAX), .text = buf_max(2 * AMQP_MESSAGE_MAX + TEXT_MORE)};
    r->message = pn_message();
    return r->message ? OK : ERR_MEMORY;
}

void room_close(struct message_room *r)
{
    if (r->message)
        pn_message_free(r->message);
    buf_free(&r->raw);
    buf_free(&r->text);
    r->message = NULL;
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

const char *room_keep_str(struct message_room *r, const char *text)
{
    return text ? room_keep(r, bytes_str(text)) : "";
}

static const char *keep_number(struct message_room *r, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    return room_keep(r, bytes_str(text));
}

static const char *keep_uuid(struct message_room *r, pn_uuid_t uuid)
{
    const uint8_t *at = (const uint8_t *)uuid.bytes;
    char text[37];
    size_t n = 0;

    for (size_t i = 0; i < sizeof uuid.bytes; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                              at[i]);
    return room_keep(r, bytes_str(text));
}

const char *room_keep_atom(struct message_room *r, pn_atom_t a)
{
    switch (a.type) {
    case PN_STRING:
    case PN_SYMBOL:
    case PN_BINARY:
        return room_keep(r, bytes_of(a.u.as_bytes.start, a.u.as_bytes.size));
    case PN_UUID:
        return keep_uuid(r, a.u.as_uuid);
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

enum err room_decode(struct message_room *r)
{
    pn_message_clear(r->message);
    if (pn_message_decode(r->message, (const char *)r->raw.at, r->raw.len))
        return ERR_MALFORMED;
    return room_begin(r, r->raw.len);
}

void room_each(struct message_room *r, pn_data_t *map,
               void (*each)(struct message_room *, pn_atom_t key, pn_atom_t value, void *ctx), void *ctx)
{
    pn_data_rewind(map);
    if (!pn_data_next(map) || pn_data_type(map) != PN_MAP)
        return;
    pn_data_enter(map);
    while (pn_data_next(map)) {
        pn_atom_t key = pn_data_get_atom(map);

        if (!pn_data_next(map))
            return;
        each(r, key, pn_data_get_atom(map), ctx);
    }
}

bool atom_is(pn_atom_t key, const char *name)
{
    return (key.type == PN_SYMBOL || key.type == PN_STRING) &&
           bytes_eq(bytes_of(key.u.as_bytes.start, key.u.as_bytes.size), bytes_str(name));
}

struct bytes room_body(struct message_room *r)
{
    pn_data_t *body = pn_message_body(r->message);

    pn_data_rewind(body);
    if (pn_data_next(body) && (pn_data_type(body) == PN_BINARY || pn_data_type(body) == PN_STRING)) {
        pn_bytes_t b = pn_data_get_bytes(body);

        if (b.size)
            return bytes_of(b.start, b.size);
    }
    return BYTES("");
}
