/* Digital twins (service 4.11): a device that the test plays, with properties, a component and commands. */
#include "http_peer.h"

static struct seat *seat;
static struct waker nobody = {quiet_wake};

static int start(void **state)
{
    uint64_t at;

    client_start(state);
    CHECK(ask(&c, "PUT", "/devices/room" V, NULL, "{}") == 200);
    CHECK_OK(hub_attach(w.hub, BYTES("room"), NO_BYTES, PROOF_DEVICE_SAS, &nobody, T0, &seat));
    hub_calls_take(seat, true, T0);
    CHECK_OK(hub_model_set(seat, BYTES("dtmi:example:Room;1"), T0, &at));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_detach(seat, T0);
    client_close(&c);
    world_close();
    return 0;
}

static void report(const char *reported)
{
    struct twin_fault fault;
    int64_t version;
    uint64_t at;

    CHECK_OK(hub_twin_report(seat, bytes_str(reported), -1, T0 + 1000, &fault, &version, &at));
}

static bool twin_is(const char *text)
{
    CHECK(ask(&c, "GET", "/digitaltwins/room" V, NULL, NULL) == 200 && heard(&c, "etag").len);
    if (strcmp(heard_body(&c), text) == 0)
        return true;
    print_error("%s\n", heard_body(&c));
    return false;
}

#define UPDATED "\"lastUpdateTime\":\"2026-11-23T05:25:01.0000000Z\""

TEST(properties_stand_as_the_model_names_them)
{
    CHECK(twin_is("{\"$dtId\":\"room\",\"$metadata\":{\"$model\":\"dtmi:example:Room;1\"}}"));
    report("{\"serial\":\"a1\",\"target\":{\"value\":20,\"ac\":200,\"av\":2,\"ad\":\"done\"},"
           "\"heater\":{\"__t\":\"c\",\"power\":3}}");
    CHECK(
        twin_is("{\"$dtId\":\"room\",\"heater\":{\"power\":3,\"$metadata\":{\"power\":{" UPDATED "}}},"
                "\"serial\":\"a1\",\"target\":20,\"$metadata\":{\"$model\":\"dtmi:example:Room;1\",\"serial\":{" UPDATED
                "},\"target\":{\"ackVersion\":2,\"ackCode\":200,\"ackDescription\":\"done\"," UPDATED "}}}"));
}

/* service 4.13: the text of an object with the number, in Message. */
static void check_nested(int status, const char *name, const char *number)
{
    char begins[80];

    if (c.in.head.status != status)
        fail_msg("%d, not %d: %s", c.in.head.status, status, heard_body(&c));
    CHECK_BYTES(heard(&c, "iothub-errorcode"), bytes_str(name));
    snprintf(begins, sizeof begins, "{\"Message\":\"{\\\"errorCode\\\":%s,", number);
    if (!body_has(&c, begins))
        fail_msg("%s", heard_body(&c));
}

