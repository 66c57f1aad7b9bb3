#include "mqtt_talk.h"

#include "limits.h"
#include "mqtt.h"

#include <stdlib.h>

enum { KEEP_ALIVE_S = 240, PING_AFTER_MS = KEEP_ALIVE_S * 1000 / 2 };

static struct mqtt_talk *of(struct talk *t)
{
    return LIST_OF(t, struct mqtt_talk, talk);
}

static void say(struct mqtt_talk *m, struct queued *q)
{
    struct mqtt_publish p = {.topic = bytes_of(q->bytes, q->topic_len),
                             .body = bytes_of(q->bytes + q->topic_len, q->body_len),
                             .id = q->id,
                             .qos = q->qos,
                             .dup = q->again};

    mqtt_put_publish(m->talk.out, &p);
}

/* Says what the window and the output have room for. */
static void pump(struct mqtt_talk *m, int64_t now_ms)
{
    struct queued *q;

    while (!m->gone && !m->talk.over && m->state == MQTT_OPEN && m->talk.out->len < CONN_OUT_SOFT &&
           (m->queue->on_way < m->window) && (q = queue_next(m->queue))) {
        bool answered_at_once = !q->qos;

        say(m, q);
        if (m->talk.out->bad) {
            talk_end(&m->talk, ERR_MEMORY); /* it is still in the queue */
            return;
        }
        queue_said(m->queue, q);
        m->said_ms = now_ms;
        if (answered_at_once)
            m->done(m->ctx, q, D2D_OK);
    }
}

static void start(struct talk *t, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    struct mqtt_connect c = {
        .level = 4, .keep_alive_s = KEEP_ALIVE_S, .client_id = m->client_id, .user = m->user, .password = m->password};

    /* Not a clean session: what is said again then belongs to it (MQTT-4.4.0-1). */
    m->state = MQTT_WAIT_CONNACK;
    m->pinged = false;
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
    m->opened(m->ctx);
}

static void on_puback(struct mqtt_talk *m, uint16_t id)
{
    struct queued *q = queue_acked(m->queue, id);

    if (!q)
        talk_end(&m->talk, ERR_PROTOCOL);
    else
        m->done(m->ctx, q, D2D_OK);
}

static void on_packet(struct mqtt_talk *m, const struct mqtt_packet *p, int64_t now_ms)
{
    if (p->type == MQTT_CONNACK)
        on_connack(m, p->connack.code, now_ms);
    else if (m->state == MQTT_WAIT_CONNACK)
        talk_end(&m->talk, ERR_PROTOCOL);
    else if (p->type == MQTT_PUBACK)
        on_puback(m, p->id);
    else if (p->type == MQTT_PINGRESP)
        m->pinged = false;
    else if (p->type == MQTT_PUBLISH && p->publish.qos == 1)
        mqtt_put_ack(m->talk.out, MQTT_PUBACK, p->publish.id); /* of a session that somebody else subscribed in */
    else if (p->type != MQTT_PUBLISH)
        talk_end(&m->talk, ERR_PROTOCOL);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);
    size_t all = 0;

    while (!m->gone && !t->over) {
        struct mqtt_packet p;
        size_t used = 0;
        enum mqtt_answer answer = mqtt_decode(bytes_skip(in, all), PACKET_LEN_MAX, &p, &used);

        if (answer == MQTT_MORE)
            break;
        if (answer != MQTT_PACKET) {
            talk_end(t, answer == MQTT_TOO_LARGE ? ERR_TOO_LARGE : ERR_MALFORMED);
            break;
        }
        all += used;
        on_packet(m, &p, now_ms);
    }
    if (!m->gone)
        pump(m, now_ms);
    return all;
}

static void wake(struct talk *t, int64_t now_ms)
{
    pump(of(t), now_ms);
}

static void drain(struct mqtt_talk *m, int64_t now_ms)
{
    /* device 1.4: a fresh token needs a fresh connection. What was said is waited for, so that nothing is said twice. */
    if (m->state == MQTT_OPEN && now_ms >= m->renew_ms) {
        m->state = MQTT_DRAINING;
        m->began_ms = now_ms;
    }
    if (m->state == MQTT_DRAINING && (!m->queue->on_way || now_ms >= m->began_ms + m->timeout_ms)) {
        mqtt_talk_goodbye(m->talk.out);
        talk_end(&m->talk, ERR_EXPIRED);
    }
}

static void keep_alive(struct mqtt_talk *m, int64_t now_ms)
{
    if (m->pinged && now_ms >= m->ping_ms + m->timeout_ms) {
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

    if (t->over)
        return INT64_MAX;
    if (m->state == MQTT_WAIT_CONNACK) {
        if (now_ms < m->began_ms + m->timeout_ms)
            return m->began_ms + m->timeout_ms;
        talk_end(t, ERR_TIMEOUT);
        return INT64_MAX;
    }
    pump(m, now_ms); /* the output has room again */
    if (m->gone || t->over)
        return INT64_MAX;
    drain(m, now_ms);
    keep_alive(m, now_ms);
    return sooner(m->state == MQTT_DRAINING ? m->began_ms + m->timeout_ms : m->renew_ms,
                  m->pinged ? m->ping_ms + m->timeout_ms : m->said_ms + PING_AFTER_MS);
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct mqtt_talk *m = of(t);

    (void)now_ms;
    m->ended(m->ctx, why, m->connack);
}

void mqtt_talk_goodbye(struct buf *out)
{
    mqtt_put_empty(out, MQTT_DISCONNECT);
}

void mqtt_talk_init(struct mqtt_talk *m)
{
    static const struct talk_ops ops = {start, input, wake, tick, closed};

    m->talk.ops = &ops;
}
