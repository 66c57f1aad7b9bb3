/* Publications of devices to $iothub/… (device 2.11, 2.12): acknowledged, and answered where there is an answer. */
#include "mqtt_front.h"

/* `?$rid={rid}[&$version={n}][&…]`, the last segment of every such topic. Views into it; at == NULL: not given. */
struct asked {
    struct bytes rid, version;
};

static bool parse_asked(struct bytes segment, struct asked *out)
{
    if (!bytes_starts(segment, BYTES("?")))
        return false;
    segment = bytes_skip(segment, 1);
    while (segment.at) {
        struct bytes value = bytes_cut(&segment, '&'), name = bytes_cut(&value, '=');

        if (bytes_eq(name, BYTES("$rid")) && !out->rid.at)
            out->rid = value;
        else if (bytes_eq(name, BYTES("$version")))
            out->version = value;
    }
    return out->rid.at != NULL;
}

enum err mqtt_on_iothub(struct mqtt *s, const struct mqtt_publish *p, int64_t now_ms)
{
    struct bytes rest;
    enum mqtt_topic topic = mqtt_topic_take(p->topic, &rest);
    struct asked asked = {.rid = NO_BYTES};
    int64_t status = 0;

    assert(s->state == MQTT_OPEN && s->seat);
    if (topic != TOPIC_TWIN_GET && topic != TOPIC_TWIN_PATCH &&
        (topic != TOPIC_CALL_ANSWER || !mqtt_call_status(bytes_cut(&rest, '/'), &status)))
        return ERR_DENIED;
    if (!parse_asked(rest, &asked))
        return ERR_MALFORMED;
    /* device 2.7: first the acknowledgement, then the answer. */
    if (p->qos)
        mqtt_put_ack(s->front.out, MQTT_PUBACK, p->id);
    if (topic == TOPIC_TWIN_GET)
        return mqtt_on_twin_get(s, asked.rid, now_ms);
    if (topic == TOPIC_TWIN_PATCH)
        return mqtt_on_twin_report(s, asked.rid, asked.version, p->body, now_ms);
    mqtt_on_call_answer(s, status, asked.rid, p->body);
    return OK;
}
