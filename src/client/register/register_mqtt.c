#include "register_mqtt.h"

#include "list.h"
#include "mqtt.h"
#include "register_carry.h"

#include "text.h"

#include <stdio.h>

#define ANSWERS "$dps/registrations/res/"

/* The service asks for patience of up to a minute between two questions. */
enum { KEEP_ALIVE_S = 240, SUBSCRIBE_ID = 1, ASK_ID = 2 };

static struct register_mqtt *of(struct talk *t)
{
    return LIST_OF(t, struct register_mqtt, talk);
}

static void await(struct register_mqtt *m, enum register_mqtt_state state, int64_t now_ms)
{
    m->state = state;
    m->until_ms = now_ms + m->registering->account.timeout_ms;
    if (m->talk.out->bad)
        talk_end(&m->talk, ERR_MEMORY);
}

static void start(struct talk *t, int64_t now_ms)
{
    struct register_mqtt *m = of(t);
    struct registering *r = m->registering;
    struct buf user = buf_max(512);
    struct mqtt_connect c = {.level = 4, .clean = true, .keep_alive_s = KEEP_ALIVE_S};

    buf_printf(&user, "%s/api-version=" REGISTER_API "&ClientVersion=d2d%%2F" D2D_VERSION, r->audience);
    c.client_id = bytes_str(r->out->registration);
    c.user = buf_bytes(&user);
    if (r->token.len)
        c.password = buf_bytes(&r->token);
    m->connack = 0;
    mqtt_put_connect(t->out, &c);
    buf_free(&user);
    await(m, REGISTER_WAIT_CONNACK, now_ms);
}

/* ---- questions and answers ------------------------------------------------------------------------------------- */

static void ask(struct register_mqtt *m, int64_t now_ms)
{
    struct registering *r = m->registering;
    struct buf topic = buf_max(512);
    struct mqtt_publish p = {.qos = 1, .id = ASK_ID};

    m->asked++;
    if (r->operation[0]) {
        buf_printf(&topic, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%u&operationId=%s", m->asked,
                   r->operation);
    } else {
        buf_printf(&topic, "$dps/registrations/PUT/iotdps-register/?$rid=%u", m->asked);
        p.body = buf_bytes(&r->body);
    }
    p.topic = buf_bytes(&topic);
    mqtt_put_publish(m->talk.out, &p);
    buf_free(&topic);
    await(m, REGISTER_ASKED, now_ms);
}

static void finish(struct register_mqtt *m)
{
    mqtt_put_empty(m->talk.out, MQTT_DISCONNECT);
    talk_end(&m->talk, OK);
}

struct answer {
    uint64_t status, asked;
    int64_t retry_s;
};

/* $dps/registrations/res/202/?$rid=1&retry-after=3 */
static bool read_topic(struct bytes topic, struct answer *out)
{
    struct bytes rest = bytes_skip(topic, strlen(ANSWERS)), status = bytes_cut(&rest, '/');

    *out = (struct answer){.retry_s = -1};
    if (!bytes_starts(topic, BYTES(ANSWERS)) || !bytes_to_u64(status, &out->status) || out->status > 999 ||
        !bytes_starts(rest, BYTES("?")))
        return false;
    rest = bytes_skip(rest, 1);
    while (rest.at) {
        struct bytes value = bytes_cut(&rest, '&'), name = bytes_cut(&value, '=');

        if (bytes_eq(name, BYTES("$rid")) && !bytes_to_u64(value, &out->asked))
            return false;
        if (bytes_eq_nocase(name, BYTES("retry-after")) && !bytes_to_i64(value, &out->retry_s))
            out->retry_s = -1;
    }
    return out->asked > 0;
}

static void on_publish(struct register_mqtt *m, const struct mqtt_publish *p, int64_t now_ms)
{
    struct answer answer;

    if (p->qos > 1) {
        talk_end(&m->talk, ERR_PROTOCOL);
        return;
    }
    if (p->qos)
        mqtt_put_ack(m->talk.out, MQTT_PUBACK, p->id);
    if (m->state != REGISTER_ASKED || !read_topic(p->topic, &answer) || answer.asked != m->asked)
        return;
    m->state = REGISTER_IDLE;
    registering_answered(m->registering, (int)answer.status, answer.retry_s, p->body, now_ms);
    if (m->registering->done)
        finish(m);
}

