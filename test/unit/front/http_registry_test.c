#include "http_front.h"
#include "http_peer.h"
#include "identity_json.h"

#include <limits.h>

#define KEYS                                                                                                        \
    "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B \
    "\"}}"

/* The answer's words about a device, as one text. */
static const char *text_at(const char *outer, const char *inner, const char *name)
{
    static char text[256];
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    const json_t *at = outer ? json_object_get(root, outer) : root;
    const json_t *value = json_object_get(inner ? json_object_get(at, inner) : at, name);

    snprintf(text, sizeof text, "%s",
             json_is_string(value) ? json_string_value(value)
             : json_is_null(value) ? "null"
                                   : "?");
    json_decref(root);
    return text;
}

static const char *key_at(const char *name)
{
    return text_at("authentication", "symmetricKey", name);
}

TEST(a_new_device_is_answered_as_the_sdks_expect)
{
    char wanted[1024];

    CHECK(ask(&c, "PUT", "/devices/svc-1" V, NULL, "{\"deviceId\":\"svc-1\",\"status\":\"enabled\"," KEYS "}") == 200);
    CHECK_BYTES(heard(&c, "content-type"), BYTES("application/json; charset=utf-8"));
    struct bytes etag = heard(&c, "etag");
    CHECK(etag.len > 2 && etag.at[0] == '"');
    snprintf(wanted, sizeof wanted,
             "{\"deviceId\":\"svc-1\",\"generationId\":\"%s\",\"etag\":%.*s,\"connectionState\":\"Disconnected\","
             "\"status\":\"enabled\",\"statusReason\":null,\"connectionStateUpdatedTime\":\"0001-01-01T00:00:00\","
             "\"statusUpdatedTime\":\"0001-01-01T00:00:00\",\"lastActivityTime\":\"0001-01-01T00:00:00\","
             "\"cloudToDeviceMessageCount\":0,\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" KEY_A
             "\",\"secondaryKey\":\"" KEY_B "\"},\"x509Thumbprint\":{\"primaryThumbprint\":null,"
             "\"secondaryThumbprint\":null},\"type\":\"sas\"},\"capabilities\":{\"iotEdge\":false}}",
             text_at(NULL, NULL, "generationId"), BYTES_ARG(etag));
    assert_string_equal(heard_body(&c), wanted);
    CHECK(ask(&c, "GET", "/devices/svc-1" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), wanted);
    CHECK(heard(&c, "date").len);
}

TEST(an_answer_to_a_change_waits_for_its_record)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK(c.join.hub.talk->after > 0);
    uint64_t after = c.join.hub.talk->after;
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    CHECK(c.join.hub.talk->after == after);
    CHECK(ask(&c, "DELETE", "/devices/a" V, "If-Match: *\r\n", NULL) == 204);
    CHECK(c.join.hub.talk->after > after);
    after = c.join.hub.talk->after;
    CHECK(ask(&c, "PUT", GROUPS "/g", NULL, NULL) == 200);
    CHECK(c.join.hub.talk->after > after);
}

TEST(an_answer_that_tells_of_a_record_waits_for_it)
{
    uint64_t after;

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    after = c.join.hub.talk->after;
    /* Another connection asks before the record is on disk. */
    c.join.hub.talk->after = 0;
    CHECK(ask(&c, "GET", "/healthz", NULL, NULL) == 200);
    CHECK(c.join.hub.talk->after == 0);
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    CHECK(c.join.hub.talk->after == after);
    c.join.hub.talk->after = 0;
    CHECK(ask(&c, "GET", "/statistics/devices" V, NULL, NULL) == 200);
    CHECK(c.join.hub.talk->after == after);
}

TEST(keys_that_are_empty_missing_or_null_are_made)
{
    static const char *const bodies[] = {
        "{}",
        "{\"authentication\":null}",
        "{\"authentication\":{}}",
        "{\"authentication\":{\"type\":null,\"symmetricKey\":null}}",
        "{\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"\",\"secondaryKey\":\"\"}}}",
        "{\"authentication\":{\"type\":\"SAS\",\"symmetricKey\":{\"primaryKey\":null}},\"new\":[{}],\"etag\":\"x\"}",
    };
    char primary[128];

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char target[64];
        snprintf(target, sizeof target, "/devices/d%zu" V, i);
        if (ask(&c, "PUT", target, NULL, bodies[i]) != 200)
            fail_msg("%s: %s", bodies[i], heard_body(&c));
        snprintf(primary, sizeof primary, "%s", key_at("primaryKey"));
        CHECK(strlen(primary) == 44 && strlen(key_at("secondaryKey")) == 44);
        CHECK(strcmp(primary, key_at("secondaryKey")) != 0);
    }
}

