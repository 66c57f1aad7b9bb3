/* Modules over MQTT: how SDKs name themselves, what they subscribe to, what they send. */
#include "mqtt_case.h"

static int start(void **state)
{
    door_start(state);
    world_device(&w, "door/lock");
    return 0;
}

/* device 2.2 */
TEST(a_module_names_itself_in_each_way_that_clients_do)
{
    static const char *const users[] = {
        "hub.test/door/lock/?api-version=2021-04-12&DeviceClientType=azure-iot-device%2F1.18.4",
        "hub.test/door/lock/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1-preview-003",
        "hub.test/door/lock",
    };

    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        CHECK(connect_as("door/lock", users[i], "door/lock", NULL, true) == 0);
    CHECK(connect_as("door", users[0], "door/lock", NULL, true) == 5);
    CHECK(connect_as("lock", users[0], "door/lock", NULL, true) == 5);
    CHECK(connect_as("door/lock", "hub.test/door/?api-version=2021-04-12", "door/lock", NULL, true) == 5);
    CHECK(connect_as("door/other", "hub.test/door/other/?api-version=2021-04-12", "door/lock", NULL, true) == 5);
    CHECK(connect_as("door/$", "hub.test/door//?api-version=2021-04-12", "door/lock", NULL, true) == 5);
}

/* device 2.10 */
TEST(a_module_may_subscribe_to_what_sdks_ask_for_and_to_nothing_of_others)
{
    static const char *const may[] = {
        "devices/door/modules/lock/#",
        "devices/door/modules/lock/inputs/#",
        "devices/door/modules/lock/messages/devicebound/#",
        "devices/door/lock/messages/devicebound/#",
        "$iothub/methods/POST/#",
        "$iothub/twin/res/#",
    };
    static const char *const may_not[] = {"devices/door/messages/devicebound/#", "devices/door/modules/other/#",
                                          "devices/door/#", "devices/other/modules/lock/#"};

    for (size_t i = 0; i < sizeof may / sizeof *may; i++) {
        CHECK(connect_as("door/lock", "hub.test/door/lock/?api-version=2021-04-12", "door/lock", NULL, true) == 0);
        mqtt_put_subscribe(&say, 1, bytes_str(may[i]), 1);
        say_all();
        CHECK(c.hub.talk && c.client.in.len == 5 && c.client.in.at[4] == 1);
    }
    for (size_t i = 0; i < sizeof may_not / sizeof *may_not; i++) {
        CHECK(connect_as("door/lock", "hub.test/door/lock/?api-version=2021-04-12", "door/lock", NULL, true) == 0);
        mqtt_put_subscribe(&say, 1, bytes_str(may_not[i]), 1);
        say_all();
        CHECK(!c.hub.talk);
    }
}

static bool sends(const char *topic)
{
    CHECK(connect_as("door/lock", "hub.test/door/lock/?api-version=2021-04-12", "door/lock", NULL, true) == 0);
    mqtt_put_publish(&say, &(struct mqtt_publish){.topic = bytes_str(topic), .body = BYTES("x"), .qos = 1, .id = 9});
    say_all();
    return c.hub.talk && c.client.in.len == 4 && c.client.in.at[3] == 9;
}

TEST(a_module_sends_to_its_own_topic)
{
    CHECK(sends("devices/door/modules/lock/messages/events/"));
    CHECK(sends("devices/door/modules/lock/messages/events/%24.on=out1/"));
    CHECK(!sends("devices/door/messages/events/"));
    CHECK(!sends("devices/door/modules/other/messages/events/"));
    CHECK(connect_as("door", "hub.test/door/?api-version=2021-04-12", "door", NULL, true) == 0);
    mqtt_put_publish(&say, &(struct mqtt_publish){.topic = BYTES("devices/door/modules/lock/messages/events/")});
    say_all();
    CHECK(!c.hub.talk);
}

TEST(its_will_is_its_own_and_is_sent_as_its_own)
{
    struct hub_counts n;

    CHECK(connect_as("door/lock", "hub.test/door/lock", "door/lock", "devices/door/messages/events/", true) == 5);
    CHECK(connect_as("door/lock", "hub.test/door/lock", "door/lock", "devices/door/modules/lock/messages/events/",
                     true) == 0);
    join_cut(&c, ERR_CLOSED, WORLD_T0);
    hub_count(w.hub, &n);
    CHECK(n.received == 1);
}

