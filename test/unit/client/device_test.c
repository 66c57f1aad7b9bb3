#include "backoff.h"
#include "check.h"
#include "incoming.h"
#include "limits.h"
#include "mqtt.h"
#include "mqtt_talk.h"
#include "outgoing.h"

#include <stdio.h>
#include <stdlib.h>

#define T0 1795411500000LL

/* A device's conversation with a hub that is this test. */
struct world {
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

static struct world w;

static void on_opened(void *ctx)
{
    ((struct world *)ctx)->opened++;
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    struct world *world = ctx;
    size_t used = strlen(world->told);

    snprintf(world->told + used, sizeof world->told - used, "%.*s:%d ", BYTES_ARG(queued_body(q)), (int)e);
    free(q);
}

static void on_listening(void *ctx)
{
    ((struct world *)ctx)->listening++;
}

static void on_c2d(void *ctx, const struct d2d_c2d *c)
{
    struct world *world = ctx;
    size_t used = strlen(world->given);

    snprintf(world->given + used, sizeof world->given - used, "%s%.*s ", c->deliveries ? "+" : "", (int)c->body_len,
             (const char *)c->body);
    world->lock = c->lock;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct world *world = ctx;

    world->why = why;
    snprintf(world->detail, sizeof world->detail, "%s", detail);
}

static void world_open(size_t n_max, size_t bytes_max, size_t window)
{
    memset(&w, 0, sizeof w);
    w.side = (struct device_side){.id = "phone",
                                  .window = window,
                                  .timeout_ms = 30000,
                                  .opened = on_opened,
                                  .listening = on_listening,
                                  .done = on_done,
                                  .c2d = on_c2d,
                                  .ended = on_ended,
                                  .ctx = &w};
    queue_init(&w.side.queue, n_max, bytes_max);
    w.out = buf_max(1 << 20);
    w.mqtt = (struct mqtt_talk){.side = &w.side,
                                .user = BYTES("hub.test/phone/?api-version=2021-04-12"),
                                .password = BYTES("token"),
                                .renew_ms = T0 + 3600000};
    mqtt_talk_init(&w.mqtt);
}

static void world_close(void)
{
    struct queued *q;

    while ((q = queue_take(&w.side.queue)))
        free(q);
    inbox_close(&w.side.inbox);
    room_close(&w.side.room);
    buf_free(&w.out);
}

static void connect(int64_t now_ms)
{
    w.mqtt.talk.out = &w.out;
    w.mqtt.talk.over = false;
    w.mqtt.talk.ops->start(&w.mqtt.talk, now_ms);
}

static void hear(struct bytes in, int64_t now_ms)
{
    size_t used = w.mqtt.talk.ops->input(&w.mqtt.talk, in, now_ms);

    CHECK(used == in.len || w.mqtt.talk.over);
}

static void accept_connection(int64_t now_ms)
{
    connect(now_ms);
    buf_clear(&w.out);
    hear(BYTES("\x20\x02\x00\x00"), now_ms);
}

static void cut(void)
{
    w.mqtt.talk.ops->close(&w.mqtt.talk, w.mqtt.talk.over ? w.mqtt.talk.why : ERR_CLOSED, T0);
    queue_rewind(&w.side.queue);
    buf_clear(&w.out);
}

static void acknowledge(uint16_t id)
{
    struct buf b = buf_max(16);

    mqtt_put_ack(&b, MQTT_PUBACK, id);
    hear(buf_bytes(&b), T0);
    buf_free(&b);
}

static enum err queue_message(const struct d2d_message *m, uint8_t qos, struct queued **out)
{
    struct buf topic = buf_max(TOPIC_LEN_MAX);
    enum err e = outgoing_topic("phone", m, &topic);

