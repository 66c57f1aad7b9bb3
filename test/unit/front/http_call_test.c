/* Direct methods over HTTPS, with a device that the test plays. */
#include "http_peer.h"

static struct seat *seat;
static struct waker nobody = {quiet_wake};

static int start(void **state)
{
    client_start(state);
    CHECK(ask(&c, "PUT", "/devices/door" V, NULL, "{}") == 200);
    CHECK_OK(hub_attach(w.hub, BYTES("door"), NO_BYTES, PROOF_DEVICE_SAS, &nobody, T0, &seat));
    hub_calls_take(seat, true, T0);
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

static void say_call(const char *body)
{
    struct buf b = buf_max(1 << 21);

    buf_printf(&b,
               "POST /twins/door/methods" V " HTTP/1.1\r\nHost: hub.test\r\nAuthorization: %s\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               token_for("service", "hub.test", T0 + 3600000), strlen(body), body);
    client_say(&c, buf_bytes(&b));
    buf_free(&b);
}

static void answer(const char *wanted, int64_t status, const char *payload)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request r;

    CHECK_OK(hub_call_next(seat, c.join.now_ms, &room, &r));
    CHECK_BYTES(r.payload, wanted ? bytes_str(wanted) : NO_BYTES);
    CHECK_OK(hub_call_answer(seat, r.id, status, bytes_str(payload)));
    buf_free(&room);
}

/* service 4.13, nested: the text of an object with the number, in Message. */
static void check_nested(int status, int number, const char *name)
{
    json_t *root, *inner;

    CHECK(c.in.head.status == status);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), bytes_str(name));
    root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    inner = json_loads(json_string_value(json_object_get(root, "Message")), 0, NULL);
    CHECK(json_integer_value(json_object_get(inner, "errorCode")) == number);
    CHECK(json_string_length(json_object_get(inner, "trackingId")) == 32);
    json_decref(inner);
    json_decref(root);
}

TEST(payloads_pass_as_they_are_written)
{
    static const char *const payloads[] = {
        "4.50", "{ \"a\" : [1,  2.0] }", "\"\\u00e4\"", "null", "true", "\"\\u0000\"",
        /* Larger than 64 bits hold, and what an unsigned number of 64 bits may be. */
        "{\"serial\":18446744073709551615}", "-123456789012345678901234567890"};
    char body[200], wanted[200];

    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        snprintf(body, sizeof body, "{\"methodName\":\"m\",\"payload\":%s}", payloads[i]);
        say_call(body);
        CHECK(!client_hear(&c));
        answer(payloads[i], 7, payloads[i]);
        CHECK(client_hear(&c) && c.in.head.status == 200);
        snprintf(wanted, sizeof wanted, "{\"status\":7,\"payload\":%s}", payloads[i]);
        CHECK_BYTES(bytes_str(heard_body(&c)), bytes_str(wanted));
    }
    say_call("{\"methodName\":\"m\"}");
    answer(NULL, -1, "");
    CHECK(client_hear(&c));
    CHECK_BYTES(bytes_str(heard_body(&c)), BYTES("{\"status\":-1,\"payload\":null}"));
}

TEST(an_answer_that_is_no_json)
{
    say_call("{\"methodName\":\"m\",\"payload\":1}");
    answer("1", 200, "{\"a\":");
    CHECK(client_hear(&c));
    check_nested(502, 502000, "GenericBadGateway");
}

/* service 4.13: api-versions of 2016 have it as everything else has. */
TEST(failures_of_the_first_api_versions_are_not_nested)
{
    hub_calls_take(seat, false, c.join.now_ms);
    ask(&c, "POST", "/twins/door/methods?api-version=2016-11-14", NULL, "{\"methodName\":\"m\"}");
    check_error(&c, 404, "DeviceNotOnline");
    CHECK(body_has(&c, "{\"Message\":\"ErrorCode:DeviceNotOnline;"));
    ask(&c, "POST", "/twins/door/methods?api-version=2018-06-30", NULL, "{\"methodName\":\"m\"}");
    check_nested(404, 404103, "DeviceNotOnline");
}

