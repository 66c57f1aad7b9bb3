/* Queries over twins and modules (service 4.8), as tools and suites ask them. */
#include "http_peer.h"

static void make(const char *id, const char *tags, const char *desired)
{
    struct device d = {.id = ""}, made;
    struct twin_change change = {.part = {[TWIN_TAGS] = bytes_str(tags), [TWIN_DESIRED] = bytes_str(desired)}};
    struct twin_fault fault;
    uint64_t at;

    snprintf(d.id, sizeof d.id, "%s", id);
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    if (tags || desired)
        CHECK_OK(hub_twin_change(w.hub, bytes_str(id), &change, T0 + 1000, &fault, &at));
}

static void say_model(const char *id, const char *model)
{
    static struct waker nobody = {.wake = NULL};
    struct seat *seat;
    uint64_t at;

    CHECK_OK(hub_attach(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &nobody, T0 + 1000, &seat));
    CHECK_OK(hub_model_set(seat, bytes_str(model), T0 + 1000, &at));
    hub_detach(seat, T0 + 1000);
}

static int start(void **state)
{
    client_start(state);
    make("a", "{\"floor\":1,\"group\":{\"name\":\"x\"}}",
         "{\"level\":4.5,\"Key-1\":\"one\",\"list\":[1,\"two\",{\"b\":3}]}");
    make("b", "{\"floor\":2}", "{\"level\":7,\"Key-1\":\"two\"}");
    make("c", "{\"floor\":2,\"on\":true}", "{\"Key-1\":\"two\"}");
    make("d", NULL, NULL);
    make("a/m1", "{\"floor\":9}", "{\"level\":1}");
    make("a/m2", NULL, NULL);
    make("a-b", NULL, NULL);
    make("a-b/m1", NULL, NULL);
    say_model("c", "dtmi:example:Door;2");
    return 0;
}

static void query(const char *text, const char *headers)
{
    struct buf body = buf_max(1 << 16);

    buf_puts(&body, "{\"query\":");
    buf_put_json(&body, bytes_str(text));
    buf_puts(&body, "}");
    if (ask(&c, "POST", "/devices/query" V, headers, buf_str(&body)) != 200)
        fail_msg("%s: %d %s", text, c.in.head.status, heard_body(&c));
    buf_free(&body);
}

