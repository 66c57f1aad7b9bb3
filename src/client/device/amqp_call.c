/* Direct methods over AMQP (device 3.5, 3.8): a link that brings them and one that takes the answers, paired by a text
 * of ours. */
#include "device_amqp.h"

#include "list.h"

static void pair(pn_link_t *l, const char *id)
{
    pn_data_t *p = pn_link_properties(l);

    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_symbol(p, pn_bytes(strlen("com.microsoft:api-version"), "com.microsoft:api-version"));
    pn_data_put_string(p, pn_bytes(strlen("2021-04-12"), "2021-04-12"));
    pn_data_put_symbol(
        p, pn_bytes(strlen("com.microsoft:channel-correlation-id"), "com.microsoft:channel-correlation-id"));
    pn_data_put_string(p, pn_bytes(strlen(id), id));
    pn_data_exit(p);
}

void device_amqp_listen_to_calls(struct device_amqp *m, const char *address)
{
    m->answers = amqp_link(&m->amqp, true, address, "d2d");
    m->calls = amqp_link(&m->amqp, false, address, "d2d");
    pair(m->answers, m->side->id);
    pair(m->calls, m->side->id);
    pn_link_open(m->answers);
    pn_link_open(m->calls);
    pn_link_flow(m->calls, ASKED_MAX);
}

static void on_property(struct message_room *room, pn_atom_t key, pn_atom_t value, void *ctx)
{
    const char **method = ctx;

    if (atom_is(key, "IoThub-methodname"))
        *method = room_keep_atom(room, value);
}

static const struct asked *remember(struct device_amqp *m)
{
    pn_atom_t id = pn_message_get_correlation_id(m->room.message);
    struct bytes name = id.type == PN_UUID     ? bytes_of(id.u.as_uuid.bytes, sizeof id.u.as_uuid.bytes)
                        : id.type == PN_STRING ? bytes_of(id.u.as_bytes.start, id.u.as_bytes.size)
                                               : NO_BYTES;

    return name.len ? asked_add(&m->side->asked, name, id.type == PN_UUID) : NULL;
}

void device_amqp_take_call(struct device_amqp *m, pn_delivery_t *d)
{
    struct device_side *side = m->side;
    const char *method = NULL;
    const struct asked *a = NULL;

    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    pn_link_flow(m->calls, 1);
    if (room_decode(&m->room) || room_begin(&m->room, m->room.raw.len))
        return; /* its caller hears that there was no answer */
    room_each(&m->room, pn_message_properties(m->room.message), on_property, &method);
    struct bytes payload = room_body(&m->room);
    if (method && (a = remember(m)))
        side->call(side->ctx, &(struct d2d_call){.id = a->id,
                                                 .method = method,
                                                 .payload = payload.len ? payload.at : NULL,
                                                 .payload_len = payload.len});
}

static enum err encode(pn_message_t *message, const struct asked *a, int status, struct bytes payload, struct buf *out)
{
    pn_data_t *p = pn_message_properties(message);
    pn_msgid_t id = {.type = a->uuid ? PN_UUID : PN_STRING};
    size_t len = payload.len + 512;

    if (a->uuid)
        memcpy(id.u.as_uuid.bytes, a->name, sizeof id.u.as_uuid.bytes);
    else
        id.u.as_bytes = pn_bytes(a->len, (const char *)a->name);
    if (!buf_reserve(out, len))
        return ERR_MEMORY;
    pn_message_set_correlation_id(message, id);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_string(p, pn_bytes(strlen("IoThub-status"), "IoThub-status"));
    pn_data_put_int(p, status);
    pn_data_exit(p);
    pn_data_put_binary(pn_message_body(message), pn_bytes(payload.len, (const char *)payload.at));
    pn_message_set_inferred(message, true);
    if (pn_message_encode(message, (char *)out->at, &len))
        return ERR_MEMORY;
    out->len = len;
    return OK;
}

enum err device_amqp_answer(struct device_amqp *m, const struct asked *a, int status, struct bytes payload)
{
    struct buf out = buf_max(CALL_PAYLOAD_MAX + 1024);
    pn_message_t *message = pn_message();
    uint64_t tag = m->amqp.seed++;
    enum err e = message ? encode(message, a, status, payload, &out) : ERR_MEMORY;

    if (!e && !amqp_send(&m->amqp, m->answers, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(&out), true))
        e = ERR_CLOSED;
    pn_message_free(message);
    buf_free(&out);
    return e;
}