TEST(a_second_create_is_409_and_changes_nothing)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{\"deviceId\":\"a\"," KEYS "}") == 200);
    ask(&c, "PUT", "/devices/a" V, NULL, "{\"deviceId\":\"a\",\"status\":\"disabled\",\"etag\":\"x\"}");
    check_error(&c, 409, "DeviceAlreadyExists");
    ask(&c, "PUT", "/devices/a" V, "If-None-Match: *\r\n", "{}");
    check_error(&c, 409, "DeviceAlreadyExists");
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    assert_string_equal(text_at(NULL, NULL, "status"), "enabled");
    assert_string_equal(key_at("primaryKey"), KEY_A);
}

TEST(if_match_is_taken_in_every_form)
{
    static const char *const stars[] = {"*", "\"*\""};
    static const char *const forms[] = {
        "%s", "\"%s\"", "W/\"%s\"", "\"x\", \"%s\"", "\"%s\" ,\"x\"", "\"x\",W/\"%s\",\"y\"", ",, x, %s,"};
    char header[128], etag[64];

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    for (size_t i = 0; i < 2; i++) {
        snprintf(header, sizeof header, "If-Match: %s\r\n", stars[i]);
        CHECK(ask(&c, "PUT", "/devices/a" V, header, "{\"etag\":\"stale\"}") == 200);
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(etag, sizeof etag, "%s", text_at(NULL, NULL, "etag"));
        size_t n = (size_t)snprintf(header, sizeof header, "If-Match: ");
        n += (size_t)snprintf(header + n, sizeof header - n, forms[i], etag);
        snprintf(header + n, sizeof header - n, "\r\n");
        CHECK(ask(&c, "PUT", "/devices/a" V, header, "{}") == 200);
        CHECK(strcmp(etag, text_at(NULL, NULL, "etag")) != 0);
        ask(&c, "PUT", "/devices/a" V, header, "{}");
        check_error(&c, 412, "PreconditionFailed");
        CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    }
    ask(&c, "PUT", "/devices/a" V, "If-Match:\r\n", "{}");
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "PUT", "/devices/b" V, "If-Match: *\r\n", "{}");
    check_error(&c, 404, "DeviceNotFound");
    ask(&c, "PUT", "/devices/b" V, "If-Match: \"x\"\r\n", "{}");
    check_error(&c, 404, "DeviceNotFound");
}

TEST(if_match_without_the_etag_among_its_own_does_not_fit)
{
    static const char *const forms[] = {"\"x\", \"y\"", "\"x, %s\"", "\"%sx\", \"x%s\"", "x,,", ","};
    char header[128], line[160], etag[64];

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    snprintf(etag, sizeof etag, "%s", text_at(NULL, NULL, "etag"));
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(header, sizeof header, forms[i], etag, etag);
        snprintf(line, sizeof line, "If-Match: %s\r\n", header);
        ask(&c, "PUT", "/devices/a" V, line, "{}");
        check_error(&c, 412, "PreconditionFailed");
    }
}

TEST(a_delete_needs_if_match)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    ask(&c, "DELETE", "/devices/a" V, NULL, NULL);
    check_error(&c, 412, "PreconditionFailed");
    CHECK(body_has(&c, "ETag is missing"));
    ask(&c, "DELETE", "/devices/a" V, "If-Match: \"x\"\r\n", NULL);
    check_error(&c, 412, "PreconditionFailed");
    CHECK(ask(&c, "DELETE", "/devices/a" V, "If-Match: \"*\"\r\n", NULL) == 204);
    CHECK(c.in.body.len == 0 && !heard(&c, "content-length").at && !heard(&c, "content-type").at);
    CHECK(heard(&c, "x-ms-request-id").len == 36);
    ask(&c, "DELETE", "/devices/a" V, "If-Match: \"*\"\r\n", NULL);
    check_error(&c, 404, "DeviceNotFound");
    ask(&c, "GET", "/devices/a" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
    CHECK(body_has(&c, "ErrorCode:DeviceNotFound;Device a not registered"));
}

