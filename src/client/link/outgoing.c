#include "outgoing.h"

#include "bag.h"
#include "ceilings.h"
#include "properties.h"
#include "sections.h"

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
        enum property which;
        const char *value;
    } system[] = {{PROPERTY_MESSAGE_ID, m->message_id},
                  {PROPERTY_CORRELATION_ID, m->correlation_id},
                  {PROPERTY_USER_ID, m->user_id},
                  {PROPERTY_CONTENT_TYPE, m->content_type},
                  {PROPERTY_CONTENT_ENCODING, m->content_encoding}};
    bool first = true;

    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if (!system[i].value)
            continue;
        bag_put(topic, first, property_name(system[i].which, IN_EVENT_TOPIC), bytes_str(system[i].value));
        first = false;
    }
    for (size_t i = 0; i < m->n_properties; i++) {
        bag_put(topic, first, bytes_str(m->properties[i].name), bytes_str(m->properties[i].value));
        first = false;
    }
}

enum err outgoing_topic(const char *path, const struct d2d_message *m, struct buf *out)
{
    d2c_topic_put(out, bytes_str(path));
    put_bag(out, m);
    return buf_check(out);
}

/* ---- AMQP ------------------------------------------------------------------------------------------------------ */

const char *d2d_ack_text(enum d2d_ack a)
{
    static const char *const texts[] = {[D2D_ACK_NONE] = "none",
                                        [D2D_ACK_POSITIVE] = "positive",
                                        [D2D_ACK_NEGATIVE] = "negative",
                                        [D2D_ACK_FULL] = "full"};

    return (unsigned)a <= D2D_ACK_FULL ? texts[a] : "";
}

static struct bytes text_of(const char *text)
{
    return text ? bytes_str(text) : NO_BYTES;
}

enum err outgoing_amqp(const char *to, const struct d2d_message *m, int64_t wall_ms, struct buf *out)
{
    struct prop props[PROPS_MAX];
    struct msg msg = {.message_id = text_of(m->message_id),
                      .correlation_id = text_of(m->correlation_id),
                      .user_id = text_of(m->user_id),
                      .content_type = text_of(m->content_type),
                      .content_encoding = text_of(m->content_encoding),
                      .to = text_of(to),
                      .props = props,
                      .n_props = m->n_properties};

    for (size_t i = 0; i < m->n_properties; i++)
        props[i] = (struct prop){bytes_str(m->properties[i].name), text_of(m->properties[i].value)};
    if (to && m->ack != D2D_ACK_NONE)
        msg.ack = bytes_str(d2d_ack_text(m->ack));
    if (to && m->ttl_ms)
        msg.expiry_ms = m->ttl_ms < INT64_MAX - wall_ms ? wall_ms + m->ttl_ms : INT64_MAX;
    put_properties(out, &msg);
    put_application_properties(out, &msg, true);
    put_data_head(out, m->body_len);
    buf_put(out, bytes_of(m->body ? m->body : "", m->body_len));
    return buf_check(out);
}
