/* Cloud-to-device messages over MQTT (device 2.10): pulled from the mailbox while the window is open, completed by
 * PUBACK. */
#include "mqtt_front.h"

#include "properties.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>

/* Messages that were sent with QoS 1 and not acknowledged. */
struct mqtt_flights {
    uint16_t last_id;
    uint16_t n;
    struct flight {
        uint16_t id;
        struct c2d_lock lock;
    } at[C2D_WINDOW];
};

/* device 2.7: 1 to 16384, as the reference does */
static uint16_t next_id(struct mqtt_flights *f)
{
    return f->last_id = (uint16_t)((f->last_id & 0x3FFF) + 1);
}

/* The order, and that `$` is escaped and the dot is not, is what all SDKs together can read (device 2.10). */
static void put_bag(struct buf *b, const struct msg *m)
{
    static const enum property order[] = {
        PROPERTY_MESSAGE_ID, PROPERTY_TO,           PROPERTY_CORRELATION_ID,
        PROPERTY_USER_ID,    PROPERTY_CONTENT_TYPE, PROPERTY_CONTENT_ENCODING,
        PROPERTIES,          PROPERTY_ACK,          PROPERTY_CREATION_TIME,
        PROPERTY_SCHEMA,
    };
    char expiry[ISO_TIME_CAP];
    bool first = true;

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct bytes name = BYTES("$.exp"), value = NO_BYTES;

        if (order[i] != PROPERTIES) {
            name = property_name(order[i], IN_DEVICE_TOPIC);
            value = property_of(m, order[i]);
        } else if (m->expiry_ms) {
            iso_time(m->expiry_ms, expiry);
            value = bytes_str(expiry);
        }
        if (!value.at)
            continue;
        bag_put(b, first, name, value);
        first = false;
    }
    for (size_t i = 0; i < m->n_props; i++)
        bag_put(b, first, m->props[i].name, m->props[i].value);
}

/* The packet into the output; ERR_TOO_LARGE: its properties make a topic that MQTT does not have. */
static enum err put_publish(struct mqtt *s, const struct c2d *c, uint16_t id)
{
    struct msg_room room = {.text = buf_max(0)}; /* what is stored is text: nothing is written anew */
    uint8_t text[TOPIC_LEN_MAX];
    struct buf topic = buf_over(text, sizeof text);
    struct msg m;
    enum err e = msg_read(c->sections, &room, &m);

    if (e)
        return e;
    buf_printf(&topic, "devices/%s/messages/devicebound/", s->device);
    put_bag(&topic, &m);
    if (topic.bad)
        return ERR_TOO_LARGE;
    mqtt_put_publish(
        s->front.out,
        &(struct mqtt_publish){
            .topic = buf_bytes(&topic), .body = m.body, .id = id, .qos = id != 0, .dup = id != 0 && c->again});
    return buf_check(s->front.out);
}

/* QoS 0: it is done when it is sent, and sent when that is on disk. */
static enum err send_once(struct mqtt *s, const struct c2d *c, int64_t now_ms)
{
    uint64_t at;
    enum err e = put_publish(s, c, 0);

    if (e || (e = hub_settle(s->seat, &c->lock, OUTCOME_COMPLETE, now_ms, &at)))
        return e;
    front_wait_for(&s->front, at);
    return OK;
}

static enum err send_acknowledged(struct mqtt *s, const struct c2d *c)
{
    struct mqtt_flights *f = s->flights;
    uint16_t id = next_id(f);
    enum err e = put_publish(s, c, id);

    assert(id && f->n < C2D_WINDOW);
    if (!e)
        f->at[f->n++] = (struct flight){id, c->lock};
    return e;
}

/* It will never fit: whoever sent it is told, the others go on. */
static enum err give_up(struct mqtt *s, const struct c2d *c, int64_t now_ms)
{
    uint64_t at;

    log_event(LOG_WARN, "message-rejected", KVS("device", s->device), KVN("sequence", c->sequence),
              KVS("reason", "its properties do not fit an MQTT topic"));
    enum err e = hub_settle(s->seat, &c->lock, OUTCOME_REJECT, now_ms, &at);
    if (!e)
        front_wait_for(&s->front, at);
    return e;
}

static bool may_pull(const struct mqtt *s)
{
    return !s->front.over && s->state == MQTT_OPEN && session_wants(&s->subscribed, WANT_C2D) &&
           front_has_room(&s->front) && !(s->flights && s->flights->n == C2D_WINDOW);
}

void mqtt_pull(struct mqtt *s, int64_t now_ms)
{
    struct c2d c;
    enum err e;

    assert(s->seat);
    mqtt_calls_pull(s, now_ms);
    mqtt_desired_pull(s);
    while (may_pull(s) && (e = hub_next(s->seat, now_ms, &c)) != ERR_NOT_FOUND) {
        if (!e && !s->flights && !(s->flights = calloc(1, sizeof *s->flights)))
            e = ERR_MEMORY;
        if (!e)
            e = session_wants(&s->subscribed, WANT_C2D) == 1 ? send_once(s, &c, now_ms) : send_acknowledged(s, &c);
        if (e == ERR_TOO_LARGE && !s->front.out->bad)
            e = give_up(s, &c, now_ms);
        if (e) {
            mqtt_stop(s, e, "a message could not be delivered to the device");
            return;
        }
    }
}

void mqtt_on_puback(struct mqtt *s, uint16_t id, int64_t now_ms)
{
    struct mqtt_flights *f = s->flights;
    uint64_t at;
    enum err e;

    for (uint16_t i = 0; f && i < f->n; i++) {
        struct c2d_lock lock = f->at[i].lock;

        if (f->at[i].id != id)
            continue;
        f->at[i] = f->at[--f->n];
        e = hub_settle(s->seat, &lock, OUTCOME_COMPLETE, now_ms, &at);
        /* MQTT has no answer to this; but what is said behind it, a PINGRESP even, tells that it is on disk. */
        if (!e)
            front_wait_for(&s->front, at);
        /* It expired meanwhile, or was purged: MQTT cannot say so. */
        if (e && e != ERR_LOCK_LOST)
            mqtt_stop(s, e, "an outcome could not be stored");
        return;
    }
    /* Of a message that is not in flight: 4.4 has nothing against it. */
}
