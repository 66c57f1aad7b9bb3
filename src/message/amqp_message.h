/* The sections of an AMQP message as its receiver finds them: views into the message, which must stay. */
#pragma once

#include "amqp_value.h"

/* The fields of the properties section, in their order (OASIS AMQP 1.0, 3.2.4). */
enum amqp_field {
    AMQP_MESSAGE_ID,
    AMQP_USER_ID,
    AMQP_TO,
    AMQP_SUBJECT,
    AMQP_REPLY_TO,
    AMQP_CORRELATION_ID,
    AMQP_CONTENT_TYPE,
    AMQP_CONTENT_ENCODING,
    AMQP_EXPIRY,
    AMQP_FIELDS,
};

/* A part that the message does not have has the code 0. */
struct amqp_message {
    struct amqp_value annotations, properties; /* maps; the application's properties */
    struct amqp_value fields[AMQP_FIELDS];
    struct amqp_value value; /* the body, when it is a single value */
    struct bytes body;       /* of one data section, or a value that is text or bytes; else empty */
    size_t n_data;           /* data sections; more than one: amqp_message_join() */
};

/* ERR_MALFORMED: the message is no sequence of sections with values. */
enum err amqp_message_read(struct bytes message, struct amqp_message *out) MUST_CHECK;
/* The properties of an answer: where it goes (NO_BYTES: not said), and what it answers, in the type that it came in (no
 * scalar: not said). */
void put_answer_properties(struct buf *b, struct bytes to, const struct amqp_value *correlation_id);
/* Appends all data sections. */
void amqp_message_join(struct bytes message, struct buf *out);
