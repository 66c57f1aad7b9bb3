/* Direct methods over MQTT (device 2.11): what callers ask is published to the device with QoS 0, and its answer comes
 * to a topic that holds the status. */
#include "mqtt_front.h"

#include "text.h"

#include <assert.h>
#include <inttypes.h>

/* Any filter that takes the topics of calls makes the device one that listens, also one that takes only some. */
void mqtt_calls_follow(struct mqtt *s, int64_t now_ms)
{
    struct mqtt_filter part = {.exact = false};
    struct bytes filter = bytes_str(s->subscribed.part);
    bool some = filter.len && !mqtt_filter_read(filter, bytes_str(s->device), &part) && part.fits[WANT_CALLS];

    assert(s->seat);
    hub_calls_take(s->seat, some || session_wants(&s->subscribed, WANT_CALLS), now_ms);
}

static enum err put_call(struct mqtt *s, const struct call_request *call)
{
    char text[CALL_NAME_MAX + 64];
    struct buf topic = buf_over(text, sizeof text);

    buf_printf(&topic, "$iothub/methods/POST/%.*s/?$rid=%" PRIx32, BYTES_ARG(call->method), call->number);
    /* A call that the filter of the device does not take is not sent: to that method it has not subscribed. */
    if (!session_wants(&s->subscribed, WANT_CALLS) &&
        !mqtt_filter_takes(bytes_str(s->subscribed.part), buf_bytes(&topic))) {
        hub_call_fail(s->seat, call->id, ERR_UNREACHABLE);
        return OK;
    }
    mqtt_put_publish(s->front.out, &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = call->payload});
    return buf_check(s->front.out);
}

void mqtt_calls_pull(struct mqtt *s, int64_t now_ms)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request call;
    enum err e = OK;

    while (!e && !s->front.over && s->state == MQTT_OPEN && s->seat && front_has_room(&s->front))
        if (!(e = hub_call_next(s->seat, now_ms, &room, &call)))
            e = put_call(s, &call);
    if (e && e != ERR_NOT_FOUND)
        mqtt_stop(s, e, "a direct method could not be delivered to the device");
    buf_free(&room);
}

/* {status}/?$rid={rid}: some SDKs send any integer as a status. */
bool mqtt_call_status(struct bytes text, int64_t *out)
{
    return bytes_to_i64(text, out) && *out >= INT32_MIN && *out <= INT32_MAX;
}

/* A number of at most eight hexadecimal digits, in either case, with zeros before it or not: one SDK reads it as a
 * number and writes it in its own way. 0: it is none. */
static uint32_t number_of(struct bytes rid)
{
    uint32_t number = 0;
    uint8_t digit;
    size_t len;

    while (rid.len > 8 && rid.at[0] == '0')
        rid = bytes_skip(rid, 1);
    if (rid.len > 8)
        return 0;
    for (size_t i = 0; i < rid.len; i++) {
        const uint8_t pair[] = {'0', rid.at[i]};

        if (hex_decode(bytes_of(pair, 2), &digit, 1, &len))
            return 0;
        number = number << 4 | digit;
    }
    return number;
}

/* An answer that nobody waits for any more is dropped. */
void mqtt_on_call_answer(struct mqtt *s, int64_t status, struct bytes rid, struct bytes body)
{
    uint64_t id = hub_call_numbered(s->seat, number_of(rid));

    if (id && hub_call_answer(s->seat, id, status, body) == ERR_TOO_LARGE)
        log_event(LOG_WARN, "answer-too-large", KVS("device", s->device), KVN("bytes", body.len),
                  KVN("limit", CALL_PAYLOAD_MAX));
}
