/* Messages as headers and back (device 4.1, 4.2, 6.2). */
#include "http_device.h"

#include "properties.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

#define APP "iothub-app-"

/* ---- in -------------------------------------------------------------------------------------------------------- */

enum err http_message_wrong(struct http_message *m, enum err e, struct bytes name, const char *rule)
{
    snprintf(m->wrong, sizeof m->wrong, "property %.*s %s", BYTES_ARG(bytes_first(name, 64)), rule);
    return e;
}

static enum err put_app(struct http_message *m, struct bytes name, struct bytes value)
{
    assert(m->msg.n_props <= PROPS_MAX);
    for (size_t i = 0; i < m->msg.n_props; i++) {
        if (bytes_eq(m->props[i].name, name)) { /* as over MQTT: the last wins */
            m->props[i].value = value;
            return OK;
        }
    }
    if (m->msg.n_props == PROPS_MAX)
        return http_message_wrong(m, ERR_LIMIT, name, "is one too many: a message may have at most 256");
    m->props[m->msg.n_props++] = (struct prop){name, value};
    return OK;
}

enum err http_message_take(struct http_message *m, struct bytes name, struct bytes value, bool *known)
{
    enum property which;

    *known = true;
    if (!utf8_valid(value))
        return http_message_wrong(m, ERR_ARGUMENT, name, "is not text in UTF-8");
    if (bytes_starts_nocase(name, BYTES(APP))) {
        struct bytes own = bytes_skip(name, strlen(APP));

        return own.len ? put_app(m, own, value)
                       : http_message_wrong(m, ERR_ARGUMENT, name, "has no name after iothub-app-");
    }
    if ((which = property_named(IN_HEADER, name)) != PROPERTIES) {
        *property_in(&m->msg, which) = value;
        return OK;
    }
    if (bytes_eq_nocase(name, BYTES("iothub-expiry")))
        return !value.len || !iso_time_parse(value, &m->msg.expiry_ms)
                   ? OK
                   : http_message_wrong(m, ERR_MALFORMED, name, "is not a time such as 2030-01-31T12:00:00Z");
    /* device 6.2: what the path and the hub say */
    *known = bytes_eq_nocase(name, BYTES("iothub-to")) || bytes_eq_nocase(name, BYTES("iothub-operation"));
    return OK;
}

enum err http_message_check(struct http_message *m)
{
    if (m->msg.message_id.len <= ID_LEN_MAX) /* device 6.1 */
        return OK;
    return http_message_wrong(m, ERR_ARGUMENT, BYTES("iothub-messageid"), "is longer than 128 bytes");
}

enum err http_message_read(struct http_message *m, const struct http_head *head, struct bytes body)
{
    enum err e = OK;
    bool known;

    m->msg = (struct msg){.body = body, .props = m->props};
    m->wrong[0] = 0;
    for (size_t i = 0; !e && i < head->n_headers; i++)
        e = http_message_take(m, head->headers[i].name, head->headers[i].value, &known);
    return e ? e : http_message_check(m);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

/* Escapes whatever cannot stand in a header: control characters in a value, in a name all that is not of a token. */
static void put_escaped(struct buf *b, struct bytes text, bool is_name)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        bool plain = is_name ? (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                                   (c && strchr("!#$%&'*+-.^_`|~", c))
                             : c >= ' ' && c != 0x7F;

        if (plain)
            buf_put_u8(b, c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

static void put(struct buf *b, struct bytes name, struct bytes value)
{
    if (!value.at)
        return;
    buf_put(b, name);
    buf_puts(b, ": ");
    put_escaped(b, value, false);
    buf_puts(b, "\r\n");
}

static void put_property(struct buf *b, const struct msg *m, enum property which)
{
    put(b, property_name(which, IN_HEADER), property_of(m, which));
}

static void put_time(struct buf *b, struct bytes name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    iso_time(ms, iso);
    put(b, name, bytes_str(iso));
}

/* device 4.2: names in exactly this case. The content type stands there twice, for one client reads the one and another
 * the other. */
void http_message_put(struct buf *b, const struct msg *m, const struct c2d *c2d)
{
    put_property(b, m, PROPERTY_MESSAGE_ID);
    put_property(b, m, PROPERTY_CORRELATION_ID);
    put_property(b, m, PROPERTY_USER_ID);
    put(b, BYTES("iothub-to"), m->to);
    put_property(b, m, PROPERTY_ACK);
    put(b, BYTES("ContentType"), m->content_type);
    put(b, BYTES("ContentEncoding"), m->content_encoding);
    put_property(b, m, PROPERTY_CONTENT_TYPE);
    put_property(b, m, PROPERTY_CONTENT_ENCODING);
    buf_printf(b, "iothub-sequencenumber: %llu\r\niothub-deliverycount: %u\r\n", (unsigned long long)c2d->sequence,
               c2d->delivery_count);
    put_time(b, BYTES("iothub-enqueuedtime"), c2d->enqueued_ms);
    put_time(b, BYTES("iothub-expiry"), c2d->expiry_ms);
    for (size_t i = 0; i < m->n_props; i++) {
        if (!m->props[i].value.at)
            continue;
        buf_puts(b, APP);
        put_escaped(b, m->props[i].name, true);
        put(b, NO_BYTES, m->props[i].value);
    }
}