    if (!e)
        e = queue_put(&w.side.queue, buf_bytes(&topic), bytes_of(m->body, m->body_len), qos, out);
    buf_free(&topic);
    return e;
}

static enum err queue(const char *body, uint8_t qos)
{
    struct d2d_message m = {.body = body, .body_len = strlen(body)};
    struct queued *q;

    return queue_message(&m, qos, &q);
}

static void send(const char *body, uint8_t qos)
{
    CHECK_OK(queue(body, qos));
    w.mqtt.talk.ops->wake(&w.mqtt.talk, T0);
}

/* All that was published, "id body" each, with a + where it is said again. */
static const char *said(void)
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

TEST(a_connect_names_the_device_and_keeps_its_session)
{
    struct mqtt_packet p;
    size_t used;

    world_open(10, 1000, 4);
    connect(T0);
    CHECK(mqtt_decode(buf_bytes(&w.out), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET && p.type == MQTT_CONNECT);
    CHECK(!p.connect.clean && p.connect.keep_alive_s == 240);
    CHECK_BYTES(p.connect.client_id, BYTES("phone"));
    CHECK_BYTES(p.connect.user, BYTES("hub.test/phone/?api-version=2021-04-12"));
    CHECK_BYTES(p.connect.password, BYTES("token"));
    world_close();
}

TEST(nothing_is_sent_before_the_hub_accepts)
{
    world_open(10, 1000, 4);
    connect(T0);
    buf_clear(&w.out);
    send("a", 1);
    assert_string_equal(said(), "");
    hear(BYTES("\x20\x02\x00\x00"), T0);
    CHECK(w.opened == 1);
    assert_string_equal(said(), "1 a,");
    world_close();
}

TEST(the_queue_has_a_ceiling_of_messages_and_of_bytes)
{
    world_open(2, 1000, 4);
    CHECK_OK(queue("a", 1));
    CHECK_OK(queue("b", 1));
    CHECK_ERR(queue("c", 1), ERR_FULL);
    world_close();
    world_open(100, 100, 4); /* the topic counts too: 30 bytes */
    CHECK_OK(queue("0123456789", 1));
    CHECK_OK(queue("0123456789", 1));
    CHECK_ERR(queue("0123456789", 1), ERR_FULL);
    world_close();
}

TEST(a_message_that_will_never_do_is_refused)
{
    static char big[MESSAGE_LEN_MAX + 1];
    const struct d2d_property nameless = {"", "x"};
    struct d2d_message m = {.body = big, .body_len = sizeof big};

    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX), ERR_TOO_LARGE);
    m = (struct d2d_message){.body_len = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX), ERR_ARGUMENT);
    m = (struct d2d_message){.properties = &nameless, .n_properties = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX), ERR_ARGUMENT);
    m = (struct d2d_message){.ttl_ms = -1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX), ERR_ARGUMENT);
}

TEST(the_window_bounds_what_is_on_its_way)
{
    world_open(10, 1000, 2);
    accept_connection(T0);
    send("a", 1);
    send("b", 1);
    send("c", 1);
    assert_string_equal(said(), "1 a,2 b,");
    acknowledge(1);
    assert_string_equal(w.told, "a:0 ");
    assert_string_equal(said(), "3 c,");
    world_close();
}

TEST(what_was_not_acknowledged_is_said_again_in_order_after_a_cut)
{
    world_open(10, 1000, 3);
    accept_connection(T0);
    send("a", 1);
    send("b", 1);
    send("c", 1);
    send("d", 1);
    acknowledge(1);
    buf_clear(&w.out);
    cut();
    accept_connection(T0);
    assert_string_equal(said(), "+2 b,+3 c,+4 d,");
    acknowledge(2);
    acknowledge(3);
    acknowledge(4);
    assert_string_equal(w.told, "a:0 b:0 c:0 d:0 ");
    CHECK(w.side.queue.n == 0 && w.side.queue.bytes == 0 && w.side.queue.on_way == 0);
    world_close();
}

