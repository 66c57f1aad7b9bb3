/* Twins for services (service 4.6), alone and in bulk (service 4.4): each row is what some client asserts. */
#include "http_peer.h"

static int start(void **state)
{
    client_start(state);
    CHECK(ask(&c, "PUT", "/devices/door" V, NULL, "{}") == 200);
    return 0;
}

/* ---- what tests say often -------------------------------------------------------------------------------------- */

static json_t *twin; /* of the last answer; freed with the next one */

/* A member of the twin, by names with slashes between. */
static json_t *at(const char *path)
{
    char copy[128], *rest = copy;
    json_t *v = twin;

    snprintf(copy, sizeof copy, "%s", path);
    for (char *name; (name = strsep(&rest, "/"));)
        v = json_object_get(v, name);
    return v;
}

static int64_t number(const char *path)
{
    CHECK(json_is_integer(at(path)));
    return json_integer_value(at(path));
}

static const char *text(const char *path)
{
    CHECK(json_is_string(at(path)));
    return json_string_value(at(path));
}

static void check_json(const char *path, const char *wanted)
{
    json_t *w_json = json_loads(wanted, JSON_DECODE_ANY, NULL);

    CHECK(w_json);
    if (!json_equal(at(path), w_json)) {
        char *is = json_dumps(at(path), JSON_ENCODE_ANY);
        fail_msg("%s is %s", path, is ? is : "not there");
    }
    json_decref(w_json);
}

