#include "properties.h"

#include <assert.h>

#define TEXT(s)                             \
    {                                       \
        (const uint8_t *)(s), sizeof(s) - 1 \
    }
#define NOT_THERE \
    {             \
        NULL, 0   \
    }

static const struct {
    size_t field; /* in struct msg */
    struct bytes names[PROPERTY_FORMS];
} properties[PROPERTIES] = {
#define PROPERTY(which, member, ...) [PROPERTY_##which] = {offsetof(struct msg, member), {__VA_ARGS__}}
    PROPERTY(MESSAGE_ID, message_id, TEXT("$.mid"), TEXT("$.mid"), TEXT("iothub-messageid")),
    PROPERTY(CORRELATION_ID, correlation_id, TEXT("$.cid"), TEXT("$.cid"), TEXT("iothub-correlationid")),
    PROPERTY(USER_ID, user_id, TEXT("$.uid"), TEXT("$.uid"), TEXT("iothub-userid")),
    PROPERTY(TO, to, TEXT("$.to"), TEXT("$.to")), /* HTTP: written, and never read */
    PROPERTY(CONTENT_TYPE, content_type, TEXT("$.ct"), TEXT("$.ct"), TEXT("iothub-contenttype")),
    PROPERTY(CONTENT_ENCODING, content_encoding, TEXT("$.ce"), TEXT("$.ce"), TEXT("iothub-contentencoding")),
    PROPERTY(ACK, ack, NOT_THERE, TEXT("iothub-ack"), TEXT("iothub-ack"), NOT_THERE, NOT_THERE, TEXT("iothub-ack")),
    PROPERTY(CREATION_TIME, creation_time, TEXT("$.ctime"), TEXT("iothub-creation-time-utc"),
             TEXT("iothub-creationtimeutc"), TEXT("iothub-creation-time-utc"), NOT_THERE,
             TEXT("iothub-creation-time-utc")),
    PROPERTY(SCHEMA, schema, TEXT("$.schema"), TEXT("iothub-message-schema"), TEXT("iothub-messageschema"), NOT_THERE,
             NOT_THERE, TEXT("iothub-message-schema")),
    PROPERTY(INTERFACE_ID, interface_id, TEXT("$.ifid"), NOT_THERE, TEXT("iothub-interface-id"), NOT_THERE,
             TEXT("iothub-interface-id")),
    PROPERTY(SUBJECT, subject, TEXT("$.sub"), NOT_THERE, TEXT("dt-subject"), NOT_THERE, TEXT("dt-subject")),
    PROPERTY(DIAGNOSTIC_ID, diagnostic_id, TEXT("$.diagid"), NOT_THERE, NOT_THERE, NOT_THERE, TEXT("Diagnostic-Id")),
    PROPERTY(CORRELATION_CONTEXT, correlation_context, TEXT("$.diagctx"), NOT_THERE, NOT_THERE, NOT_THERE,
             TEXT("Correlation-Context")),
#undef PROPERTY
};

struct bytes property_name(enum property which, enum property_form form)
{
    assert(which < PROPERTIES && form < PROPERTY_FORMS);
    return properties[which].names[form];
}

static bool is_called(enum property which, enum property_form form, struct bytes name)
{
    struct bytes own = properties[which].names[form];

    if (!own.at)
        return false;
    return form == IN_HEADER || form == IN_HEADER_TOO ? bytes_eq_nocase(own, name) : bytes_eq(own, name);
}

enum property property_named(enum property_form form, struct bytes name)
{
    enum property which = 0;

    while (which < PROPERTIES && !is_called(which, form, name) &&
           !(form == IN_HEADER && is_called(which, IN_HEADER_TOO, name)))
        which++;
    return which;
}

struct bytes *property_in(struct msg *m, enum property which)
{
    assert(which < PROPERTIES);
    return (struct bytes *)(void *)((char *)m + properties[which].field);
}

struct bytes property_of(const struct msg *m, enum property which)
{
    assert(which < PROPERTIES);
    return *(const struct bytes *)(const void *)((const char *)m + properties[which].field);
}
