/* Registrations that need somebody outside of this hub: how they go on, end, are overtaken and forgotten. */
#include "http_peer.h"

#include "outside.h"

#define SCOPE "0neB30376DB"
#define OTHER "other.hub"

static struct outside_request *requests[8];
static size_t n_requests;
static bool busy;

static enum err start_request(void *ctx, struct outside_request *request)
{
    (void)ctx;
    if (busy || n_requests == 8)
        return ERR_BUSY;
    requests[n_requests++] = request;
    return OK;
}

static const char *const others[] = {OTHER, NULL};
static const struct outside outside = {.hubs = others, .run = "1", .start = start_request};

static int start(void **state)
{
    client_start(state);
    w.env.outside = &outside;
    busy = false;
    n_requests = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_requests; i++)
        outside_request_free(requests[i]);
    client_close(&c);
    world_close();
    return 0;
}

static void enroll(const char *id, const char *more)
{
    char path[256], body[2048];

    snprintf(path, sizeof path, "/enrollments/%s" V, id);
    snprintf(body, sizeof body,
             "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A
             "\",\"secondaryKey\":\"" KEY_B "\"}}%s}",
             more);
    int status = ask(&c, "GET", path, NULL, NULL);
    CHECK(ask(&c, "PUT", path, status == 200 ? "If-Match: *\r\n" : NULL, body) == 200);
}

static int device_asks(const char *method, const char *path, const char *body)
{
    return ask_with_key(method, path, SCOPE, "dev", KEY_A, c.join.now_ms + 600000, body);
}

static int registers(char operation[128])
{
    int status = device_asks("PUT", "/" SCOPE "/registrations/dev/register" V, "{\"payload\":{\"a\":1}}");
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    const char *id = json_string_value(json_object_get(root, "operationId"));

    snprintf(operation, 128, "%s", id ? id : "");
    json_decref(root);
    return status;
}

static int polls(const char *operation)
{
    char path[512];

    snprintf(path, sizeof path, "/" SCOPE "/registrations/dev/operations/%s" V, operation);
    return device_asks("GET", path, "");
}

static void ends(size_t i, const char *host, unsigned error)
{
    struct outside_end end = {.host = host, .error = error, .message = "No."};

    outside_finish(&w.env, requests[i], &end, c.join.now_ms);
}

TEST(a_registration_goes_on_until_its_job_ends)
{
    char operation[128];
    struct device d;

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\",\"deviceId\":\"door\"");
    CHECK(registers(operation) == 202 && n_requests == 1);
    assert_string_equal(requests[0]->host, OTHER);
    assert_string_equal(requests[0]->device.id, "door");
    CHECK(!requests[0]->url && requests[0]->device.primary.len == 28 && outside_may_replace(requests[0], OTHER));
    CHECK(polls(operation) == 202 && body_has(&c, "\"status\":\"assigning\"") && !body_has(&c, "assignedHub"));
    CHECK(body_has(&c, "\"registrationState\":{\"registrationId\":\"dev\",\"status\":\"assigning\"}"));
    CHECK(heard(&c, "retry-after").len > 0);
    ends(0, OTHER, 0);
    CHECK(polls(operation) == 200 && body_has(&c, "\"assignedHub\":\"" OTHER "\"") &&
          body_has(&c, "\"deviceId\":\"door\""));
    CHECK_ERR(hub_device_get(w.hub, BYTES("door"), &d), ERR_NOT_FOUND);
    /* Back to this hub: it leaves the other one, which is a request too. */
    enroll("dev", ",\"deviceId\":\"door\",\"iotHubHostName\":\"hub.test\"");
    CHECK(registers(operation) == 202 && n_requests == 2);
    assert_string_equal(requests[1]->leave, OTHER);
    CHECK_ERR(hub_device_get(w.hub, BYTES("door"), &d), ERR_NOT_FOUND);
    ends(1, "hub.test", 0);
    CHECK_OK(hub_device_get(w.hub, BYTES("door"), &d));
    CHECK(polls(operation) == 200 && body_has(&c, "deviceDataMigrated"));
    /* From here on nobody outside is needed. */
    CHECK(registers(operation) == 202 && n_requests == 2 && polls(operation) == 200 &&
          body_has(&c, "deviceDataMigrated"));
}