TEST(qos_0_is_over_when_it_was_written)
{
    world_open(10, 1000, 2);
    accept_connection(T0);
    send("a", 0);
    assert_string_equal(w.told, "a:0 ");
    assert_string_equal(said(), "0 a,");
    world_close();
}

TEST(properties_go_into_the_topic)
{
    const struct d2d_property properties[] = {{"a b", "c&d"}};
    struct d2d_message m = {
        .message_id = "m1", .content_type = "application/json", .properties = properties, .n_properties = 1};
    struct queued *q;

    world_open(10, 1000, 2);
    CHECK_OK(queue_message(&m, 1, &q));
    CHECK_BYTES(queued_head(q),
                BYTES("devices/phone/messages/events/%24.mid=m1&%24.ct=application%2Fjson&a%20b=c%26d"));
    world_close();
}

TEST(each_refusal_has_its_error)
{
    static const enum d2d_err wanted[] = {[1] = D2D_UNSUPPORTED,
                                          [2] = D2D_NOT_AUTHORISED,
                                          [3] = D2D_OVER_QUOTA,
                                          [4] = D2D_NOT_AUTHORISED,
                                          [5] = D2D_NOT_AUTHORISED};

    for (uint8_t code = 1; code <= 5; code++) {
        const uint8_t connack[] = {0x20, 2, 0, code};

        world_open(10, 1000, 2);
        connect(T0);
        hear(bytes_of(connack, sizeof connack), T0);
        CHECK(w.mqtt.talk.over);
        cut();
        CHECK(w.why == wanted[code]);
        CHECK(strstr(w.detail, "CONNACK"));
        world_close();
    }
}

TEST(an_acknowledgement_of_nothing_ends_the_connection)
{
    world_open(10, 1000, 2);
    accept_connection(T0);
    acknowledge(7);
    CHECK(w.mqtt.talk.over && w.mqtt.talk.why == ERR_PROTOCOL);
    world_close();
}

TEST(a_hub_that_says_nothing_is_given_up)
{
    world_open(10, 1000, 2);
    connect(T0);
    CHECK(w.mqtt.talk.ops->tick(&w.mqtt.talk, T0) == T0 + 30000);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 30000);
    CHECK(w.mqtt.talk.over && w.mqtt.talk.why == ERR_TIMEOUT);
    world_close();
}

TEST(a_ping_that_is_not_answered_ends_the_connection)
{
    world_open(10, 1000, 2);
    accept_connection(T0);
    buf_clear(&w.out);
    CHECK(w.mqtt.talk.ops->tick(&w.mqtt.talk, T0) == T0 + 120000);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 120000);
    CHECK_BYTES(buf_bytes(&w.out), BYTES("\xC0\x00"));
    hear(BYTES("\xD0\x00"), T0 + 120001);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 240000);
    CHECK(!w.mqtt.talk.over);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 270000);
    CHECK(w.mqtt.talk.over && w.mqtt.talk.why == ERR_IDLE);
    world_close();
}

TEST(a_token_is_renewed_when_all_is_acknowledged)
{
    world_open(10, 1000, 4);
    accept_connection(T0);
    send("a", 1);
    w.mqtt.renew_ms = T0 + 1000;
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 1000);
    CHECK(!w.mqtt.talk.over);
    buf_clear(&w.out);
    send("b", 1);
    assert_string_equal(said(), "");
    acknowledge(1);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 1001);
    CHECK(w.mqtt.talk.over && w.mqtt.talk.why == ERR_EXPIRED);
    CHECK_BYTES(buf_bytes(&w.out), BYTES("\xE0\x00"));
    cut();
    accept_connection(T0);
    assert_string_equal(said(), "2 b,");
    world_close();
}

