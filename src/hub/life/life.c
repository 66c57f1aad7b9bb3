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

/* What an event says beside its body. */
struct telling {
    unsigned bit;
    const char *source, *schema, *type;
};

static const struct telling tellings[HAPPENINGS] = {
    [HAPPENED_CREATED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "createDeviceIdentity"},
    [HAPPENED_DELETED] = {LIFE_IDENTITIES, "deviceLifecycleEvents", "deviceLifecycleNotification",
                          "deleteDeviceIdentity"},
    [HAPPENED_CONNECTED] = {LIFE_CONNECTIONS, "deviceConnectionStateEvents", "deviceConnectionStateNotification",
                            "deviceConnected"},
    [HAPPENED_DISCONNECTED] = {LIFE_CONNECTIONS, "deviceConnectionStateEvents", "deviceConnectionStateNotification",
                               "deviceDisconnected"},
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
static struct msg message_of(const struct telling *t, struct bytes name, const char *time, struct bytes hub,
                             struct prop props[5])
{
    struct bytes module = identity_module(name);
    size_t n = 0;

    props[n++] = (struct prop){BYTES("hubName"), hub};
    props[n++] = (struct prop){BYTES("deviceId"), identity_device(name)};
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

static void happened(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms,
                     uint64_t *at)
{
    char room[BODY_CAP], time[ISO_TIME_CAP], tracking_room[2 * TRACKING_BYTES + 1];
    struct buf body = buf_over(room, sizeof room), tracking = buf_over(tracking_room, sizeof tracking_room);
    struct bytes name = bytes_str(i->device.id), hub = bytes_str(h->birth.name);
    const struct telling *t = &tellings[what];
    struct prop props[5];
    struct msg m;
    uint64_t place;

    if (!(h->options.life & t->bit))
        return;
    iso_time(hub_wall_ms(h, now_ms), time);
    m = message_of(t, name, time, bytes_first(hub, bytes_find(hub, '.')), props);
    if (t->bit == LIFE_IDENTITIES)
        put_identity(&body, i, time);
    else
        put_sequence(&body, h);
    put_tracking(h, &tracking);
    assert(!body.bad && !tracking.bad);
    m.body = buf_bytes(&body);
    m.correlation_id = buf_bytes(&tracking);
    /* Whoever has to change the registry finds room for that and for the event; those who only come and go do not. */
    if (event_tell(h, s, name, t->source, &m, t->bit == LIFE_IDENTITIES ? ROOM_REGISTRY : ROOM_MESSAGES, now_ms,
                   &place)) {
        hub_trace(h, "%s: there is no room to tell of it: %s", i->device.id, t->type);
        return;
    }
    hub_trace(h, "%s: told as an event: %s", i->device.id, t->type);
    if (at)
        *at = place;
}

const struct part life_part = {.name = "events of life", .identity = {.happened = happened}};