TEST(a_newer_registration_makes_the_job_before_void)
{
    char first[128], second[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    CHECK(registers(first) == 202 && registers(second) == 202 && n_requests == 2);
    CHECK(polls(first) == 404);
    ends(0, OTHER, DPS_HUB_REFUSES);
    CHECK(polls(second) == 202);
    ends(1, OTHER, 0);
    ends(0, OTHER, DPS_HUB_REFUSES);
    CHECK(polls(second) == 200 && body_has(&c, "\"status\":\"assigned\""));
    CHECK(ask(&c, "DELETE", "/registrations/dev" V, NULL, NULL) == 204);
    ends(1, OTHER, 0); /* and one that was forgotten stays so */
    CHECK(ask(&c, "GET", "/registrations/dev" V, NULL, NULL) == 404);
}

TEST(a_failure_is_told_and_forgets_nothing)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    CHECK(registers(operation) == 202);
    ends(0, OTHER, 0);
    CHECK(registers(operation) == 202);
    ends(1, NULL, DPS_WEBHOOK);
    CHECK(polls(operation) == 200 && body_has(&c, "\"status\":\"failed\"") && body_has(&c, "\"errorCode\":400207"));
    CHECK(body_has(&c, "\"errorMessage\":\"No.\""));
    /* The earlier hub is still known: it stays there. */
    enroll("dev", ",\"iotHubHostName\":\"hub.test\",\"reprovisionPolicy\":{\"updateHubAssignment\":false}");
    CHECK(registers(operation) == 202 && n_requests == 3);
    assert_string_equal(requests[2]->host, OTHER);
    ends(2, OTHER, 0);
    CHECK(polls(operation) == 200 && body_has(&c, "\"substatus\":\"initialAssignment\""));
}

TEST(a_hub_that_was_stopped_in_the_middle_says_so_later)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    CHECK(registers(operation) == 202);
    c.join.now_ms += ASSIGNING_MS - 1000;
    CHECK(polls(operation) == 202);
    c.join.now_ms += 1000;
    CHECK(polls(operation) == 200 && body_has(&c, "\"status\":\"failed\"") && body_has(&c, "400207"));
    CHECK(registers(operation) == 202 && polls(operation) == 202);
}

TEST(too_many_jobs_are_a_reason_to_come_back)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    busy = true;
    CHECK(registers(operation) == 429 && heard(&c, "retry-after").len > 0);
    busy = false;
    CHECK(registers(operation) == 202 && n_requests == 1);
}

TEST(a_webhook_gets_the_entry_without_its_keys)
{
    char operation[128];

    enroll("dev",
           ",\"allocationPolicy\":\"custom\",\"customAllocationDefinition\":{\"webhookUrl\":\"https://a/b?code=c\"}");
    CHECK(registers(operation) == 202 && n_requests == 1 && !requests[0]->host[0]);
    assert_string_equal(requests[0]->url, "https://a/b?code=c");
    CHECK(strstr(requests[0]->question, "\"payload\":{\"a\":1}") &&
          strstr(requests[0]->question, "\"linkedHubs\":[\"hub.test\",\"" OTHER "\"]"));
    CHECK(!strstr(requests[0]->question, "primaryKey") && !strstr(requests[0]->question, KEY_A));
    struct outside_end end = {.host = "hub.test", .payload = BYTES("{\"door\":\"left\"}")};
    outside_finish(&w.env, requests[0], &end, c.join.now_ms);
    CHECK(polls(operation) == 200 && body_has(&c, "\"payload\":{\"door\":\"left\"}"));
    w.env.outside = NULL;
    CHECK(registers(operation) == 202 && polls(operation) == 200 && body_has(&c, "400207"));
}

TEST(one_that_is_deleted_in_between_is_not_let_in)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"nowhere\"");
    CHECK(registers(operation) == 202 && n_requests == 0 && polls(operation) == 200 && body_has(&c, "400209"));
    enroll("dev", ",\"iotHubs\":[\"nowhere\"]");
    CHECK(registers(operation) == 202 && polls(operation) == 200 && body_has(&c, "400209"));
    CHECK(ask(&c, "DELETE", "/enrollments/dev" V, NULL, NULL) == 204);
    CHECK(polls(operation) == 401 && registers(operation) == 401);
}

static bool twin_has(const char *text)
{
    CHECK(ask(&c, "GET", "/twins/dev" V, NULL, NULL) == 200);
    return body_has(&c, text);
}

#define INITIAL ",\"initialTwin\":{\"tags\":{\"floor\":1},\"properties\":{\"desired\":{\"open\":false}}}"

