/* Configurations (service 4.11): over REST, and what becomes of twins. */
#include "http_peer.h"

#include "configurations.h"
#include "reconcile.h"

#define ONE "/configurations/winter" V

static struct configurations *engine;
static struct waker waker;

static void woken(struct waker *w_)
{
    (void)w_;
}

static int start(void **state)
{
    client_start(state);
    waker.wake = woken;
    CHECK_OK(configurations_new(w.hub, &waker, &engine));
    w.env.configurations = engine;
    world_device(&w, "a");
    world_device(&w, "b");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&c);
    configurations_free(engine);
    world_close();
    return 0;
}

/* As many rounds as have something to do. */
static void settle(void)
{
    for (int i = 0; i < 4; i++) {
        c.join.now_ms += 5000;
        while (configurations_turn(engine, c.join.now_ms) == c.join.now_ms) {
            /* slices */
        }
    }
}

static void set(const char *id, const char *content, const char *target, int priority)
{
    char path[200], body[2000];

    snprintf(path, sizeof path, "/configurations/%s" V, id);
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"content\":%s,\"targetCondition\":\"%s\",\"priority\":%d}", id,
             content, target, priority);
    if (ask(&c, "PUT", path, NULL, body) != 200)
        fail_msg("%s", heard_body(&c));
}

static void drop(const char *id)
{
    char path[200];

    snprintf(path, sizeof path, "/configurations/%s" V, id);
    CHECK(ask(&c, "DELETE", path, NULL, NULL) == 204);
}

static void change(const char *id, enum twin_part part, const char *json)
{
    struct twin_change wanted = {.replace = false};
    struct twin_fault fault;
    uint64_t at;

    wanted.part[part] = bytes_str(json);
    CHECK_OK(hub_twin_change(w.hub, bytes_str(id), &wanted, c.join.now_ms, &fault, &at));
}

/* Its desired properties, without the version. */
static const char *desired(const char *name)
{
    static char text[4000];
    struct buf b = buf_max(sizeof text - 1);

    CHECK_OK(hub_twin_read(w.hub, bytes_str(name), TWIN_FOR_DEVICE, &b, NULL, NULL));
    snprintf(text, sizeof text, "%s", buf_str(&b));
    buf_free(&b);
    char *end = strstr(text, "\"$version\"");
    CHECK(end);
    snprintf(end[-1] == ',' ? end - 1 : end, 2, "}");
    return text + strlen("{\"desired\":");
}

static int64_t version(const char *name)
{
    struct buf b = buf_max(4000);
    struct twin_head head;

    CHECK_OK(hub_twin_read(w.hub, bytes_str(name), TWIN_FOR_SERVICE, &b, &head, NULL));
    buf_free(&b);
    return head.version;
}

#define HEAT "{\"deviceContent\":{\"properties.desired.heat\":{\"on\":true,\"degrees\":21.5}}}"

/* ---- over REST */

TEST(it_comes_back_as_it_was_written)
{
    CHECK(ask(&c, "PUT", ONE, NULL,
              "{\"id\":\"winter\",\"schemaVersion\":\"1.0\",\"labels\":{\"a\":\"b\"},\"content\":{\"deviceContent\":{"
              "\"properties.desired.chiller-water\":{\"n\":1,\"d\":1.0}},\"modulesContent\":{},\"moduleContent\":null},"
              "\"contentType\":\"assignment\",\"targetCondition\":\"tags.x = 'y'\",\"createdTimeUtc\":"
              "\"0001-01-01T00:00:00\",\"priority\":10,\"systemMetrics\":{\"results\":{},\"queries\":{}},\"metrics\":{"
              "\"results\":{},\"queries\":{\"all\":\"SELECT deviceId FROM devices\"}},\"etag\":null}") == 200);
    CHECK(body_has(&c, "{\"id\":\"winter\",\"schemaVersion\":\"1.0\",\"labels\":{\"a\":\"b\"},\"content\":{"
                       "\"deviceContent\":{\"properties.desired.chiller-water\":{\"n\":1,\"d\":1.0}}},\"contentType\":"
                       "\"assignment\",\"targetCondition\":\"tags.x = 'y'\",\"priority\":10,\"createdTimeUtc\":"
                       "\"2026-11-23T05:25:00.0000000Z\",\"lastUpdatedTimeUtc\":\"2026-11-23T05:25:00.0000000Z\","
                       "\"systemMetrics\":{\"results\":{},\"queries\":{\"targetedCount\":"
                       "\"select deviceId from devices where tags.x = 'y'\",\"appliedCount\":"
                       "\"select deviceId from devices where configurations.[[winter]].status = 'Applied'\"}},"
                       "\"metrics\":{\"results\":{},\"queries\":{"
                       "\"all\":\"SELECT deviceId FROM devices\"}},\"etag\":\""));
    char first[4000];
    snprintf(first, sizeof first, "%s", heard_body(&c));
    CHECK(ask(&c, "GET", ONE, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), first);
    CHECK(ask(&c, "GET", "/configurations/" V "&top=500", NULL, NULL) == 200);
    CHECK(heard_body(&c)[0] == '[' && strstr(heard_body(&c), first));
}

