/* A device's conversation over MQTT with a hub that is the test: what it says is read, and it hears what it is told. */
#pragma once

#include "ceilings.h"
#include "check.h"
#include "mqtt.h"
#include "mqtt_talk.h"
#include "outgoing.h"

#include <stdio.h>
#include <stdlib.h>

#define T0 1795411500000LL

/* A device's conversation with a hub that is this test. */
struct device_world {
    struct device_side side;
    struct mqtt_talk mqtt;
    struct buf out;
    char told[512];  /* what became of messages */
    char given[512]; /* what came */
    uint64_t lock;   /* of the last that came */
    unsigned opened, listening;
    enum d2d_err why;
    char detail[200];
};

static struct device_world w;

static inline void on_opened(void *ctx)
{
    ((struct device_world *)ctx)->opened++;
}

static inline void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    struct device_world *world = ctx;
    size_t used = strlen(world->told);

    snprintf(world->told + used, sizeof world->told - used, "%.*s:%d ", BYTES_ARG(queued_body(q)), (int)e);
    free(q);
}

static inline void on_listening(void *ctx)
{
    ((struct device_world *)ctx)->listening++;
}

static inline void on_c2d(void *ctx, const struct d2d_c2d *c)
{
    struct device_world *world = ctx;
    size_t used = strlen(world->given);

    snprintf(world->given + used, sizeof world->given - used, "%s%.*s ", c->deliveries ? "+" : "", (int)c->body_len,
             (const char *)c->body);
    world->lock = c->lock;
}

static inline void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct device_world *world = ctx;

    world->why = why;
    snprintf(world->detail, sizeof world->detail, "%s", detail);
}

static inline void world_open(size_t n_max, size_t bytes_max, size_t window)
{
    memset(&w, 0, sizeof w);
    w.side = (struct device_side){.id = "phone",
                                  .path = "devices/phone",
                                  .window = window,
                                  .timeout_ms = 30000,
                                  .opened = on_opened,
                                  .listening = on_listening,
                                  .done = on_done,
                                  .c2d = on_c2d,
                                  .ended = on_ended,
                                  .ctx = &w};
    queue_init(&w.side.queue, n_max, bytes_max);
    twin_init(&w.side.twin, 30000);
    w.out = buf_max(1 << 20);
    w.mqtt = (struct mqtt_talk){.side = &w.side,
                                .user = BYTES("hub.test/phone/?api-version=2021-04-12"),
                                .password = BYTES("token"),
                                .renew_ms = T0 + 3600000};
    mqtt_talk_init(&w.mqtt);
}

static inline void world_close(void)
{
    struct queued *q;

    while ((q = queue_take(&w.side.queue)))
        free(q);
    inbox_close(&w.side.inbox);
    room_close(&w.side.room);
    buf_free(&w.out);
}

static inline void connect(int64_t now_ms)
{
    w.mqtt.talk.out = &w.out;
    w.mqtt.talk.over = false;
    w.mqtt.talk.ops->start(&w.mqtt.talk, now_ms);
}

static inline void hear(struct bytes in, int64_t now_ms)
{
    size_t used = w.mqtt.talk.ops->input(&w.mqtt.talk, in, now_ms);

    CHECK(used == in.len || w.mqtt.talk.over);
}

static inline void accept_connection(int64_t now_ms)
{
    connect(now_ms);
    buf_clear(&w.out);
    hear(BYTES("\x20\x02\x00\x00"), now_ms);
}

static inline void cut(void)
{
    w.mqtt.talk.ops->close(&w.mqtt.talk, w.mqtt.talk.over ? w.mqtt.talk.why : ERR_CLOSED, T0);
    queue_rewind(&w.side.queue);
    buf_clear(&w.out);
}

static inline void acknowledge(uint16_t id)
{
    struct buf b = buf_max(16);

    mqtt_put_ack(&b, MQTT_PUBACK, id);
    hear(buf_bytes(&b), T0);
    buf_free(&b);
}

static inline enum err queue_message(const struct d2d_message *m, uint8_t qos, struct queued **out)
{
    struct buf topic = buf_max(TOPIC_LEN_MAX);
    enum err e = outgoing_topic("devices/phone", m, &topic);

    if (!e)
        e = queue_put(&w.side.queue, buf_bytes(&topic), bytes_of(m->body, m->body_len), qos, out);
    buf_free(&topic);
    return e;
}

static inline enum err queue(const char *body, uint8_t qos)
{
    struct d2d_message m = {.body = body, .body_len = strlen(body)};
    struct queued *q;

    return queue_message(&m, qos, &q);
}

static inline void send(const char *body, uint8_t qos)
{
    CHECK_OK(queue(body, qos));
    w.mqtt.talk.ops->wake(&w.mqtt.talk, T0);
}

/* All that was published, "id body" each, with a + where it is said again. */
static inline const char *said(void)
{
    static char text[512];
    struct bytes rest = buf_bytes(&w.out);
    struct mqtt_packet p;
    size_t used, n = 0;

    text[0] = 0;
    while (rest.len && mqtt_decode(rest, PACKET_LEN_MAX, &p, &used) == MQTT_PACKET) {
        rest = bytes_skip(rest, used);
        if (p.type == MQTT_PUBLISH)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%d %.*s,", p.publish.dup ? "+" : "", p.publish.id,
                                  BYTES_ARG(p.publish.body));
    }
    buf_clear(&w.out);
    return text;
}
