/* Twins over MQTT (device 2.12): what the device asks of its own, and what services want of it. All of it goes out with
 * QoS 0 (device 2.7), and only to who subscribed to it. */
#include "device_twin.h"
#include "mqtt_front.h"

#include "text.h"

/* True if a filter of the device takes this topic, which is one of the kind `want`. */
static bool is_wanted(const struct mqtt *s, enum want want, struct bytes topic)
{
    return session_wants(&s->subscribed, want) || mqtt_filter_takes(bytes_str(s->subscribed.part), topic);
}

/* The rid comes first and stands as it came (device 2.12). One that leaves no room in a topic has no answer. */
static enum err put_reply(struct mqtt *s, struct bytes rid, const struct twin_reply *r)
{
    uint8_t text[TOPIC_LEN_MAX];
    struct buf topic = buf_over(text, sizeof text);

    buf_put(&topic, BYTES("$iothub/twin/res/"));
    buf_put_decimal(&topic, r->status);
    buf_put(&topic, BYTES("/?$rid="));
    buf_put(&topic, rid);
    if (r->version >= 0) {
        buf_put(&topic, BYTES("&$version="));
        buf_put_decimal(&topic, (uint64_t)r->version);
    }
    assert(r->status >= 200 && r->status < 600);
    if (topic.bad || r->body.bad)
        return ERR_TOO_LARGE;
    front_wait_for(&s->front, r->after);
    if (is_wanted(s, WANT_TWIN_ANSWERS, buf_bytes(&topic)))
        mqtt_put_publish(s->front.out, &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = buf_bytes(&r->body)});
    return OK;
}

/* device 2.2: without an api-version they are a bad request. */
static bool may_ask(const struct mqtt *s, int64_t now_ms, struct twin_reply *r)
{
    if (!s->has_api_version)
        twin_reply_fail(s->env, 400001, BYTES("The user name of the connection has no api-version."), now_ms, r);
    return s->has_api_version;
}

enum err mqtt_on_twin_get(struct mqtt *s, struct bytes rid, int64_t now_ms)
{
    struct twin_reply r = {.status = 0};
    enum err e;

    assert(s->seat);
    mqtt_desired_pull(s); /* what it hears later is newer than what it is answered now */
    if (may_ask(s, now_ms, &r))
        twin_reply_get(s->env, s->seat, now_ms, &r);
    e = put_reply(s, rid, &r);
    buf_free(&r.body);
    return e;
}

enum err mqtt_on_twin_report(struct mqtt *s, struct bytes rid, struct bytes version, struct bytes patch, int64_t now_ms)
{
    struct twin_reply r = {.status = 0};
    int64_t expected = -1;
    enum err e;

    assert(s->seat);
    if (!may_ask(s, now_ms, &r))
        ;
    else if (version.at && (!bytes_to_i64(version, &expected) || expected < 0))
        twin_reply_fail(s->env, 400004, BYTES("$version is not a number."), now_ms, &r);
    else
        twin_reply_report(s->env, s->seat, patch, expected, now_ms, &r);
    e = put_reply(s, rid, &r);
    buf_free(&r.body);
    return e;
}

/* Any filter that takes the topics of desired properties makes the device one that hears of them. */
void mqtt_desired_follow(struct mqtt *s)
{
    struct mqtt_filter part = {.exact = false};
    struct bytes filter = bytes_str(s->subscribed.part);
    bool some = filter.len && !mqtt_filter_read(filter, bytes_str(s->device), &part) && part.fits[WANT_DESIRED];

    assert(s->seat);
    hub_desired_take(s->seat, some || session_wants(&s->subscribed, WANT_DESIRED));
}

static void put_desired(struct mqtt *s, const struct desired *d)
{
    char text[96];
    struct buf topic = buf_over(text, sizeof text);

    buf_put(&topic, BYTES("$iothub/twin/PATCH/properties/desired/?$version="));
    buf_put_decimal(&topic, d->version);
    if (is_wanted(s, WANT_DESIRED, buf_bytes(&topic)))
        mqtt_put_publish(s->front.out, &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = d->json});
}

void mqtt_desired_pull(struct mqtt *s)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired d;
    enum err e = OK;

    while (!e && !s->front.over && s->state == MQTT_OPEN && s->seat && front_has_room(&s->front))
        if (!(e = hub_desired_next(s->seat, &room, &d)))
            put_desired(s, &d);
    if (e && e != ERR_NOT_FOUND)
        mqtt_stop(s, e, "a change of desired properties could not be delivered to the device");
    buf_free(&room);
}
