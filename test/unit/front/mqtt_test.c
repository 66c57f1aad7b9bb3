#include "mqtt_world.h"

#include "check.h"

static struct world w;
static struct join c;
static struct buf say;

static void begin(void)
{
    w = (struct world){0};
    world_open(&w);
    world_device(&w, "d1");
    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    say = buf_max(CONN_IN_MAX);
}

static void end(void)
{
    join_close(&c);
    world_close(&w);
    buf_free(&say);
}

static void publish(const char *topic, const char *body, uint16_t id)
{
    mqtt_put_publish(&say, &(struct mqtt_publish){bytes_str(topic), bytes_str(body), id, id ? 1 : 0, false, false});
}

static void say_all(void)
{
    join_say_at(&c, buf_bytes(&say), WORLD_T0);
    buf_clear(&say);
}

TEST(packets_behind_connect_are_answered_in_order)
{
    begin();
    world_connect(&w, "d1", false, &say);
    mqtt_put_subscribe(&say, 1, BYTES("devices/d1/messages/devicebound/#"), 2);
    publish("devices/d1/messages/events/", "a", 7);
    publish("devices/d1/messages/events/%24.mid=1&k=v", "b", 8);
    mqtt_put_empty(&say, MQTT_PINGREQ);
    say_all();
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x20\2\0\0"
                                               "\x90\3\0\1\1"
                                               "\x40\2\0\7"
                                               "\x40\2\0\x08"
                                               "\xd0\0"));
    CHECK(c.hub.talk);
    end();
}

/* 1.5.3: such a topic ends the connection; of what its escapes stand for a story tells. */
TEST(a_topic_that_is_not_utf8_ends_the_connection)
{
    static const char *const topics[] = {"devices/d1/messages/events/k=\xff", "devices/d1/messages/events/\xc3(=v",
                                         "devices/d1/messages/events/k=\xed\xa0\x80"};

    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        begin();
        world_connect(&w, "d1", false, &say);
        publish(topics[i], "a", 7);
        say_all();
        CHECK(!c.hub.talk && c.hub.why == ERR_MALFORMED && c.client.in.len == 4 && world_stored(&w) == 0);
        end();
    }
}

/* MQTT 3.1.1 has no word for it; libd2d understands that of MQTT 5, and everybody else sees the connection end. */
static void take_over(const char *agent, struct bytes last)
{
    struct join other;
    struct buf token = buf_max(SAS_LEN_MAX);
    char user[300];

    begin();
    snprintf(user, sizeof user, WORLD_HOST "/d1/?api-version=2021-04-12&DeviceClientType=%s", agent);
    world_token(&w, "d1", false, WORLD_T0 + 3600000, &token);
    mqtt_put_connect(&say, &(struct mqtt_connect){.keep_alive_s = 60,
                                                  .client_id = BYTES("d1"),
                                                  .user = bytes_str(user),
                                                  .password = buf_bytes(&token)});
    say_all();
    buf_clear(&c.client.in);
    world_join_mqtt_from(&w, &other, "192.0.2.8:5000", WORLD_T0);
    world_connect(&w, "d1", false, &say);
    join_say_at(&other, buf_bytes(&say), WORLD_T0);
    join_run_at(&c, WORLD_T0);
    CHECK(!c.hub.talk && c.hub.why == ERR_STOLEN);
    CHECK_BYTES(buf_bytes(&c.client.in), last);
    join_close(&other);
    buf_free(&token);
    end();
}

TEST(whoever_understands_it_is_told_that_another_connection_took_over)
{
    take_over("d2d%2F0.1.0", BYTES("\xE0\1\x8E"));
    take_over("azure-iot-device%2F1.18.4", NO_BYTES);
}