TEST(an_answer_cut_anywhere_waits_for_the_rest)
{
    struct bytes in = BYTES("\x20\x02\x00\x00");

    for (size_t n = 0; n < in.len; n++) {
        world_open(10, 1000, 4);
        connect(T0);
        CHECK(w.mqtt.talk.ops->input(&w.mqtt.talk, bytes_first(in, n), T0) == 0);
        CHECK(!w.opened && !w.mqtt.talk.over);
        hear(in, T0);
        CHECK(w.opened == 1);
        world_close();
    }
}

/* ---- messages from the cloud --------------------------------------------------------------------------------------- */

static void listen_open(void)
{
    world_open(10, 1000, 4);
    CHECK_OK(inbox_open(&w.side.inbox, 4));
    CHECK_OK(room_open(&w.side.room));
}

static void publish(const char *topic, const char *body, uint16_t id, bool dup)
{
    struct mqtt_publish p = {
        .topic = bytes_str(topic), .body = bytes_str(body), .id = id, .qos = id ? 1 : 0, .dup = dup};
    struct buf b = buf_max(1000);

    mqtt_put_publish(&b, &p);
    hear(buf_bytes(&b), T0);
    buf_free(&b);
}

static void deliver(const char *body, uint16_t id)
{
    publish("devices/phone/messages/devicebound/%24.to=%2Fdevices%2Fphone%2Fmessages%2Fdevicebound", body, id, false);
}

/* The ids of all that was acknowledged. */
static const char *acknowledged(void)
{
    static char text[100];
    struct bytes rest = buf_bytes(&w.out);
    struct mqtt_packet p;
    size_t used, n = 0;

    text[0] = 0;
    while (rest.len && mqtt_decode(rest, PACKET_LEN_MAX, &p, &used) == MQTT_PACKET) {
        rest = bytes_skip(rest, used);
        if (p.type == MQTT_PUBACK)
            n += (size_t)snprintf(text + n, sizeof text - n, "%d,", p.id);
    }
    buf_clear(&w.out);
    return text;
}

static enum err settle(uint64_t lock, enum settlement how)
{
    return mqtt_talk_settle(&w.mqtt, lock, how, T0);
}

TEST(who_listens_subscribes_with_each_connection)
{
    struct bytes filter, list;
    struct mqtt_packet p;
    size_t used;
    uint8_t qos;

    listen_open();
    for (unsigned i = 1; i <= 2; i++) {
        connect(T0);
        buf_clear(&w.out);
        hear(BYTES("\x20\x02\x01\x00"), T0);
        CHECK(mqtt_decode(buf_bytes(&w.out), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET && p.type == MQTT_SUBSCRIBE);
        list = p.filters.list;
        CHECK(mqtt_next_filter(MQTT_SUBSCRIBE, &list, &filter, &qos) && qos == 1);
        CHECK_BYTES(filter, BYTES("devices/phone/messages/devicebound/#"));
        hear(BYTES("\x90\x03\xFF\xFF\x01"), T0);
        CHECK(w.listening == i);
        cut();
    }
    world_close();
}

TEST(a_subscription_that_is_refused_ends_the_connection)
{
    listen_open();
    accept_connection(T0);
    hear(BYTES("\x90\x03\xFF\xFF\x80"), T0);
    CHECK(w.mqtt.talk.over && !w.listening);
    world_close();
}

TEST(a_message_is_acknowledged_when_it_is_complete_and_not_before)
{
    uint64_t first;

    listen_open();
    accept_connection(T0);
    deliver("open", 1);
    first = w.lock;
    deliver("close", 2);
    assert_string_equal(w.given, "open close ");
    assert_string_equal(acknowledged(), "");
    CHECK_OK(settle(w.lock, SETTLE_COMPLETE));
    CHECK_OK(settle(first, SETTLE_COMPLETE));
    assert_string_equal(acknowledged(), "2,1,");
    CHECK_ERR(settle(first, SETTLE_COMPLETE), ERR_LOCK_LOST);
    CHECK(w.side.inbox.n == 0);
    world_close();
}

TEST(a_lock_ends_with_its_connection)
{
    listen_open();
    accept_connection(T0);
    deliver("open", 1);
    cut();
    CHECK_ERR(settle(w.lock, SETTLE_COMPLETE), ERR_LOCK_LOST);
    accept_connection(T0);
    publish("devices/phone/messages/devicebound/%24.mid=1", "open", 1, true);
    assert_string_equal(w.given, "open +open ");
    CHECK_OK(settle(w.lock, SETTLE_COMPLETE));
    assert_string_equal(acknowledged(), "1,");
    world_close();
}

TEST(an_abandoned_message_comes_with_a_fresh_connection_soon)
{
    listen_open();
    accept_connection(T0);
    deliver("open", 1);
    CHECK_ERR(settle(w.lock, SETTLE_REJECT), ERR_UNSUPPORTED);
    CHECK_OK(settle(w.lock, SETTLE_ABANDON));
    CHECK_ERR(settle(w.lock, SETTLE_COMPLETE), ERR_LOCK_LOST);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 29999);
    CHECK(!w.mqtt.talk.over);
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 30000);
    CHECK(w.mqtt.talk.over);
    assert_string_equal(acknowledged(), "");
    cut();
    CHECK(w.why == D2D_OK); /* dial again at once */
    world_close();
}

