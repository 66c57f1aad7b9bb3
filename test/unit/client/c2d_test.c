#include "device_world.h"

#include "incoming.h"

static void listen_open(void)
{
    world_open(10, 1000, 4);
    CHECK_OK(inbox_open(&w.side.inbox, 4));
    room_init(&w.side.room);
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
        hear(BYTES("\x90\x03\xFF\xF0\x01"), T0);
        CHECK(w.listening == i);
        cut();
    }
    world_close();
}

TEST(a_subscription_that_is_refused_ends_the_connection)
{
    listen_open();
    accept_connection(T0);
    hear(BYTES("\x90\x03\xFF\xF0\x80"), T0);
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

    CHECK_OK(incoming_mqtt(room, "devices/phone", bytes_str(topic), BYTES("b"), &c));
    return c;
}

TEST(properties_come_out_of_the_topic)
{
    struct message_room room;
    struct d2d_c2d c;

    room_init(&room);
    c = view(&room, "devices/phone/messages/devicebound/%24.mid=m%201&%24.to=%2Fdevices%2Fphone&%24.cid=c&%24.uid=u"
                    "&%24.ct=text%2Fplain&%24.ce=utf-8&%24.exp=2026-11-23T07%3A00%3A00.0000000Z&iothub-ack=full"
                    "&a%20b=c%26d&empty=&none");
    assert_string_equal(c.message_id, "m 1");
    assert_string_equal(c.correlation_id, "c");
    assert_string_equal(c.user_id, "u");
    assert_string_equal(c.content_type, "text/plain");
    assert_string_equal(c.content_encoding, "utf-8");
    CHECK(c.ack == D2D_ACK_FULL);
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
    CHECK(c.ack == D2D_ACK_NONE);
    room_close(&room);
}

TEST(a_topic_of_somebody_else_is_no_message)
{
    struct message_room room;
    struct d2d_c2d c;

    room_init(&room);
    CHECK_ERR(incoming_mqtt(&room, "devices/phone", BYTES("devices/phone2/messages/devicebound/a=b"), NO_BYTES, &c),
              ERR_MALFORMED);
    CHECK_ERR(incoming_mqtt(&room, "devices/phone", BYTES("devices/phone/messages/deviceboundary"), NO_BYTES, &c),
              ERR_MALFORMED);
    room_close(&room);
}

TESTS(RUN(who_listens_subscribes_with_each_connection), RUN(a_subscription_that_is_refused_ends_the_connection),
      RUN(a_message_is_acknowledged_when_it_is_complete_and_not_before), RUN(a_lock_ends_with_its_connection),
      RUN(an_abandoned_message_comes_with_a_fresh_connection_soon),
      RUN(a_fresh_connection_waits_for_what_is_being_settled), RUN(who_does_not_listen_leaves_messages_to_others),
      RUN(a_message_can_be_complete_by_itself), RUN(a_hub_that_sends_without_end_is_left),
      RUN(properties_come_out_of_the_topic), RUN(a_topic_of_somebody_else_is_no_message))