TEST(a_put_replaces_everything)
{
    char first[64];

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{\"status\":\"disabled\",\"statusReason\":\"lost\"," KEYS "}") == 200);
    assert_string_equal(text_at(NULL, NULL, "statusReason"), "lost");
    snprintf(first, sizeof first, "%s", text_at(NULL, NULL, "generationId"));
    c.join.now_ms += 1000;
    CHECK(ask(&c, "PUT", "/devices/a" V, "If-Match: *\r\n", "{}") == 200);
    assert_string_equal(text_at(NULL, NULL, "status"), "enabled");
    assert_string_equal(text_at(NULL, NULL, "statusReason"), "null");
    assert_string_equal(text_at(NULL, NULL, "generationId"), first);
    assert_string_equal(text_at(NULL, NULL, "statusUpdatedTime"), "2026-11-23T05:25:01.0000000Z");
    CHECK(strcmp(key_at("primaryKey"), KEY_A) != 0);
}

TEST(certificates_are_named_by_their_thumbprints)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL,
              "{\"authentication\":{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":"
              "\"0123456789abcdef0123456789ABCDEF01234567\",\"secondaryThumbprint\":null}}}") == 200);
    assert_string_equal(text_at("authentication", "x509Thumbprint", "primaryThumbprint"),
                        "0123456789ABCDEF0123456789ABCDEF01234567");
    assert_string_equal(text_at("authentication", NULL, "type"), "selfSigned");
    assert_string_equal(key_at("primaryKey"), "null");
    CHECK(ask(&c, "PUT", "/devices/b" V, NULL,
              "{\"authentication\":{\"x509Thumbprint\":{\"secondaryThumbprint\":"
              "\"0123456789abcdef0123456789ABCDEF012345670123456789abcdef01234567\"}}}") == 200);
    assert_string_equal(text_at("authentication", NULL, "type"), "selfSigned");
    CHECK(ask(&c, "PUT", "/devices/c" V, NULL, "{\"authentication\":{\"type\":\"certificateAuthority\"}}") == 200);
    assert_string_equal(text_at("authentication", NULL, "type"), "certificateAuthority");
}

TEST(a_body_that_is_not_right_is_refused)
{
#define AUTH(a) "{\"authentication\":{" a "}}"
    static const struct {
        const char *body, *name;
    } cases[] = {
        {"", "DeserializationError"},
        {"{", "DeserializationError"},
        {"{} x", "DeserializationError"},
        {"{\"status\":\"enabled\",\"status\":\"disabled\"}", "DeserializationError"},
        {"{\"status\":\"\xff\"}", "DeserializationError"},
        {"{\"deviceId\":\"a\\u0000\"}", "DeserializationError"},
        {"[]", "ArgumentInvalid"},
        {"{\"deviceId\":\"b\"}", "ArgumentInvalid"},
        {"{\"deviceId\":\"A\"}", "ArgumentInvalid"},
        {"{\"deviceId\":1}", "ArgumentInvalid"},
        {"{\"deviceId\":null}", "ArgumentInvalid"},
        {"{\"status\":\"broken\"}", "ArgumentInvalid"},
        {"{\"status\":true}", "ArgumentInvalid"},
        {"{\"statusReason\":[]}", "ArgumentInvalid"},
        {"{\"authentication\":7}", "ArgumentInvalid"},
        {AUTH("\"type\":\"other\""), "ArgumentInvalid"},
        {AUTH("\"type\":2"), "ArgumentInvalid"},
        {AUTH("\"symmetricKey\":\"x\""), "ArgumentInvalid"},
        {AUTH("\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\"}"), "ArgumentInvalid"},
        {AUTH("\"symmetricKey\":{\"primaryKey\":\"\",\"secondaryKey\":\"" KEY_A "\"}"), "ArgumentInvalid"},
        {AUTH("\"symmetricKey\":{\"primaryKey\":\"AAAAAAAAAAAAAAAAAAAA\",\"secondaryKey\":\"" KEY_A "\"}"),
         "ArgumentInvalid"}, /* 15 bytes */
        {AUTH("\"symmetricKey\":{\"primaryKey\":\"not base64 at all\",\"secondaryKey\":\"" KEY_A "\"}"),
         "ArgumentInvalid"},
        {AUTH("\"x509Thumbprint\":{\"primaryThumbprint\":\"0123\"}"), "ArgumentInvalid"},
        {AUTH("\"x509Thumbprint\":{\"primaryThumbprint\":\"0123456789abcdef0123456789ABCDEF0123456g\"}"),
         "ArgumentInvalid"},
        {AUTH("\"x509Thumbprint\":[]"), "ArgumentInvalid"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&c, "PUT", "/devices/a" V, NULL, cases[i].body);
        check_error(&c, 400, cases[i].name);
    }
    CHECK(ask(&c, "GET", "/statistics/devices" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"totalDeviceCount\":0"));
}

