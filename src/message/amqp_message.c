#include "amqp_message.h"

#include "sections.h"

static void read_fields(const struct amqp_value *list, struct amqp_message *m)
{
    struct rd rd = rd_over(list->raw);

    for (uint32_t i = 0; amqp_value_is_list(list) && i < list->count && i < AMQP_FIELDS && !rd.bad; i++)
        m->fields[i] = amqp_value_next(&rd);
}

static void take_section(struct amqp_message *m, uint64_t section, const struct amqp_value *v)
{
    if (section == SECTION_MESSAGE_ANNOTATIONS) {
        m->annotations = *v;
    } else if (section == SECTION_PROPERTIES) {
        read_fields(v, m);
    } else if (section == SECTION_APPLICATION_PROPERTIES) {
        m->properties = *v;
    } else if (section == SECTION_DATA) {
        if (!m->n_data++)
            m->body = v->raw;
    } else if (section == SECTION_VALUE) {
        m->value = *v;
        if (amqp_value_is_bytes(v))
            m->body = v->raw;
    }
}

enum err amqp_message_read(struct bytes message, struct amqp_message *out)
{
    struct rd rd = rd_over(message);
    struct amqp_value v;
    uint64_t section;

    *out = (struct amqp_message){.n_data = 0};
    while (amqp_section_next(&rd, &section, &v))
        take_section(out, section, &v);
    return rd.bad ? ERR_MALFORMED : OK;
}

void amqp_message_join(struct bytes message, struct buf *out)
{
    struct rd rd = rd_over(message);
    struct amqp_value v;
    uint64_t section;

    while (amqp_section_next(&rd, &section, &v))
        if (section == SECTION_DATA)
            buf_put(out, v.raw);
}