static void on_connack(struct register_mqtt *m, uint8_t code, int64_t now_ms)
{
    if (m->state != REGISTER_WAIT_CONNACK) {
        talk_end(&m->talk, ERR_PROTOCOL);
    } else if (code != MQTT_ACCEPTED) {
        m->connack = code;
        talk_end(&m->talk, ERR_REJECTED);
    } else {
        mqtt_put_subscribe(m->talk.out, SUBSCRIBE_ID, BYTES(ANSWERS "#"), 1);
        await(m, REGISTER_WAIT_SUBACK, now_ms);
    }
}

static void on_suback(struct register_mqtt *m, const struct mqtt_filters *f, int64_t now_ms)
{
    if (m->state != REGISTER_WAIT_SUBACK || f->id != SUBSCRIBE_ID || f->list.len != 1) {
        talk_end(&m->talk, ERR_PROTOCOL);
    } else if (f->list.at[0] > 1) {
        talk_end(&m->talk, ERR_DENIED);
    } else {
        m->state = REGISTER_IDLE;
        if (now_ms >= m->registering->next_ms)
            ask(m, now_ms);
    }
}

static void on_packet(struct register_mqtt *m, const struct mqtt_packet *p, int64_t now_ms)
{
    if (p->type == MQTT_CONNACK)
        on_connack(m, p->connack.code, now_ms);
    else if (p->type == MQTT_SUBACK)
        on_suback(m, &p->filters, now_ms);
    else if (p->type == MQTT_PUBLISH && m->state != REGISTER_WAIT_CONNACK)
        on_publish(m, &p->publish, now_ms);
    else if (p->type != MQTT_PUBACK || m->state < REGISTER_IDLE)
        talk_end(&m->talk, ERR_PROTOCOL);
}

/* ---- the talk -------------------------------------------------------------------------------------------------- */

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct register_mqtt *m = of(t);
    size_t all = 0;

    while (!t->over) {
        struct mqtt_packet p;
        size_t used = 0;
        enum mqtt_answer answer = mqtt_decode(bytes_skip(in, all), PACKET_LEN_MAX, &p, &used);

        if (answer == MQTT_MORE)
            break;
        if (answer != MQTT_PACKET) {
            talk_end(t, m->state == REGISTER_WAIT_CONNACK ? ERR_FOREIGN
                        : answer == MQTT_TOO_LARGE        ? ERR_TOO_LARGE
                                                          : ERR_MALFORMED);
            break;
        }
        all += used;
        on_packet(m, &p, now_ms);
    }
    return all;
}

static void wake(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct register_mqtt *m = of(t);

    if (t->over)
        return INT64_MAX;
    if (m->state == REGISTER_IDLE && now_ms >= m->registering->next_ms)
        ask(m, now_ms);
    if (m->state == REGISTER_IDLE)
        return m->registering->next_ms;
    if (now_ms < m->until_ms)
        return m->until_ms;
    talk_end(t, ERR_TIMEOUT);
    return INT64_MAX;
}

/* A connection that is lost while nothing is asked is made anew when it is time to ask. */
static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct register_mqtt *m = of(t);
    struct registering *r = m->registering;

    if (m->connack == MQTT_UNAVAILABLE)
        registering_later(r, -1, now_ms, "the service is not available now");
    else if (m->connack)
        registering_failed(r, m->connack == MQTT_BAD_LEVEL ? D2D_UNSUPPORTED : D2D_NOT_AUTHORISED,
                           "%s is refused (CONNACK %d)", r->audience, m->connack);
    else if (r->next_ms <= now_ms)
        registering_failed(r, err_of(why ? why : ERR_CLOSED), "%s: %s", r->account.host,
                           err_text(why ? why : ERR_CLOSED));
    m->ended(m->ctx);
}

static void bye(struct talk *t)
{
    if (of(t)->state != REGISTER_WAIT_CONNACK)
        mqtt_put_empty(t->out, MQTT_DISCONNECT);
}

void register_mqtt_init(struct register_mqtt *m)
{
    static const struct talk_ops ops = {.start = start,
                                        .input = input,
                                        .wake = wake,
                                        .tick = tick,
                                        .close = closed,
                                        .bye = bye,
                                        .name = "registration"};

    m->talk.ops = &ops;
}

/* ---- carried --------------------------------------------------------------------------------------------------- */

static void on_ended(void *ctx)
{
    register_carry_ended(ctx);
}

enum d2d_err register_over_mqtt(struct registering *r, int64_t limit_ms)
{
    struct register_carry a = {.registering = r};
    struct register_mqtt m = {.registering = r, .ended = on_ended, .ctx = &a};

    register_mqtt_init(&m);
    return register_carry_run(&a, &m.talk, r->account.mqtts_port, "mqtt", limit_ms);
}