TEST(a_new_device_begins_with_the_twin_of_its_enrollment)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"hub.test\"" INITIAL);
    CHECK(registers(operation) == 202 && n_requests == 0 && polls(operation) == 200);
    CHECK(twin_has("\"tags\":{\"floor\":1}") && twin_has("\"desired\":{\"open\":false,"));
    /* It is there now, and keeps what it has. */
    CHECK(ask(&c, "PATCH", "/twins/dev" V, NULL, "{\"tags\":{\"floor\":2}}") == 200);
    CHECK(registers(operation) == 202 && polls(operation) == 200 && twin_has("\"tags\":{\"floor\":2}"));
}

static void comes_back_with(size_t i, const char *twin)
{
    struct outside_end end = {.host = "hub.test", .twin = bytes_str(twin)};

    CHECK(outside_finish(&w.env, requests[i], &end, c.join.now_ms));
}

TEST(a_twin_that_the_hub_refuses_does_not_keep_its_device_away)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    CHECK(registers(operation) == 202 && n_requests == 1);
    ends(0, OTHER, 0);
    enroll("dev", ",\"iotHubHostName\":\"hub.test\"");
    CHECK(registers(operation) == 202 && n_requests == 2);
    comes_back_with(1, "{\"deviceId\":\"dev\",\"tags\":{\"a.b\":1}}");
    CHECK(polls(operation) == 200 && body_has(&c, "\"status\":\"assigned\""));
    CHECK(!twin_has("\"tags\"") && strstr(w.log, "twin-refused"));
}

TEST(a_device_that_moves_brings_its_twin_or_begins_again)
{
    char operation[128];

    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"" INITIAL);
    CHECK(registers(operation) == 202 && n_requests == 1);
    assert_string_equal(requests[0]->twin, "{\"tags\":{\"floor\":1},\"properties\":{\"desired\":{\"open\":false}}}");
    ends(0, OTHER, 0);
    enroll("dev", ",\"iotHubHostName\":\"hub.test\"" INITIAL);
    CHECK(registers(operation) == 202 && n_requests == 2 && requests[1]->migrates);
    comes_back_with(1, "{\"deviceId\":\"dev\",\"tags\":{\"was\":\"there\"},\"properties\":{\"desired\":{\"a\":1,"
                       "\"$metadata\":{},\"$version\":9},\"reported\":{\"r\":2}}}");
    CHECK(polls(operation) == 200 && body_has(&c, "deviceDataMigrated"));
    CHECK(twin_has("\"tags\":{\"was\":\"there\"}") && twin_has("\"desired\":{\"a\":1,") &&
          twin_has("\"reported\":{\"r\":2,"));
    /* There and back again, to be reset: one that stood here meanwhile begins again, too. */
    enroll("dev", ",\"iotHubHostName\":\"" OTHER "\"");
    CHECK(registers(operation) == 202 && n_requests == 3);
    ends(2, OTHER, 0);
    CHECK(ask(&c, "GET", "/twins/dev" V, NULL, NULL) == 404);
    CHECK(ask(&c, "PUT", "/devices/dev" V, NULL, "{}") == 200);
    CHECK(ask(&c, "PATCH", "/twins/dev" V, NULL, "{\"tags\":{\"stale\":1}}") == 200);
    enroll("dev", ",\"iotHubHostName\":\"hub.test\",\"reprovisionPolicy\":{\"migrateDeviceData\":false}" INITIAL);
    CHECK(registers(operation) == 202 && n_requests == 4 && !requests[3]->migrates);
    comes_back_with(3, requests[3]->twin);
    CHECK(twin_has("\"tags\":{\"floor\":1}") && !twin_has("stale"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registration_goes_on_until_its_job_ends, start, stop),
        cmocka_unit_test_setup_teardown(a_newer_registration_makes_the_job_before_void, start, stop),
        cmocka_unit_test_setup_teardown(a_failure_is_told_and_forgets_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_hub_that_was_stopped_in_the_middle_says_so_later, start, stop),
        cmocka_unit_test_setup_teardown(too_many_jobs_are_a_reason_to_come_back, start, stop),
        cmocka_unit_test_setup_teardown(a_webhook_gets_the_entry_without_its_keys, start, stop),
        cmocka_unit_test_setup_teardown(a_new_device_begins_with_the_twin_of_its_enrollment, start, stop),
        cmocka_unit_test_setup_teardown(a_twin_that_the_hub_refuses_does_not_keep_its_device_away, start, stop),
        cmocka_unit_test_setup_teardown(a_device_that_moves_brings_its_twin_or_begins_again, start, stop),
        cmocka_unit_test_setup_teardown(one_that_is_deleted_in_between_is_not_let_in, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
