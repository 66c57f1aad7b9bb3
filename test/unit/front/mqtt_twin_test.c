/* Twins over MQTT: each row is what some client asserts (device 2.12). */
#include "mqtt_case.h"

static void connect_to(const char *user, bool clean)
{
    CHECK(connect_as("door", user, "door", NULL, clean) == 0);
}

static int start(void **state)
{
    door_start(state);
    connect_to(WORLD_HOST "/door/?api-version=2021-04-12", true);
    return 0;
}

static void subscribe(const char *filter, uint8_t qos)
{
    mqtt_put_subscribe(&say, 1, bytes_str(filter), qos);
    say_all();
    CHECK(c.client.in.len == 5 && c.client.in.at[4] == qos);
    buf_clear(&c.client.in);
}

static void ask(const char *topic, const char *body, uint8_t qos)
{
    buf_clear(&c.client.in);
    mqtt_put_publish(&say, &(struct mqtt_publish){
                               .topic = bytes_str(topic), .body = bytes_str(body), .qos = qos, .id = qos ? 7 : 0});
    say_all();
}

/* The next publish that the device hears; false: none. */
static bool hear(struct mqtt_publish *out)
{
    static uint8_t kept[1 << 19];
    struct mqtt_packet p;
    size_t used;

    join_run_at(&c, WORLD_T0);
    while (c.client.in.len) {
        CHECK(c.client.in.len <= sizeof kept);
        memcpy(kept, c.client.in.at, c.client.in.len);
        CHECK(mqtt_decode(bytes_of(kept, c.client.in.len), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET);
        buf_drop(&c.client.in, used);
        if (p.type != MQTT_PUBLISH)
            continue;
        CHECK(p.publish.qos == 0 && !p.publish.retain); /* whatever was granted */
        *out = p.publish;
        return true;
    }
    return false;
}

static void check_hears(const char *topic, const char *body)
{
    struct mqtt_publish p;

    CHECK(hear(&p));
    CHECK_BYTES(p.topic, bytes_str(topic));
    CHECK_BYTES(p.body, bytes_str(body));
}

static void check_hears_nothing(void)
{
    struct mqtt_publish p;

    CHECK(!hear(&p));
}

/* A failure: never without a body, in which one SDK looks for the code. */
static void check_fails(const char *topic, const char *code)
{
    struct mqtt_publish p;
    char begins[64];

    CHECK(hear(&p));
    CHECK_BYTES(p.topic, bytes_str(topic));
    snprintf(begins, sizeof begins, "{\"errorCode\":%s,\"trackingId\":\"", code);
    CHECK(bytes_starts(p.body, bytes_str(begins)));
    CHECK(bytes_find_bytes(p.body, BYTES("\"message\":\"")) < p.body.len);
    CHECK(bytes_find_bytes(p.body, BYTES("\"timestampUtc\":\"2026-")) < p.body.len);
    CHECK(c.hub.talk);
}

static enum err desired(const char *json, bool replace)
{
    struct twin_change change = {.replace = replace};
    struct twin_fault fault;
    uint64_t at;

    change.part[TWIN_DESIRED] = bytes_str(json);
    return hub_twin_change(w.hub, BYTES("door"), &change, WORLD_T0, &fault, &at);
}

#define RES "$iothub/twin/res/"
#define DESIRED "$iothub/twin/PATCH/properties/desired/"
#define REPORT "$iothub/twin/PATCH/properties/reported/"

/* ---- get ------------------------------------------------------------------------------------------------------- */

TEST(a_fresh_twin_has_both_sections_with_version_1)
{
    subscribe(RES "#", 1);
    ask("$iothub/twin/GET/?$rid=0", "", 0);
    check_hears(RES "200/?$rid=0", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
}

TEST(the_document_is_compact_without_metadata_and_the_version_last)
{
    subscribe(RES "#", 0);
    CHECK_OK(desired("{ \"a\" : { \"b\" : [1, \"x\", {\"c\": false}] }, \"d\" : 4.5 }", false));
    ask(REPORT "?$rid=1", "{\"__t\":\"c\",\"x\":{\"value\":1,\"ac\":200,\"av\":3,\"ad\":\"ok\"}}", 0);
    check_hears(RES "204/?$rid=1&$version=2", "");
    ask("$iothub/twin/GET/?$rid=2", " ", 0);
    check_hears(RES "200/?$rid=2",
                "{\"desired\":{\"a\":{\"b\":[1,\"x\",{\"c\":false}]},\"d\":4.5,\"$version\":2},"
                "\"reported\":{\"__t\":\"c\",\"x\":{\"ac\":200,\"ad\":\"ok\",\"av\":3,\"value\":1},\"$version\":2}}");
}

TEST(any_rid_is_echoed_and_may_be_used_again)
{
    static const char *const rids[] = {"1",  "getTwin", "4F2504E0-4f89-11d3-9a0c-0305e82c3301",
                                       "2a", "00007",   "18446744073709551615"};
    char topic[128], wanted[128];

    subscribe(RES "#", 0);
    for (size_t i = 0; i < 2 * sizeof rids / sizeof *rids; i++) {
        snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%s", rids[i / 2]);
        snprintf(wanted, sizeof wanted, RES "200/?$rid=%s", rids[i / 2]);
        ask(topic, "", 0);
        check_hears(wanted, "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    }
}

TEST(the_acknowledgement_goes_before_the_answer)
{
    subscribe(RES "#", 1);
    ask("$iothub/twin/GET/?$rid=1", "", 1);
    CHECK(bytes_starts(buf_bytes(&c.client.in), BYTES("\x40\x02\x00\x07")));
    check_hears(RES "200/?$rid=1", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    ask(REPORT "?$rid=2", "{\"a\":1}", 1);
    CHECK(bytes_starts(buf_bytes(&c.client.in), BYTES("\x40\x02\x00\x07")));
    check_hears(RES "204/?$rid=2&$version=2", "");
}

TEST(only_who_asked_for_an_answer_hears_it)
{
    ask("$iothub/twin/GET/?$rid=1", "", 0);
    check_hears_nothing();
    subscribe(RES "200/#", 0); /* CircuitPython */
    ask(REPORT "?$rid=2", "{\"a\":1}", 0);
    check_hears_nothing();
    ask(REPORT "?$rid=3", "{\"a\":", 0);
    check_hears_nothing();
    ask("$iothub/twin/GET/?$rid=4", "", 0);
    check_hears(RES "200/?$rid=4", "{\"desired\":{\"$version\":1},\"reported\":{\"a\":1,\"$version\":2}}");
}

TEST(without_an_api_version_a_twin_is_a_bad_request)
{
    join_close(&c);
    connect_to(WORLD_HOST "/door", true);
    subscribe(RES "#", 0);
    ask("$iothub/twin/GET/?$rid=1", "", 0);
    check_fails(RES "400/?$rid=1", "400001");
    ask(REPORT "?$rid=2", "{\"a\":1}", 0);
    check_fails(RES "400/?$rid=2", "400001");
}

TEST(a_topic_that_is_none_ends_the_connection)
{
    static const char *const topics[] = {"$iothub/twin/GET/", "$iothub/twin/GET/?$rid", REPORT,
                                         "$iothub/twin/POST/?$rid=1", "$iothub/twin/PATCH/properties/desired/?$rid=1"};

    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        subscribe(RES "#", 0);
        ask(topics[i], "{}", 0);
        CHECK(!c.hub.talk);
        join_close(&c);
        connect_to(WORLD_HOST "/door/?api-version=2021-04-12", true);
    }
}

/* ---- report ---------------------------------------------------------------------------------------------------- */

TEST(each_report_raises_the_version_by_one_also_an_equal_or_empty_one)
{
    subscribe(RES "#", 0);
    ask(REPORT "?$rid=1", "{\"a\":1}", 0);
    check_hears(RES "204/?$rid=1&$version=2", "");
    ask(REPORT "?$rid=2", "{\"a\":1}", 0);
    check_hears(RES "204/?$rid=2&$version=3", "");
    ask(REPORT "?$rid=3", "{}", 0);
    check_hears(RES "204/?$rid=3&$version=4", "");
}

TEST(null_deletes_and_is_never_kept)
{
    subscribe(RES "#", 0);
    ask(REPORT "?$rid=1", "{\"p\":null,\"keep\":1}", 0);
    check_hears(RES "204/?$rid=1&$version=2", "");
    ask(REPORT "?$rid=2", "{\"p\":{\"q\":null}}", 0);
    check_hears(RES "204/?$rid=2&$version=3", "");
    ask(REPORT "?$rid=3", "{\"p\":{\"q\":null},\"keep\":{\"x\":null}}", 0);
    check_hears(RES "204/?$rid=3&$version=4", "");
    ask("$iothub/twin/GET/?$rid=4", "", 0);
    check_hears(RES "200/?$rid=4", "{\"desired\":{\"$version\":1},\"reported\":{\"keep\":{},\"p\":{},\"$version\":4}}");
    ask(REPORT "?$rid=5", "{\"keep\":null,\"absent\":null}", 0);
    check_hears(RES "204/?$rid=5&$version=5", "");
    ask("$iothub/twin/GET/?$rid=6", "", 0);
    check_hears(RES "200/?$rid=6", "{\"desired\":{\"$version\":1},\"reported\":{\"p\":{},\"$version\":5}}");
}

TEST(values_come_back_as_they_were)
{
    static const char *const values[] = {"1",
                                         "-4503599627370496",
                                         "4503599627370495",
                                         "4.5",
                                         "1e-3",
                                         "true",
                                         "\"2023-01-31T10:37:08.4599400\"",
                                         "\"\\u00fc \\\" \\\\ \\n\"",
                                         "[1,\"two\",false,{\"k\":[[3.0]]}]",
                                         "[]",
                                         "{}"};
    static const char *const back[] = {"1",
                                       "-4503599627370496",
                                       "4503599627370495",
                                       "4.5",
                                       "1e-3",
                                       "true",
                                       "\"2023-01-31T10:37:08.4599400\"",
                                       "\"\xc3\xbc \\\" \\\\ \\n\"",
                                       "[1,\"two\",false,{\"k\":[[3.0]]}]",
                                       "[]",
                                       "{}"};
    char text[200];
    struct mqtt_publish p;

    subscribe(RES "#", 0);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, "{\"k\":null,\"azureiot*com^dtracing^1\":%s}", values[i]);
        ask(REPORT "?$rid=1", text, 0);
        CHECK(hear(&p) && bytes_starts(p.topic, BYTES(RES "204/")));
        snprintf(text, sizeof text, "\"azureiot*com^dtracing^1\":%s,\"$version\":", back[i]);
        ask("$iothub/twin/GET/?$rid=1", "", 0);
        CHECK(hear(&p));
        if (bytes_find_bytes(p.body, bytes_str(text)) == p.body.len)
            fail_msg("%s is not in %.*s", text, BYTES_ARG(p.body));
    }
}

TEST(a_bad_report_stores_nothing)
{
    static const char *const bad[] = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"a\"",
        "{\"good\":1",
        "{\"good\":1}x",
        "{\"good\":1,\"good\":2}",
        "{\"good\":1,'x':2}",
        "{\"good\":1,\"$bad\":2}",
        "{\"good\":1,\"a.b\":2}",
        "{\"good\":1,\"a b\":2}",
        "{\"good\":1,\"a\\u0001\":2}",
        "{\"good\":1,\"in\":{\"$bad\":2}}",
        "{\"good\":1,\"n\":5283920058631410000}",
        "{\"good\":1,\"n\":4503599627370496}",
        "{\"good\":1,\"n\":-4503599627370497}",
        "{\"good\":1,\"n\":123456789012345678901234567890}",
        "{\"good\":1,\"n\":1e999}",
        "{\"good\":1,\"n\":01}",
        "{\"good\":1,\"n\":NaN}",
        "{\"good\":1,\"a\":[1,null]}",
        "{\"good\":1,\"a\":[{\"b\":null}]}",
        "{\"good\":1,\"a\":\"\xff\"}",
        "{\"good\":1,\"\xc3\":1}",
        "{\"good\":1,\"a\":\"\\ud800\"}",
        "{\"good\":1,\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":{\"k\":{\"l\":1}}}}}}}}}}}}",
    };
    char topic[64], wanted[64];

    subscribe(RES "#", 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(topic, sizeof topic, REPORT "?$rid=%zu", i);
        snprintf(wanted, sizeof wanted, RES "400/?$rid=%zu", i);
        ask(topic, bad[i], 0);
        check_fails(wanted, "400004");
    }
    ask("$iothub/twin/GET/?$rid=g", "", 0);
    check_hears(RES "200/?$rid=g", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
}

TEST(ten_levels_are_taken)
{
    subscribe(RES "#", 0);
    ask(REPORT "?$rid=1", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":{\"k\":1}}}}}}}}}}}",
        0);
    check_hears(RES "204/?$rid=1&$version=2", "");
}

TEST(a_version_that_is_not_the_current_one_is_refused)
{
    subscribe(RES "#", 0);
    ask(REPORT "?$rid=1&$version=1", "{\"a\":1}", 0);
    check_hears(RES "204/?$rid=1&$version=2", "");
    ask(REPORT "?$rid=2&$version=1", "{\"a\":2}", 0);
    check_fails(RES "412/?$rid=2", "412001");
    ask(REPORT "?$version=2&$rid=3", "{\"a\":2}", 0);
    check_hears(RES "204/?$rid=3&$version=3", "");
    ask(REPORT "?$rid=4&$version=x", "{\"a\":3}", 0);
    check_fails(RES "400/?$rid=4", "400004");
    ask(REPORT "?$rid=5&$version=-1", "{\"a\":3}", 0);
    check_fails(RES "400/?$rid=5", "400004");
}

/* A section of 32 KiB and a byte. */
static void put_large(struct buf *b, char key)
{
    buf_puts(b, "{");
    for (int i = 0; i < 9; i++) {
        buf_printf(b, "%s\"%c%d\":\"", i ? "," : "", key, i);
        memset(buf_grow(b, 3700), 'x', 3700);
        buf_puts(b, "\"");
    }
    buf_puts(b, "}");
}

TEST(a_section_that_would_be_too_large_is_refused_and_a_smaller_one_is_not)
{
    struct buf large = buf_max(1 << 16);

    subscribe(RES "#", 0);
    put_large(&large, 'k');
    ask(REPORT "?$rid=1", buf_str(&large), 0);
    check_fails(RES "403/?$rid=1", "403100");
    ask(REPORT "?$rid=2", "{\"k\":1}", 0);
    check_hears(RES "204/?$rid=2&$version=2", "");
    buf_free(&large);
}

/* Deep, huge and endless: the documented refusal, in bounded stack and memory. */
TEST(hostile_reports_are_refused)
{
    struct buf deep = buf_max(1 << 18), wide = buf_max(1 << 18);

    subscribe(RES "#", 0);
    for (int i = 0; i < 100000; i++)
        buf_puts(&deep, i % 2 ? "{\"a\":" : "[");
    ask(REPORT "?$rid=1", buf_str(&deep), 0);
    check_fails(RES "400/?$rid=1", "400004");
    buf_clear(&deep);
    for (int i = 0; i < 40000; i++)
        buf_puts(&deep, "{\"a\":");
    ask(REPORT "?$rid=2", buf_str(&deep), 0);
    check_fails(RES "400/?$rid=2", "400004");
    buf_puts(&wide, "{\"a\":[");
    for (int i = 0; i < 100000; i++)
        buf_puts(&wide, i ? ",0" : "0");
    buf_puts(&wide, "]}");
    ask(REPORT "?$rid=3", buf_str(&wide), 0);
    check_fails(RES "403/?$rid=3", "403100");
    buf_free(&deep);
    buf_free(&wide);
}

/* ---- desired --------------------------------------------------------------------------------------------------- */

TEST(a_patch_comes_as_it_was_sent_with_its_version)
{
    subscribe(DESIRED "#", 1);
    CHECK_OK(desired("{\"b\":1,\"a\":{\"x\":[1,\"two\",{\"c\":3}]},\"gone\":null}", false));
    check_hears(DESIRED "?$version=2", "{\"a\":{\"x\":[1,\"two\",{\"c\":3}]},\"b\":1,\"gone\":null,\"$version\":2}");
}

TEST(a_patch_that_changes_nothing_comes_too_and_versions_never_skip)
{
    subscribe(DESIRED "#", 0);
    for (int i = 2; i < 6; i++) {
        char topic[80], body[80];

        CHECK_OK(desired("{\"a\":1}", false));
        snprintf(topic, sizeof topic, DESIRED "?$version=%d", i);
        snprintf(body, sizeof body, "{\"a\":1,\"$version\":%d}", i);
        check_hears(topic, body);
    }
    check_hears_nothing();
}

TEST(patches_come_in_order)
{
    subscribe(DESIRED "#", 0);
    CHECK_OK(desired("{\"a\":1}", false));
    CHECK_OK(desired("{\"a\":2}", false));
    CHECK_OK(desired("{\"b\":3}", false));
    check_hears(DESIRED "?$version=2", "{\"a\":1,\"$version\":2}");
    check_hears(DESIRED "?$version=3", "{\"a\":2,\"$version\":3}");
    check_hears(DESIRED "?$version=4", "{\"b\":3,\"$version\":4}");
}

TEST(a_replacement_names_what_went)
{
    subscribe(DESIRED "#", 0);
    CHECK_OK(desired("{\"a\":1,\"b\":2}", false));
    check_hears(DESIRED "?$version=2", "{\"a\":1,\"b\":2,\"$version\":2}");
    CHECK_OK(desired("{\"a\":1,\"c\":100}", true));
    check_hears(DESIRED "?$version=3", "{\"a\":1,\"b\":null,\"c\":100,\"$version\":3}");
}

TEST(tags_are_no_business_of_the_device)
{
    struct twin_change change = {.part = {[TWIN_TAGS] = BYTES("{\"floor\":1}")}};
    struct twin_fault fault;
    uint64_t at;

    subscribe("$iothub/twin/#", 1);
    CHECK_OK(hub_twin_change(w.hub, BYTES("door"), &change, WORLD_T0, &fault, &at));
    check_hears_nothing();
    ask("$iothub/twin/GET/?$rid=1", "", 0);
    check_hears(RES "200/?$rid=1", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
}

TEST(every_filter_that_takes_them_brings_desired_properties)
{
    static const char *const good[] = {DESIRED "#", "$iothub/twin/#",
                                       "$iothub/#", "$iothub/twin/PATCH/#",
                                       DESIRED "+", "$iothub/twin/PATCH/+/desired/#"};
    static const char *const none[] = {"$iothub/twin/res/#", "$iothub/methods/#", "devices/door/#", REPORT "#"};
    struct mqtt_publish p;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        subscribe(good[i], 0);
        CHECK_OK(desired("{\"a\":1}", false));
        if (!hear(&p))
            fail_msg("%s: nothing came", good[i]);
        CHECK(bytes_starts(p.topic, BYTES(DESIRED "?$version=")));
        mqtt_put_unsubscribe(&say, 9, bytes_str(good[i]));
        say_all();
        buf_clear(&c.client.in);
        CHECK_OK(desired("{\"a\":1}", false));
        check_hears_nothing();
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        subscribe(none[i], 0);
    CHECK_OK(desired("{\"a\":1}", false));
    check_hears_nothing();
}

TEST(what_changed_while_it_was_away_is_in_the_twin_and_not_told)
{
    join_close(&c);
    connect_to(WORLD_HOST "/door/?api-version=2021-04-12", false);
    subscribe("$iothub/twin/#", 1);
    CHECK_OK(desired("{\"a\":1}", false));
    check_hears(DESIRED "?$version=2", "{\"a\":1,\"$version\":2}");
    join_close(&c);
    CHECK_OK(desired("{\"a\":2}", false));
    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    world_connect(&w, "door", false, &say);
    say_all();
    CHECK(c.client.in.len == 4 && c.client.in.at[2] == 1); /* the session is there, and its filters */
    buf_clear(&c.client.in);
    check_hears_nothing();
    ask("$iothub/twin/GET/?$rid=1", "", 0);
    check_hears(RES "200/?$rid=1", "{\"desired\":{\"a\":2,\"$version\":3},\"reported\":{\"$version\":1}}");
    CHECK_OK(desired("{\"a\":3}", false));
    check_hears(DESIRED "?$version=4", "{\"a\":3,\"$version\":4}");
}

TEST(what_was_asked_is_answered_after_what_had_changed_before)
{
    subscribe("$iothub/twin/#", 0);
    CHECK_OK(desired("{\"a\":1}", false));
    ask("$iothub/twin/GET/?$rid=1", "", 0);
    check_hears(DESIRED "?$version=2", "{\"a\":1,\"$version\":2}");
    check_hears(RES "200/?$rid=1", "{\"desired\":{\"a\":1,\"$version\":2},\"reported\":{\"$version\":1}}");
    check_hears_nothing();
}

/* ---- the model ------------------------------------------------------------------------------------------------- */

static const char *model_of_twin(void)
{
    static struct twin_head head;
    struct buf json = buf_max(TWIN_JSON_MAX);

    CHECK_OK(hub_twin_read(w.hub, BYTES("door"), TWIN_FOR_SERVICE, &json, &head, NULL));
    buf_free(&json);
    return head.model;
}

TEST(the_model_is_in_the_twin_when_connack_is_out)
{
    CHECK(!strcmp(model_of_twin(), ""));
    join_close(&c);
    connect_to(WORLD_HOST "/door/?api-version=2020-09-30&model-id=dtmi%3Acom%3Adoor%3B1", true);
    CHECK(!strcmp(model_of_twin(), "dtmi:com:door;1"));
    join_close(&c);
    connect_to(WORLD_HOST "/door/api-version=2020-09-30&model-id=dtmi:com:door;2", true); /* Go */
    CHECK(!strcmp(model_of_twin(), "dtmi:com:door;2"));
    join_close(&c);
    connect_to(WORLD_HOST "/door/?api-version=2020-09-30", true);
    CHECK(!strcmp(model_of_twin(), "dtmi:com:door;2"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, door_stop)
TESTS(CASE(a_fresh_twin_has_both_sections_with_version_1),
      CASE(the_document_is_compact_without_metadata_and_the_version_last),
      CASE(any_rid_is_echoed_and_may_be_used_again), CASE(the_acknowledgement_goes_before_the_answer),
      CASE(only_who_asked_for_an_answer_hears_it), CASE(without_an_api_version_a_twin_is_a_bad_request),
      CASE(a_topic_that_is_none_ends_the_connection),
      CASE(each_report_raises_the_version_by_one_also_an_equal_or_empty_one), CASE(null_deletes_and_is_never_kept),
      CASE(values_come_back_as_they_were), CASE(a_bad_report_stores_nothing), CASE(ten_levels_are_taken),
      CASE(a_version_that_is_not_the_current_one_is_refused),
      CASE(a_section_that_would_be_too_large_is_refused_and_a_smaller_one_is_not), CASE(hostile_reports_are_refused),
      CASE(a_patch_comes_as_it_was_sent_with_its_version),
      CASE(a_patch_that_changes_nothing_comes_too_and_versions_never_skip), CASE(patches_come_in_order),
      CASE(a_replacement_names_what_went), CASE(tags_are_no_business_of_the_device),
      CASE(every_filter_that_takes_them_brings_desired_properties),
      CASE(what_changed_while_it_was_away_is_in_the_twin_and_not_told),
      CASE(what_was_asked_is_answered_after_what_had_changed_before),
      CASE(the_model_is_in_the_twin_when_connack_is_out))
