#include "mqtt_front.h"

#include <assert.h>
#include <stdlib.h>

static struct mqtt *mqtt_of(struct talk *f)
{
    return (struct mqtt *)(void *)((char *)f - offsetof(struct mqtt, front));
}

/* ---- subscriptions --------------------------------------------------------------------------------------------- */

static void on_subscribe(struct mqtt *s, const struct mqtt_filters *p, int64_t now_ms)
{
    struct session before = s->subscribed;
    uint8_t granted[SUBSCRIPTIONS_MAX], qos;
    struct bytes list = p->list, filter;
    size_t n = 0;
    enum err e;

    while (mqtt_next_filter(MQTT_SUBSCRIBE, &list, &filter, &qos)) {
        if (n == SUBSCRIPTIONS_MAX) {
            mqtt_stop(s, ERR_LIMIT, "too many filters in one SUBSCRIBE");
            return;
        }
        granted[n] = qos ? 1 : 0; /* device 2.7: two is granted as one */
        /* device 2.8: a filter that is not supported ends the connection, there is no SUBACK with a failure. */
        if (s->role->subscribe(s, filter, granted[n])) {
            mqtt_stop(s, ERR_UNSUPPORTED, "SUBSCRIBE to a filter that is not supported");
            return;
        }
        n++;
    }
    if ((e = s->role->subscribed(s, &before, now_ms)))
        mqtt_stop(s, e, "the subscription could not be stored");
    else
        mqtt_put_suback(s->front.out, p->id, granted, n);
}

/* device 2.7: also answered for what was never subscribed. */
static void on_unsubscribe(struct mqtt *s, const struct mqtt_filters *p, int64_t now_ms)
{
    struct session before = s->subscribed;
    struct bytes list = p->list, filter;
    uint8_t qos;
    enum err e = OK;

    while (!e && mqtt_next_filter(MQTT_UNSUBSCRIBE, &list, &filter, &qos))
        e = s->role->unsubscribe(s, filter);
    if (e || (e = s->role->subscribed(s, &before, now_ms)))
        mqtt_stop(s, e, "the subscription could not be stored");
    else
        mqtt_put_ack(s->front.out, MQTT_UNSUBACK, p->id);
}

/* ---- packets --------------------------------------------------------------------------------------------------- */

static void on_packet_open(struct mqtt *s, const struct mqtt_packet *p, int64_t now_ms)
{
    assert(s->state == MQTT_OPEN && s->role);
    switch (p->type) {
    case MQTT_PUBLISH:
        s->role->publish(s, &p->publish, now_ms);
        return;
    case MQTT_SUBSCRIBE:
        on_subscribe(s, &p->filters, now_ms);
        return;
    case MQTT_UNSUBSCRIBE:
        on_unsubscribe(s, &p->filters, now_ms);
        return;
    case MQTT_PINGREQ:
        mqtt_put_empty(s->front.out, MQTT_PINGRESP);
        return;
    case MQTT_PUBACK:
        if (s->role->acknowledged)
            s->role->acknowledged(s, p->id, now_ms);
        return;
    case MQTT_DISCONNECT:
        s->state = MQTT_LEFT;
        talk_end(&s->front, OK);
        return;
    case MQTT_CONNECT:
        mqtt_stop(s, ERR_PROTOCOL, "a second CONNECT");
        return;
    case MQTT_CONNACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
    case MQTT_PINGRESP:
        mqtt_stop(s, ERR_PROTOCOL, "a packet that a device does not send");
        return;
    }
}

static void on_packet(struct mqtt *s, const struct mqtt_packet *p, int64_t now_ms)
{
    if (s->state == MQTT_OPEN)
        on_packet_open(s, p, now_ms);
    else if (p->type == MQTT_CONNECT)
        mqtt_on_connect(s, &p->connect, now_ms);
    else
        mqtt_stop(s, ERR_PROTOCOL, "a packet before CONNECT");
    if (s->front.out->bad)
        mqtt_stop(s, ERR_TOO_LARGE, "the device does not read what it requested");
}

/* The packets of one input. Behind a PUBLISH that waits for room its kind waits too, in order; everything else does
 * not: a device settles, subscribes and shows that it is alive meanwhile. Such a packet stays where it is, and is
 * passed over when it is seen again. */
struct reading {
    struct bytes in;
    size_t at;   /* behind the packets that were looked at */
    size_t used; /* behind those that are done */
    size_t seen; /* what was looked at when it came the last time */
};

static void on_next(struct mqtt *s, struct reading *r, const struct mqtt_packet *p, size_t len, int64_t now_ms)
{
    bool is_new = r->at >= r->seen;

    if (is_new)
        s->heard_ms = now_ms;
    if (p->type == MQTT_PUBLISH ? !s->waits_for : is_new)
        on_packet(s, p, now_ms);
    r->at += len;
    if (!s->waits_for)
        r->used = r->at;
    assert(r->used <= r->at && r->at <= r->in.len);
}

static void pull(struct mqtt *s, int64_t now_ms)
{
    if (s->state == MQTT_OPEN && s->role->pull)
        s->role->pull(s, now_ms);
}

static enum mqtt_answer decode(const struct mqtt *s, struct bytes in, struct mqtt_packet *p, size_t *used)
{
    return mqtt_decode(in, s->state == MQTT_OPEN ? PACKET_LEN_MAX : CONNECT_LEN_MAX, p, used);
}

