/* The manifest of an edge device over REST (service 4.3). */
#include "http_peer.h"

#define APPLY "/devices/%s/applyConfigurationContent" V
#define CONTENT "InvalidConfigurationContent"

static int start(void **state)
{
    client_start(state);
    world_device_as(&w, "gate", true);
    world_device(&w, "leaf");
    return 0;
}

static int apply(const char *device, const char *content)
{
    char target[300];

    snprintf(target, sizeof target, APPLY, device);
    return ask(&c, "POST", target, NULL, content);
}

/* The names of the modules of "gate", in order, with commas. */
static const char *modules(void)
{
    static struct device all[MODULES_ROOM];
    static char text[2000];
    size_t n, len = 0;

    CHECK_OK(hub_module_list(w.hub, BYTES("gate"), all, &n));
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? "," : "", strchr(all[i].id, '/') + 1);
    return text;
}

/* Desired properties of a module, as the device gets them. */
static const char *desired(const char *name)
{
    static char text[4000];
    struct buf b = buf_max(sizeof text - 1);

    CHECK_OK(hub_twin_read(w.hub, bytes_str(name), TWIN_FOR_DEVICE, &b, NULL, NULL));
    snprintf(text, sizeof text, "%s", buf_str(&b));
    buf_free(&b);
    char *end = strstr(text, ",\"reported\"");
    CHECK(end);
    *end = 0;
    return text + strlen("{\"desired\":");
}

#define AGENT                                                                                            \
    "\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\",\"modules\":{\"pump\":{\"type\":" \
    "\"docker\"},\"idle\":{\"type\":\"docker\"}}}}"

TEST(modules_are_made_and_what_is_desired_of_them_is_the_manifest)
{
    struct device d;

    CHECK(apply("gate",
                "{\"modulesContent\":{" AGENT ",\"$edgeHub\":{\"properties.desired\":{\"routes\":{}}},\"pump\":{"
                "\"properties.desired\":{\"rate\":2,\"limits\":[1,2.5]}}}}") == 204);
    assert_string_equal(modules(), "$edgeAgent,$edgeHub,idle,pump");
    assert_string_equal(desired("gate/pump"), "{\"limits\":[1,2.5],\"rate\":2,\"$version\":2}");
    assert_string_equal(desired("gate/$edgeHub"), "{\"routes\":{},\"$version\":2}");
    assert_string_equal(desired("gate/idle"), "{\"$version\":1}");
    CHECK_OK(hub_device_get(w.hub, BYTES("gate/pump"), &d));
    assert_string_equal(d.managed_by, "iotEdge");
}

TEST(the_next_manifest_takes_the_place_of_the_one_before)
{
    struct device own = {.auth = AUTH_SAS, .id = "gate/mine"}, made;
    uint64_t at;

    CHECK_OK(hub_device_put(w.hub, &own, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    CHECK(apply("gate", "{\"modulesContent\":{" AGENT ",\"pump\":{\"properties.desired\":{\"a\":1,\"b\":2}}}}") == 204);
    CHECK(apply("gate", "{\"modulesContent\":{\"pump\":{\"properties.desired\":{\"b\":3}}}}") == 204);
    assert_string_equal(desired("gate/pump"), "{\"b\":3,\"$version\":3}");
    assert_string_equal(modules(), "$edgeAgent,$edgeHub,mine,pump"); /* one that nobody's manifest made stays */
}

TEST(a_path_sets_the_value_at_it_and_leaves_the_rest)
{
    CHECK(apply("gate", "{\"modulesContent\":{\"pump\":{\"properties.desired\":{\"a\":{\"x\":1},\"b\":2}}}}") == 204);
    CHECK(apply("gate",
                "{\"modulesContent\":{\"pump\":{\"properties.desired.a.y\":5,\"properties.desired.c\":null}}}") == 204);
    assert_string_equal(desired("gate/pump"), "{\"a\":{\"x\":1,\"y\":5},\"b\":2,\"$version\":3}");
}

TEST(a_device_that_is_no_edge_device_is_refused)
{
    apply("leaf", "{\"modulesContent\":{\"pump\":{\"properties.desired\":{}}}}");
    check_error(&c, 400, CONTENT);
    apply("nobody", "{\"modulesContent\":{}}");
    check_error(&c, 404, "DeviceNotFound");
}

/* None of it is done: what is wrong stands last. */
static void refused(const char *content, const char *error)
{
    apply("gate", content);
    check_error(&c, 400, error);
    assert_string_equal(modules(), "$edgeAgent,$edgeHub");
    assert_string_equal(desired("gate/$edgeHub"), "{\"$version\":1}");
}

#define FIRST "{\"modulesContent\":{\"$edgeHub\":{\"properties.desired\":{\"a\":1}},\"new\":{},"

TEST(what_is_wrong_anywhere_changes_nothing)
{
    refused("{}", CONTENT);
    refused("[]", CONTENT);
    refused("{\"modulesContent\":[]}", CONTENT);
    refused("{\"deviceContent\":{\"properties.desired.a\":1}}", CONTENT);
    refused("{\"modulesContent\":{},\"deviceContent\":{\"properties.desired.a\":1}}", CONTENT);
    refused(FIRST "\"a/b\":{}}}", CONTENT);
    refused(FIRST "\"pump\":5}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.reported\":{}}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired\":5}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired.\":5}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired..a\":5}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired.a\":5,\"properties.desired.a.b\":5}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired\":{\"a b\":5}}}}", CONTENT);
    refused(FIRST "\"pump\":{\"properties.desired\":{\"a\":null}}}}", CONTENT);
    refused(FIRST "\"$edgeAgent\":{\"properties.desired\":{\"modules\":{\"a b/c\":{}}}}}}", CONTENT);
    refused("{\"modulesContent\":", "DeserializationError");
}

TEST(there_may_be_fifty_modules_and_no_more)
{
    struct buf b = buf_max(1 << 16);

    buf_puts(&b, "{\"modulesContent\":{\"m\":{}");
    for (int i = 0; i < MODULES_MAX; i++)
        buf_printf(&b, ",\"m%d\":{}", i);
    buf_puts(&b, "}}");
    refused(buf_str(&b), CONTENT);
    buf_free(&b);
}

TEST(it_takes_the_right_to_write_the_registry)
{
    CHECK(ask_as(&c, "registryRead", "POST", "/devices/gate/applyConfigurationContent" V, NULL,
                 "{\"modulesContent\":{}}") == 401);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(modules_are_made_and_what_is_desired_of_them_is_the_manifest),
      CASE(the_next_manifest_takes_the_place_of_the_one_before), CASE(a_path_sets_the_value_at_it_and_leaves_the_rest),
      CASE(a_device_that_is_no_edge_device_is_refused), CASE(what_is_wrong_anywhere_changes_nothing),
      CASE(there_may_be_fifty_modules_and_no_more), CASE(it_takes_the_right_to_write_the_registry))