TEST(a_fresh_connection_waits_for_what_is_being_settled)
{
    listen_open();
    accept_connection(T0);
    deliver("open", 1);
    w.mqtt.renew_ms = T0 + 1000;
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 1000);
    CHECK(!w.mqtt.talk.over);
    deliver("close", 2); /* comes again */
    assert_string_equal(w.given, "open ");
    CHECK_OK(settle(w.lock, SETTLE_COMPLETE));
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 1001);
    CHECK(w.mqtt.talk.over);
    assert_string_equal(acknowledged(), "1,");
    world_close();
}

TEST(who_does_not_listen_leaves_messages_to_others)
{
    world_open(10, 1000, 4);
    accept_connection(T0);
    deliver("open", 1);
    publish("$iothub/methods/POST/open/?$rid=1", "{}", 2, false);
    assert_string_equal(w.given, "");
    assert_string_equal(acknowledged(), "2,");
    world_close();
}

TEST(a_message_can_be_complete_by_itself)
{
    listen_open();
    w.side.auto_complete = true;
    accept_connection(T0);
    deliver("open", 7);
    deliver("close", 0); /* QoS 0 */
    assert_string_equal(w.given, "open close ");
    assert_string_equal(acknowledged(), "7,");
    CHECK(w.side.inbox.n == 0);
    world_close();
}

TEST(a_hub_that_sends_without_end_is_left)
{
    listen_open();
    accept_connection(T0);
    for (uint16_t id = 1; id <= 4; id++)
        deliver("x", id);
    deliver("x", 4);
    assert_string_equal(w.given, "x x x x ");
    CHECK(!w.mqtt.talk.over);
    deliver("x", 5);
    CHECK(w.mqtt.talk.over && w.mqtt.talk.why == ERR_LIMIT);
    world_close();
}

static struct d2d_c2d view(struct message_room *room, const char *topic)
{
    struct d2d_c2d c = {.body = ""};

    CHECK_OK(incoming_mqtt(room, BYTES("phone"), bytes_str(topic), BYTES("b"), &c));
    return c;
}

