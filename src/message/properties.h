/* The system properties of a message and their names wherever they are written (device 2.9, 2.10, 3.6, 4.1, 4.2, 6.2).
 * The fields of AMQP's properties section have places instead of names (sections.h); times are not text and stand
 * apart. */
#pragma once

#include "msg.h"

enum property_form {
    IN_EVENT_TOPIC,  /* the bag that a device sends */
    IN_DEVICE_TOPIC, /* the bag that it is sent */
    IN_HEADER,       /* HTTP, whatever the case */
    IN_HEADER_TOO,   /* another header that is read as the same */
    IN_ANNOTATIONS,  /* of AMQP */
    IN_APPLICATION,  /* likewise, the application's properties */
    PROPERTY_FORMS,
};

enum property {
    PROPERTY_MESSAGE_ID,
    PROPERTY_CORRELATION_ID,
    PROPERTY_USER_ID,
    PROPERTY_TO,
    PROPERTY_CONTENT_TYPE,
    PROPERTY_CONTENT_ENCODING,
    PROPERTY_ACK,
    PROPERTY_CREATION_TIME,
    PROPERTY_SCHEMA,
    PROPERTY_INTERFACE_ID,
    PROPERTY_SUBJECT,
    PROPERTY_DIAGNOSTIC_ID,
    PROPERTY_CORRELATION_CONTEXT,
    PROPERTIES,
};

/* at == NULL: it is not written there. */
struct bytes property_name(enum property, enum property_form);
/* PROPERTIES: the name is none of the system's. */
enum property property_named(enum property_form, struct bytes name);
/* Its place in a message. */
struct bytes *property_in(struct msg *, enum property);
struct bytes property_of(const struct msg *, enum property);