static const struct answered {
    const char *what, *query, *rows;
} answered[] = {
    {"a tag", "SELECT deviceId FROM devices WHERE tags.floor = 2", "[{\"deviceId\":\"b\"},{\"deviceId\":\"c\"}]"},
    {"a prefix", "select deviceId from devices where devices.tags.floor = 1", "[{\"deviceId\":\"a\"}]"},
    {"a name below another", "SELECT deviceId FROM devices WHERE tags.floor.name = 'x'", "[]"},
    {"a name that is a key word", "SELECT tags.[[group]].name FROM devices WHERE tags.[[group]].name = 'x'",
     "[{\"name\":\"x\"}]"},
    {"desired", "SELECT deviceId, properties.desired.level AS l FROM devices WHERE properties.desired.level > 4.4",
     "[{\"deviceId\":\"a\",\"l\":4.5},{\"deviceId\":\"b\",\"l\":7}]"},
    {"a boolean", "SELECT deviceId FROM devices WHERE tags.on = true", "[{\"deviceId\":\"c\"}]"},
    {"what is not there is not something else", "SELECT deviceId FROM devices WHERE tags.on != true", "[]"},
    {"IS_DEFINED", "SELECT deviceId FROM devices WHERE NOT is_defined(tags.floor)",
     "[{\"deviceId\":\"a-b\"},{\"deviceId\":\"d\"}]"},
    {"IN", "SELECT deviceId FROM devices WHERE tags.floor IN [1, 3]", "[{\"deviceId\":\"a\"}]"},
    {"an array", "SELECT deviceId FROM devices WHERE array_contains(properties.desired.list, 'two')",
     "[{\"deviceId\":\"a\"}]"},
    {"an object", "SELECT tags, properties.desired.list FROM devices WHERE deviceId = 'a'",
     "[{\"tags\":{\"floor\":1,\"group\":{\"name\":\"x\"}},\"list\":[1,\"two\",{\"b\":3}]}]"},
    {"a version", "SELECT properties.desired.$version AS v FROM devices WHERE properties.desired.$version > 1",
     "[{\"v\":2},{\"v\":2},{\"v\":2}]"},
    {"metadata", "SELECT properties.desired.$metadata.level.$lastUpdated AS t FROM devices WHERE deviceId = 'b'",
     "[{\"t\":\"2026-11-23T05:25:01.0000000Z\"}]"},
    {"metadata of an object", "SELECT properties.desired.$metadata.list AS l FROM devices WHERE deviceId = 'a'",
     "[{\"l\":{\"$lastUpdated\":\"2026-11-23T05:25:01.0000000Z\",\"$lastUpdatedVersion\":2}}]"},
    {"all metadata", "SELECT properties.desired.$metadata FROM devices WHERE deviceId = 'c'",
     "[{\"$metadata\":{\"$lastUpdated\":\"2026-11-23T05:25:01.0000000Z\",\"$lastUpdatedVersion\":2,"
     "\"Key-1\":{\"$lastUpdated\":\"2026-11-23T05:25:01.0000000Z\",\"$lastUpdatedVersion\":2}}}]"},
    {"metadata of a twin that nobody has written",
     "SELECT properties.reported.$metadata AS m FROM devices WHERE deviceId = 'd'",
     "[{\"m\":{\"$lastUpdated\":\"0001-01-01T00:00:00Z\"}}]"},
    {"a model", "SELECT deviceId FROM devices WHERE HAS_INTERFACE('dtmi:example:Door;2')", "[{\"deviceId\":\"c\"}]"},
    {"a model of any version", "SELECT deviceId FROM devices WHERE has_interface('dtmi:example:Door')",
     "[{\"deviceId\":\"c\"}]"},
    {"a model and its version",
     "SELECT deviceId FROM devices WHERE HAS_CAPABILITYMODEL('dtmi:example:Door', 2) OR HAS_INTERFACE('dtmi:example', "
     "2)",
     "[{\"deviceId\":\"c\"}]"},
    {"another version", "SELECT deviceId FROM devices WHERE HAS_INTERFACE('dtmi:example:Door', 3)", "[]"},
    {"without a model", "SELECT deviceId FROM devices WHERE NOT HAS_INTERFACE('dtmi:example:Door') AND id > 'b'",
     "[{\"deviceId\":\"d\"}]"},
    {"groups of names with hyphens",
     "SELECT properties.desired.Key-1 AS Key-1, COUNT() AS n FROM devices GROUP BY properties.desired.Key-1",
     "[{\"n\":2},{\"Key-1\":\"one\",\"n\":1},{\"Key-1\":\"two\",\"n\":2}]"},
    {"aggregates", "SELECT AVG(tags.floor) AS a, MAX(tags.floor) AS m, SUM(properties.desired.level) AS s FROM devices",
     "[{\"a\":1.6666666666666667,\"m\":2,\"s\":11.5}]"},
    {"COUNT of nothing", "SELECT COUNT() AS n FROM devices WHERE tags.floor = 77", "[{\"n\":0}]"},
    {"TOP", "SELECT TOP 2 deviceId FROM devices", "[{\"deviceId\":\"a\"},{\"deviceId\":\"a-b\"}]"},
    {"id", "SELECT deviceId FROM devices WHERE STARTSWITH(id, 'c')", "[{\"deviceId\":\"c\"}]"},
    {"names in any case", "SELECT DeviceId FROM devices WHERE DeviceId IN ['d', 'nobody', 'b']",
     "[{\"deviceId\":\"b\"},{\"deviceId\":\"d\"}]"},
    {"a comment", "SELECT /* all */ deviceId FROM devices WHERE tags.floor = 1", "[{\"deviceId\":\"a\"}]"},
    {"modules", "SELECT deviceId, moduleId FROM devices.modules",
     "[{\"deviceId\":\"a-b\",\"moduleId\":\"m1\"},{\"deviceId\":\"a\",\"moduleId\":\"m1\"},"
     "{\"deviceId\":\"a\",\"moduleId\":\"m2\"}]"},
    {"modules of a device", "SELECT moduleId FROM devices.modules WHERE devices.deviceId='a'",
     "[{\"moduleId\":\"m1\"},{\"moduleId\":\"m2\"}]"},
    {"twins of modules",
     "SELECT moduleId FROM devices.modules WHERE is_defined(properties.desired.level) AND tags.floor = 9",
     "[{\"moduleId\":\"m1\"}]"},
    {"modules are no devices", "SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, 'a')",
     "[{\"deviceId\":\"a\"},{\"deviceId\":\"a-b\"}]"},
};