TEST(properties_come_out_of_the_topic)
{
    struct message_room room;
    struct d2d_c2d c;

    CHECK_OK(room_open(&room));
    c = view(&room, "devices/phone/messages/devicebound/%24.mid=m%201&%24.to=%2Fdevices%2Fphone&%24.cid=c&%24.uid=u"
                    "&%24.ct=text%2Fplain&%24.ce=utf-8&%24.exp=2026-11-23T07%3A00%3A00.0000000Z&iothub-ack=full"
                    "&a%20b=c%26d&empty=&none");
    assert_string_equal(c.message_id, "m 1");
    assert_string_equal(c.correlation_id, "c");
    assert_string_equal(c.user_id, "u");
    assert_string_equal(c.content_type, "text/plain");
    assert_string_equal(c.content_encoding, "utf-8");
    assert_string_equal(c.ack, "full");
    CHECK(c.expiry_ms == 1795417200000LL);
    CHECK(c.n_properties == 3);
    assert_string_equal(c.properties[0].name, "a b");
    assert_string_equal(c.properties[0].value, "c&d");
    assert_string_equal(c.properties[1].value, "");
    assert_string_equal(c.properties[2].name, "none");
    assert_string_equal(c.properties[2].value, "");
    c = view(&room, "devices/phone/messages/devicebound/");
    CHECK(c.n_properties == 0);
    assert_string_equal(c.message_id, "");
    assert_string_equal(c.ack, "none");
    room_close(&room);
}

TEST(a_topic_of_somebody_else_is_no_message)
{
    struct message_room room;
    struct d2d_c2d c;

    CHECK_OK(room_open(&room));
    CHECK_ERR(incoming_mqtt(&room, BYTES("phone"), BYTES("devices/phone2/messages/devicebound/a=b"), NO_BYTES, &c),
              ERR_MALFORMED);
    CHECK_ERR(incoming_mqtt(&room, BYTES("phone"), BYTES("devices/phone/messages/deviceboundary"), NO_BYTES, &c),
              ERR_MALFORMED);
    room_close(&room);
}

TEST(waiting_doubles_up_to_a_most_with_up_to_half_taken_off)
{
    static const int64_t whole[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct backoff a = backoff_of(0, 0), b = backoff_of(0, 0), c = backoff_of(0, 0);

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        uint64_t chance = 0x9E3779B97F4A7C15ULL * (i + 1);
        int64_t ms = backoff_next(&a, chance);

        CHECK(ms <= whole[i] && ms >= whole[i] / 2);
        CHECK(backoff_next(&b, chance) == ms); /* the same chance, the same time */
        CHECK(backoff_next(&c, 0) == whole[i]);
    }
    backoff_reset(&a);
    CHECK(backoff_next(&a, 0) == 500);
}

TESTS(RUN(a_connect_names_the_device_and_keeps_its_session), RUN(nothing_is_sent_before_the_hub_accepts),
      RUN(the_queue_has_a_ceiling_of_messages_and_of_bytes), RUN(a_message_that_will_never_do_is_refused),
      RUN(the_window_bounds_what_is_on_its_way), RUN(what_was_not_acknowledged_is_said_again_in_order_after_a_cut),
      RUN(qos_0_is_over_when_it_was_written), RUN(properties_go_into_the_topic), RUN(each_refusal_has_its_error),
      RUN(an_acknowledgement_of_nothing_ends_the_connection), RUN(a_hub_that_says_nothing_is_given_up),
      RUN(a_ping_that_is_not_answered_ends_the_connection), RUN(a_token_is_renewed_when_all_is_acknowledged),
      RUN(an_answer_cut_anywhere_waits_for_the_rest), RUN(who_listens_subscribes_with_each_connection),
      RUN(a_subscription_that_is_refused_ends_the_connection),
      RUN(a_message_is_acknowledged_when_it_is_complete_and_not_before), RUN(a_lock_ends_with_its_connection),
      RUN(an_abandoned_message_comes_with_a_fresh_connection_soon),
      RUN(a_fresh_connection_waits_for_what_is_being_settled), RUN(who_does_not_listen_leaves_messages_to_others),
      RUN(a_message_can_be_complete_by_itself), RUN(a_hub_that_sends_without_end_is_left),
      RUN(properties_come_out_of_the_topic), RUN(a_topic_of_somebody_else_is_no_message),
      RUN(waiting_doubles_up_to_a_most_with_up_to_half_taken_off))
