/* Faults that a device asks for over MQTT (device 10). */
#include "mqtt_world.h"

#include "check.h"

#define ASK                                                                                           \
    "devices/d1/messages/events/AzIoTHub_FaultOperationType=%s&AzIoTHub_FaultOperationDelayInSecs=2&" \
    "AzIoTHub_FaultOperationDurationInSecs=5"

static struct world w;
static struct join c;
static struct buf say;

static int begin(void **state)
{
    (void)state;
    w = (struct world){0};
    world_open(&w);
    w.env.faults = true;
    world_device(&w, "d1");
    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    say = buf_max(CONN_IN_MAX);
    world_connect(&w, "d1", true, &say);
    return 0;
}

static int end(void **state)
{
    (void)state;
    join_close(&c);
    world_close(&w);
    buf_free(&say);
    return 0;
}

static void publish(const char *topic, uint16_t id)
{
    mqtt_put_publish(&say, &(struct mqtt_publish){bytes_str(topic), BYTES("x"), id, 1, false, false});
}

static void say_all(int64_t now_ms)
{
    buf_clear(&c.client.in);
    join_say_at(&c, buf_bytes(&say), now_ms);
    buf_clear(&say);
}

/* Gives when to call again. */
static int64_t tick(int64_t now_ms)
{
    int64_t due = c.hub.talk ? c.hub.talk->ops->tick(c.hub.talk, now_ms) : INT64_MAX;

    join_run_at(&c, now_ms);
    return due;
}

/* The message that asks is acknowledged, and before its time nothing happens. */
static void ask(const char *type)
{
    char topic[300];

    snprintf(topic, sizeof topic, ASK, type);
    publish(topic, 7);
    say_all(WORLD_T0);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x20\2\0\0\x40\2\0\7"));
    CHECK(tick(WORLD_T0 + 1999) <= WORLD_T0 + 90000);
    CHECK(c.hub.talk);
}

static bool is_cut(const char *type)
{
    ask(type);
    tick(WORLD_T0 + 2000);
    return !c.hub.talk && c.hub.why == ERR_CLOSED;
}

TEST(KillTcp_cuts_the_connection)
{
    CHECK(is_cut("KillTcp"));
}

TEST(ShutDownMqtt_cuts_the_connection)
{
    CHECK(is_cut("ShutDownMqtt"));
}

TEST(it_is_cut_in_time_though_the_device_is_silent)
{
    ask("KillTcp");
    CHECK(tick(WORLD_T0 + 1000) == WORLD_T0 + 2000);
}

TEST(what_only_amqp_has_breaks_nothing)
{
    CHECK(!is_cut("KillAmqpSession"));
    CHECK(tick(WORLD_T0 + 10000) > WORLD_T0 + 10000);
    publish("devices/d1/messages/events/", 8);
    say_all(WORLD_T0 + 10000);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x40\2\0\x08"));
}

/* MQTT has no word for "later": the message waits, and the acknowledgement comes when the fault is over. */
static void delays(const char *type)
{
    ask(type);
    publish("devices/d1/messages/events/", 8);
    mqtt_put_empty(&say, MQTT_PINGREQ);
    say_all(WORLD_T0 + 2000);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\xd0\0"));
    tick(WORLD_T0 + 6000);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\xd0\0"));
    tick(WORLD_T0 + 7000);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\xd0\0\x40\2\0\x08"));
    CHECK(c.hub.talk);
}

TEST(InvokeThrottling_delays_messages)
{
    delays("InvokeThrottling");
}

TEST(InvokeMaxMessageQuota_delays_messages)
{
    delays("InvokeMaxMessageQuota");
}

TEST(InvokeAuthError_ends_the_connection_with_the_next_message)
{
    ask("InvokeAuthError");
    tick(WORLD_T0 + 2000);
    CHECK(c.hub.talk);
    publish("devices/d1/messages/events/", 8);
    say_all(WORLD_T0 + 2000);
    CHECK(!c.hub.talk && c.hub.why == ERR_UNAUTHORIZED && c.client.in.len == 0);
}

TEST(a_fault_that_there_is_not_ends_the_connection)
{
    publish("devices/d1/messages/events/AzIoTHub_FaultOperationType=Boom", 7);
    say_all(WORLD_T0);
    CHECK(!c.hub.talk && c.hub.why == ERR_ARGUMENT);
}

TEST(without_permission_it_is_a_message_like_any_other)
{
    w.env.faults = false;
    CHECK(!is_cut("KillTcp"));
}

#define FAULT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(KillTcp_cuts_the_connection),
        FAULT(ShutDownMqtt_cuts_the_connection),
        FAULT(it_is_cut_in_time_though_the_device_is_silent),
        FAULT(what_only_amqp_has_breaks_nothing),
        FAULT(InvokeThrottling_delays_messages),
        FAULT(InvokeMaxMessageQuota_delays_messages),
        FAULT(InvokeAuthError_ends_the_connection_with_the_next_message),
        FAULT(a_fault_that_there_is_not_ends_the_connection),
        FAULT(without_permission_it_is_a_message_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
