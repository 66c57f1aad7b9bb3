/* Devices that register over MQTT: the whole talk, cut anywhere, and what is refused. */
#include "mqtt_world.h"

#include "check.h"
#include "text.h"

#define KEY_A "cHJpbWFyeXByaW1hcnlwcmltYXJ5cHJpbWFyeQ=="

static struct world w;
static struct join c;

static int start(void **state)
{
    const char *enrollment =
        "{\"registrationId\":\"reg-1\",\"provisioningStatus\":\"enabled\",\"attestation\":{\"type\":"
        "\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\"}}}";
    struct doc d;
    uint64_t at;

    (void)state;
    w = (struct world){0};
    world_open(&w);
    CHECK_OK(hub_doc_put(w.hub, DOC_ENROLLMENT, BYTES("reg-1"), bytes_str(enrollment),
                         (struct match){.how = MATCH_NONE}, WORLD_T0, &d, &at));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void put_connect(struct buf *b, const char *scope, const char *id, const char *client_id, const char *key_text)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    char user[300], resource[300];
    uint8_t key[KEY_LEN_MAX];
    size_t len;

    snprintf(user, sizeof user, "%s/registrations/%s/api-version=2019-03-31&ClientVersion=x", scope, id);
    snprintf(resource, sizeof resource, "%s/registrations/%s", scope, id);
    CHECK_OK(base64_decode(bytes_str(key_text), key, sizeof key, &len));
    CHECK_OK(sas_make(bytes_str(resource), NO_BYTES, WORLD_T0 / 1000 + 60, bytes_of(key, len), &token));
    mqtt_put_connect(b, &(struct mqtt_connect){.clean = false,
                                               .keep_alive_s = 60,
                                               .client_id = bytes_str(client_id),
                                               .user = bytes_str(user),
                                               .password = buf_bytes(&token)});
    buf_free(&token);
}

static const char *scope(void)
{
    return hub_birth(w.hub)->scope;
}

static bool heard(struct bytes what)
{
    return bytes_find_bytes(buf_bytes(&c.client.in), what) < c.client.in.len;
}

static void put_publish(struct buf *b, const char *topic, const char *body)
{
    mqtt_put_publish(b, &(struct mqtt_publish){.topic = bytes_str(topic), .body = bytes_str(body), .qos = 1, .id = 7});
}

static void put_talk(struct buf *b)
{
    put_connect(b, scope(), "Reg-1", "reg-1", KEY_A);
    mqtt_put_subscribe(b, 1, BYTES("$dps/registrations/res/#"), 1);
    put_publish(b, "$dps/registrations/PUT/iotdps-register/?$rid=1234-ab", "{\"registrationId\":\"reg-1\"}");
}

TEST(a_device_registers_and_may_be_cut_anywhere)
{
    struct buf talk = buf_max(1 << 16);

    put_talk(&talk);
    for (size_t cut = 0; cut <= talk.len; cut++) {
        world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
        join_say_at(&c, bytes_first(buf_bytes(&talk), cut), WORLD_T0);
        join_say_at(&c, bytes_skip(buf_bytes(&talk), cut), WORLD_T0);
        CHECK(c.hub.talk && bytes_starts(buf_bytes(&c.client.in), BYTES("\x20\x02\x00\x00\x90\x03\x00\x01\x01")));
        /* First the acknowledgement, then the answer. */
        CHECK(bytes_starts(bytes_skip(buf_bytes(&c.client.in), 9), BYTES("\x40\x02\x00\x07\x32")));
        CHECK(heard(BYTES("$dps/registrations/res/202/?$rid=1234-ab&retry-after=2")));
        CHECK(heard(BYTES("\"status\":\"assigning\"")));
        join_close(&c);
    }
    buf_free(&talk);
}

