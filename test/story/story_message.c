#include "story.h"

#include "bag.h"
#include "properties.h"
#include "text.h"

/* As stories name them. */
static const char *const names[PROPERTIES] = {
    [PROPERTY_MESSAGE_ID] = "mid",
    [PROPERTY_CORRELATION_ID] = "cid",
    [PROPERTY_USER_ID] = "uid",
    [PROPERTY_TO] = "to",
    [PROPERTY_CONTENT_TYPE] = "ct",
    [PROPERTY_CONTENT_ENCODING] = "ce",
    [PROPERTY_ACK] = "ack",
    [PROPERTY_CREATION_TIME] = "ctime",
    [PROPERTY_SCHEMA] = "schema",
    [PROPERTY_INTERFACE_ID] = "ifid",
    [PROPERTY_SUBJECT] = "sub",
    [PROPERTY_DIAGNOSTIC_ID] = "diagid",
    [PROPERTY_CORRELATION_CONTEXT] = "diagctx",
};

void story_topic(const struct story *s, const char *id, const char *text, struct buf *out)
{
    struct bytes rest = bytes_str(text), first = bytes_cut(&rest, '/');

    if (bytes_eq(first, BYTES("events")))
        buf_printf(out, "devices/%s/messages/events/%.*s", id, BYTES_ARG(rest));
    else if (bytes_eq(first, BYTES("c2d")))
        buf_printf(out, "devices/%s/messages/devicebound/%s", id, rest.at ? (const char *)rest.at : "#");
    else if (bytes_eq(bytes_str(text), BYTES("dps")))
        buf_puts(out, "$dps/registrations/res/#");
    else if (bytes_starts(bytes_str(text), BYTES("dps/register/")))
        buf_printf(out, "$dps/registrations/PUT/iotdps-register/?$rid=%s", text + strlen("dps/register/"));
    else if (bytes_starts(bytes_str(text), BYTES("dps/status/")))
        buf_printf(out, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%s&operationId=%s",
                   text + strlen("dps/status/"), s->operation);
    else
        buf_puts(out, text);
}

/* A message to a device says where it goes anyway. */
static bool goes_without_saying(enum property which, struct bytes value)
{
    return which == PROPERTY_TO && bytes_starts(value, BYTES("/devices/")) &&
           bytes_ends_nocase(value, BYTES("/messages/devicebound"));
}

void story_tell_message(struct story *s, const struct msg *m)
{
    buf_printf(&s->got, " \"%.*s\"", BYTES_ARG(m->body));
    for (enum property p = 0; p < PROPERTIES; p++) {
        struct bytes value = property_of(m, p);

        if (value.at && !goes_without_saying(p, value))
            buf_printf(&s->got, " %s=%.*s", names[p], BYTES_ARG(value));
    }
    if (m->expiry_ms)
        buf_printf(&s->got, " expires=%llds", (long long)(m->expiry_ms - WORLD_T0) / 1000);
    for (size_t i = 0; i < m->n_props; i++)
        buf_printf(&s->got, " %.*s=%.*s", BYTES_ARG(m->props[i].name), BYTES_ARG(m->props[i].value));
}

void story_tell_publish(struct story *s, const struct mqtt_publish *p)
{
    static uint8_t text[TOPIC_LEN_MAX];
    struct bag_room room = {text, sizeof text};
    struct prop props[WORDS_MAX];
    struct msg m = {.body = p->body, .props = props};
    struct bytes bag = p->topic;
    struct bag_pair pair;

    if (bytes_starts(p->topic, BYTES("$dps/registrations/res/"))) {
        struct bytes rest = bytes_skip(p->topic, strlen("$dps/registrations/res/")), status = bytes_cut(&rest, '/');

        buf_printf(&s->got, " dps/%.*s/%.*s", BYTES_ARG(status), BYTES_ARG(bytes_skip(rest, strlen("?$rid="))));
        story_tell_json(s, p->body);
        return;
    }
    for (int i = 0; i < 4; i++)
        bytes_cut(&bag, '/');
    if (!bytes_starts(p->topic, BYTES("devices/")) || !bag.at) {
        buf_printf(&s->got, " %.*s", BYTES_ARG(p->topic));
        return;
    }
    while (bag_next(&bag, &room, &pair) && m.n_props < WORDS_MAX) {
        enum property which = property_named(IN_DEVICE_TOPIC, pair.name);

        if (which != PROPERTIES)
            *property_in(&m, which) = pair.value;
        else if (!bytes_eq(pair.name, BYTES("$.exp")))
            props[m.n_props++] = (struct prop){pair.name, pair.value};
        else if (iso_time_parse(pair.value, &m.expiry_ms))
            abort();
    }
    buf_puts(&s->got, " c2d");
    story_tell_message(s, &m);
}

void story_tell_json(struct story *s, struct bytes json)
{
    static const char *const told[] = {"status", "assignedHub", "deviceId", "errorCode"};

    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        char key[40];
        struct bytes rest;

        snprintf(key, sizeof key, "\"%s\":", told[i]);
        rest = bytes_skip(json, bytes_find_bytes(json, bytes_str(key)));
        if (!rest.len)
            continue;
        rest = bytes_skip(rest, strlen(key));
        if (rest.len && *rest.at == '"')
            rest = bytes_skip(rest, 1);
        rest = bytes_first(rest, strcspn((const char *)rest.at, "\",}"));
        buf_printf(&s->got, " %s=%.*s", told[i], BYTES_ARG(rest));
    }
    struct bytes id = bytes_skip(json, bytes_find_bytes(json, BYTES("\"operationId\":\"")));

    if (id.len) {
        id = bytes_skip(id, strlen("\"operationId\":\""));
        id = bytes_first(id, bytes_find(id, '"'));
        if (!bytes_to_str(id, s->operation, sizeof s->operation))
            abort();
    }
}

void story_take_message(const struct story *s, char **words, struct prop *props, struct msg *out)
{
    int64_t ttl_ms;

    *out = (struct msg){.body = bytes_str(*words ? *words : ""), .props = props};
    for (char **word = *words ? words + 1 : words; *word; word++) {
        struct bytes value = bytes_str(*word), name = bytes_cut(&value, '=');
        enum property p = 0;

        while (p < PROPERTIES && !bytes_eq(name, bytes_str(names[p])))
            p++;
        if (p < PROPERTIES)
            *property_in(out, p) = value;
        else if (!bytes_eq(name, BYTES("ttl")))
            props[out->n_props++] = (struct prop){name, value};
        else if (!duration_parse(value, &ttl_ms))
            out->expiry_ms = s->now_ms + ttl_ms;
    }
}
