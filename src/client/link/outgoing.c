#include "outgoing.h"

#include "bag.h"
#include "ceilings.h"
#include "properties.h"
#include "sections.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t len_of(const char *text)
{
    return text ? strlen(text) : 0;
}

static bool is_text(const char *text)
{
    return !text || utf8_valid(bytes_str(text));
}

/* As the hub counts it (device 6.1). */
static size_t size_of(const struct d2d_message *m)
{
    size_t n = m->body_len + len_of(m->message_id) + len_of(m->correlation_id) + len_of(m->user_id) +
               len_of(m->content_type) + len_of(m->content_encoding);

    for (size_t i = 0; i < m->n_properties; i++)
        n += len_of(m->properties[i].name) + len_of(m->properties[i].value);
    return n;
}

static enum err say(char why[OUTGOING_WHY_CAP], enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OUTGOING_WHY_CAP, format, args);
    va_end(args);
    return e;
}

static enum err check_properties(const struct d2d_message *m, char why[OUTGOING_WHY_CAP])
{
    if (m->n_properties > PROPS_MAX)
        return say(why, ERR_TOO_LARGE, "it has %zu properties, and at most %d are allowed", m->n_properties, PROPS_MAX);
    for (size_t i = 0; i < m->n_properties; i++) {
        const char *name = m->properties[i].name;

        if (!name || !*name)
            return say(why, ERR_ARGUMENT, "a property has no name");
        if (strncmp(name, "$.", 2) == 0)
            return say(why, ERR_ARGUMENT,
                       "the name of the property \"%.40s\" begins with \"$.\", as those of the hub do", name);
        if (!is_text(name) || !is_text(m->properties[i].value))
            return say(why, ERR_ARGUMENT, "property %zu is not UTF-8", i + 1);
    }
    return OK;
}

enum err outgoing_check(const struct d2d_message *m, size_t size_max, char why[OUTGOING_WHY_CAP])
{
    size_t size, id = len_of(m->message_id);
    enum err e;

    why[0] = 0;
    if ((m->body_len && !m->body) || (m->n_properties && !m->properties) || m->ttl_ms < 0 ||
        (unsigned)m->ack > D2D_ACK_FULL)
        return say(why, ERR_ARGUMENT, "%s", err_text(ERR_ARGUMENT));
    if ((e = check_properties(m, why)))
        return e;
    if (!is_text(m->message_id) || !is_text(m->correlation_id) || !is_text(m->content_type) ||
        !is_text(m->content_encoding))
        return say(why, ERR_ARGUMENT, "its message id, correlation id, content type or content encoding is not UTF-8");
    if (id > ID_LEN_MAX)
        return say(why, ERR_ARGUMENT, "its message id has %zu bytes, and at most %d are allowed", id, ID_LEN_MAX);
    if ((size = size_of(m)) > size_max)
        return say(why, ERR_TOO_LARGE, "it has %zu bytes with its properties, and at most %zu are allowed", size,
                   size_max);
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
