#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct end *of(struct talk *t)
{
    return (struct end *)(void *)t;
}

static void fails(struct end *e, const char *why)
{
    if (!e->state->stopping && !e->state->failed)
        fprintf(stderr, "bench-state: %s: %s\n", e->device.id, why);
    talk_end(&e->talk, ERR_PROTOCOL);
    e->state->failed = true;
}

static void is_ready(struct end *e)
{
    e->state->ready++;
}

static void is_answered(struct end *e)
{
    struct state *s = e->state;

    if (e->answered == e->asked) {
        fails(e, "an answer to nothing");
        return;
    }
    hist_add(&s->took, monotonic_us() - e->asked_us[e->answered % s->window]);
    e->answered++;
    s->answered++;
}

/* ---- what is asked ---------------------------------------------------------------------------------------------- */

static void put_line(struct end *e)
{
    buf_put(e->talk.out, bytes_of(e->state->body, (size_t)e->state->size));
    buf_put_u8(e->talk.out, '\n');
}

static void put_message(struct end *e)
{
    char topic[256];

    snprintf(topic, sizeof topic, "devices/%s/messages/events/", e->device.id);
    mqtt_put_publish(e->talk.out, &(struct mqtt_publish){.topic = bytes_str(topic),
                                                         .body = bytes_of(e->state->body, (size_t)e->state->size),
                                                         .qos = 1,
                                                         .id = (uint16_t)(1 + e->asked % 65535)});
}

static void put_report(struct end *e)
{
    char topic[128], json[1024];
    int pad = e->state->size > 64 ? (int)e->state->size - 64 : 1;

    snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%" PRIx64, e->asked);
    snprintf(json, sizeof json, "{\"count\":%" PRIu64 ",\"what\":\"%.*s\"}", e->asked, pad, (char *)e->state->body);
    mqtt_put_publish(e->talk.out, &(struct mqtt_publish){.topic = bytes_str(topic), .body = bytes_str(json)});
}

static void put_call(struct end *e)
{
    static const char body[] = "{\"methodName\":\"open\",\"responseTimeoutInSeconds\":30,\"payload\":null}";
    char target[256];

    snprintf(target, sizeof target, "/twins/%s/methods?api-version=2021-04-12", e->device.id);
    http_put_request(e->talk.out, "POST", bytes_str(target));
    http_put_header(e->talk.out, "Host", BYTES("localhost"));
    http_put_header(e->talk.out, "Authorization", bytes_str(e->state->token));
    http_put_header(e->talk.out, "Content-Type", BYTES("application/json"));
    http_put_body(e->talk.out, bytes_str(body), false);
}

static void (*const put[])(struct end *) = {
    [KIND_ECHO] = put_line, [KIND_MESSAGE] = put_message, [KIND_REPORT] = put_report, [KIND_CALL] = put_call};

static bool asks(const struct end *e)
{
    return e->state->kind != KIND_CALL || e >= e->state->callers;
}

void end_ask(struct end *e)
{
    struct state *s = e->state;

    while (s->running && !e->talk.over && asks(e) && e->asked - e->answered < s->window) {
        e->asked_us[e->asked % s->window] = monotonic_us();
        put[s->kind](e);
        e->asked++;
        s->asked++;
    }
}

/* ---- a device over MQTT ----------------------------------------------------------------------------------------- */

static void device_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    device_put_connect(&of(t)->device, t->out);
}

static void on_connack(struct end *e, const struct mqtt_packet *p)
{
    if (p->connack.code != MQTT_ACCEPTED)
        fails(e, "the connection was refused");
    else if (e->state->kind == KIND_MESSAGE)
        is_ready(e);
    else
        mqtt_put_subscribe(e->talk.out, 1,
                           e->state->kind == KIND_CALL ? BYTES("$iothub/methods/POST/#") : BYTES("$iothub/twin/res/#"),
                           0);
}

/* "$iothub/methods/POST/open/?$rid=7" is answered to "$iothub/methods/res/200/?$rid=7". */
static void answer_call(struct end *e, struct bytes topic)
{
    const uint8_t *query = memchr(topic.at, '?', topic.len);
    char answer[256];

    if (!query) {
        fails(e, "a call without a number");
        return;
    }
    snprintf(answer, sizeof answer, "$iothub/methods/res/200/%.*s", (int)(topic.at + topic.len - query),
             (const char *)query);
    mqtt_put_publish(e->talk.out, &(struct mqtt_publish){.topic = bytes_str(answer), .body = BYTES("{\"ok\":true}")});
}

