#include "register_world.h"

/* ---- what answers mean ----------------------------------------------------------------------------------------- */

static void answer(int status, int64_t retry_s, const char *body)
{
    registering_answered(&r, status, retry_s, bytes_str(body), T0);
}

TEST(the_first_question_says_who_and_what)
{
    registering_open(NULL, "");
    CHECK_BYTES(buf_bytes(&r.body), BYTES("{\"registrationId\":\"pump\"}"));
    registering_close();
    registering_open("{\"a\": 1}", "");
    CHECK_BYTES(buf_bytes(&r.body), BYTES("{\"registrationId\":\"pump\",\"payload\":{\"a\": 1}}"));
    registering_close();
    registering_open("\"text\"", "");
    CHECK_BYTES(buf_bytes(&r.body), BYTES("{\"registrationId\":\"pump\",\"payload\":\"text\"}"));
    registering_close();
}

TEST(a_payload_that_is_no_json_is_refused)
{
    static const char *const bad[] = {"", "{", "{}x", "{\"a\":1,\"a\":2}", "1 2"};
    struct registering other = {.out = &got};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(registering_put_body(&other, bad[i]), ERR_ARGUMENT);
}

TEST(a_hub_is_assigned)
{
    registering_open(NULL, "");
    answer(202, 3, ASSIGNING);
    CHECK(!r.done && r.next_ms == T0 + 3000);
    assert_string_equal(r.operation, "5.ab-cd");
    answer(202, -1, ASSIGNING);
    CHECK(!r.done && r.next_ms == T0 + 2000);
    answer(200, -1, ASSIGNED);
    CHECK(r.done && r.result == D2D_OK);
    assert_string_equal(got.hub, "hub.test");
    assert_string_equal(got.device, "pump-7");
    assert_string_equal(got.status, "assigned");
    assert_string_equal(got.substatus, "initialAssignment");
    assert_string_equal(got.payload, "{\"a\":[1]}");
    assert_string_equal(got.error, "");
    registering_close();
}

TEST(patience_has_bounds)
{
    registering_open(NULL, "");
    answer(202, 0, ASSIGNING);
    CHECK(r.next_ms == T0 + 1000);
    answer(202, INT64_MAX, ASSIGNING);
    CHECK(r.next_ms == T0 + 60000);
    answer(202, INT64_MIN, ASSIGNING);
    CHECK(r.next_ms == T0 + 2000);
    registering_close();
}

TEST(what_passes_is_asked_again)
{
    registering_open(NULL, "");
    answer(429, 7, "{\"errorCode\":429001,\"message\":\"slowly\"}");
    CHECK(!r.done && r.next_ms == T0 + 7000 && !r.operation[0]);
    assert_string_equal(got.error, "429001: slowly");
    answer(503, -1, "<html>");
    CHECK(!r.done && r.next_ms == T0 + 2000);
    assert_string_equal(got.error, "status 503");
    registering_close();
}

static void check_end(int status, const char *body, enum d2d_err wanted, unsigned code, const char *error)
{
    registering_open(NULL, "");
    answer(status, -1, body);
    CHECK(r.done && r.result == wanted);
    CHECK(got.error_code == code);
    assert_string_equal(got.error, error);
    CHECK(!got.hub[0] && !got.device[0]);
    answer(200, -1, ASSIGNED); /* too late */
    CHECK(r.result == wanted && !got.hub[0]);
    registering_close();
}

TEST(a_refusal_is_the_end)
{
    check_end(401, "{\"errorCode\":401002,\"message\":\"Unauthorized.\"}", D2D_NOT_AUTHORISED, 401002,
              "401002: Unauthorized.");
    check_end(404, "{\"errorCode\":404201}", D2D_NOT_FOUND, 404201, "404201");
    check_end(400, "no json", D2D_ARGUMENT, 0, "status 400");
    check_end(302, "", D2D_FAILED, 0, "status 302");
    check_end(200,
              "{\"operationId\":\"5\",\"status\":\"failed\",\"registrationState\":{\"errorCode\":400208,"
              "\"errorMessage\":\"no hub\"}}",
              D2D_REFUSED, 400208, "400208: no hub");
    check_end(200, "{\"operationId\":\"5\",\"status\":\"disabled\"}", D2D_REFUSED, 0, "the registration is disabled");
}