TEST(keys_and_reasons_have_their_lengths)
{
    char body[1024], text[256];

    for (size_t n = 127; n <= 129; n++) {
        memset(text, 'r', n);
        text[n] = 0;
        snprintf(body, sizeof body, "{\"statusReason\":\"%s\"}", text);
        CHECK(ask(&c, "PUT", n == 127 ? "/devices/r1" V : "/devices/r2" V, NULL, body) == (n <= 128 ? 200 : 400));
    }
    for (size_t n = 14; n <= 66; n++) {
        char target[64];
        struct buf key = buf_max(128);
        memset(text, 7, n);
        buf_put_base64(&key, bytes_of(text, n));
        snprintf(target, sizeof target, "/devices/k%zu" V, n);
        snprintf(body, sizeof body, AUTH("\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\"}"),
                 buf_str(&key), buf_str(&key));
        CHECK(ask(&c, "PUT", target, NULL, body) == (n >= KEY_LEN_MIN && n <= KEY_LEN_MAX ? 200 : 400));
        buf_free(&key);
    }
}

TEST(ids_are_checked_and_told_apart_by_case)
{
    char target[1024];

    ask(&c, "PUT", "/devices/svc%20dev%231" V, NULL, "{\"deviceId\":\"svc dev#1\"}");
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(ask(&c, "PUT", "/devices/a-:.+%25_%23*%3F!(),=@;$'" V, NULL, "{\"deviceId\":\"a-:.+%_#*?!(),=@;$'\"}") ==
          200);
    CHECK(ask(&c, "GET", "/devices/a-:.+%25_%23*%3F!(),=@;$'" V, NULL, NULL) == 200);
    CHECK(ask(&c, "PUT", "/devices/x" V, NULL, "{}") == 200);
    ask(&c, "GET", "/devices/X" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
    for (int n = 128; n <= 400; n += n == 128 ? 1 : 271) {
        snprintf(target, sizeof target, "/devices/%0*d" V, n, 0);
        CHECK(ask(&c, "PUT", target, NULL, "{}") == (n == 128 ? 200 : 400));
    }
    ask(&c, "GET", "/devices/a%2Fb" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
}

TEST(paths_are_taken_as_clients_write_them)
{
    CHECK(ask(&c, "PUT", "/Devices/a%23" V, NULL, "{}") == 200);
    CHECK(ask(&c, "GET", "/devices%2Fa%2523" V, NULL, NULL) == 200);
    CHECK(ask(&c, "GET", "/DEVICES/a%23/?API-VERSION=2016-02-03", NULL, NULL) == 200);
    CHECK(ask(&c, "GET", "/devices/?api-version=2020-05-31-preview", NULL, NULL) == 200);
    CHECK(body_has(&c, "a#"));
    CHECK(ask(&c, "GET", "https://hub.test/devices/a%23" V, NULL, NULL) == 200);
    CHECK(ask(&c, "GET", "/Statistics/Devices" V, NULL, NULL) == 200);
}

/* The ids in the answer, in their order: "a b". */
static const char *ids(void)
{
    static char text[8192];
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL), *device;
    size_t i, n = 0;

    CHECK(json_is_array(root));
    text[0] = 0;
    json_array_foreach(root, i, device) n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "",
                                                              json_string_value(json_object_get(device, "deviceId")));
    json_decref(root);
    return text;
}

