#include "mqtt_front.h"

#include "device_error.h"

enum { ANSWER_MAX = 512 };

/* `?$rid={rid}[&…]`, the last segment of every such topic (device 2.11, 2.12). The text is echoed as it came. */
static bool parse_rid(struct bytes segment, struct bytes *rid)
{
    if (!bytes_starts(segment, BYTES("?")))
        return false;
    segment = bytes_skip(segment, 1);
    while (segment.at) {
        struct bytes value = bytes_cut(&segment, '&'), name = bytes_cut(&value, '=');
        if (bytes_eq(name, BYTES("$rid")) && value.at) {
            *rid = value;
            return true;
        }
    }
    return false;
}

/* Answers of a twin go out with QoS 0 (device 2.7), and only to who subscribed to them. */
static enum err answer_twin(struct mqtt_session *s, struct bytes rid, int64_t now_ms)
{
    bool known = s->has_api_version;
    char text[ANSWER_MAX];
    struct buf topic = buf_over(text, sizeof text);
    char body_text[ANSWER_MAX];
    struct buf body = buf_over(body_text, sizeof body_text);

    /* device 2.2: without an api-version twin operations are a bad request. 403010 is the cloud's code for an operation
     * that a hub of this kind does not have. */
    buf_printf(&topic, "$iothub/twin/res/%s/?$rid=", known ? "403" : "400");
    buf_put(&topic, rid);
    device_error_put(s->env, &body, known ? 403010 : 400001,
                     known ? BYTES("Twins are not available on this hub.") : BYTES("api-version is missing."), now_ms);
    if (topic.bad || body.bad)
        return ERR_TOO_LARGE;
    if (session_wants(&s->subscribed, WANT_TWIN_ANSWERS) ||
        mqtt_filter_takes(bytes_str(s->subscribed.part), buf_bytes(&topic)))
        mqtt_put_publish(s->front.out, &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = buf_bytes(&body)});
    return OK;
}

enum err mqtt_on_iothub(struct mqtt_session *s, const struct mqtt_publish *p, int64_t now_ms)
{
    struct bytes rest, rid = NO_BYTES;
    enum mqtt_topic topic = mqtt_topic_take(p->topic, &rest);
    bool twin = topic == TOPIC_TWIN_GET || topic == TOPIC_TWIN_PATCH;
    int64_t status = 0;

    if (!twin && (topic != TOPIC_CALL_ANSWER || !mqtt_call_status(bytes_cut(&rest, '/'), &status)))
        return ERR_DENIED;
    if (!parse_rid(rest, &rid))
        return ERR_MALFORMED;
    /* device 2.7: first the acknowledgement, then the answer. */
    if (p->qos)
        mqtt_put_ack(s->front.out, MQTT_PUBACK, p->id);
    if (twin)
        return answer_twin(s, rid, now_ms);
    mqtt_on_call_answer(s, status, rid, p->body);
    return OK;
}