static void quiet(struct waker *waker)
{
    (void)waker;
}

TEST(a_method_of_a_module_is_called_and_answered)
{
    static const char begins[] = "$iothub/methods/POST/turn/?$rid=";
    static struct waker caller = {quiet};
    char topic[100];
    const struct call_question q = {
        .device = BYTES("door/lock"), .method = BYTES("turn"), .response_ms = 30000, .waker = &caller};
    struct call_answer a;
    struct mqtt_packet p;
    struct call *call;
    int64_t until_ms;
    size_t used;

    CHECK(connect_as("door/lock", "hub.test/door/lock", "door/lock", NULL, true) == 0);
    CHECK_ERR(hub_call_open(w.hub, &q, WORLD_T0, &call), ERR_UNREACHABLE);
    mqtt_put_subscribe(&say, 1, BYTES("$iothub/methods/POST/#"), 0);
    say_all();
    buf_clear(&c.client.in);
    CHECK_OK(hub_call_open(w.hub, &q, WORLD_T0, &call));
    join_run_at(&c, WORLD_T0);
    CHECK(mqtt_decode(buf_bytes(&c.client.in), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET);
    CHECK(bytes_starts(p.publish.topic, bytes_str(begins)));
    snprintf(topic, sizeof topic, "$iothub/methods/res/207/?$rid=%.*s",
             BYTES_ARG(bytes_skip(p.publish.topic, strlen(begins))));
    mqtt_put_publish(&say, &(struct mqtt_publish){.topic = bytes_str(topic), .body = BYTES("{}")});
    say_all();
    CHECK_OK(hub_call_look(call, WORLD_T0, &a, &until_ms));
    CHECK(a.status == 207);
    hub_call_close(call);
}

/* device 1.3: its connection ends with the key that let it in. */
TEST(a_module_without_a_certificate_comes_by_the_key_of_its_device)
{
    static const char user[] = "hub.test/door/bare/?api-version=2021-04-12";
    struct device bare = {.id = "door/bare", .auth = AUTH_NONE}, door = {.id = "door"}, made;
    uint64_t at;

    MUST(hub_device_put(w.hub, &bare, (struct match){.how = MATCH_NONE}, WORLD_T0, &made, &at));
    CHECK(connect_as("door/bare", user, "door/lock", NULL, true) == 5);
    CHECK(connect_as("door/bare", user, "door", NULL, true) == 0);
    MUST(hub_device_put(w.hub, &door, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at)); /* with new keys */
    join_run_at(&c, WORLD_T0);
    CHECK(!c.hub.talk);
    CHECK(connect_as("door/bare", user, "door", NULL, true) == 0);
    CHECK(connect_as("door/lock", "hub.test/door/lock", "door", NULL, true) == 0);
    bare.auth = AUTH_CA;
    MUST(hub_device_put(w.hub, &bare, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at));
    join_run_at(&c, WORLD_T0);
    CHECK(connect_as("door/bare", user, "door", NULL, true) == 5);
}

/* device 2.4: a module has a connection of its own. */
TEST(a_module_and_its_device_are_connected_at_once)
{
    struct join device;

    CHECK(connect_as("door/lock", "hub.test/door/lock", "door/lock", NULL, true) == 0);
    world_join_mqtt_from(&w, &device, "192.0.2.7:5001", WORLD_T0);
    world_connect(&w, "door", true, &say);
    join_say_at(&device, buf_bytes(&say), WORLD_T0);
    buf_clear(&say);
    join_run_at(&c, WORLD_T0);
    CHECK(device.hub.talk && c.hub.talk);
    join_close(&device);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, start, door_stop)

TESTS(WITH(a_module_names_itself_in_each_way_that_clients_do),
      WITH(a_module_may_subscribe_to_what_sdks_ask_for_and_to_nothing_of_others), WITH(a_module_sends_to_its_own_topic),
      WITH(its_will_is_its_own_and_is_sent_as_its_own), WITH(a_method_of_a_module_is_called_and_answered),
      WITH(a_module_without_a_certificate_comes_by_the_key_of_its_device),
      WITH(a_module_and_its_device_are_connected_at_once))
