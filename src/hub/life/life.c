#include "life.h"

#include "event.h"
#include "identities.h"
#include "part.h"
#include "presence.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

enum {
    BODY_CAP = 2 * (6 * ID_LEN_MAX) + 512, /* ids of which every byte is escaped, and what stands around them */
    TRACKING_BYTES = 8,
    LEFT_A_TICK = 100, /* identities that were left connected, told as gone in one tick */
    RETRY_MS = 1000,
};

/* On a full disk a change of the registry finds room for its event, too; a device that only comes or goes does not. */
static const struct telling tellings[HAPPENINGS] = {
    [HAPPENED_CREATED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "createDeviceIdentity", ROOM_REGISTRY},
    [HAPPENED_DELETED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "deleteDeviceIdentity", ROOM_REGISTRY},
    [HAPPENED_CONNECTED] = {LIFE_CONNECTIONS, LIFE_CONNECTION_SOURCE, "deviceConnectionStateNotification",
                            LIFE_CONNECTED, ROOM_MESSAGES},
    [HAPPENED_DISCONNECTED] = {LIFE_CONNECTIONS, LIFE_CONNECTION_SOURCE, "deviceConnectionStateNotification",
                               "deviceDisconnected", ROOM_MESSAGES},
};

/* The twin of one that has just been made, or was deleted: it is shown as if nobody had ever written it (service 7). */
static void put_identity(struct buf *b, const struct identity *i, const char *time)
{
    struct bytes name = bytes_str(i->device.id), module = identity_module(name);

    buf_puts(b, "{\"deviceId\":");
    buf_put_json(b, identity_device(name));
    if (module.at) {
        buf_puts(b, ",\"moduleId\":");
        buf_put_json(b, module);
    }
    buf_printf(b,
               ",\"etag\":\"AAAAAAAAAAE=\",\"version\":2,\"properties\":{\"desired\":{\"$metadata\":{\"$lastUpdated\":"
               "\"%s\"},\"$version\":1},\"reported\":{\"$metadata\":{\"$lastUpdated\":\"%s\"},\"$version\":1}}}",
               time, time);
}

/* A place in the log is given once, and later ones are greater: so are those of one identity, whose events stand in the
 * log themselves. */
static void put_sequence(struct buf *b, const struct hub *h)
{
    buf_printf(b, "{\"sequenceNumber\":\"%016X%016llX%032X\"}", 0U, (unsigned long long)store_end(h->store), 1U);
}

static void put_tracking(struct hub *h, struct buf *b)
{
    uint8_t random[TRACKING_BYTES];

    hub_random(h, random, sizeof random);
    buf_put_hex(b, bytes_of(random, sizeof random));
}

/* The properties that all of them have. */
static struct msg message_of(const struct telling *t, const struct life_of *of, const char *time, struct bytes hub,
                             struct prop props[5])
{
    struct bytes module = identity_module(of->name);
    size_t n = 0;

    props[n++] = (struct prop){BYTES("hubName"), hub};
    props[n++] = of->job.len ? (struct prop){BYTES("jobId"), of->job}
                             : (struct prop){BYTES("deviceId"), identity_device(of->name)};
    if (module.at)
        props[n++] = (struct prop){BYTES("moduleId"), module};
    props[n++] = (struct prop){BYTES("operationTimestamp"), bytes_str(time)};
    props[n++] = (struct prop){BYTES("opType"), bytes_str(t->type)};
    return (struct msg){.content_type = BYTES("application/json"),
                        .content_encoding = BYTES("utf-8"),
                        .user_id = hub,
                        .schema = bytes_str(t->schema),
                        .props = props,
                        .n_props = n};
}

