#include "mqtt_talk.h"

#include "account.h"
#include "incoming.h"
#include "mqtt.h"

#include <assert.h>
#include <stdio.h>

/* AGAIN_MS: an abandoned message waits so long for the connection that brings it again, or for less if there is one
 * sooner. */
enum { KEEP_ALIVE_S = 240, PING_AFTER_MS = KEEP_ALIVE_S * 1000 / 2, AGAIN_MS = 30000, SUBSCRIBE_ID = QUEUE_ID_MAX + 1 };

/* Filters that are subscribed; the packet id is SUBSCRIBE_ID and this. */
enum subscription { SUB_MESSAGES, SUB_CALLS, SUB_ANSWERS, SUB_DESIRED, SUBS };
static_assert(SUBSCRIBE_ID + SUBS <= UINT16_MAX, "packet ids have 16 bits, and 0 is none");

enum { SUBS_LISTENING = 1u << SUB_MESSAGES | 1u << SUB_CALLS, SUBS_TWIN = 1u << SUB_ANSWERS | 1u << SUB_DESIRED };

static struct mqtt_talk *of(struct talk *t)
{
    return LIST_OF(t, struct mqtt_talk, talk);
}

static void say(struct mqtt_talk *m, struct queued *q)
{
    struct mqtt_publish p = {
        .topic = queued_head(q), .body = queued_body(q), .id = q->id, .qos = q->qos, .dup = q->again};

    mqtt_put_publish(m->talk.out, &p);
}

static void subscribe_to(struct mqtt_talk *m, enum subscription what, struct bytes filter, uint8_t qos)
{
    mqtt_put_subscribe(m->talk.out, (uint16_t)(SUBSCRIBE_ID + what), filter, qos);
    m->subscribing |= 1u << what;
}

static void pump_twin(struct mqtt_talk *m, int64_t now_ms)
{
    const struct twin_side *t = &m->side->twin;

    if (!m->twin_asked && twin_is_wanted(t)) {
        m->twin_asked = true;
        subscribe_to(m, SUB_ANSWERS, BYTES("$iothub/twin/res/#"), 0);
        if (t->follows)
            subscribe_to(m, SUB_DESIRED, BYTES("$iothub/twin/PATCH/properties/desired/#"), 0);
    }
    if (m->twin_refused)
        twin_end(&m->side->twin, D2D_UNSUPPORTED);
    mqtt_twin_pump(m, now_ms);
}

/* Says what the window and the output have room for. */
static void pump(struct mqtt_talk *m, int64_t now_ms)
{
    struct device_side *side = m->side;
    struct queued *q;

    while (!side->gone && !m->talk.over && m->state == MQTT_OPEN && m->talk.out->len < CONN_OUT_SOFT &&
           side->queue.on_way < side->window && (q = queue_next(&side->queue))) {
        bool answered_at_once = !q->qos;

        say(m, q);
        if (m->talk.out->bad) {
            talk_end(&m->talk, ERR_MEMORY); /* it is still in the queue */
            return;
        }
        queue_said(&side->queue, q);
        m->said_ms = now_ms;
        if (answered_at_once)
            side->done(side->ctx, q, D2D_OK);
    }
    if (!side->gone && !m->talk.over && m->state == MQTT_OPEN)
        pump_twin(m, now_ms);
}

static void start(struct talk *t, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    struct mqtt_connect c = {.level = 4,
                             .keep_alive_s = KEEP_ALIVE_S,
                             .client_id = bytes_str(m->side->id),
                             .user = m->user,
                             .password = m->password};

    /* Not a clean session: what is said again then belongs to it (MQTT-4.4.0-1), and so does what waits for us (device
     * 2.6). */
    inbox_clear(&m->side->inbox);
    asked_clear(&m->side->asked);
    twin_rewind(&m->side->twin);
    m->state = MQTT_WAIT_CONNACK;
    m->pinged = m->twin_asked = m->twin_open = m->twin_refused = false;
    m->connack = 0;
    m->began_ms = m->said_ms = now_ms;
    mqtt_put_connect(t->out, &c);
    if (t->out->bad)
        talk_end(t, ERR_MEMORY);
}

/* device 2.3: what the codes mean here. */
static enum err refusal(uint8_t code)
{
    switch (code) {
    case MQTT_BAD_LEVEL:
        return ERR_UNSUPPORTED;
    case MQTT_UNAVAILABLE:
        return ERR_BUSY;
    case MQTT_BAD_CLIENT_ID:
    case MQTT_BAD_PASSWORD:
    case MQTT_NOT_AUTHORIZED:
        return ERR_UNAUTHORIZED;
    default:
        return ERR_PROTOCOL;
    }
}

/* At QoS 1, whatever a kept session says: it may have been made by another library. */
static void subscribe(struct mqtt_talk *m)
{
    struct buf filter = buf_max(TOPIC_LEN_MAX);

    m->subscribing = 0;
    if (side_wants_c2d(m->side)) {
        buf_printf(&filter, m->side->is_module ? "%s/inputs/#" : "%s/messages/devicebound/#", m->side->path);
        subscribe_to(m, SUB_MESSAGES, buf_bytes(&filter), 1);
        buf_free(&filter);
    }
    if (side_wants_calls(m->side))
        subscribe_to(m, SUB_CALLS, BYTES("$iothub/methods/POST/#"), 0);
}