TEST(labels_of_null_are_null_and_empty_ones_are_empty)
{
    CHECK(ask(&c, "PUT", ONE, NULL, "{\"content\":" HEAT ",\"labels\":null}") == 200);
    CHECK(body_has(&c, "\"labels\":null") && body_has(&c, "\"targetCondition\":\"\"") &&
          body_has(&c, "\"priority\":0"));
    CHECK(ask(&c, "PUT", "/configurations/spring" V, NULL, "{\"content\":" HEAT ",\"labels\":{}}") == 200);
    CHECK(body_has(&c, "\"labels\":{}"));
}

TEST(create_replace_and_delete_match_etags)
{
    set("winter", HEAT, "*", 1);
    ask(&c, "PUT", ONE, NULL, "{\"content\":" HEAT "}");
    check_error(&c, 409, "ConfigurationAlreadyExists");
    ask(&c, "PUT", ONE, "If-Match: \"old\"\r\n", "{\"content\":" HEAT "}");
    check_error(&c, 412, "PreconditionFailed");
    CHECK(ask(&c, "PUT", ONE, "If-Match: *\r\n", "{\"content\":" HEAT ",\"priority\":7}") == 200);
    CHECK(body_has(&c, "\"priority\":7"));
    ask(&c, "DELETE", ONE, "If-Match: \"old\"\r\n", NULL);
    check_error(&c, 412, "PreconditionFailed");
    drop("winter");
    ask(&c, "GET", ONE, NULL, NULL);
    check_error(&c, 404, "ConfigurationNotFound");
    ask(&c, "DELETE", ONE, NULL, NULL);
    check_error(&c, 404, "ConfigurationNotFound");
    ask(&c, "PUT", ONE, "If-Match: *\r\n", "{\"content\":" HEAT "}");
    check_error(&c, 404, "ConfigurationNotFound");
    CHECK(ask(&c, "GET", "/configurations" V, NULL, NULL) == 200 && body_has(&c, "[]"));
    set("winter", HEAT, "*", 1); /* at once: before a round has cleaned up */
}

static void refused(const char *body, const char *error)
{
    ask(&c, "PUT", ONE, NULL, body);
    check_error(&c, 400, error);
    ask(&c, "GET", ONE, NULL, NULL);
    check_error(&c, 404, "ConfigurationNotFound");
}

TEST(what_is_no_configuration_is_refused)
{
    refused("{}", "InvalidConfigurationContent");
    refused(
        "{\"content\":{\"deviceContent\":{\"properties.desired.a\":1},\"moduleContent\":{\"properties.desired.a\":1}}}",
        "InvalidConfigurationContent");
    refused("{\"content\":{\"deviceContent\":{\"properties.reported.a\":1}}}", "InvalidConfigurationContent");
    refused("{\"content\":{\"deviceContent\":{\"properties.desired.a b\":1}}}", "InvalidConfigurationContent");
    refused("{\"content\":{\"modulesContent\":{\"a/b\":{\"properties.desired\":{}}}}}", "InvalidConfigurationContent");
    refused("{\"content\":" HEAT ",\"targetCondition\":\"tags.x =\"}", "InvalidConfigurationTargetCondition");
    refused("{\"content\":{\"moduleContent\":{\"properties.desired.a\":1}},\"targetCondition\":\"*\"}",
            "InvalidConfigurationTargetCondition");
    refused("{\"content\":" HEAT ",\"targetCondition\":\"FROM devices.modules WHERE tags.x = 1\"}",
            "InvalidConfigurationContent");
    refused("{\"content\":" HEAT ",\"metrics\":{\"queries\":{\"m\":\"SELECT\"}}}",
            "InvalidConfigurationCustomMetricsQuery");
    refused("{\"content\":" HEAT ",\"priority\":-1}", "ArgumentInvalid");
    refused("{\"content\":" HEAT ",\"id\":\"summer\"}", "ArgumentInvalid");
    ask(&c, "PUT", "/configurations/Winter" V, NULL, "{\"content\":" HEAT "}");
    check_error(&c, 400, "ArgumentInvalid");
}