/* False: there is nothing more that can be looked at. */
static bool read_next(struct mqtt *s, struct reading *r, int64_t now_ms)
{
    struct mqtt_packet p;
    size_t len;

    switch (decode(s, bytes_skip(r->in, r->at), &p, &len)) {
    case MQTT_PACKET:
        on_next(s, r, &p, len, now_ms);
        return true;
    case MQTT_MORE:
        return false;
    case MQTT_MALFORMED:
        mqtt_stop(s, ERR_MALFORMED, "not an MQTT 3.1.1 packet");
        return false;
    case MQTT_TOO_LARGE:
        mqtt_stop(s, ERR_TOO_LARGE, "a packet over the limit");
        return false;
    }
    return false;
}

static size_t mqtt_input(struct talk *f, struct bytes in, int64_t now_ms)
{
    struct mqtt *s = mqtt_of(f);
    struct reading r = {.in = in, .seen = s->looked_at};

    s->waits_for = OK;
    while (!f->over && front_has_room(f) && read_next(s, &r, now_ms)) {
        /* until there is no more */
    }
    s->looked_at = (r.at > r.seen ? r.at : r.seen) - r.used;
    assert(s->looked_at <= in.len - r.used);
    f->stalled = s->waits_for != OK;
    pull(s, now_ms);
    return f->over ? in.len : r.used;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void mqtt_wake(struct talk *f, int64_t now_ms)
{
    struct mqtt *s = mqtt_of(f);

    if (f->over || s->state != MQTT_OPEN)
        return;
    assert(s->role && f->out);
    if (s->role->woken)
        s->role->woken(s, now_ms);
    pull(s, now_ms);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* device 10: of what a device may ask for over MQTT these two break its connection, which has no word for it. */
static void break_down(struct mqtt *s)
{
    enum fault_kind kind = s->fault.kind;

    s->fault.kind = FAULT_NONE;
    if (kind == FAULT_KILL_TCP || kind == FAULT_LEAVE_MQTT)
        mqtt_stop(s, ERR_CLOSED, "the device asked for this fault");
}

static int64_t mqtt_tick(struct talk *f, int64_t now_ms)
{
    struct mqtt *s = mqtt_of(f);
    int64_t silence_ends = s->heard_ms + s->silence_ms;

    if (f->over)
        return INT64_MAX;
    if (now_ms >= fault_due(&s->fault))
        break_down(s);
    if (s->waits_for && now_ms >= s->retry_ms) {
        s->retry_ms = now_ms + ROOM_RETRY_MS;
        f->waker->wake(f->waker); /* what is left of the input comes again */
    }
    if (now_ms >= silence_ends && s->waits_for)
        mqtt_stop(s, s->waits_for, "there was no room for a message within keep-alive");
    else if (now_ms >= silence_ends)
        mqtt_stop(s, s->state == MQTT_OPEN ? ERR_IDLE : ERR_TIMEOUT,
                  s->state == MQTT_OPEN ? "no packet arrived within keep-alive" : "no CONNECT arrived");
    else if (now_ms >= s->expires_ms)
        mqtt_stop(s, ERR_EXPIRED, "the token of this connection expired"); /* device 1.5 */
    if (s->waits_for)
        silence_ends = sooner(silence_ends, s->retry_ms);
    return f->over ? INT64_MAX : sooner(fault_due(&s->fault), sooner(silence_ends, s->expires_ms));
}

/* Logs what came and left, or never came far enough to say who it is. */
static void tell_end(const struct mqtt *s, enum err why, int64_t now_ms)
{
    if (s->front.over)
        why = s->front.why;
    assert(!s->told || s->role);
    if (s->told)
        journal_left(&s->peer, mqtt_who(s), why, s->detail, s->since_ms, now_ms);
    else if (s->state == MQTT_WAIT_CONNECT && s->detail && journal_may_tell(s->env, &s->peer, NO_BYTES, now_ms))
        log_event(LOG_WARN, "refused", KVS("protocol", s->peer.protocol), KVS("address", s->peer.address),
                  KVS("reason", err_name(why)), KVS("detail", s->detail));
}

static void mqtt_close(struct talk *f, enum err why, int64_t now_ms)
{
    struct mqtt *s = mqtt_of(f);

    tell_end(s, why ? why : ERR_CLOSED, now_ms);
    assert(s->state == MQTT_WAIT_CONNECT || s->role);
    if (s->role)
        s->role->gone(s, why, now_ms);
    free(s);
}

static const struct talk_ops ops = {
    .name = "mqtt",
    .input = mqtt_input,
    .wake = mqtt_wake,
    .tick = mqtt_tick,
    .close = mqtt_close,
};

enum err front_mqtt_new(const struct front_env *env, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    struct mqtt *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_MEMORY;
    s->front.ops = &ops;
    s->env = env;
    s->peer = *peer;
    s->peer.held_ms = &s->front.held_ms;
    s->peer.protocol = peer->websocket ? "mqtt-ws" : "mqtt";
    s->heard_ms = now_ms;
    s->silence_ms = CONNECT_MS;
    s->expires_ms = INT64_MAX;
    s->kept.bytes = buf_max(MODEL_LEN_MAX + CONNECT_LEN_MAX);
    *out = &s->front;
    return OK;
}
static_assert(sizeof(struct mqtt) < 1024, "an idle device costs little");