static int take(int status)
{
    json_decref(twin);
    twin = status == 200 ? json_loadb(heard_body(&c), c.in.body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    CHECK(status != 200 || twin);
    return status;
}

static int get(void)
{
    return take(ask_as(&c, "service", "GET", "/twins/door" V, NULL, NULL));
}

static int merge(const char *headers, const char *body)
{
    return take(ask_as(&c, "service", "PATCH", "/twins/door" V, headers, body));
}

static int replace(const char *headers, const char *body)
{
    return take(ask_as(&c, "service", "PUT", "/twins/door" V, headers, body));
}

static struct bell_of_nobody {
    struct waker waker;
} nobody = {{quiet_wake}};

static struct seat *sit(void)
{
    struct seat *seat;

    CHECK_OK(hub_attach(w.hub, BYTES("door"), NO_BYTES, PROOF_DEVICE_SAS, &nobody.waker, T0, &seat));
    return seat;
}

static void report(const char *json)
{
    struct seat *seat = sit();
    struct twin_fault fault;
    int64_t version;
    uint64_t place;

    CHECK_OK(hub_twin_report(seat, bytes_str(json), -1, T0, &fault, &version, &place));
    hub_detach(seat, T0);
}

/* ---- get ------------------------------------------------------------------------------------------------------- */

TEST(a_fresh_twin_has_what_clients_read)
{
    CHECK(get() == 200);
    CHECK(!strcmp(text("deviceId"), "door") && !strcmp(text("status"), "enabled"));
    CHECK(!strcmp(text("connectionState"), "Disconnected") && !strcmp(text("authenticationType"), "sas"));
    CHECK(!strcmp(text("modelId"), "") && number("cloudToDeviceMessageCount") == 0);
    CHECK(!strcmp(text("statusUpdateTime"), "0001-01-01T00:00:00Z"));
    CHECK(!strcmp(text("lastActivityTime"), "0001-01-01T00:00:00Z"));
    check_json("x509Thumbprint", "{\"primaryThumbprint\":null,\"secondaryThumbprint\":null}");
    check_json("capabilities", "{\"iotEdge\":false}");
    CHECK(number("properties/desired/$version") == 1 && number("properties/reported/$version") == 1);
    CHECK(json_is_object(at("properties/desired/$metadata")) && json_is_object(at("properties/reported/$metadata")));
    /* Never null: .NET and Java fail on it. */
    CHECK(!at("tags") && !at("moduleId") && !at("parentScopes") && !at("generationId"));
    CHECK(!strcmp(text("etag"), "AAAAAAAAAAE="));
    CHECK_BYTES(heard(&c, "etag"), BYTES("\"AAAAAAAAAAE=\""));
}

TEST(what_the_twin_says_of_the_device_is_true)
{
    struct seat *seat = sit();

    CHECK(get() == 200 && !strcmp(text("connectionState"), "Connected"));
    hub_detach(seat, T0);
    CHECK(get() == 200 && !strcmp(text("connectionState"), "Disconnected"));
    CHECK(strcmp(text("lastActivityTime"), "0001-01-01T00:00:00Z") != 0);
    CHECK(ask(&c, "POST", "/devices/door/messages/devicebound" V, NULL, "x") == 204);
    CHECK(get() == 200 && number("cloudToDeviceMessageCount") == 1);
    CHECK(ask(&c, "PUT", "/devices/door" V, "If-Match: *\r\n",
              "{\"status\":\"disabled\",\"statusReason\":\"stolen\",\"authentication\":{\"type\":\"selfSigned\","
              "\"x509Thumbprint\":{\"primaryThumbprint\":\"0123456789012345678901234567890123456789\"}}}") == 200);
    json_t *device = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    CHECK(get() == 200 && !strcmp(text("status"), "disabled") && !strcmp(text("authenticationType"), "selfSigned"));
    CHECK(!strcmp(text("deviceEtag"), json_string_value(json_object_get(device, "etag"))));
    CHECK(!strcmp(text("x509Thumbprint/primaryThumbprint"), "0123456789012345678901234567890123456789"));
    json_decref(device);
}

TEST(metadata_mirrors_every_level_as_objects)
{
    CHECK(merge(NULL, "{\"properties\":{\"desired\":{\"a\":{\"b\":1},\"list\":[1,{\"x\":2}],\"empty\":{}}}}") == 200);
    CHECK(number("properties/desired/$metadata/$lastUpdatedVersion") == 2);
    CHECK(number("properties/desired/$metadata/a/b/$lastUpdatedVersion") == 2);
    CHECK(strlen(text("properties/desired/$metadata/a/$lastUpdated")) == 28);
    CHECK(json_is_object(at("properties/desired/$metadata/list")));
    CHECK(json_is_object(at("properties/desired/$metadata/empty")));
    report("{\"r\":{\"s\":1}}");
    CHECK(get() == 200 && strlen(text("properties/reported/$metadata/r/s/$lastUpdated")) == 28);
    CHECK(!at("properties/reported/$metadata/$lastUpdatedVersion"));
    /* A scalar that becomes an object has metadata inside, too. */
    CHECK(merge(NULL, "{\"properties\":{\"desired\":{\"a\":{\"b\":{\"c\":1}}}}}") == 200);
    CHECK(number("properties/desired/$metadata/a/b/c/$lastUpdatedVersion") == 3);
    CHECK(number("properties/desired/$metadata/list/$lastUpdatedVersion") == 2);
}

TEST(who_is_not_there_is_404)
{
    static const char *const methods[] = {"GET", "PATCH", "PUT"};

    for (size_t i = 0; i < 3; i++) {
        const char *body = i ? "{\"tags\":{\"a\":1}}" : NULL;

        CHECK(ask(&c, methods[i], "/twins/nobody" V, NULL, body) == 404);
        check_error(&c, 404, "DeviceNotFound");
        CHECK(ask(&c, methods[i], "/twins/door/modules/none" V, NULL, body) == 404);
        check_error(&c, 404, "ModuleNotFound");
        CHECK(ask(&c, methods[i], "/twins/nobody/modules/none" V, NULL, body) == 404);
        check_error(&c, 404, "DeviceNotFound");
        CHECK(ask(&c, methods[i], "/twins/do%252For" V, NULL, body) == 404);
        CHECK(ask_as(&c, "registryReadWrite", methods[i], "/twins/door" V, NULL, body) == 401);
    }
}

/* ---- merge and replace ----------------------------------------------------------------------------------------- */

TEST(versions_and_etag_rise_as_documented)
{
    char etag[64];

    CHECK(get() == 200);
    int64_t version = number("version");
    snprintf(etag, sizeof etag, "%s", text("etag"));
    CHECK(merge(NULL, "{\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    CHECK(number("properties/desired/$version") == 2 && number("version") > version && strcmp(text("etag"), etag));
    CHECK(merge(NULL, "{\"tags\":{\"t\":1}}") == 200 && number("properties/desired/$version") == 2);
    CHECK(merge(NULL, "{\"tags\":{\"t\":2},\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    CHECK(number("properties/desired/$version") == 3);
    CHECK(merge(NULL, "{\"properties\":{\"desired\":{\"a\":null}}}") == 200);
    CHECK(number("properties/desired/$version") == 4 && !at("properties/desired/a"));
    snprintf(etag, sizeof etag, "%s", text("etag"));
    version = number("version");
    report("{\"r\":1}");
    CHECK(get() == 200 && !strcmp(text("etag"), etag) && number("version") > version);
    CHECK(number("properties/reported/$version") == 2 && number("properties/desired/$version") == 4);
}

TEST(a_device_that_was_made_again_begins_at_version_1)
{
    CHECK(merge(NULL, "{\"tags\":{\"t\":1},\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    CHECK(ask(&c, "DELETE", "/devices/door" V, "If-Match: *\r\n", NULL) == 204);
    CHECK(ask(&c, "PUT", "/devices/door" V, NULL, "{}") == 200);
    CHECK(get() == 200 && number("properties/desired/$version") == 1 && !at("tags") && !at("properties/desired/a"));
}

TEST(a_merge_reads_tags_and_desired_and_passes_over_the_rest)
{
    report("{\"r\":1}");
    CHECK(merge("If-Match: *\r\n",
                "{\"deviceId\":\"other\",\"etag\":\"\\\"AAA=\\\"\",\"version\":null,\"status\":\"disabled\","
                "\"statusReason\":null,\"connectionState\":null,\"capabilities\":null,\"modelId\":null,"
                "\"configurations\":{},\"parentScopes\":[],\"x509Thumbprint\":{},\"tags\":{\"t\":1},"
                "\"properties\":{\"reported\":{\"r\":2,\"bad key\":1},\"desired\":{\"a\":1,\"$metadata\":{\"a\":{}},"
                "\"$version\":77}}}") == 200);
    CHECK(!strcmp(text("deviceId"), "door") && !strcmp(text("status"), "enabled"));
    CHECK(number("properties/reported/r") == 1 && number("properties/desired/a") == 1);
    CHECK(number("properties/desired/$version") == 2 && number("tags/t") == 1);
}

TEST(nulls_at_the_top_are_absent)
{
    CHECK(merge(NULL, "{\"tags\":{\"t\":1},\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    CHECK(merge(NULL, "{\"tags\":null,\"properties\":null}") == 200);
    CHECK(merge(NULL, "{\"tags\":null,\"properties\":{\"reported\":null}}") == 200);
    CHECK(number("tags/t") == 1 && number("properties/desired/a") == 1 && number("properties/desired/$version") == 2);
}

TEST(null_for_all_that_is_desired_empties_it)
{
    struct seat *seat = sit();
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired d;

    CHECK(merge(NULL, "{\"tags\":{\"t\":1},\"properties\":{\"desired\":{\"a\":1,\"b\":{\"c\":2}}}}") == 200);
    hub_desired_take(seat, true);
    CHECK(merge("If-Match: abc\r\n", "{\"properties\":{\"desired\":null}}") == 412);
    CHECK(merge("If-Match: *\r\n", "{\"properties\":{\"desired\":null}}") == 200);
    CHECK(!at("properties/desired/a") && number("properties/desired/$version") == 3 && number("tags/t") == 1);
    CHECK_OK(hub_desired_next(seat, &room, &d));
    CHECK_BYTES(d.json, BYTES("{\"a\":null,\"b\":null,\"$version\":3}"));
    CHECK(merge(NULL, "{\"tags\":{\"t\":2},\"properties\":{\"desired\":null}}") == 200 && number("tags/t") == 2);
    hub_detach(seat, T0);
    buf_free(&room);
}

TEST(null_inside_deletes_and_arrays_are_replaced)
{
    CHECK(merge(NULL, "{\"tags\":{\"a\":{\"b\":1,\"c\":2},\"l\":[1,2,3]}}") == 200);
    CHECK(merge(NULL, "{\"tags\":{\"a\":{\"b\":null},\"l\":[4],\"absent\":null}}") == 200);
    check_json("tags", "{\"a\":{\"c\":2},\"l\":[4]}");
    CHECK(merge(NULL, "{\"tags\":{\"a\":null,\"l\":null}}") == 200 && !at("tags"));
}

TEST(a_replacement_is_the_whole)
{
    CHECK(merge(NULL, "{\"tags\":{\"a\":1,\"b\":2},\"properties\":{\"desired\":{\"a\":1,\"b\":2}}}") == 200);
    CHECK(replace("If-Match: \"*\"\r\n", "{\"tags\":{\"b\":3},\"properties\":{\"desired\":{\"c\":4}}}") == 200);
    check_json("tags", "{\"b\":3}");
    CHECK(!at("properties/desired/a") && !at("properties/desired/b") && number("properties/desired/c") == 4);
    CHECK(number("properties/desired/$version") == 3);
    CHECK(replace(NULL, "{\"tags\":{},\"properties\":{\"desired\":{}}}") == 200);
    CHECK(!at("tags") && !at("properties/desired/c") && number("properties/desired/$version") == 4);
    CHECK(merge(NULL, "{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    CHECK(replace(NULL, "{}") == 200 && !at("tags") && !at("properties/desired/a")); /* what is missing is empty */
}

TEST(a_null_in_a_replacement_is_refused)
{
    CHECK(merge(NULL, "{\"tags\":{\"a\":1}}") == 200);
    CHECK(replace(NULL, "{\"tags\":{\"a\":null}}") == 400);
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(replace(NULL, "{\"properties\":{\"desired\":{\"a\":{\"b\":null}}}}") == 400);
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(get() == 200 && number("tags/a") == 1);
}

TEST(every_form_of_if_match)
{
    static const char *const any[] = {"If-Match: *\r\n", "If-Match: \"*\"\r\n"};
    static const char *const forms[] = {"If-Match: %s\r\n", "If-Match: \"%s\"\r\n", "If-Match: W/\"%s\"\r\n",
                                        "If-Match: \"x\", \"%s\"\r\n"};
    char header[128];

    for (size_t i = 0; i < 2; i++)
        CHECK(merge(any[i], "{\"tags\":{\"a\":1}}") == 200 && replace(any[i], "{\"tags\":{\"a\":1}}") == 200);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        CHECK(get() == 200);
        snprintf(header, sizeof header, forms[i], text("etag"));
        CHECK(merge(header, "{\"tags\":{\"a\":2}}") == 200);
        CHECK(merge(header, "{\"tags\":{\"a\":3}}") == 412);
        check_error(&c, 412, "PreconditionFailed");
        CHECK(replace(header, "{\"tags\":{\"a\":3}}") == 412);
    }
    CHECK(merge("If-Match: abc\r\n", "{\"tags\":{\"a\":3}}") == 412); /* Node */
    CHECK(get() == 200 && number("tags/a") == 2);
}

TEST(java_posts_with_an_override)
{
    CHECK(take(ask(&c, "POST", "/twins/door" V, "X-HTTP-Method-Override: PATCH\r\n", "{\"tags\":{\"j\":1}}")) == 200);
    CHECK(number("tags/j") == 1);
}

TEST(what_is_refused_leaves_what_was_there)
{
    static const struct {
        const char *body;
        int status;
        const char *name;
    } bad[] = {
        {"", 400, "DeserializationError"},
        {"{\"tags\":{\"a\":1}", 400, "DeserializationError"},
        {"{\"tags\":{\"a\":1,\"a\":2}}", 400, "DeserializationError"},
        {"{\"tags\":{\"a\":1},\"tags\":{}}", 400, "DeserializationError"},
        {"{\"tags\":{\"a\":\"\xff\"}}", 400, "DeserializationError"},
        {"[]", 400, "ArgumentInvalid"},
        {"{\"tags\":1}", 400, "ArgumentInvalid"},
        {"{\"tags\":[]}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2},\"TAGS\":{}}", 400, "ArgumentInvalid"},
        {"{\"properties\":[]}", 400, "ArgumentInvalid"},
        {"{\"properties\":{\"desired\":\"x\"}}", 400, "ArgumentInvalid"},
        {"{\"t\\u0061gs\":{\"a\":2}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2,\"$b\":1}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2,\"b.c\":1}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2,\"b c\":1}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2,\"\":1}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2,\"l\":[null]}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2},\"properties\":{\"desired\":{\"n\":4503599627370496}}}", 400, "ArgumentInvalid"},
        {"{\"tags\":{\"a\":2},\"properties\":{\"desired\":"
         "{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":{\"k\":{\"l\":{\"m\":1}}}}}}}}}}}}}}",
         400, "ArgumentInvalid"},
    };

    CHECK(merge(NULL, "{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"a\":1}}}") == 200);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (merge(NULL, bad[i].body) != bad[i].status)
            fail_msg("%s: %d", bad[i].body, c.in.head.status);
        check_error(&c, bad[i].status, bad[i].name);
        if (replace(NULL, bad[i].body) != bad[i].status)
            fail_msg("%s: %d", bad[i].body, c.in.head.status);
    }
    CHECK(get() == 200 && number("tags/a") == 1 && number("properties/desired/$version") == 2);
}

static void put_large(struct buf *b, const char *before, const char *behind)
{
    buf_puts(b, before);
    for (int i = 0; i < 9; i++) {
        buf_printf(b, "%s\"k%d\":\"", i ? "," : "", i);
        memset(buf_grow(b, 3700), 'x', 3700);
        buf_puts(b, "\"");
    }
    buf_puts(b, behind);
}

TEST(too_large_is_403_and_names_the_section)
{
    struct buf b = buf_max(1 << 16);

    put_large(&b, "{\"properties\":{\"desired\":{", "}}}");
    CHECK(merge(NULL, buf_str(&b)) == 403);
    check_error(&c, 403, "DeviceModelMaxPropertiesExceeded");
    CHECK(strcasestr(heard_body(&c), "desired"));
    CHECK(replace(NULL, buf_str(&b)) == 403);
    buf_clear(&b);
    put_large(&b, "{\"tags\":{", "}}");
    CHECK(merge(NULL, buf_str(&b)) == 403 || c.in.head.status == 200);
    buf_clear(&b);
    buf_puts(&b, "{\"tags\":{\"a\":\"");
    memset(buf_grow(&b, 4097), 'x', 4097);
    buf_puts(&b, "\"}}");
    CHECK(merge(NULL, buf_str(&b)) == 400);
    check_error(&c, 400, "ArgumentInvalid");
    buf_free(&b);
}

TEST(hostile_bodies_are_refused)
{
    struct buf b = buf_max(1 << 20);

    buf_puts(&b, "{\"tags\":");
    for (int i = 0; i < 100000; i++)
        buf_puts(&b, "{\"a\":");
    CHECK(merge(NULL, buf_str(&b)) == 400);
    check_error(&c, 400, "DeserializationError");
    buf_clear(&b);
    buf_puts(&b, "{\"tags\":{\"a\":[0");
    for (int i = 0; i < 30000; i++)
        buf_puts(&b, ",0");
    buf_puts(&b, "]}}");
    CHECK(merge(NULL, buf_str(&b)) == 403);
    check_error(&c, 403, "DeviceModelMaxPropertiesExceeded");
    buf_free(&b);
}

TEST(the_device_hears_what_the_answer_says)
{
    struct seat *seat = sit();
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired d;

    hub_desired_take(seat, true);
    CHECK(merge(NULL, "{\"properties\":{\"desired\":{\"open\":true}}}") == 200);
    CHECK_OK(hub_desired_next(seat, &room, &d));
    CHECK(d.version == number("properties/desired/$version"));
    CHECK_BYTES(d.json, BYTES("{\"open\":true,\"$version\":2}"));
    hub_detach(seat, T0);
    buf_free(&room);
}

/* ---- bulk ------------------------------------------------------------------------------------------------------ */

static int bulk(const char *body)
{
    return ask(&c, "POST", "/devices" V, NULL, body);
}

TEST(devices_are_made_with_their_twins)
{
    CHECK(bulk("[{\"id\":\"new\",\"importMode\":\"create\",\"status\":\"enabled\",\"authentication\":null,"
               "\"capabilities\":{\"iotEdge\":true},\"tags\":{\"t\":[1,{\"x\":\"y\"}]},\"properties\":{\"desired\":"
               "{\"d\":4.50,\"$version\":9},\"reported\":{\"r\":1}}}]") == 200);
    CHECK(body_has(&c, "\"isSuccessful\":true,\"errors\":[],\"warnings\":[]"));
    CHECK(take(ask(&c, "GET", "/twins/new" V, NULL, NULL)) == 200);
    check_json("tags", "{\"t\":[1,{\"x\":\"y\"}]}");
    CHECK(body_has(&c, "\"d\":4.50") && number("properties/reported/r") == 1);
    check_json("capabilities", "{\"iotEdge\":true}");
}

TEST(a_twin_that_is_refused_is_a_warning_for_a_new_device)
{
    CHECK(bulk("[{\"id\":\"new\",\"importMode\":\"create\",\"tags\":{\"a.b\":1}},"
               "{\"id\":\"two\",\"importMode\":\"create\",\"tags\":{\"a\":1}}]") == 200);
    CHECK(body_has(&c, "\"isSuccessful\":true") && body_has(&c, "\"deviceId\":\"new\",\"warningCode\":\""));
    CHECK(body_has(&c, "DeviceRegisteredWithoutTwin") && !body_has(&c, "\"deviceId\":\"two\""));
    CHECK(take(ask(&c, "GET", "/twins/new" V, NULL, NULL)) == 200 && !at("tags"));
}

TEST(twin_modes_change_the_twin_and_nothing_else)
{
    CHECK(get() == 200);
    char device_etag[64];
    snprintf(device_etag, sizeof device_etag, "%s", text("deviceEtag"));
    CHECK(bulk("[{\"id\":\"door\",\"importMode\":\"UpdateTwin\",\"status\":\"disabled\",\"authentication\":null,"
               "\"deviceScope\":null,\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"d\":1,\"$metadata\":{},"
               "\"$version\":5},\"reported\":{\"r\":1}}}]") == 200);
    CHECK(body_has(&c, "\"isSuccessful\":true,\"errors\":[]"));
    CHECK(get() == 200 && number("tags/a") == 1 && number("properties/desired/d") == 1);
    CHECK(!at("properties/reported/r") && !strcmp(text("status"), "enabled"));
    CHECK(!strcmp(text("deviceEtag"), device_etag));
}

TEST(twin_modes_by_etag)
{
    char body[256];

    CHECK(get() == 200);
    for (int i = 0; i < 2; i++) {
        snprintf(body, sizeof body,
                 "[{\"id\":\"door\",\"importMode\":\"updateTwinIfMatchETag\",\"twinETag\":\"%s\",\"tags\":{\"a\":%d}}]",
                 text("etag"), i);
        CHECK(bulk(body) == (i ? 400 : 200));
    }
    CHECK(body_has(&c, "\"isSuccessful\":false") && body_has(&c, "\"errorCode\":412001"));
    CHECK(bulk("[{\"id\":\"door\",\"importMode\":\"updateTwinIfMatchETag\",\"twinETag\":\"*\",\"tags\":{\"a\":7}}]") ==
          200);
    CHECK(get() == 200 && number("tags/a") == 7);
}

TEST(twin_modes_of_who_is_not_there)
{
    CHECK(bulk("[{\"id\":\"nobody\",\"importMode\":\"updateTwin\",\"tags\":{\"a\":1}},"
               "{\"id\":\"door\",\"moduleId\":\"m\",\"importMode\":\"updateTwin\",\"tags\":{\"a\":1}}]") == 400);
    CHECK(body_has(&c, "\"errorCode\":404001") && body_has(&c, "\"errorCode\":404010"));
    CHECK(get() == 200 && !at("tags"));
}

TEST(a_bad_twin_in_bulk_has_its_code)
{
    CHECK(bulk("[{\"id\":\"door\",\"importMode\":\"updateTwin\",\"tags\":{\"a b\":1}}]") == 400);
    CHECK(body_has(&c, "\"errorCode\":400004"));
    CHECK(bulk("[{\"id\":\"door\",\"importMode\":\"updateTwin\",\"tags\":7}]") == 400);
    CHECK(body_has(&c, "\"errorCode\":400004"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_fresh_twin_has_what_clients_read), CASE(what_the_twin_says_of_the_device_is_true),
      CASE(metadata_mirrors_every_level_as_objects), CASE(who_is_not_there_is_404),
      CASE(versions_and_etag_rise_as_documented), CASE(a_device_that_was_made_again_begins_at_version_1),
      CASE(a_merge_reads_tags_and_desired_and_passes_over_the_rest), CASE(nulls_at_the_top_are_absent),
      CASE(null_for_all_that_is_desired_empties_it), CASE(null_inside_deletes_and_arrays_are_replaced),
      CASE(a_replacement_is_the_whole), CASE(a_null_in_a_replacement_is_refused), CASE(every_form_of_if_match),
      CASE(java_posts_with_an_override), CASE(what_is_refused_leaves_what_was_there),
      CASE(too_large_is_403_and_names_the_section), CASE(hostile_bodies_are_refused),
      CASE(the_device_hears_what_the_answer_says), CASE(devices_are_made_with_their_twins),
      CASE(a_twin_that_is_refused_is_a_warning_for_a_new_device), CASE(twin_modes_change_the_twin_and_nothing_else),
      CASE(twin_modes_by_etag), CASE(twin_modes_of_who_is_not_there), CASE(a_bad_twin_in_bulk_has_its_code))