TEST(what_is_asked_wrongly)
{
    static const char *const bodies[] = {
        "{}",
        "{\"methodName\":1}",
        "{\"methodName\":\"a b\"}",
        "{\"methodName\":\"\"}",
        "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":4}",
        "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":301}",
        "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":\"5\"}",
        "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":-1}",
        "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":301}",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        say_call(bodies[i]);
        CHECK(client_hear(&c));
        check_nested(400, 400004, "ArgumentInvalid");
    }
    ask_as(&c, "registryReadWrite", "POST", "/twins/door/methods" V, NULL, "{\"methodName\":\"m\"}");
    check_error(&c, 401, "IotHubUnauthorizedAccess");
}

/* service 4.7: pairs of C, .NET, Node, Java, Go, FreeRTOS and the tools; C waits 60 s for a device whatever it may
 * take. */
TEST(every_pair_of_times_that_clients_send_is_taken)
{
    static const int pairs[][2] = {{60, 60},   {60, 5},  {5, 5},   {30, 30},   {30, 45}, {30, 60},
                                   {200, 200}, {20, 20}, {10, 10}, {300, 300}, {0, 5}};
    char body[120];

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        snprintf(body, sizeof body,
                 "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":%d,\"responseTimeoutInSeconds\":%d}", pairs[i][0],
                 pairs[i][1]);
        say_call(body);
        CHECK(!client_hear(&c));
        answer(NULL, 200, "1");
        CHECK(client_hear(&c) && c.in.head.status == 200);
    }
}

TEST(a_device_that_does_not_answer_or_goes)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request r;

    say_call("{\"methodName\":\"m\",\"responseTimeoutInSeconds\":5}");
    CHECK(c.join.hub.talk->ops->tick(c.join.hub.talk, T0) == T0 + 5000);
    c.join.now_ms = T0 + 5000;
    c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms);
    CHECK(client_hear(&c));
    check_nested(504, 504101, "GatewayTimeout");

    say_call("{\"methodName\":\"m\"}");
    CHECK_OK(hub_call_next(seat, c.join.now_ms, &room, &r));
    hub_call_fail(seat, r.id, ERR_REJECTED);
    CHECK(client_hear(&c));
    check_nested(502, 502000, "GenericBadGateway");

    say_call("{\"methodName\":\"m\"}");
    CHECK_OK(hub_call_next(seat, c.join.now_ms, &room, &r));
    buf_free(&room);
    hub_calls_take(seat, false, c.join.now_ms);
    hub_detach(seat, c.join.now_ms);
    seat = NULL;
    CHECK(client_hear(&c));
    check_nested(404, 404104, "DeviceConnectionClosedRemotely");

    say_call("{\"methodName\":\"m\"}");
    CHECK(client_hear(&c));
    check_nested(404, 404103, "DeviceNotOnline");
    say_call("{\"methodName\":\"m\",\"connectTimeoutInSeconds\":10}");
    CHECK(!client_hear(&c));
    c.join.now_ms += 10000;
    CHECK(c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms) > c.join.now_ms);
    CHECK(client_hear(&c));
    check_nested(404, 404103, "DeviceNotOnline");
}

TEST(the_next_request_waits_and_a_caller_may_go)
{
    say_call("{\"methodName\":\"m\",\"payload\":1}");
    say_call("{\"methodName\":\"m\",\"payload\":2}");
    answer("1", 1, "1");
    CHECK(client_hear(&c) && body_has(&c, "\"status\":1"));
    client_turns(&c);
    answer("2", 2, "2");
    CHECK(client_hear(&c) && body_has(&c, "\"status\":2"));
    say_call("{\"methodName\":\"m\"}"); /* and the connection ends */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(payloads_pass_as_they_are_written), CASE(an_answer_that_is_no_json),
      CASE(failures_of_the_first_api_versions_are_not_nested), CASE(what_is_asked_wrongly),
      CASE(every_pair_of_times_that_clients_send_is_taken), CASE(a_device_that_does_not_answer_or_goes),
      CASE(the_next_request_waits_and_a_caller_may_go))