TEST(content_cannot_change)
{
    set("winter", HEAT, "", 1);
    ask(&c, "PUT", ONE, "If-Match: *\r\n", "{\"content\":{\"deviceContent\":{\"properties.desired.heat\":1}}}");
    check_error(&c, 400, "CannotModifyImmutableConfigurationContent");
}

/* service 4.1: of a single thing, not of a list. */
TEST(its_etag_is_in_the_head_too)
{
    char etag[40];

    set("winter", HEAT, "", 1);
    snprintf(etag, sizeof etag, "%.*s", BYTES_ARG(heard(&c, "ETag")));
    CHECK(strlen(etag) > 2 && etag[0] == '"' && body_has(&c, etag));
    CHECK(ask(&c, "GET", ONE, NULL, NULL) == 200);
    CHECK_BYTES(heard(&c, "ETag"), bytes_str(etag));
    CHECK(ask(&c, "GET", "/configurations" V, NULL, NULL) == 200 && !heard(&c, "ETag").len);
}

TEST(numbers_of_its_content_come_to_the_device_as_they_were_meant)
{
    set("winter", "{\"deviceContent\":{\"properties.desired.place\":{\"lat\":52.520008,\"step\":0.1}}}", "*", 1);
    CHECK(body_has(&c, "{\"lat\":52.520008,\"step\":0.1}"));
    settle();
    assert_string_equal(desired("a"), "{\"place\":{\"lat\":52.520008,\"step\":0.1}}");
}

TEST(there_may_be_a_hundred_of_them)
{
    char id[20];

    for (int i = 0; i < CONFIGURATIONS_ALIVE; i++) {
        snprintf(id, sizeof id, "c%d", i);
        set(id, HEAT, "", 1);
    }
    ask(&c, "PUT", ONE, NULL, "{\"content\":" HEAT "}");
    check_error(&c, 413, "ConfigurationCountLimitExceeded");
}

TEST(queries_are_tried)
{
    CHECK(ask(&c, "POST", "/configurations/testQueries" V, NULL,
              "{\"targetCondition\":\"tags.x = 1\",\"customMetricQueries\":{\"good\":\"SELECT * FROM devices\"}}") ==
          200);
    assert_string_equal(heard_body(&c), "{\"targetConditionError\":\"\",\"customMetricQueryErrors\":{}}");
    CHECK(ask(&c, "POST", "/configurations/testQueries" V, NULL,
              "{\"targetCondition\":\"tags.\",\"customMetricQueries\":{\"bad\":\"SELEKT\"}}") == 200);
    CHECK(!body_has(&c, "\"targetConditionError\":\"\"") && body_has(&c, "\"bad\":\""));
}

/* ---- what becomes of twins */

TEST(targeted_devices_get_it_and_others_do_not)
{
    change("a", TWIN_TAGS, "{\"room\":\"cellar\"}");
    set("winter", HEAT, "tags.room = 'cellar'", 1);
    settle();
    assert_string_equal(desired("a"), "{\"heat\":{\"degrees\":21.5,\"on\":true}}");
    assert_string_equal(desired("b"), "{}");
    CHECK(ask(&c, "GET", ONE, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"results\":{\"targetedCount\":1,\"appliedCount\":1}"));
}