TEST(the_result_is_asked_for)
{
    struct buf b = buf_max(1 << 16);
    char topic[256], operation[64] = "";
    struct device d;

    put_talk(&b);
    world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    struct bytes rest = bytes_skip(buf_bytes(&c.client.in),
                                   bytes_find_bytes(buf_bytes(&c.client.in), BYTES("{\"operationId\":\"")) + 16);
    CHECK(bytes_to_str(bytes_cut(&rest, '"'), operation, sizeof operation) && strlen(operation) == 55);
    snprintf(topic, sizeof topic, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=x&operationId=%s",
             operation);
    buf_clear(&b);
    buf_clear(&c.client.in);
    put_publish(&b, topic, " ");
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK(heard(BYTES("$dps/registrations/res/200/?$rid=x")) && heard(BYTES("\"assignedHub\":\"hub.test\"")));
    CHECK_OK(hub_device_get(w.hub, BYTES("Reg-1"), &d));
    buf_clear(&b);
    buf_clear(&c.client.in);
    put_publish(&b, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=y&operationId=5.other", "");
    mqtt_put_unsubscribe(&b, 9, BYTES("$dps/registrations/res/#"));
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK(heard(BYTES("$dps/registrations/res/404/?$rid=y")) && heard(BYTES("{\"errorCode\":404201")));
    CHECK(heard(BYTES("\xb0\x02\x00\x09")) && c.hub.talk);
    join_close(&c);
    buf_free(&b);
}

/* MQTT 3.1.1, 3.10.4: nothing more is sent for a filter that was taken back. */
TEST(who_takes_the_filter_back_hears_no_more)
{
    struct buf b = buf_max(1 << 16);

    put_talk(&b);
    mqtt_put_unsubscribe(&b, 9, BYTES("$dps/registrations/res/#"));
    world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    buf_clear(&b);
    buf_clear(&c.client.in);
    put_publish(&b, "$dps/registrations/PUT/iotdps-register/?$rid=2", "{\"registrationId\":\"reg-1\"}");
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x40\x02\x00\x07"));
    join_close(&c);
    buf_free(&b);
}

static void refused(const char *scope_id, const char *id, const char *client_id, const char *key)
{
    struct buf b = buf_max(1 << 16);

    put_connect(&b, scope_id, id, client_id, key);
    world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK(!c.hub.talk);
    CHECK_BYTES(buf_bytes(&c.client.in), BYTES("\x20\x02\x00\x05"));
    join_close(&c);
    buf_free(&b);
}

/* provisioning 5.1 */
TEST(whoever_is_shut_out_in_between_gets_no_hub)
{
    struct buf b = buf_max(1 << 16);
    char topic[256], operation[64] = "";
    struct doc d;
    uint64_t at;

    put_talk(&b);
    world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    struct bytes rest = bytes_skip(buf_bytes(&c.client.in),
                                   bytes_find_bytes(buf_bytes(&c.client.in), BYTES("{\"operationId\":\"")) + 16);
    CHECK(bytes_to_str(bytes_cut(&rest, '"'), operation, sizeof operation));
    CHECK_OK(hub_doc_put(w.hub, DOC_ENROLLMENT, BYTES("reg-1"),
                         BYTES("{\"registrationId\":\"reg-1\",\"provisioningStatus\":\"disabled\"}"),
                         (struct match){.how = MATCH_ANY}, WORLD_T0, &d, &at));
    snprintf(topic, sizeof topic, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=x&operationId=%s",
             operation);
    buf_clear(&b);
    buf_clear(&c.client.in);
    put_publish(&b, topic, " ");
    put_publish(&b, "$dps/registrations/PUT/iotdps-register/?$rid=y", "");
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK(heard(BYTES("res/200/?$rid=x")) && heard(BYTES("\"status\":\"disabled\"")) && !heard(BYTES("assignedHub")));
    CHECK(heard(BYTES("res/401/?$rid=y")));
    CHECK_OK(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("reg-1"), (struct match){.how = MATCH_ANY}, &at));
    buf_clear(&b);
    buf_clear(&c.client.in);
    put_publish(&b, topic, " ");
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    CHECK(heard(BYTES("res/401/?$rid=x")) && !heard(BYTES("assignedHub")));
    join_close(&c);
    buf_free(&b);
}

TEST(who_does_not_belong_here_is_refused)
{
    refused(scope(), "reg-1", "reg-1", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n");
    refused("0ne00000002", "reg-1", "reg-1", KEY_A);
    refused(scope(), "reg-1", "other", KEY_A);
    refused(scope(), "nobody", "nobody", KEY_A);
    refused(scope(), "bad id", "bad id", KEY_A);
}

TEST(other_topics_and_filters_end_the_connection)
{
    for (int what = 0; what < 4; what++) {
        struct buf b = buf_max(1 << 16);

        put_connect(&b, scope(), "reg-1", "reg-1", KEY_A);
        if (what == 0)
            put_publish(&b, "devices/reg-1/messages/events/", "x");
        else if (what == 1)
            put_publish(&b, "$dps/registrations/PUT/iotdps-register/?$rid=", "x");
        else if (what == 2)
            mqtt_put_subscribe(&b, 1, BYTES("devices/reg-1/messages/devicebound/#"), 1);
        else
            mqtt_put_subscribe(&b, 1, BYTES("$dps/#"), 1);
        world_join_mqtt_from(&w, &c, "192.0.2.7:1", WORLD_T0);
        join_say_at(&c, buf_bytes(&b), WORLD_T0);
        CHECK(!c.hub.talk);
        join_close(&c);
        buf_free(&b);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(a_device_registers_and_may_be_cut_anywhere), CASE(the_result_is_asked_for),
      CASE(who_takes_the_filter_back_hears_no_more), CASE(whoever_is_shut_out_in_between_gets_no_hub),
      CASE(who_does_not_belong_here_is_refused), CASE(other_topics_and_filters_end_the_connection))