TEST(devices_are_listed_up_to_top)
{
    char target[64], wanted[4096] = "";

    CHECK(ask(&c, "GET", "/devices" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "[]");
    for (int i = 0; i < 103; i++) {
        snprintf(target, sizeof target, "/devices/d%03d" V, i);
        CHECK(ask(&c, "PUT", target, NULL, "{}") == 200);
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%sd%03d", i ? " " : "", i);
        if (i == 50)
            CHECK_OK(hub_checkpoint(w.hub, T0));
    }
    CHECK(ask(&c, "GET", "/devices/" V "&top=1000", NULL, NULL) == 200);
    assert_string_equal(ids(), wanted);
    CHECK(ask(&c, "GET", "/devices/" V, NULL, NULL) == 200);
    assert_string_equal(ids(), wanted);
    CHECK(ask(&c, "GET", "/devices?top=2&api-version=2021-04-12", NULL, NULL) == 200);
    assert_string_equal(ids(), "d000 d001");
    CHECK(ask(&c, "GET", "/devices?top=51&api-version=2021-04-12", NULL, NULL) == 200);
    wanted[51 * 5 - 1] = 0;
    assert_string_equal(ids(), wanted);
    static const char *const wrong[] = {"0", "1001", "-1", "x", "", "99999999999999999999", "%", "1%00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(target, sizeof target, "/devices" V "&top=%s", wrong[i]);
        ask(&c, "GET", target, NULL, NULL);
        check_error(&c, 400, "ArgumentInvalid");
    }
}

TEST(the_longest_list_fits_one_answer)
{
    struct device longest = {.auth = AUTH_SAS}, made;
    struct buf one = buf_max(IDENTITY_JSON_MAX);
    uint64_t at;

    memset(longest.reason, 1, REASON_LEN_MAX); /* the longest escape of JSON, each */
    longest.primary.len = longest.secondary.len = KEY_LEN_MAX;
    longest.disabled = true;
    for (int i = 0; i < LIST_MAX + 1; i++) {
        snprintf(longest.id, sizeof longest.id, "%0*d", ID_LEN_MAX, i);
        CHECK_OK(hub_device_put(w.hub, &longest, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    }
    CHECK(ask(&c, "GET", "/devices" V, NULL, NULL) == 200);
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    CHECK(json_array_size(root) == LIST_MAX);
    json_decref(root);

    memset(made.etag, 'e', sizeof made.etag - 1);
    memset(made.generation, '1', sizeof made.generation - 1);
    memset(made.thumbprint[0], 'A', THUMBPRINT_LEN_MAX);
    memset(made.thumbprint[1], 'A', THUMBPRINT_LEN_MAX);
    made.auth = AUTH_CA;
    made.status_ms = made.connection_ms = made.activity_ms = T0;
    made.c2d_count = UINT_MAX;
    identity_json_put(&one, &made);
    CHECK(!one.bad);
    buf_free(&one);
}

TEST(statistics_count)
{
    static struct waker waker = {quiet_wake};
    struct seat *seat;

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK(ask(&c, "PUT", "/devices/b" V, NULL, "{\"status\":\"disabled\"}") == 200);
    CHECK(ask(&c, "GET", "/statistics/devices" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "{\"totalDeviceCount\":2,\"enabledDeviceCount\":1,\"disabledDeviceCount\":1}");
    CHECK_OK(hub_attach(w.hub, BYTES("a"), NO_BYTES, PROOF_DEVICE_SAS, &waker, T0, &seat));
    CHECK(ask(&c, "GET", "/statistics/service" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "{\"connectedDeviceCount\":1}");
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    assert_string_equal(text_at(NULL, NULL, "connectionState"), "Connected");
    assert_string_equal(text_at(NULL, NULL, "connectionStateUpdatedTime"), "2026-11-23T05:25:00.0000000Z");
    hub_detach(seat, T0);
}

TEST(a_store_that_is_full_is_said_and_reads_go_on)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    ask(&c, "PUT", "/devices/b" V, NULL, "{}");
    check_error(&c, 503, "ServiceUnavailable");
    ask(&c, "DELETE", "/devices/a" V, "If-Match: *\r\n", NULL);
    check_error(&c, 503, "ServiceUnavailable");
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)

TESTS(RUN_HERE(a_new_device_is_answered_as_the_sdks_expect), RUN_HERE(an_answer_to_a_change_waits_for_its_record),
      RUN_HERE(an_answer_that_tells_of_a_record_waits_for_it), RUN_HERE(keys_that_are_empty_missing_or_null_are_made),
      RUN_HERE(a_second_create_is_409_and_changes_nothing), RUN_HERE(if_match_is_taken_in_every_form),
      RUN_HERE(if_match_without_the_etag_among_its_own_does_not_fit), RUN_HERE(a_delete_needs_if_match),
      RUN_HERE(a_put_replaces_everything), RUN_HERE(certificates_are_named_by_their_thumbprints),
      RUN_HERE(a_body_that_is_not_right_is_refused), RUN_HERE(keys_and_reasons_have_their_lengths),
      RUN_HERE(ids_are_checked_and_told_apart_by_case), RUN_HERE(paths_are_taken_as_clients_write_them),
      RUN_HERE(devices_are_listed_up_to_top), RUN_HERE(the_longest_list_fits_one_answer), RUN_HERE(statistics_count),
      RUN_HERE(a_store_that_is_full_is_said_and_reads_go_on))