void life_tell(struct hub *h, const struct life_of *of, const struct telling *t, struct bytes body, int64_t now_ms,
               uint64_t *at)
{
    struct bytes shown = of->job.len ? of->job : of->name;
    char time[ISO_TIME_CAP], text[2 * TRACKING_BYTES + 1];
    struct buf tracking = buf_over(text, sizeof text);
    struct bytes hub = bytes_str(h->birth.name);
    struct prop props[5];
    struct msg m;
    uint64_t place;

    iso_time(hub_wall_ms(h, now_ms), time);
    m = message_of(t, of, time, bytes_first(hub, bytes_find(hub, '.')), props);
    put_tracking(h, &tracking);
    assert(!tracking.bad);
    m.body = body;
    m.correlation_id = buf_bytes(&tracking);
    if (event_tell(h, of->scratch, of->name, t->source, &m, t->room, now_ms, &place)) {
        hub_trace(h, "%.*s: there is no room to tell of it: %s", BYTES_ARG(shown), t->type);
        return;
    }
    hub_trace(h, "%.*s: told as an event: %s", BYTES_ARG(shown), t->type);
    if (at)
        *at = place;
}

/* The place of its event; 0: there was no room for it. */
static uint64_t tell(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms)
{
    char room[BODY_CAP], time[ISO_TIME_CAP];
    struct buf body = buf_over(room, sizeof room);
    const struct telling *t = &tellings[what];
    uint64_t at = 0;

    assert_locked(&s->lock);
    assert(i->shard == s && what < HAPPENINGS);
    iso_time(hub_wall_ms(h, now_ms), time);
    if (t->bit == LIFE_IDENTITIES)
        put_identity(&body, i, time);
    else
        put_sequence(&body, h);
    assert(!body.bad);
    life_tell(h, &(struct life_of){.scratch = &s->scratch, .name = bytes_str(i->device.id)}, t, buf_bytes(&body),
              now_ms, &at);
    if (at && t->bit == LIFE_CONNECTIONS)
        presence_told(h, bytes_str(i->device.id), what == HAPPENED_CONNECTED, at);
    return at;
}

static void happened(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms,
                     uint64_t *at)
{
    uint64_t place;

    if (!(h->options.life & tellings[what].bit))
        return;
    /* It is back before anyone was told that it had gone with the hub. */
    if (what == HAPPENED_CONNECTED && presence_take_left(h, bytes_str(i->device.id)))
        tell(h, s, i, HAPPENED_DISCONNECTED, now_ms);
    place = tell(h, s, i, what, now_ms);
    if (at && place)
        *at = place;
}

/* False: there is no room for its event now. */
static bool tell_left(struct hub *h, struct bytes name, int64_t now_ms)
{
    struct shard *s = shard_of(h, name);
    struct identity *i;
    bool told = true;

    mutex_lock(&s->lock);
    if (identity_get(h, s, name, &i)) {
        presence_take_left(h, name);
        presence_told(h, name, false, 0);
    } else if (presence_take_left(h, name)) {
        assert(!i->seat); /* who sits down takes it from there */
        told = tell(h, s, i, HAPPENED_DISCONNECTED, now_ms);
        if (!told)
            presence_leave(h, name);
    }
    mutex_unlock(&s->lock);
    return told;
}

/* Identities that were connected when the hub was killed are told as gone when it is back. */
static int64_t life_tick(struct hub *h, int64_t now_ms)
{
    char name[IDENTITY_LEN_MAX + 1];

    for (int n = 0; presence_left(h, name); n++) {
        if (n == LEFT_A_TICK)
            return now_ms;
        if (!tell_left(h, bytes_str(name), now_ms))
            return now_ms + RETRY_MS;
    }
    return INT64_MAX;
}

const struct part life_part = {.name = "events of life",
                               .make = presence_make,
                               .free = presence_free,
                               .keep = presence_keep,
                               .kept = presence_kept,
                               .replayed = presence_replayed,
                               .event_replayed = presence_event,
                               .tick = life_tick,
                               .job_changed = life_job_changed,
                               .identity = {.happened = happened, .twin_changed = life_twin_changed}};