TEST(byte_by_byte_is_the_same_as_whole)
{
    struct buf whole = buf_max(4096);

    begin();
    world_connect(&w, "d1", true, &say);
    publish("devices/d1/messages/events/a=b", "x", 3);
    mqtt_put_subscribe(&say, 1, BYTES("$iothub/twin/res/#"), 0);
    mqtt_put_empty(&say, MQTT_PINGREQ);
    join_say_at(&c, buf_bytes(&say), WORLD_T0);
    buf_put(&whole, buf_bytes(&c.client.in));
    join_close(&c);
    world_join_mqtt_from(&w, &c, "192.0.2.7:5001", WORLD_T0);
    for (size_t i = 0; i < say.len; i++)
        join_say_at(&c, bytes_of(say.at + i, 1), WORLD_T0);
    CHECK_BYTES(buf_bytes(&c.client.in), buf_bytes(&whole));
    CHECK(whole.len == 4 + 4 + 5 + 2);
    buf_free(&whole);
    end();
}

TEST(a_full_message_passes_and_one_byte_more_does_not)
{
    static uint8_t body[MESSAGE_LEN_MAX + 1];
    struct mqtt_publish p = {.topic = BYTES("devices/d1/messages/events/"), .id = 1, .qos = 1};

    begin();
    world_connect(&w, "d1", true, &say);
    p.body = bytes_of(body, MESSAGE_LEN_MAX);
    mqtt_put_publish(&say, &p);
    say_all();
    CHECK(c.hub.talk && c.client.in.len == 8);
    p.body.len++;
    mqtt_put_publish(&say, &p);
    say_all();
    CHECK(!c.hub.talk && c.hub.why == ERR_TOO_LARGE && c.client.in.len == 8);
    end();
}

TEST(who_guesses_is_told_late_then_to_come_later_and_whoever_is_right_gets_in)
{
    struct buf wrong = buf_max(4096);

    begin();
    mqtt_put_connect(&wrong, &(struct mqtt_connect){.client_id = BYTES("d1"),
                                                    .user = BYTES(WORLD_HOST "/d1"),
                                                    .password = BYTES("SharedAccessSignature sr=a")});
    for (int i = 0; i < LIMITER_ADDRESS_BURST; i++) {
        join_close(&c);
        world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
        join_say_at(&c, buf_bytes(&wrong), WORLD_T0);
        CHECK(!c.hub.talk && c.client.in.at[3] == (i <= LIMITER_PAIR_BURST ? 5 : 3));
        CHECK(c.hub.held_ms == (i == LIMITER_PAIR_BURST ? WORLD_T0 + LIMITER_PAIR_MS : 0));
    }
    join_close(&c);
    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    world_connect(&w, "d1", true, &say);
    say_all();
    CHECK(c.hub.talk && c.client.in.at[3] == 0);
    buf_free(&wrong);
    end();
}

TEST(ten_thousand_silent_peers_cost_little_and_leave_in_a_minute)
{
    enum { N = 10000 };
    static struct join idle[N];

    begin();
    for (size_t i = 0; i < N; i++) {
        world_join_mqtt_from(&w, &idle[i], "192.0.2.9:1", WORLD_T0);
        CHECK(idle[i].hub.out.cap == 0 && idle[i].hub.in.cap == 0);
        CHECK(idle[i].hub.talk->ops->tick(idle[i].hub.talk, WORLD_T0) == WORLD_T0 + CONNECT_MS);
    }
    for (size_t i = 0; i < N; i++) {
        CHECK(idle[i].hub.talk->ops->tick(idle[i].hub.talk, WORLD_T0 + CONNECT_MS) == INT64_MAX);
        CHECK(idle[i].hub.talk->over && idle[i].hub.talk->why == ERR_TIMEOUT);
        join_close(&idle[i]);
    }
    end();
}

TESTS(RUN(packets_behind_connect_are_answered_in_order), RUN(a_topic_that_is_not_utf8_ends_the_connection),
      RUN(whoever_understands_it_is_told_that_another_connection_took_over), RUN(byte_by_byte_is_the_same_as_whole),
      RUN(a_full_message_passes_and_one_byte_more_does_not),
      RUN(who_guesses_is_told_late_then_to_come_later_and_whoever_is_right_gets_in),
      RUN(ten_thousand_silent_peers_cost_little_and_leave_in_a_minute))
