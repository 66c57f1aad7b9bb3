#include "msg.h"

/* device 6.1: names of system properties are not counted */
size_t msg_size(const struct msg *m)
{
    size_t n = m->body.len + m->message_id.len + m->correlation_id.len + m->user_id.len + m->to.len + m->label.len +
               m->reply_to.len + m->ack.len + m->content_type.len + m->content_encoding.len + m->creation_time.len +
               m->interface_id.len + m->subject.len + m->schema.len + m->diagnostic_id.len + m->correlation_context.len;

    for (size_t i = 0; i < m->n_props; i++)
        n += m->props[i].name.len + m->props[i].value.len;
    return n;
}