TEST(what_cannot_be_understood_is_the_end)
{
    const char *none = "the service gives no operation id", *lost = "the service does not name the hub";

    check_end(200, "", D2D_FAILED, 0, "the answer of the service is not JSON");
    check_end(200, "[1]", D2D_FAILED, 0, "the answer of the service is not JSON");
    check_end(200, "{}", D2D_FAILED, 0, "the service answers with the unknown status \"\"");
    check_end(202, "{\"status\":\"assigning\"}", D2D_FAILED, 0, none);
    check_end(202, "{\"operationId\":7,\"status\":\"assigning\"}", D2D_FAILED, 0, none);
    check_end(202, "{\"operationId\":\"a/b\",\"status\":\"assigning\"}", D2D_FAILED, 0, none);
    check_end(202, "{\"operationId\":\"a#\",\"status\":\"assigning\"}", D2D_FAILED, 0, none);
    check_end(202, "{\"operationId\":\"5\",\"status\":\"dancing\"}", D2D_FAILED, 0,
              "the service answers with the unknown status \"dancing\"");
    check_end(200, "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{}}", D2D_FAILED, 0, lost);
    check_end(200,
              "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\\n\","
              "\"deviceId\":\"a\"}}",
              D2D_FAILED, 0, lost);
    check_end(401, "{\"message\":\"a\\u001b[2Jb\"}", D2D_NOT_AUTHORISED, 0, "a?[2Jb");
    check_end(200,
              "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\","
              "\"deviceId\":\"a;SharedAccessKey=b\"}}",
              D2D_FAILED, 0, lost);
}

/* provisioning 2.1 */
TEST(the_key_of_a_device_is_made_of_the_groups)
{
    const char *group = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
    char out[45];

    CHECK(d2d_derive_key(group, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", out, sizeof out) == D2D_OK);
    assert_string_equal(out, "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
    CHECK(d2d_derive_key(group, "a", out, sizeof out - 1) == D2D_ARGUMENT);
    CHECK(d2d_derive_key(group, "", out, sizeof out) == D2D_ARGUMENT);
    CHECK(d2d_derive_key("c2hvcnQ=", "a", out, sizeof out) == D2D_ARGUMENT);
    CHECK(d2d_derive_key("!", "a", out, sizeof out) == D2D_ARGUMENT);
    CHECK(d2d_derive_key(NULL, "a", out, sizeof out) == D2D_ARGUMENT);
}

/* ---- what is asked at all -------------------------------------------------------------------------------------- */

static void check_argument(struct d2d_loop *loop, struct d2d_register_options o, const char *error)
{
    struct d2d_registration out;

    CHECK(d2d_register(loop, &o, &out) == D2D_ARGUMENT);
    if (!strstr(out.error, error))
        fail_msg("\"%s\" has no \"%s\"", out.error, error);
}

TEST(what_cannot_be_asked_is_not)
{
    const char *key = "AAECAwQFBgcICQoLDA0ODw==";
    struct d2d_loop *loop;
    struct d2d_registration out;

    CHECK(d2d_loop_new(&loop) == D2D_OK);
    CHECK(d2d_register(NULL, NULL, &out) == D2D_ARGUMENT);
    check_argument(loop, (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .key = key},
                   "registration id");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .key = key,
                                                 .registration = "a."},
                   "registration id");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .key = key,
                                                 .registration = "a/b"},
                   "registration id");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .key = key, .registration = "a"},
                   "scope");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s/t", .key = key,
                                                 .registration = "a"},
                   "scope");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .scope = "s", .key = key, .registration = "a"},
                   "host name");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .key = "!",
                                                 .registration = "a"},
                   "base64");
    check_argument(
        loop, (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .registration = "a"},
        "certificate");
    check_argument(loop,
                   (struct d2d_register_options){D2D_REGISTER_OPTIONS, .service = "h", .scope = "s", .key = key,
                                                 .registration = "a", .payload = "{"},
                   "not JSON");
    d2d_loop_free(loop);
}

TESTS(RUN(the_first_question_says_who_and_what), RUN(a_payload_that_is_no_json_is_refused), RUN(a_hub_is_assigned),
      RUN(patience_has_bounds), RUN(what_passes_is_asked_again), RUN(a_refusal_is_the_end),
      RUN(what_cannot_be_understood_is_the_end), RUN(the_key_of_a_device_is_made_of_the_groups),
      RUN(what_cannot_be_asked_is_not))
