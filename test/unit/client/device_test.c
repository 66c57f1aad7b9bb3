#include "device_world.h"

#include "backoff.h"

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
    const struct d2d_property nameless = {"", "x"}, ours = {"$.exp", "soon"}, long_one = {"name", "value"};
    struct d2d_message m = {.body = big, .body_len = sizeof big};
    char why[OUTGOING_WHY_CAP], id[ID_LEN_MAX + 2];

    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_TOO_LARGE);
    m = (struct d2d_message){.body_len = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
    m = (struct d2d_message){.properties = &nameless, .n_properties = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
    m = (struct d2d_message){.properties = &ours, .n_properties = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
    assert_string_equal(why, "the name of the property \"$.exp\" begins with \"$.\", as those of the hub do");
    m = (struct d2d_message){.properties = &(struct d2d_property){"a", "b\xff"}, .n_properties = 1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
    assert_string_equal(why, "property 1 is not UTF-8");
    memset(id, 'i', sizeof id);
    id[ID_LEN_MAX + 1] = 0;
    m = (struct d2d_message){.message_id = id};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
    assert_string_equal(why, "its message id has 129 bytes, and at most 128 are allowed");
    id[ID_LEN_MAX] = 0;
    CHECK_OK(outgoing_check(&m, MESSAGE_LEN_MAX, why));
    m = (struct d2d_message){.body = big, .body_len = MESSAGE_LEN_MAX - 9, .properties = &long_one, .n_properties = 1};
    CHECK_OK(outgoing_check(&m, MESSAGE_LEN_MAX, why));
    m.body_len++;
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_TOO_LARGE);
    assert_string_equal(why, "it has 262145 bytes with its properties, and at most 262144 are allowed");
    m = (struct d2d_message){.ttl_ms = -1};
    CHECK_ERR(outgoing_check(&m, MESSAGE_LEN_MAX, why), ERR_ARGUMENT);
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
      RUN(an_answer_cut_anywhere_waits_for_the_rest), RUN(waiting_doubles_up_to_a_most_with_up_to_half_taken_off))
