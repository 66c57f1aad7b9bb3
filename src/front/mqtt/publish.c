#include "mqtt_front.h"

#include "properties.h"
#include "text.h"

#include <assert.h>

/* A message being put together: room for decoded text and for properties. It lives on the stack of one call, so a
 * session costs nothing for it and nothing is allocated. */
struct draft_msg {
    struct msg msg;
    struct prop props[PROPS_MAX + 2]; /* ours: the mark of a will, the mark of RETAIN */
    uint8_t room[TOPIC_LEN_MAX];
};

/* True if the name is one of the system's; a null value is as if it were not there. */
static bool put_system(struct msg *m, struct bytes name, struct bytes value)
{
    enum property which = property_named(IN_EVENT_TOPIC, name);

    if (which != PROPERTIES) {
        *property_in(m, which) = value;
        return true;
    }
    /* device 2.9: who sent it is the hub's to say. */
    return bytes_eq(name, BYTES("$.cdid")) || bytes_eq(name, BYTES("$.cmid"));
}

/* device 2.9: of two with one name the last wins. */
static enum err put_app(struct draft_msg *d, size_t max, struct bytes name, struct bytes value)
{
    assert(d->msg.n_props <= max && max <= PROPS_MAX + 2);
    for (size_t i = 0; i < d->msg.n_props; i++) {
        if (bytes_eq(d->props[i].name, name)) {
            d->props[i].value = value;
            return OK;
        }
    }
    if (d->msg.n_props == max)
        return ERR_LIMIT;
    d->props[d->msg.n_props++] = (struct prop){name, value};
    return OK;
}

static enum err put_prop(struct draft_msg *d, const struct bag_pair *p)
{
    if (bytes_eq(p->name, BYTES("$.exp")))
        return p->value.len ? iso_time_parse(p->value, &d->msg.expiry_ms) : OK;
    if (bytes_eq(p->name, BYTES("$.mid")) && p->value.len > ID_LEN_MAX) /* device 6.1 */
        return ERR_ARGUMENT;
    if (put_system(&d->msg, p->name, p->value))
        return OK;
    return put_app(d, PROPS_MAX, p->name, p->value);
}

/* The topic's bag and the body become a message of this session. */
static enum err make_msg(const struct mqtt *s, struct bytes bag, struct bytes body, struct draft_msg *d)
{
    struct bag_room room = {d->room, sizeof d->room};
    struct bag_pair pair;
    enum err e = OK;

    d->msg = (struct msg){.body = body, .props = d->props};
    if (s->kept.model_len)
        d->msg.model_id = bytes_of(s->kept.bytes.at, s->kept.model_len);
    while (!e && bag_next(&bag, &room, &pair))
        e = put_prop(d, &pair);
    return e;
}

/* device 2.7: RETAIN is not obeyed but told. */
static enum err mark_retain(struct draft_msg *d, bool retain)
{
    return retain ? put_app(d, PROPS_MAX + 2, BYTES("mqtt-retain"), BYTES("true")) : OK;
}

bool mqtt_topic_is_own(const struct mqtt *s, struct bytes topic, struct bytes *bag)
{
    struct bytes name = bytes_str(s->device);
    struct d2c_topic t;

    if (!d2c_topic_parse(topic, &t) || !mqtt_level_is(t.device, identity_device(name)) ||
        !t.module.at == identity_is_module(name) || (t.module.at && !mqtt_level_is(t.module, identity_module(name))))
        return false;
    *bag = t.bag;
    return true;
}

/* device 10: the fault that lasts, and the one that this message asks for. */
static enum err look_for_faults(const struct mqtt *s, const struct msg *m, int64_t now_ms, struct fault_request *asked)
{
    enum err e = fault_refusal(&s->fault, now_ms);

    asked->kind = FAULT_NONE;
    return e || !s->env->faults ? e : fault_request_read(m, now_ms, asked);
}

static enum err send_event(struct mqtt *s, const struct mqtt_publish *p, struct bytes bag, int64_t now_ms)
{
    struct fault_request asked;
    struct draft_msg d;
    uint64_t at;
    enum err e;

    if ((e = make_msg(s, bag, p->body, &d)) || (e = mark_retain(&d, p->retain)) ||
        (e = look_for_faults(s, &d.msg, now_ms, &asked)) || (e = hub_send(s->seat, &d.msg, now_ms, &at)))
        return e;
    if (asked.kind)
        s->fault = asked;
    s->wait_told = false;
    front_wait_for(&s->front, at);
    if (p->qos)
        mqtt_put_ack(s->front.out, MQTT_PUBACK, p->id);
    return OK;
}

enum err mqtt_send_will(struct mqtt *s, int64_t now_ms)
{
    struct bytes rest = bytes_skip(buf_bytes(&s->kept.bytes), s->kept.model_len), bag;
    struct draft_msg d;
    uint64_t at;
    enum err e;

    assert(s->kept.has_will);
    if (!mqtt_topic_is_own(s, bytes_first(rest, s->kept.topic_len), &bag))
        return ERR_INTERNAL; /* it was when it was kept */
    if ((e = make_msg(s, bag, bytes_skip(rest, s->kept.topic_len), &d)) ||
        (e = put_app(&d, PROPS_MAX + 1, BYTES("iothub-MessageType"), BYTES("Will"))) ||
        (e = mark_retain(&d, s->kept.will_retain)))
        return e;
    return hub_send(s->seat, &d.msg, now_ms, &at);
}

/* MQTT 3.1.1 cannot refuse one message. What may find room later is not taken before: the device is slowed down instead
 * of being cut off. */
static bool must_wait(struct mqtt *s, enum err e, int64_t now_ms)
{
    if (e != ERR_DISK_FULL && e != ERR_BUSY && e != ERR_QUOTA)
        return false;
    if (!s->wait_told)
        journal_no_room(s->env, &s->peer, mqtt_who(s), bytes_str(s->device), e, now_ms);
    assert(!s->waits_for);
    s->wait_told = true;
    s->waits_for = e;
    s->retry_ms = now_ms + ROOM_RETRY_MS;
    return true;
}

void mqtt_on_publish(struct mqtt *s, const struct mqtt_publish *p, int64_t now_ms)
{
    struct bytes bag;
    enum err e;

    /* device 2.8: there is no negative acknowledgement, so what will never be taken ends the connection. */
    if (p->qos == 2) {
        mqtt_stop(s, ERR_UNSUPPORTED, "PUBLISH with QoS 2");
        return;
    }
    if (mqtt_topic_is_own(s, p->topic, &bag))
        e = send_event(s, p, bag, now_ms);
    else if (bytes_starts(p->topic, BYTES("$iothub/")))
        e = mqtt_on_iothub(s, p, now_ms);
    else
        e = ERR_DENIED;
    if (must_wait(s, e, now_ms))
        return;
    if (e)
        mqtt_stop(s, e, e == ERR_DENIED ? "PUBLISH to a topic that is not the device's" : "PUBLISH is refused");
}