static void on_connack(struct mqtt_talk *m, uint8_t code, int64_t now_ms)
{
    if (m->state != MQTT_WAIT_CONNACK) {
        talk_end(&m->talk, ERR_PROTOCOL);
        return;
    }
    if (code != MQTT_ACCEPTED) {
        m->connack = code;
        talk_end(&m->talk, refusal(code));
        return;
    }
    m->state = MQTT_OPEN;
    m->said_ms = now_ms;
    subscribe(m);
    m->side->opened(m->side->ctx);
}

/* A hub that has no twins refuses their filters, and nothing else. */
static void on_twin_suback(struct mqtt_talk *m, bool granted)
{
    m->twin_refused |= !granted;
    if (m->twin_refused) {
        twin_end(&m->side->twin, D2D_UNSUPPORTED);
    } else if (!(m->subscribing & SUBS_TWIN)) {
        m->twin_open = true;
        twin_opened(&m->side->twin, false);
    }
}

static void on_suback(struct mqtt_talk *m, const struct mqtt_filters *f)
{
    unsigned bit = f->id >= SUBSCRIBE_ID && f->id < SUBSCRIBE_ID + SUBS ? 1u << (f->id - SUBSCRIBE_ID) : 0;
    bool granted = f->list.len == 1 && f->list.at[0] <= 1;

    if (!(m->subscribing & bit) || f->list.len != 1) {
        talk_end(&m->talk, ERR_PROTOCOL);
        return;
    }
    m->subscribing &= ~bit;
    if (bit & SUBS_TWIN)
        on_twin_suback(m, granted);
    else if (!granted)
        talk_end(&m->talk, ERR_DENIED);
    else if (!(m->subscribing & SUBS_LISTENING))
        m->side->listening(m->side->ctx);
}

static void on_puback(struct mqtt_talk *m, uint16_t id)
{
    struct queued *q = queue_acked(&m->side->queue, id);

    if (!q)
        talk_end(&m->talk, ERR_PROTOCOL);
    else
        m->side->done(m->side->ctx, q, D2D_OK);
}

static void complete(struct mqtt_talk *m, struct held *h)
{
    if (h->id)
        mqtt_put_ack(m->talk.out, MQTT_PUBACK, h->id);
    inbox_del(&m->side->inbox, h);
}

/* A message that is not taken is not acknowledged either: it waits for a taker, or for the next connection. */
static void take(struct mqtt_talk *m, const struct mqtt_publish *p, struct d2d_c2d *c)
{
    struct device_side *side = m->side;
    struct held *h;

    if (p->qos && inbox_with_id(&side->inbox, p->id))
        return; /* it was given already */
    h = inbox_add(&side->inbox);
    if (!h) {
        talk_end(&m->talk, ERR_LIMIT);
        return;
    }
    h->id = p->id;
    c->lock = h->lock;
    c->deliveries = p->dup;
    side->c2d(side->ctx, c);
    if (!side->gone && side->auto_complete && (h = inbox_find(&side->inbox, c->lock)))
        complete(m, h);
}

static void on_publish(struct mqtt_talk *m, const struct mqtt_publish *p, int64_t now_ms)
{
    struct d2d_c2d c;

    if (p->qos > 1)
        talk_end(&m->talk, ERR_PROTOCOL);
    else if (side_wants_calls(m->side) && m->state == MQTT_OPEN && !p->qos && mqtt_is_call(p->topic))
        mqtt_call_take(m, p);
    else if (m->twin_open && !p->qos && mqtt_is_twin(p->topic))
        mqtt_twin_take(m, p, now_ms);
    else if (!incoming_is_ours(m->side->path, p->topic)) {
        if (p->qos) /* of a session that somebody else subscribed in: twins and methods are not kept */
            mqtt_put_ack(m->talk.out, MQTT_PUBACK, p->id);
    } else if (side_wants_c2d(m->side) && m->state == MQTT_OPEN) {
        enum err e = incoming_mqtt(&m->side->room, m->side->path, p->topic, p->body, &c);

        if (e)
            talk_end(&m->talk, e);
        else
            take(m, p, &c);
    }
}

static void on_packet(struct mqtt_talk *m, const struct mqtt_packet *p, int64_t now_ms)
{
    if (p->type == MQTT_CONNACK)
        on_connack(m, p->connack.code, now_ms);
    else if (m->state == MQTT_WAIT_CONNACK)
        talk_end(&m->talk, ERR_FOREIGN);
    else if (p->type == MQTT_PUBACK)
        on_puback(m, p->id);
    else if (p->type == MQTT_PINGRESP)
        m->pinged = false;
    else if (p->type == MQTT_PUBLISH)
        on_publish(m, &p->publish, now_ms);
    else if (p->type == MQTT_SUBACK)
        on_suback(m, &p->filters);
    else
        talk_end(&m->talk, ERR_PROTOCOL);
}

