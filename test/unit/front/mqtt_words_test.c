/* Each user name and each filter that is known of some client, and what becomes of it. */
#include "mqtt_world.h"

#include "check.h"
#include "log.h"

static struct world w;
static struct join c;
static struct buf say;
static char lines[8192];

static void on_log(void *ctx, enum log_level level, struct bytes line)
{
    size_t used = strlen(lines);

    (void)ctx, (void)level;
    snprintf(lines + used, sizeof lines - used, "%.*s\n", BYTES_ARG(line));
}

static int start(void **state)
{
    (void)state;
    w = (struct world){0};
    world_open(&w);
    world_device(&w, "d1");
    world_device(&w, "a=b?c+d#");
    world_device(&w, "registrations");
    say = buf_max(CONN_IN_MAX);
    lines[0] = 0;
    log_to(on_log, NULL, LOG_INFO);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_to(NULL, NULL, LOG_ERROR);
    world_close(&w);
    buf_free(&say);
    return 0;
}

static void say_all(void)
{
    join_say_at(&c, buf_bytes(&say), WORLD_T0);
    buf_clear(&say);
}

/* The code of the CONNACK, or -1. */
static int connect_as(const char *id, const char *user, bool clean)
{
    struct buf token = buf_max(SAS_LEN_MAX);

    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    world_token(&w, id, false, WORLD_T0 + 3600000, &token);
    mqtt_put_connect(&say, &(struct mqtt_connect){.clean = clean,
                                                  .keep_alive_s = 60,
                                                  .client_id = bytes_str(id),
                                                  .user = bytes_str(user),
                                                  .password = buf_bytes(&token)});
    say_all();
    buf_free(&token);
    int code = c.client.in.len == 4 ? c.client.in.at[3] : -1;
    buf_clear(&c.client.in);
    return code;
}

/* Status of the answer to a GET of the twin; 0: none came. It tells whether an api-version was understood. */
static int twin_status(const char *filter)
{
    struct mqtt_packet p;
    size_t used;

    mqtt_put_subscribe(&say, 1, bytes_str(filter), 1);
    say_all();
    buf_clear(&c.client.in);
    mqtt_put_publish(&say, &(struct mqtt_publish){.topic = BYTES("$iothub/twin/GET/?$rid=7")});
    say_all();
    if (!c.client.in.len)
        return 0;
    CHECK(mqtt_decode(buf_bytes(&c.client.in), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET && p.type == MQTT_PUBLISH);
    CHECK(p.publish.qos == 0 && bytes_starts(p.publish.topic, BYTES("$iothub/twin/res/")));
    return atoi((const char *)p.publish.topic.at + strlen("$iothub/twin/res/"));
}

TEST(user_names_of_all_families_are_understood)
{
    static const struct {
        const char *id, *user;
        int code, status;
    } cases[] = {
        {"d1", "hub.test/d1/?api-version=2021-04-12", 0, 200},
        {"d1", "hub.test/d1/?api-version=2020-09-30&DeviceClientType=py%2F2.1&model-id=dtmi%3Aa%3Bb%3B1", 0, 200},
        {"d1", "HUB.TEST/d1/?DeviceClientType=c/1.2.3&api-version=2020-09-30", 0, 200},
        {"d1", "hub.test/d1/api-version=2016-11-14", 0, 200},
        {"d1", "hub.test/d1/api-version=2020-09-30&model-id=dtmi:a:b;1", 0, 200}, /* Go */
        {"d1", "hub.test/d1/api-version=2016-11-14/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1", 0, 200},
        {"d1", "hub.test/d1/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1/api-version=2016-11-14", 0, 200},
        {"d1", "hub.test/d1/DeviceClientType=azure-iot-device%2F1.0.15", 0, 400}, /* Node and C of 2016 */
        {"d1", "hub.test/d1/DeviceClientType=iothubclient/1.0.17 (Linux; armv7l)", 0, 400},
        {"d1", "hub.test/d1", 0, 400},
        {"d1", "hub.test/d1/", 0, 400},
        {"d1", "hub.test/d1/?", 0, 400},
        {"a=b?c+d#", "hub.test/a=b?c+d#/?api-version=2021-04-12", 0, 200},
        {"registrations", "hub.test/registrations/?api-version=2021-04-12", 0, 200},
        {"registrations", "hub.test/registrations", 0, 400},
        {"d1", "hub.test/d1/m1/?api-version=2018-06-30", 5, 0},
        {"d1", "hub.test/d1/m1/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1", 5, 0},
        {"d1", "hub.test/d1/m=1/?api-version=2018-06-30", 5, 0},
        {"d1", "hub.test/d1/m1", 5, 0},
        {"d1", "hub.test/d1/m1/x", 5, 0},
        {"d1", "hub.test/d1//?api-version=2021-04-12", 5, 0},
        {"d1", "hub.test/d2/?api-version=2021-04-12", 5, 0},
        {"d1", "other.test/d1/?api-version=2021-04-12", 5, 0},
        {"d1", "d1", 5, 0},
        {"d1", "", 5, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = connect_as(cases[i].id, cases[i].user, true);
        if (code != cases[i].code)
            fail_msg("%s: CONNACK %d, not %d\n%s", cases[i].user, code, cases[i].code, lines);
        int status = code ? 0 : twin_status("$iothub/twin/res/#");
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].user, status, cases[i].status);
        join_close(&c);
    }
}

