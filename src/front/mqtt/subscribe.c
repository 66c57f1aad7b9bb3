/* Subscriptions of a device (device 2.6, 2.8). */
#include "mqtt_front.h"

#include <assert.h>

/* Notes what a filter asks for, or that it is not asked for any more (level 0); a filter that takes only a part is kept
 * as it is. */
static enum err wish(struct session *to, struct bytes filter, const struct mqtt_filter *f, uint8_t level)
{
    bool part = false;

    assert(level <= 2);
    for (int w = 0; w < WANTS; w++) {
        if (f->fits[w] == FIT_ALL && f->exact)
            to->wants[w] = (uint8_t)((to->wants[w] & 0xF0) | level);
        else if (f->fits[w] == FIT_ALL)
            to->wants[w] = (uint8_t)((to->wants[w] & 0x0F) | level << 4);
        part |= f->fits[w] == FIT_SOME;
    }
    if (!part)
        return OK;
    if (f->fits[WANT_C2D] == FIT_SOME) /* messages wait until they can be given, and a part of them is no queue */
        return ERR_UNSUPPORTED;
    if (level && to->part[0] && !bytes_eq(filter, bytes_str(to->part)))
        return ERR_LIMIT;
    if (!level && !bytes_eq(filter, bytes_str(to->part)))
        return OK;
    memset(to->part, 0, sizeof to->part);
    return !level || bytes_to_str(filter, to->part, sizeof to->part) ? OK : ERR_TOO_LARGE;
}

/* device 2.8: a subscription to what never comes is no mistake of the device, but whoever wonders finds it in the log.
 * SDKs of modules subscribe to inputs whenever they connect: only an edge hub has any (device 2.10). */
static void warn(const struct mqtt *s, struct bytes filter, const struct mqtt_filter *f)
{
    bool fits = identity_is_module(bytes_str(s->device)) && !bytes_starts(filter, BYTES("$iothub/"));

    for (int w = 0; w < WANTS; w++)
        fits |= f->fits[w] != FIT_NONE;
    if (fits)
        return;
    log_event(LOG_WARN, "not-available", KVS("device", s->device), KVS("address", s->peer.address),
              KV("filter", bytes_first(filter, 128)), KVS("detail", "the hub sends nothing that matches this filter"));
}

void mqtt_follow(struct mqtt *s, int64_t now_ms)
{
    mqtt_calls_follow(s, now_ms);
    mqtt_desired_follow(s);
}

enum err mqtt_subscribe(struct mqtt *s, struct bytes filter, uint8_t granted)
{
    struct mqtt_filter f;
    enum err e = mqtt_filter_read(filter, bytes_str(s->device), &f);

    if (e || (e = wish(&s->subscribed, filter, &f, (uint8_t)(1 + granted))))
        return e;
    warn(s, filter, &f);
    return OK;
}

enum err mqtt_unsubscribe(struct mqtt *s, struct bytes filter)
{
    struct mqtt_filter f;
    enum err e = mqtt_filter_read(filter, bytes_str(s->device), &f) ? OK : wish(&s->subscribed, filter, &f, 0);

    return e == ERR_UNSUPPORTED ? OK : e; /* what could never be subscribed to */
}

/* device 2.6: what a session without clean start subscribed to outlives the connection and the hub. */
enum err mqtt_subscribed(struct mqtt *s, const struct session *before, int64_t now_ms)
{
    uint64_t at;
    enum err e;

    assert(s->seat);
    mqtt_follow(s, now_ms);
    if (s->clean || !memcmp(before, &s->subscribed, sizeof *before))
        return OK;
    if ((e = hub_session_set(s->seat, &s->subscribed, &at)))
        return e;
    front_wait_for(&s->front, at);
    return OK;
}
