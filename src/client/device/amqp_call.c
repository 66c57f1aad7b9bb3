/* Direct methods over AMQP (device 3.5, 3.8): a link that brings them and one that takes the answers, paired by a text
 * of ours. */
#include "device_amqp.h"

#include "list.h"
#include "sections.h"

void device_amqp_pair(pn_link_t *l, const char *id)
{
    const struct prop properties[] = {{BYTES("com.microsoft:api-version"), BYTES("2021-04-12")},
                                      {BYTES("com.microsoft:channel-correlation-id"), bytes_str(id)}};

    amqp_link_describe(l, properties, 2);
}

void device_amqp_listen_to_calls(struct device_amqp *m, const char *address)
{
    m->answers = amqp_link(&m->amqp, true, address, "d2d");
    m->calls = amqp_link(&m->amqp, false, address, "d2d");
    device_amqp_pair(m->answers, m->side->id);
    device_amqp_pair(m->calls, m->side->id);
    pn_link_open(m->answers);
    pn_link_open(m->calls);
    pn_link_flow(m->calls, ASKED_MAX);
}

static const struct asked *remember(struct device_amqp *m)
{
    const struct amqp_value *id = &m->room.message.fields[AMQP_CORRELATION_ID];

    if (!id->raw.len || (id->code != AMQP_UUID && !amqp_value_is_text(id)))
        return NULL;
    return asked_add(&m->side->asked, id->raw, id->code == AMQP_UUID);
}

void device_amqp_take_call(struct device_amqp *m, pn_delivery_t *d)
{
    struct device_side *side = m->side;
    struct amqp_value method;
    struct bytes payload;
    const struct asked *a;

    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    pn_link_flow(m->calls, 1);
    if (room_decode(&m->room) || !amqp_map_find(&m->room.message.properties, BYTES("IoThub-methodname"), &method) ||
        !amqp_value_is_text(&method) || !(a = remember(m)))
        return; /* its caller hears that there was no answer */
    payload = room_body(&m->room);
    side->call(side->ctx, &(struct d2d_call){.id = a->id,
                                             .method = room_keep(&m->room, method.raw),
                                             .payload = payload.len ? payload.at : NULL,
                                             .payload_len = payload.len});
}

/* The correlation id stands alone among the properties, as it came. */
static void put_correlation(const struct asked *a, struct buf *out)
{
    size_t list;

    section_begin(out, SECTION_PROPERTIES);
    list = put_list_begin(out);
    for (int i = 0; i < AMQP_CORRELATION_ID; i++)
        buf_put_u8(out, AMQP_NULL);
    if (a->uuid)
        put_uuid(out, a->name);
    else
        put_str(out, bytes_of(a->name, a->len));
    put_compound_end(out, list, AMQP_CORRELATION_ID + 1);
}

static enum err put_answer(const struct asked *a, int status, struct bytes payload, struct buf *out)
{
    size_t map;

    put_correlation(a, out);
    section_begin(out, SECTION_APPLICATION_PROPERTIES);
    map = put_map_begin(out);
    put_str(out, BYTES("IoThub-status"));
    put_int(out, status);
    put_compound_end(out, map, 2);
    put_data_head(out, payload.len);
    buf_put(out, payload);
    return buf_check(out);
}

enum err device_amqp_answer(struct device_amqp *m, const struct asked *a, int status, struct bytes payload)
{
    struct buf out = buf_max(CALL_PAYLOAD_MAX + 1024);
    uint64_t tag = m->amqp.seed++;
    enum err e = put_answer(a, status, payload, &out);

    if (!e && !amqp_send(&m->amqp, m->answers, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(&out), true))
        e = ERR_CLOSED;
    buf_free(&out);
    return e;
}