TEST(other_versions_of_mqtt_are_refused_and_named_in_the_log)
{
    static const struct {
        struct bytes packet;
        const char *log;
    } cases[] = {
        {BYTES("\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02"
               "d1"),
         "MQTT 5;"},
        {BYTES("\x10\x10\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x02"
               "d1"),
         "MQTT 3.1;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
        buf_put(&say, cases[i].packet);
        say.at[1] = (uint8_t)(cases[i].packet.len - 2);
        say_all();
        CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x20\x02\x00\x01"));
        CHECK(!c.hub.talk && strstr(lines, cases[i].log));
        join_close(&c);
    }
}

TEST(filters_are_matched_as_filters)
{
    static const struct {
        const char *filter;
        int status; /* -1: it ends the connection */
    } cases[] = {
        {"$iothub/twin/res/#", 200},
        {"$iothub/twin/#", 200}, /* nanoFramework */
        {"$iothub/#", 200},
        {"$iothub/+/res/#", 200},
        {"$iothub/twin/res/+/+", 200},
        {"$iothub/twin/res/200/?$rid=7", 200},
        {"$iothub/twin/res/+/?$rid=7", 200},
        {"$iothub/twin/res/200/#", 200}, /* CircuitPython */
        {"$iothub/twin/res/204/#", 0},
        {"$iothub/twin/res/200/?$rid=8", 0},
        {"$iothub/methods/#", 0},
        {"$iothub/methods/POST/#", 0},
        {"$iothub/methods/POST/reboot/#", 0},
        {"$iothub/twin/PATCH/#", 0},
        {"$iothub/twin/PATCH/properties/desired/#", 0},
        {"$iothub/twin/PATCH/properties/reported/#", 0},
        {"$iothub/credentials/res/#", 0},
        {"devices/d1/messages/devicebound/#", 0},
        {"devices/+/messages/devicebound/#", 0},
        {"devices/d1/#", 0},
        {"devices/d1/modules/m/messages/devicebound/#", 0},
        {"devices/d1/modules/m/#", 0},
        {"devices/d1/m/messages/devicebound/#", 0},
        {"devices/d1/messages/events/#", 0},
        {"#", -1},
        {"+/#", -1},
        {"devices/#", -1},
        {"devices/+/#", -1},
        {"devices/d2/messages/devicebound/#", -1},
        {"devices/d1/messages/devicebound/a=b", -1},
        {"devices/d1", -1},
        {"$iothub", -1},
        {"$iothub/twin/res#", -1},
        {"$iothub/#/res", -1},
        {"$dps/registrations/res/#", -1},
        {"home/lamp", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(connect_as("d1", "hub.test/d1/?api-version=2021-04-12", true) == 0);
        int status = twin_status(cases[i].filter);
        if (!c.hub.talk ? cases[i].status != -1 : status != cases[i].status)
            fail_msg("%s: %d %s, not %d", cases[i].filter, status, !c.hub.talk ? "closed" : "", cases[i].status);
        join_close(&c);
    }
    CHECK(strstr(lines, "not-available"));
}

static void subscribe(const char *filter, uint8_t qos)
{
    mqtt_put_subscribe(&say, 9, bytes_str(filter), qos);
    say_all();
    CHECK(c.hub.talk && c.client.in.len >= 5);
    buf_clear(&c.client.in);
}

static void unsubscribe(const char *filter)
{
    buf_clear(&c.client.in);
    mqtt_put_unsubscribe(&say, 9, bytes_str(filter));
    say_all();
    CHECK(c.hub.talk);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\xb0\x02\x00\x09"));
    buf_clear(&c.client.in);
}

/* How many messages wait that a device of this filter would not have taken. */
static bool gets_messages(void)
{
    const struct msg m = {.body = BYTES("on")};
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("d1"), &m, WORLD_T0, &at));
    c.hub.woken = true;
    join_run_at(&c, WORLD_T0);
    join_say_at(&c, NO_BYTES, WORLD_T0);
    bool yes = bytes_find_bytes(buf_bytes(&c.client.in), BYTES("devices/d1/messages/devicebound/")) < c.client.in.len;
    buf_clear(&c.client.in);
    return yes;
}

