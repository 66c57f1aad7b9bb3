/* The twin over MQTT (device 2.12): questions and answers have a number in their topics. */
#include "mqtt_talk.h"

#include "text.h"

#define ANSWER "$iothub/twin/res/"
#define DESIRED "$iothub/twin/PATCH/properties/desired/"
#define RID "?$rid="
#define VERSION "$version="

enum { TWIN_TOPIC_MAX = 96 };

bool mqtt_is_twin(struct bytes topic)
{
    return bytes_starts(topic, BYTES(ANSWER)) || bytes_starts(topic, BYTES(DESIRED));
}

/* {status}/?$rid={number}[&$version={version}] */
static bool parse_answer(struct bytes rest, int64_t *status, int64_t *id, int64_t *version)
{
    struct bytes number = bytes_cut(&rest, '/'), rid;

    *version = -1;
    if (!bytes_to_i64(number, status) || !bytes_starts(rest, BYTES(RID)))
        return false;
    rest = bytes_skip(rest, strlen(RID));
    rid = bytes_cut(&rest, '&');
    if (bytes_starts(rest, BYTES(VERSION)) && !bytes_to_i64(bytes_skip(rest, strlen(VERSION)), version))
        return false;
    return bytes_to_i64(rid, id) && *id > 0;
}

void mqtt_twin_take(struct mqtt_talk *m, const struct mqtt_publish *p, int64_t now_ms)
{
    struct twin_side *t = &m->side->twin;
    int64_t status, id, version;

    if (bytes_starts(p->topic, BYTES(DESIRED)))
        twin_notified(t, p->body);
    else if (parse_answer(bytes_skip(p->topic, strlen(ANSWER)), &status, &id, &version))
        twin_answer_came(t, (uint64_t)id, status, version, p->body, now_ms);
}

void mqtt_twin_pump(struct mqtt_talk *m, int64_t now_ms)
{
    struct twin_ask *a;

    while (m->twin_open && !m->talk.over && m->talk.out->len < CONN_OUT_SOFT &&
           (a = twin_ask_next(&m->side->twin, now_ms))) {
        char text[TWIN_TOPIC_MAX];
        struct buf topic = buf_over(text, sizeof text);

        buf_printf(&topic, "$iothub/twin/%s/" RID "%llu", a->verb == TWIN_REPORT ? "PATCH/properties/reported" : "GET",
                   (unsigned long long)a->id);
        mqtt_put_publish(m->talk.out,
                         &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = bytes_of(a->body, a->len)});
        m->said_ms = now_ms;
        if (m->talk.out->bad)
            talk_end(&m->talk, ERR_MEMORY);
    }
}