TEST(a_device_without_a_model_has_none)
{
    CHECK(ask(&c, "PUT", "/devices/plain" V, NULL, "{}") == 200);
    CHECK(ask(&c, "GET", "/digitaltwins/plain" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "{\"$dtId\":\"plain\",\"$metadata\":{\"$model\":\"\"}}");
    ask(&c, "GET", "/digitaltwins/nobody" V, NULL, NULL);
    check_nested(404, "DeviceNotFound", "404001");
}

static int patch(const char *headers, const char *body)
{
    return ask(&c, "PATCH", "/digitaltwins/room" V, headers, body);
}

TEST(a_patch_says_what_is_desired)
{
    CHECK(patch(NULL, "[{\"op\":\"add\",\"path\":\"/target\",\"value\":21},"
                      "{\"op\":\"replace\",\"path\":\"/heater/power\",\"value\":4},"
                      "{\"op\":\"add\",\"path\":\"/lamp\",\"value\":{\"on\":true,\"$metadata\":{}}}]") == 202);
    CHECK_BYTES(heard(&c, "location"), BYTES("https://hub.test/digitaltwins/room"));
    CHECK(heard(&c, "etag").len && !c.in.body.len);
    CHECK(ask(&c, "GET", "/twins/room" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"heater\":{\"__t\":\"c\",\"power\":4},\"lamp\":{\"__t\":\"c\",\"on\":true},\"target\":21,"));
    CHECK(ask(&c, "GET", "/digitaltwins/room" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"target\":{\"desiredValue\":21,\"desiredVersion\":2,\"lastUpdateTime\":"));
    CHECK(body_has(&c, "\"lamp\":{\"$metadata\":{\"on\":{\"desiredValue\":true,\"desiredVersion\":2,"));
    CHECK(patch("If-Match: \"old\"\r\n", "[{\"op\":\"remove\",\"path\":\"/target\"}]") == 412);
    CHECK(patch("If-Match: *\r\n", "[{\"op\":\"remove\",\"path\":\"/target\"},{\"op\":\"remove\",\"path\":\"/lamp\"},"
                                   "{\"op\":\"remove\",\"path\":\"/heater/power\"}]") == 202);
    CHECK(ask(&c, "GET", "/twins/room" V, NULL, NULL) == 200 && !body_has(&c, "target") && !body_has(&c, "lamp"));
}

TEST(what_is_no_patch_is_refused)
{
    static const struct {
        const char *body, *number, *name;
    } wrong[] = {
        {"{}", "400505", "InvalidDigitalTwinJsonPatch"},
        {"[1]", "400505", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"move\",\"path\":\"/a\",\"from\":\"/b\"}]", "400505", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"add\",\"path\":\"/a\"}]", "400505", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", "400508", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/\",\"value\":1}]", "400508", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/a/\",\"value\":1}]", "400508", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/a/b/c\",\"value\":1}]", "400508", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/a~2\",\"value\":1}]", "400508", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/a b\",\"value\":1}]", "400507", "InvalidDigitalTwinPatch"},
        {"[{\"op\":\"add\",\"path\":\"/a\",\"value\":[null]}]", "400507", "InvalidDigitalTwinPatch"},
        {"[{\"path\":\"/a\",\"value\":1}]", "400505", "InvalidDigitalTwinJsonPatch"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        patch(NULL, wrong[i].body);
        check_nested(400, wrong[i].name, wrong[i].number);
    }
    CHECK(ask(&c, "GET", "/twins/room" V, NULL, NULL) == 200 && body_has(&c, "\"$version\":1"));
    ask(&c, "PATCH", "/digitaltwins/nobody" V, NULL, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]");
    check_nested(404, "DeviceNotFound", "404001");
}

static void say_command(const char *path, const char *body)
{
    struct buf b = buf_max(1 << 16);

    buf_printf(&b, "POST %s HTTP/1.1\r\nHost: hub.test\r\nAuthorization: %s\r\nContent-Length: %zu\r\n\r\n%s", path,
               token_for("service", "hub.test", T0 + 3600000), strlen(body), body);
    client_say(&c, buf_bytes(&b));
    buf_free(&b);
}

static void answers(const char *method, const char *wanted, int64_t status, const char *payload)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request r;

    CHECK_OK(hub_call_next(seat, c.join.now_ms, &room, &r));
    CHECK_BYTES(r.method, bytes_str(method));
    CHECK_BYTES(r.payload, bytes_str(wanted));
    CHECK_OK(hub_call_answer(seat, r.id, status, bytes_str(payload)));
    buf_free(&room);
}

TEST(commands_are_methods)
{
    say_command("/digitaltwins/room/commands/reboot" V "&responseTimeoutInSeconds=20", "{\"delay\":3}");
    answers("reboot", "{\"delay\":3}", 201, "{\"ok\":true}");
    CHECK(client_hear(&c) && c.in.head.status == 200);
    CHECK_BYTES(heard(&c, "x-ms-command-statuscode"), BYTES("201"));
    assert_string_equal(heard_body(&c), "{\"ok\":true}");
    say_command("/digitaltwins/room/components/heater/commands/off" V, "");
    answers("heater*off", "", 200, "");
    CHECK(client_hear(&c) && c.in.head.status == 200 && !c.in.body.len);
    CHECK(ask(&c, "POST", "/digitaltwins/room/commands/reboot" V, NULL, "{") == 400);
    ask(&c, "POST", "/digitaltwins/room/commands/reboot" V "&responseTimeoutInSeconds=301", NULL, "1");
    CHECK(c.in.head.status == 400);
    ask(&c, "POST", "/digitaltwins/room/commands/reboot" V "&responseTimeoutInSeconds=4", NULL, "1");
    check_nested(400, "ArgumentInvalid", "400004");
    say_command("/digitaltwins/room/commands/reboot" V, "");
    answers("reboot", "", 200, "no JSON");
    CHECK(client_hear(&c));
    check_nested(502, "GenericBadGateway", "502000");
    hub_calls_take(seat, false, T0);
    CHECK(ask(&c, "POST", "/digitaltwins/room/commands/reboot" V, NULL, "1") == 404 && body_has(&c, "404103"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(properties_stand_as_the_model_names_them), CASE(a_device_without_a_model_has_none),
      CASE(a_patch_says_what_is_desired), CASE(what_is_no_patch_is_refused), CASE(commands_are_methods))