TEST(twins_and_queries_say_which_configurations_they_have)
{
    change("a", TWIN_TAGS, "{\"room\":\"cellar\"}");
    set("winter", HEAT, "tags.room = 'cellar'", 1);
    set("other", "{\"deviceContent\":{\"properties.desired.heat.on\":false}}", "*", 0);
    settle();
    CHECK(ask(&c, "GET", "/twins/a" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"configurations\":{\"winter\":{\"status\":\"Applied\"},\"other\":{\"status\":\"Targeted\"}}"));
    CHECK(ask(&c, "POST", "/devices/query" V, NULL,
              "{\"query\":\"select deviceId from devices where configurations.[[winter]].status = 'Applied'\"}") ==
          200);
    assert_string_equal(heard_body(&c), "[{\"deviceId\":\"a\"}]");
    CHECK(ask(&c, "POST", "/devices/query" V, NULL,
              "{\"query\":\"select configurations.[[other]] as o, configurations from devices where "
              "is_defined(configurations.other) and not is_defined(configurations.winter)\"}") == 200);
    assert_string_equal(heard_body(&c), "[{\"o\":{\"status\":\"Applied\"},"
                                        "\"configurations\":{\"other\":{\"status\":\"Applied\"}}}]");
    /* A change by hand: it is not applied, until the next round. */
    change("a", TWIN_DESIRED, "{\"heat\":{\"on\":null}}");
    CHECK(ask(&c, "GET", "/twins/a" V, NULL, NULL) == 200 && body_has(&c, "{\"winter\":{\"status\":\"Targeted\"}"));
    drop("winter");
    settle();
    CHECK(ask(&c, "GET", "/twins/a" V, NULL, NULL) == 200 &&
          body_has(&c, "\"configurations\":{\"other\":{\"status\":\"Applied\"}}"));
}

TEST(metrics_are_counted_each_round)
{
    CHECK(ask(&c, "PUT", ONE, NULL,
              "{\"content\":" HEAT ",\"targetCondition\":\"*\",\"metrics\":{\"queries\":{"
              "\"cold\":\"select deviceId from devices where properties.reported.cold = true\","
              "\"one\":\"select top 1 deviceId from devices\","
              "\"here\":\"select deviceId from devices where configurations.[[winter]].status = 'Applied'\","
              "\"rows\":\"select count() as n, tags.room from devices group by tags.room\","
              "\"none\":\"select * from devices.modules\"}}}") == 200);
    CHECK(body_has(&c, "\"metrics\":{\"results\":{},"));
    settle();
    CHECK(ask(&c, "GET", ONE, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"results\":{\"cold\":0,\"one\":1,\"here\":2,\"rows\":1,\"none\":0}"));
    change("a", TWIN_TAGS, "{\"room\":\"cellar\"}");
    settle();
    CHECK(ask(&c, "GET", ONE, NULL, NULL) == 200 && body_has(&c, "\"rows\":2"));
}

TEST(once_it_is_there_nothing_is_written_again)
{
    set("winter", HEAT, "*", 1);
    settle();
    int64_t before = version("a");
    settle();
    settle();
    CHECK(version("a") == before && before == 3);
}

TEST(it_follows_the_tags)
{
    set("winter", HEAT, "tags.room = 'cellar'", 1);
    settle();
    assert_string_equal(desired("b"), "{}");
    change("b", TWIN_TAGS, "{\"room\":\"cellar\"}");
    settle();
    assert_string_equal(desired("b"), "{\"heat\":{\"degrees\":21.5,\"on\":true}}");
    change("b", TWIN_TAGS, "{\"room\":\"attic\"}");
    settle();
    assert_string_equal(desired("b"), "{}");
}

TEST(what_it_set_goes_with_it_and_the_next_in_rank_applies)
{
    change("a", TWIN_DESIRED, "{\"mine\":1}");
    set("low", "{\"deviceContent\":{\"properties.desired.x\":\"low\",\"properties.desired.y\":\"low\"}}", "*", 1);
    set("high", "{\"deviceContent\":{\"properties.desired.x\":\"high\"}}", "*", 9);
    settle();
    assert_string_equal(desired("a"), "{\"mine\":1,\"x\":\"high\",\"y\":\"low\"}");
    CHECK(ask(&c, "GET", "/configurations/low" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"targetedCount\":2,\"appliedCount\":0"));
    drop("high");
    settle();
    assert_string_equal(desired("a"), "{\"mine\":1,\"x\":\"low\",\"y\":\"low\"}");
    drop("low");
    settle();
    assert_string_equal(desired("a"), "{\"mine\":1}");
}

TEST(a_change_by_hand_is_overwritten_in_the_next_round)
{
    set("winter", HEAT, "*", 1);
    settle();
    change("a", TWIN_DESIRED, "{\"heat\":{\"on\":false,\"more\":2}}");
    settle();
    assert_string_equal(desired("a"), "{\"heat\":{\"degrees\":21.5,\"more\":2,\"on\":true}}");
}

