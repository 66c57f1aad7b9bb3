/* A message on its way in: views into the packet it came in, nothing owned (device 6.2). */
#pragma once

#include "buf.h"
#include "ceilings.h"

struct prop {
    struct bytes name, value; /* text in UTF-8; value.at == NULL: null */
};

struct msg {
    /* System properties; at == NULL: not given. */
    struct bytes message_id, correlation_id, user_id, to, content_type, content_encoding;
    struct bytes label, reply_to; /* AMQP's subject and reply-to, which only AMQP carries */
    struct bytes ack;             /* iothub-ack as text, of C2D messages: none, positive, negative, full (device 5) */
    struct bytes creation_time;   /* ISO 8601 text as it came; application property iothub-creation-time-utc */
    struct bytes interface_id, subject, schema; /* iothub-interface-id, dt-subject, iothub-message-schema */
    struct bytes diagnostic_id, correlation_context;
    struct bytes model_id;    /* of the connection: dt-dataschema */
    int64_t expiry_ms;        /* absolute-expiry-time; 0: none */
    const struct prop *props; /* application properties, in order */
    size_t n_props;
    struct bytes body;
    /* Of a C2D message: the waker of the one that posts it and may wait for its feedback; only compared, not stored. */
    const void *poster;
};

/* The size that the limit is about: body, values of system properties, names and values of application properties. */
size_t msg_size(const struct msg *);

/* Room of msg_read() for properties and for what it had to write differently: numbers and uuids as text, a body in
 * pieces. */
struct msg_room {
    struct prop props[PROPS_MAX];
    struct buf text; /* its owner gives it a ceiling and frees it */
};

/* An AMQP 1.0 message (OASIS AMQP 1.0, 3.2), bare or with annotations, of any peer or as it is stored here, becomes a
 * msg. Views lie in `sections` and in `room`. Ids of any type become text (device 6.2), so do application properties of
 * other simple types; bodies may be several data sections or one value (string or binary). ERR_MALFORMED; ERR_LIMIT:
 * over PROPS_MAX properties; ERR_UNSUPPORTED: a body, id or property of a type that has no text. */
enum err msg_read(struct bytes sections, struct msg_room *room, struct msg *out) MUST_CHECK;
