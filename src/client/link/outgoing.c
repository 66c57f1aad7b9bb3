#include "outgoing.h"

#include "bag.h"
#include "ceilings.h"

#include <proton/message.h>

enum err outgoing_check(const struct d2d_message *m, size_t body_max)
{
    if ((m->body_len && !m->body) || (m->n_properties && !m->properties) || m->ttl_ms < 0 ||
        (unsigned)m->ack > D2D_ACK_FULL)
        return ERR_ARGUMENT;
    if (m->body_len > body_max || m->n_properties > PROPS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < m->n_properties; i++)
        if (!m->properties[i].name || !*m->properties[i].name)
            return ERR_ARGUMENT;
    return OK;
}

/* device 2.9: the names of the system properties. */
static void put_bag(struct buf *topic, const struct d2d_message *m)
{
    const struct {
        const char *name, *value;
    } system[] = {{"$.mid", m->message_id},
                  {"$.cid", m->correlation_id},
                  {"$.uid", m->user_id},
                  {"$.ct", m->content_type},
                  {"$.ce", m->content_encoding}};
    bool first = true;

    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if (!system[i].value)
            continue;
        bag_put(topic, first, bytes_str(system[i].name), bytes_str(system[i].value));
        first = false;
    }
    for (size_t i = 0; i < m->n_properties; i++) {
        bag_put(topic, first, bytes_str(m->properties[i].name), bytes_str(m->properties[i].value));
        first = false;
    }
}

enum err outgoing_topic(const char *device, const struct d2d_message *m, struct buf *out)
{
    d2c_topic_put(out, bytes_str(device));
    put_bag(out, m);
    return buf_check(out);
}

/* ---- AMQP ------------------------------------------------------------------------------------------------------ */

static pn_bytes_t text_of(const char *text)
{
    return pn_bytes(strlen(text), text);
}

static pn_atom_t atom_of(const char *text)
{
    return (pn_atom_t){.type = PN_STRING, .u.as_bytes = text_of(text)};
}

static void put_system(pn_message_t *q, const char *to, const struct d2d_message *m, int64_t wall_ms)
{
    if (m->message_id)
        pn_message_set_id(q, atom_of(m->message_id));
    if (m->correlation_id)
        pn_message_set_correlation_id(q, atom_of(m->correlation_id));
    if (m->user_id)
        pn_message_set_user_id(q, text_of(m->user_id));
    if (m->content_type)
        pn_message_set_content_type(q, m->content_type);
    if (m->content_encoding)
        pn_message_set_content_encoding(q, m->content_encoding);
    if (!to)
        return;
    pn_message_set_address(q, to);
    if (m->ttl_ms)
        pn_message_set_expiry_time(q, m->ttl_ms < INT64_MAX - wall_ms ? wall_ms + m->ttl_ms : INT64_MAX);
}

const char *d2d_ack_text(enum d2d_ack a)
{
    static const char *const texts[] = {[D2D_ACK_NONE] = "none",
                                        [D2D_ACK_POSITIVE] = "positive",
                                        [D2D_ACK_NEGATIVE] = "negative",
                                        [D2D_ACK_FULL] = "full"};

    return (unsigned)a <= D2D_ACK_FULL ? texts[a] : "";
}

static void put_properties(pn_data_t *map, const char *to, const struct d2d_message *m)
{
    bool acked = to && m->ack != D2D_ACK_NONE;

    if (!acked && !m->n_properties)
        return;
    pn_data_put_map(map);
    pn_data_enter(map);
    if (acked) {
        pn_data_put_string(map, text_of("iothub-ack"));
        pn_data_put_string(map, text_of(d2d_ack_text(m->ack)));
    }
    for (size_t i = 0; i < m->n_properties; i++) {
        pn_data_put_string(map, text_of(m->properties[i].name));
        if (m->properties[i].value)
            pn_data_put_string(map, text_of(m->properties[i].value));
        else
            pn_data_put_null(map);
    }
    pn_data_exit(map);
}

/* What Proton adds around the texts and the body of a message. */
static size_t room_for(const struct d2d_message *m)
{
    const char *const texts[] = {m->message_id, m->correlation_id, m->user_id, m->content_type, m->content_encoding};
    size_t n = 1024 + m->body_len;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        n += texts[i] ? strlen(texts[i]) : 0;
    for (size_t i = 0; i < m->n_properties; i++)
        n += 16 + strlen(m->properties[i].name) + (m->properties[i].value ? strlen(m->properties[i].value) : 0);
    return n;
}

enum err outgoing_amqp(const char *to, const struct d2d_message *m, int64_t wall_ms, struct buf *out)
{
    pn_message_t *q = pn_message();
    size_t size = room_for(m) + (to ? strlen(to) : 0);
    enum err e = ERR_MEMORY;

    if (!q)
        return e;
    put_system(q, to, m, wall_ms);
    put_properties(pn_message_properties(q), to, m);
    pn_message_set_inferred(q, true); /* a data section */
    pn_data_put_binary(pn_message_body(q), pn_bytes(m->body_len, m->body ? m->body : ""));
    if (!buf_reserve(out, size)) {
        e = ERR_TOO_LARGE;
    } else if (!pn_message_encode(q, (char *)out->at + out->len, &size)) {
        out->len += size;
        e = OK;
    }
    pn_message_free(q);
    return e;
}
