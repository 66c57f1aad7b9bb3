#include "life.h"

#include "event.h"
#include "part.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

enum {
    BODY_CAP = 2 * (6 * ID_LEN_MAX) + 512, /* ids of which every byte is escaped, and what stands around them */
    TRACKING_BYTES = 8,
};

/* On a full disk a change of the registry finds room for its event, too; a device that only comes or goes does not. */
static const struct telling tellings[HAPPENINGS] = {
    [HAPPENED_CREATED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "createDeviceIdentity", ROOM_REGISTRY},
    [HAPPENED_DELETED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "deleteDeviceIdentity", ROOM_REGISTRY},
    [HAPPENED_CONNECTED] = {LIFE_CONNECTIONS, "deviceConnectionStateEvents", "deviceConnectionStateNotification",
                            "deviceConnected", ROOM_MESSAGES},
    [HAPPENED_DISCONNECTED] = {LIFE_CONNECTIONS, "deviceConnectionStateEvents", "deviceConnectionStateNotification",
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

static void happened(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms,
                     uint64_t *at)
{
    char room[BODY_CAP], time[ISO_TIME_CAP];
    struct buf body = buf_over(room, sizeof room);
    const struct telling *t = &tellings[what];

    if (!(h->options.life & t->bit))
        return;
    iso_time(hub_wall_ms(h, now_ms), time);
    if (t->bit == LIFE_IDENTITIES)
        put_identity(&body, i, time);
    else
        put_sequence(&body, h);
    assert(!body.bad);
    life_tell(h, &(struct life_of){.scratch = &s->scratch, .name = bytes_str(i->device.id)}, t, buf_bytes(&body),
              now_ms, at);
}

const struct part life_part = {.name = "events of life",
                               .job_changed = life_job_changed,
                               .identity = {.happened = happened, .twin_changed = life_twin_changed}};