TEST(queries_over_twins_and_modules)
{
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
        query(answered[i].query, NULL);
        if (strcmp(heard_body(&c), answered[i].rows) != 0)
            fail_msg("%s: %s", answered[i].what, heard_body(&c));
    }
}

TEST(rows_are_whole_twins_with_metadata)
{
    static const char *const members[] = {"\"deviceId\":\"b\"",
                                          "\"authenticationType\":\"sas\"",
                                          "\"x509Thumbprint\":{",
                                          "\"capabilities\":{\"iotEdge\":false}",
                                          "\"tags\":{\"floor\":2}",
                                          "\"$version\":2",
                                          "\"$lastUpdated\":\"2026-11-23T05:25:01.0000000Z\"",
                                          "\"reported\":{",
                                          "\"status\":\"enabled\"",
                                          "\"etag\":\"",
                                          "\"version\":3",
                                          "\"cloudToDeviceMessageCount\":0"};

    query("SELECT * FROM devices WHERE deviceId = 'b'", NULL);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Twin"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!strstr(heard_body(&c), members[i]))
            fail_msg("%s in %s", members[i], heard_body(&c));
    query("SELECT * FROM devices.modules WHERE deviceId in ['a']", NULL);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Twin"));
    CHECK(strstr(heard_body(&c), "\"moduleId\":\"m1\"") && strstr(heard_body(&c), "\"tags\":{\"floor\":9}"));
}

/* A page that is exactly full and the last has no continuation; one with more leads to a row. */
TEST(pages_of_what_is_selected)
{
    char headers[300] = "x-ms-max-item-count: 1\r\n";

    query("SELECT deviceId FROM devices WHERE tags.floor = 2", "x-ms-max-item-count: 2\r\n");
    CHECK(!heard(&c, "x-ms-continuation").len);
    query("SELECT deviceId FROM devices WHERE tags.floor = 2", headers);
    CHECK_BYTES(bytes_str(heard_body(&c)), BYTES("[{\"deviceId\":\"b\"}]"));
    snprintf(headers, sizeof headers, "x-ms-max-item-count: 1\r\nx-ms-continuation: %.*s\r\n",
             BYTES_ARG(heard(&c, "x-ms-continuation")));
    query("SELECT deviceId FROM devices WHERE tags.floor = 2", headers);
    CHECK_BYTES(bytes_str(heard_body(&c)), BYTES("[{\"deviceId\":\"c\"}]"));
    CHECK(!heard(&c, "x-ms-continuation").len);
    query("SELECT moduleId FROM devices.modules", "x-ms-max-item-count: 3\r\n");
    CHECK(!heard(&c, "x-ms-continuation").len);
}

TEST(a_page_ends_before_it_is_too_long)
{
    struct buf tags = buf_max(40000);
    char id[16], headers[400] = "";
    size_t rows = 0, pages = 0;

    for (int i = 0; i < 10; i++)
        buf_printf(&tags, "%s\"t%d\":\"%02999d\"", i ? "," : "{", i, i);
    buf_puts(&tags, "}");
    for (int i = 0; i < 99; i++) {
        snprintf(id, sizeof id, "long%02d", i);
        make(id, buf_str(&tags), NULL);
    }
    do {
        json_t *root;

        query("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'long')", headers);
        root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
        rows += json_array_size(root);
        json_decref(root);
        pages++;
        snprintf(headers, sizeof headers, "x-ms-continuation: %.*s\r\n", BYTES_ARG(heard(&c, "x-ms-continuation")));
    } while (heard(&c, "x-ms-continuation").len);
    CHECK(rows == 99 && pages == 2);
    buf_free(&tags);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(ROW(queries_over_twins_and_modules), ROW(rows_are_whole_twins_with_metadata), ROW(pages_of_what_is_selected),
      ROW(a_page_ends_before_it_is_too_long))