TEST(the_twin_says_who_did_it)
{
    struct buf b = buf_max(8000);

    set("winter", HEAT, "*", 1);
    settle();
    CHECK_OK(hub_twin_read(w.hub, BYTES("a"), TWIN_FOR_SERVICE, &b, NULL, NULL));
    CHECK(strstr(buf_str(&b), "\"$lastUpdatedBy\":\"winter\",\"$lastUpdatedByDigest\":\""));
    buf_free(&b);
}

/* The hub stops between the deletion and the round that cleans up. */
TEST(after_a_restart_what_was_left_to_do_is_done)
{
    set("winter", HEAT, "*", 1);
    settle();
    drop("winter");
    configurations_free(engine);
    CHECK_OK(configurations_new(w.hub, &waker, &engine));
    w.env.configurations = engine;
    settle();
    assert_string_equal(desired("a"), "{}");
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    CHECK_ERR(hub_doc_get(w.hub, DOC_CONFIGURATION, BYTES("winter"), &body, &doc), ERR_NOT_FOUND);
    buf_free(&body);
}

/* While the disk is full nothing goes, and nothing is forgotten. */
TEST(what_a_deleted_one_has_set_goes_when_there_is_room)
{
    set("winter", "{\"deviceContent\":{\"properties.desired.heat\":1}}", "*", 1);
    settle();
    CHECK(strcmp(desired("a"), "{\"heat\":1}") == 0);
    drop("winter");
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    settle();
    CHECK(strcmp(desired("a"), "{\"heat\":1}") == 0);
    memory_store_faults(w.store, &(struct memory_faults){.append = OK});
    settle();
    CHECK(strcmp(desired("a"), "{}") == 0);
}

/* Between a look at a twin and its change somebody may have changed it. */
TEST(what_was_changed_by_hand_meanwhile_is_not_swept_away)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    bool done;

    set("winter", "{\"deviceContent\":{\"properties.desired.heat\":1}}", "*", 1);
    settle();
    CHECK_OK(hub_twin_copy(w.hub, BYTES("a"), &run, NULL, NULL));
    change("a", TWIN_DESIRED, "{\"heat\":2}");
    CHECK_OK(reconcile(w.hub, BYTES("a"), buf_bytes(&run), NULL, 0, c.join.now_ms, &done));
    CHECK(!done && strcmp(desired("a"), "{\"heat\":2}") == 0);
    buf_free(&run);
}

TEST(modules_are_configured_by_their_own_condition)
{
    world_device(&w, "a/valve");
    world_device(&w, "b/fan");
    change("a/valve", TWIN_TAGS, "{\"kind\":1}");
    set("m", "{\"moduleContent\":{\"properties.desired.p\":5}}", "FROM\\n\\tdevices.modules\\r\\nWHERE tags.kind = 1",
        1);
    settle();
    assert_string_equal(desired("a/valve"), "{\"p\":5}");
    assert_string_equal(desired("b/fan"), "{}");
    assert_string_equal(desired("a"), "{}");
    drop("m");
    settle();
    assert_string_equal(desired("a/valve"), "{}");
}

static bool counts_of_edge(const char *text)
{
    return ask(&c, "GET", "/configurations/edge" V, NULL, NULL) == 200 && body_has(&c, text);
}