static void on_publish(struct end *e, const struct mqtt_publish *p)
{
    if (e->state->kind == KIND_CALL)
        answer_call(e, p->topic);
    else if (bytes_starts(p->topic, BYTES("$iothub/twin/res/204/")))
        is_answered(e);
    else
        fails(e, "a patch was refused");
}

static size_t device_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct end *e = of(t);
    enum mqtt_answer answer;
    struct mqtt_packet p;
    size_t total = 0, used;

    (void)now_ms;
    while ((answer = mqtt_decode(bytes_skip(in, total), PACKET_LEN_MAX, &p, &used)) == MQTT_PACKET) {
        total += used;
        if (p.type == MQTT_CONNACK)
            on_connack(e, &p);
        else if (p.type == MQTT_SUBACK)
            is_ready(e);
        else if (p.type == MQTT_PUBLISH)
            on_publish(e, &p.publish);
        else if (p.type == MQTT_PUBACK)
            is_answered(e);
        else
            fails(e, "a packet that was not expected");
    }
    if (answer != MQTT_MORE)
        fails(e, "no MQTT");
    end_ask(e);
    return total;
}

/* ---- a caller over HTTPS ---------------------------------------------------------------------------------------- */

static void caller_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    http_in_init(&of(t)->in, HTTP_RESPONSES, 4096);
    is_ready(of(t));
}

static size_t caller_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct end *e = of(t);
    size_t total = 0, used;
    enum http_step step;

    (void)now_ms;
    while ((step = http_read(&e->in, bytes_skip(in, total), &used)) != HTTP_STEP_MORE) {
        total += used;
        if (step == HTTP_STEP_BAD || e->in.head.status != 200) {
            fails(e, "a call was not answered");
            return in.len;
        }
        if (step == HTTP_STEP_MESSAGE)
            is_answered(e);
    }
    end_ask(e);
    return total + used;
}

/* ---- a line that comes back ------------------------------------------------------------------------------------- */

static void line_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    is_ready(of(t));
}

static size_t line_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    (void)now_ms;
    for (size_t i = 0; i < in.len; i++)
        if (in.at[i] == '\n')
            is_answered(of(t));
    end_ask(of(t));
    return in.len;
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static void wake(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    end_ask(of(t));
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    (void)t, (void)now_ms;
    return INT64_MAX;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    (void)now_ms;
    fails(of(t), err_text(why));
}

static const struct talk_ops device_ops = {
    .start = device_start, .input = device_input, .wake = wake, .tick = tick, .close = closed, .name = "device"};
static const struct talk_ops caller_ops = {
    .start = caller_start, .input = caller_input, .wake = wake, .tick = tick, .close = closed, .name = "caller"};
static const struct talk_ops line_ops = {
    .start = line_start, .input = line_input, .wake = wake, .tick = tick, .close = closed, .name = "line"};

static bool calls(const struct end *e)
{
    return e->state->kind == KIND_CALL && asks(e);
}

static enum err accepted(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms, struct talk **talk)
{
    struct end *e = ctx;

    (void)conn, (void)peer, (void)now_ms;
    e->talk = (struct talk){.ops = calls(e)                      ? &caller_ops
                                   : e->state->kind == KIND_ECHO ? &line_ops
                                                                 : &device_ops,
                            .proved = true};
    *talk = &e->talk;
    return OK;
}

static void unreachable(void *ctx, enum err why, const char *detail)
{
    (void)why;
    fails(ctx, detail);
}

bool end_connect(struct end *e)
{
    const struct net_connect_options c = {.host = "127.0.0.1",
                                          .port = (int)(calls(e) ? e->state->https_port : e->state->port),
                                          .name = "localhost",
                                          .tls = e->state->tls,
                                          .accept = accepted,
                                          .accept_ctx = e,
                                          .failed = unreachable,
                                          .timeout_ms = 20000};

    return net_connect(e->state->loop, &c) == OK;
}
