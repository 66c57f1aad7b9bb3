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

void put_answer_properties(struct buf *b, struct bytes to, const struct amqp_value *correlation_id)
{
    uint32_t count = amqp_value_is_scalar(correlation_id) ? AMQP_CORRELATION_ID + 1 : to.at ? AMQP_TO + 1 : 0;
    size_t at;

    section_begin(b, SECTION_PROPERTIES);
    if (!count) {
        buf_put_u8(b, AMQP_LIST0);
        return;
    }
    at = put_list_begin(b);
    for (uint32_t i = 0; i < count; i++) {
        if (i == AMQP_TO && to.at)
            put_str(b, to);
        else if (i == AMQP_CORRELATION_ID)
            amqp_value_put(b, correlation_id);
        else
            buf_put_u8(b, AMQP_NULL);
    }
    put_narrow_end(b, at, count);
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