TEST(an_edge_device_gets_its_modules_and_what_is_desired_of_them)
{
    world_device_as(&w, "gate", true);
    set("edge",
        "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"v\":1}},\"pump\":{\"properties.desired.rate\":"
        "2}}}",
        "*", 1);
    settle();
    assert_string_equal(desired("gate/$edgeAgent"), "{\"v\":1}");
    assert_string_equal(desired("gate/pump"), "{\"rate\":2}");
    CHECK(ask(&c, "GET", "/configurations/edge" V, NULL, NULL) == 200);
    CHECK(
        body_has(&c, "\"targetedCount\":1,\"appliedCount\":1,\"reportedSuccessfulCount\":0,\"reportedFailedCount\":0"));
    /* Of the version before: it says nothing yet. */
    change("gate/$edgeAgent", TWIN_REPORTED, "{\"lastDesiredVersion\":1,\"lastDesiredStatus\":{\"code\":200}}");
    settle();
    CHECK(counts_of_edge("\"reportedSuccessfulCount\":0,\"reportedFailedCount\":0"));
    change("gate/$edgeAgent", TWIN_REPORTED, "{\"lastDesiredVersion\":2}");
    settle();
    CHECK(counts_of_edge("\"reportedSuccessfulCount\":1,\"reportedFailedCount\":0"));
    CHECK(ask(&c, "POST", "/devices/query" V, NULL,
              "{\"query\":\"select deviceId from devices.modules where configurations.[[edge]].status = 'Applied' and "
              "moduleId = '$edgeAgent' and properties.desired.$version = properties.reported.lastDesiredVersion and "
              "properties.reported.lastDesiredStatus.code = 200\"}") == 200);
    assert_string_equal(heard_body(&c), "[{\"deviceId\":\"gate\"}]");
    change("gate/$edgeAgent", TWIN_REPORTED, "{\"lastDesiredStatus\":{\"code\":406}}");
    settle();
    CHECK(counts_of_edge("\"reportedSuccessfulCount\":0,\"reportedFailedCount\":1"));
    CHECK(ask(&c, "GET", "/twins/gate" V, NULL, NULL) == 200 &&
          body_has(&c, "\"configurations\":{\"edge\":{\"status\":\"Applied\"}}"));
    drop("edge");
    settle();
    assert_string_equal(desired("gate/pump"), "{}");
}

/* service 4.11: who is displaced in a part of its manifest is not applied. */
TEST(of_two_manifests_the_one_of_lower_rank_stays_targeted)
{
    world_device_as(&w, "gate", true);
    set("low", "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"v\":1}},\"pump\":{}}}", "*", 1);
    set("high", "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"v\":2}}}}", "*", 2);
    settle();
    CHECK(ask(&c, "GET", "/twins/gate" V, NULL, NULL) == 200 && body_has(&c, "\"high\":{\"status\":\"Applied\"}") &&
          body_has(&c, "\"low\":{\"status\":\"Targeted\"}"));
    CHECK(ask(&c, "GET", "/configurations/low" V, NULL, NULL) == 200 && body_has(&c, "\"appliedCount\":0"));
    CHECK(ask(&c, "GET", "/configurations/high" V, NULL, NULL) == 200 && body_has(&c, "\"appliedCount\":1"));
    drop("high");
    settle();
    CHECK(ask(&c, "GET", "/twins/gate" V, NULL, NULL) == 200 && body_has(&c, "{\"low\":{\"status\":\"Applied\"}}"));
}

TEST(a_null_in_the_content_removes)
{
    change("a", TWIN_DESIRED, "{\"old\":1,\"new\":2}");
    set("winter", "{\"deviceContent\":{\"properties.desired.old\":null}}", "*", 1);
    settle();
    assert_string_equal(desired("a"), "{\"new\":2}");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(it_comes_back_as_it_was_written), CASE(labels_of_null_are_null_and_empty_ones_are_empty),
      CASE(create_replace_and_delete_match_etags), CASE(what_is_no_configuration_is_refused),
      CASE(content_cannot_change), CASE(its_etag_is_in_the_head_too),
      CASE(numbers_of_its_content_come_to_the_device_as_they_were_meant), CASE(there_may_be_a_hundred_of_them),
      CASE(queries_are_tried), CASE(targeted_devices_get_it_and_others_do_not),
      CASE(twins_and_queries_say_which_configurations_they_have), CASE(metrics_are_counted_each_round),
      CASE(once_it_is_there_nothing_is_written_again), CASE(it_follows_the_tags),
      CASE(what_it_set_goes_with_it_and_the_next_in_rank_applies),
      CASE(a_change_by_hand_is_overwritten_in_the_next_round), CASE(the_twin_says_who_did_it),
      CASE(after_a_restart_what_was_left_to_do_is_done), CASE(what_a_deleted_one_has_set_goes_when_there_is_room),
      CASE(what_was_changed_by_hand_meanwhile_is_not_swept_away), CASE(modules_are_configured_by_their_own_condition),
      CASE(an_edge_device_gets_its_modules_and_what_is_desired_of_them), CASE(a_null_in_the_content_removes),
      CASE(of_two_manifests_the_one_of_lower_rank_stays_targeted))
