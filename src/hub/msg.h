/* A message on its way in: views into the packet it came in, nothing owned (device 6.2). */
#pragma once

#include "buf.h"

struct prop {
    struct bytes name, value; /* text in UTF-8; value.at == NULL: null */
};

struct msg {
    /* System properties; at == NULL: not given. */
    struct bytes message_id, correlation_id, user_id, to, content_type, content_encoding;
    struct bytes creation_time; /* ISO 8601 text as it came; application property iothub-creation-time-utc */
    struct bytes interface_id, subject, schema; /* iothub-interface-id, dt-subject, iothub-message-schema */
    struct bytes diagnostic_id, correlation_context;
    struct bytes model_id;    /* of the connection: dt-dataschema */
    int64_t expiry_ms;        /* absolute-expiry-time; 0: none */
    const struct prop *props; /* application properties, in order */
    size_t n_props;
    struct bytes body;
};

/* The size that the limit is about: body, values of system properties, names and values of application properties. */
size_t msg_size(const struct msg *);