static void on_reason(struct mqtt_talk *m, uint8_t reason)
{
    talk_end(&m->talk, reason == MQTT_TAKEN_OVER ? ERR_STOLEN : ERR_CLOSED);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    size_t all = 0;
    uint8_t reason;

    while (!m->side->gone && !t->over) {
        struct mqtt_packet p;
        size_t used = 0;
        enum mqtt_answer answer = mqtt_decode_reason(bytes_skip(in, all), &reason, &used);

        if (answer == MQTT_PACKET) {
            on_reason(m, reason);
            all += used;
            break;
        }
        if (answer != MQTT_MORE)
            answer = mqtt_decode(bytes_skip(in, all), PACKET_LEN_MAX, &p, &used);
        if (answer == MQTT_MORE)
            break;
        if (answer != MQTT_PACKET) {
            talk_end(t, m->state == MQTT_WAIT_CONNACK ? ERR_FOREIGN
                        : answer == MQTT_TOO_LARGE    ? ERR_TOO_LARGE
                                                      : ERR_MALFORMED);
            break;
        }
        all += used;
        on_packet(m, &p, now_ms);
    }
    if (!m->side->gone)
        pump(m, now_ms);
    return all;
}

static void wake(struct talk *t, int64_t now_ms)
{
    pump(of(t), now_ms);
}

static void bye(struct talk *t)
{
    if (of(t)->state != MQTT_WAIT_CONNACK)
        mqtt_put_empty(t->out, MQTT_DISCONNECT);
}

static void drain(struct mqtt_talk *m, int64_t now_ms)
{
    const struct device_side *side = m->side;

    /* device 1.4: a fresh token needs a fresh connection. What was said and given is waited for, so that none of it
     * comes twice. */
    if (m->state == MQTT_OPEN && now_ms >= m->renew_ms) {
        m->state = MQTT_DRAINING;
        m->began_ms = now_ms;
    }
    if (m->state == MQTT_DRAINING &&
        ((!side->queue.on_way && side->inbox.n == side->inbox.abandoned && !twin_waits(&side->twin)) ||
         now_ms >= m->began_ms + side->timeout_ms)) {
        bye(&m->talk);
        talk_end(&m->talk, ERR_EXPIRED);
    }
}

static void keep_alive(struct mqtt_talk *m, int64_t now_ms)
{
    if (m->pinged && now_ms >= m->ping_ms + m->side->timeout_ms) {
        talk_end(&m->talk, ERR_IDLE);
    } else if (!m->pinged && now_ms >= m->said_ms + PING_AFTER_MS) {
        mqtt_put_empty(m->talk.out, MQTT_PINGREQ);
        m->pinged = true;
        m->ping_ms = m->said_ms = now_ms;
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    int64_t twin_ms;

    if (t->over)
        return INT64_MAX;
    if (m->state == MQTT_WAIT_CONNACK) {
        if (now_ms < m->began_ms + m->side->timeout_ms)
            return m->began_ms + m->side->timeout_ms;
        talk_end(t, ERR_TIMEOUT);
        return INT64_MAX;
    }
    twin_ms = twin_due(&m->side->twin, now_ms);
    if (m->side->gone || t->over)
        return INT64_MAX;
    pump(m, now_ms); /* the output has room again */
    if (m->side->gone || t->over)
        return INT64_MAX;
    drain(m, now_ms);
    keep_alive(m, now_ms);
    return sooner(twin_ms, sooner(m->state == MQTT_DRAINING ? m->began_ms + m->side->timeout_ms : m->renew_ms,
                                  m->pinged ? m->ping_ms + m->side->timeout_ms : m->said_ms + PING_AFTER_MS));
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    char detail[ID_LEN_MAX + 80];

    (void)now_ms;
    if (m->connack)
        snprintf(detail, sizeof detail, "%s is refused (CONNACK %d)", m->side->id, m->connack);
    else
        snprintf(detail, sizeof detail, "%s", err_text(why));
    inbox_clear(&m->side->inbox);
    asked_clear(&m->side->asked);
    twin_rewind(&m->side->twin);
    m->side->ended(m->side->ctx, why == ERR_EXPIRED ? D2D_OK : err_of(why), detail);
}

void mqtt_talk_init(struct mqtt_talk *m)
{
    static const struct talk_ops ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .bye = bye, .name = "mqtt"};

    m->talk.ops = &ops;
}

enum err mqtt_talk_settle(struct mqtt_talk *m, uint64_t lock, enum settlement how, int64_t now_ms)
{
    struct held *h = inbox_find(&m->side->inbox, lock);

    if (!h)
        return ERR_LOCK_LOST;
    switch (how) {
    case SETTLE_COMPLETE:
        complete(m, h);
        return OK;
    case SETTLE_ABANDON:
        inbox_abandon(&m->side->inbox, h);
        if (m->renew_ms > now_ms + AGAIN_MS)
            m->renew_ms = now_ms + AGAIN_MS;
        return OK;
    case SETTLE_REJECT:
        break;
    }
    return ERR_UNSUPPORTED;
}
