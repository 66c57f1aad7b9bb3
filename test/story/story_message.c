#include "story.h"

#include "bag.h"
#include "properties.h"
#include "text.h"

#include <ctype.h>

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

/* "devices/d1", or "devices/d1/modules/m1" of "d1/m1". */
static void put_path(const char *id, struct buf *out)
{
    struct bytes module = bytes_str(id), device = bytes_cut(&module, '/');

    buf_printf(out, "devices/%.*s", BYTES_ARG(device));
    if (module.at)
        buf_printf(out, "/modules/%.*s", BYTES_ARG(module));
}

/* Abbreviations that stand for something with a request's number behind them. */
static const struct {
    const char *said, *topic;
} numbered[] = {
    {"twin/get/", "$iothub/twin/GET/?$rid="},
    {"twin/report/", "$iothub/twin/PATCH/properties/reported/?$rid="},
    {"dps/register/", "$dps/registrations/PUT/iotdps-register/?$rid="},
};

/* And those that stand for one filter. */
static const struct {
    const char *said, *filter;
} filters[] = {
    {"twin", "$iothub/twin/res/#"},
    {"desired", "$iothub/twin/PATCH/properties/desired/#"},
    {"methods", "$iothub/methods/POST/#"},
    {"dps", "$dps/registrations/res/#"},
};

static bool put_abbreviated(const char *text, struct buf *out)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (!strcmp(text, filters[i].said)) {
            buf_puts(out, filters[i].filter);
            return true;
        }
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        if (!strncmp(text, numbered[i].said, strlen(numbered[i].said))) {
            buf_printf(out, "%s%s", numbered[i].topic, text + strlen(numbered[i].said));
            return true;
        }
    return false;
}

void story_topic(const struct story *s, const char *id, const char *text, struct buf *out)
{
    struct bytes rest = bytes_str(text), first = bytes_cut(&rest, '/');

    if (put_abbreviated(text, out))
        return;
    if (bytes_eq(first, BYTES("events"))) {
        put_path(id, out);
        buf_printf(out, "/messages/events/%.*s", BYTES_ARG(rest));
    } else if (bytes_eq(first, BYTES("c2d"))) {
        put_path(id, out);
        buf_printf(out, "/messages/devicebound/%s", rest.at ? (const char *)rest.at : "#");
    } else if (bytes_eq(first, BYTES("answer"))) {
        struct bytes status = bytes_cut(&rest, '/');

        buf_printf(out, "$iothub/methods/res/%.*s/?$rid=%.*s", BYTES_ARG(status), BYTES_ARG(rest));
    } else if (bytes_starts(bytes_str(text), BYTES("dps/status/"))) {
        buf_printf(out, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%s&operationId=%s",
                   text + strlen("dps/status/"), s->operation);
    } else {
        buf_puts(out, text);
    }
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

/* Whole, if it is there; of an error no more than its code. */
void story_tell_document(struct story *s, struct bytes json)
{
    if (bytes_starts(json, BYTES("{\"errorCode\"")))
        story_tell_json(s, json);
    else if (json.len)
        buf_printf(&s->got, " %.*s", BYTES_ARG(json));
}

/* Answers and what comes with a number: dps/202/1, twin/200/a, desired/2, call/reboot/1, and their bodies. */
static bool tell_answer(struct story *s, const struct mqtt_publish *p)
{
    static const struct {
        const char *topic, *told;
    } heads[] = {
        {"$dps/registrations/res/", "dps/"},
        {"$iothub/twin/res/", "twin/"},
        {"$iothub/twin/PATCH/properties/desired/?$version=", "desired/"},
        {"$iothub/methods/POST/", "call/"},
    };

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct bytes rest = p->topic, first;

        if (!bytes_starts(rest, bytes_str(heads[i].topic)))
            continue;
        rest = bytes_skip(rest, strlen(heads[i].topic));
        first = bytes_cut(&rest, '/');
        buf_printf(&s->got, " %s%.*s", heads[i].told, BYTES_ARG(first));
        if (rest.at)
            buf_printf(&s->got, "/%.*s", BYTES_ARG(bytes_skip(rest, strlen("?$rid="))));
        if (i == 0)
            story_tell_json(s, p->body);
        else
            story_tell_document(s, p->body);
        return true;
    }
    return false;
}

void story_tell_publish(struct story *s, const struct mqtt_publish *p)
{
    static uint8_t text[TOPIC_LEN_MAX];
    struct bag_room room = {text, sizeof text};
    struct prop props[WORDS_MAX];
    struct msg m = {.body = p->body, .props = props};
    struct bytes bag = p->topic;
    struct bag_pair pair;

    if (tell_answer(s, p))
        return;
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
    static const struct {
        const char *name;
        bool counts; /* told where it is a number */
    } told[] = {{"status", false},    {"assignedHub", false},  {"deviceId", false},
                {"errorCode", false}, {"targetedCount", true}, {"appliedCount", true}};

    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        char key[40];
        struct bytes rest;

        snprintf(key, sizeof key, "\"%s\":", told[i].name);
        rest = bytes_skip(json, bytes_find_bytes(json, bytes_str(key)));
        if (!rest.len)
            continue;
        rest = bytes_skip(rest, strlen(key));
        if (told[i].counts && !isdigit(rest.at[0]))
            continue;
        if (rest.len && *rest.at == '"')
            rest = bytes_skip(rest, 1);
        rest = bytes_first(rest, strcspn((const char *)rest.at, "\",}"));
        buf_printf(&s->got, " %s=%.*s", told[i].name, BYTES_ARG(rest));
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