TEST(messages_come_by_every_filter_that_takes_them_all)
{
    static const char *const good[] = {"devices/d1/messages/devicebound/#", "devices/+/messages/devicebound/#",
                                       "devices/d1/#", "devices/d1/messages/#", "devices/d1/messages/+/#"};
    static const char *const none[] = {"devices/d1/modules/m/#", "devices/d1/messages/events/#", "$iothub/#"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(connect_as("d1", "hub.test/d1", true) == 0);
        subscribe(good[i], 0);
        CHECK(gets_messages());
        unsubscribe("devices/d1/modules/m/messages/devicebound/#"); /* never subscribed to */
        CHECK(gets_messages());
        unsubscribe(good[i]);
        CHECK(!gets_messages());
        join_close(&c);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK(connect_as("d1", "hub.test/d1", true) == 0);
        subscribe(none[i], 1);
        CHECK(!gets_messages());
        join_close(&c);
    }
}

TEST(each_of_two_filters_goes_without_the_other)
{
    CHECK(connect_as("d1", "hub.test/d1/?api-version=2021-04-12", true) == 0);
    subscribe("$iothub/twin/#", 1);
    subscribe("$iothub/twin/PATCH/properties/desired/#", 1);
    unsubscribe("$iothub/twin/PATCH/properties/desired/#");
    unsubscribe("$iothub/twin/res/#");
    CHECK(twin_status("$iothub/twin/res/204/#") == 200);
    unsubscribe("$iothub/twin/#");
    CHECK(twin_status("$iothub/twin/res/204/#") == 0);
    unsubscribe("$iothub/twin/res/204/#");
    unsubscribe("home/lamp"); /* a bridge does that */
    unsubscribe("$iothub/twin/PATCH/#");
    CHECK(twin_status("$iothub/twin/res/200/#") == 200);
    join_close(&c);
}

TEST(a_kept_session_knows_what_kind_of_filters_it_had)
{
    CHECK(connect_as("d1", "hub.test/d1/?api-version=2021-04-12", false) == 0);
    subscribe("$iothub/twin/res/200/#", 1);
    subscribe("devices/d1/#", 0);
    join_close(&c);
    CHECK_OK(hub_checkpoint(w.hub, WORLD_T0));
    CHECK(connect_as("d1", "hub.test/d1/?api-version=2021-04-12", false) == 0);
    CHECK(gets_messages());
    CHECK(twin_status("$iothub/methods/#") == 200);
    join_close(&c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(user_names_of_all_families_are_understood), CASE(other_versions_of_mqtt_are_refused_and_named_in_the_log),
      CASE(filters_are_matched_as_filters), CASE(messages_come_by_every_filter_that_takes_them_all),
      CASE(each_of_two_filters_goes_without_the_other), CASE(a_kept_session_knows_what_kind_of_filters_it_had))
