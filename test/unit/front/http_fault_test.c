/* Faults that a device asks for over HTTPS (device 10): of the request itself. */
#include "http_peer.h"

#define EVENTS "/devices/garage/messages/events" V

static int start(void **state)
{
    client_start(state);
    w.env.faults = true;
    world_device(&w, "garage");
    return 0;
}

static int ask_fault(const char *type, const char *delay)
{
    char headers[400];

    snprintf(headers, sizeof headers,
             "iothub-app-AzIoTHub_FaultOperationType: %s\r\niothub-app-AzIoTHub_FaultOperationDelayInSecs: %s\r\n"
             "iothub-app-AzIoTHub_FaultOperationDurationInSecs: 5\r\n",
             type, delay);
    return ask_as(&c, "device", "POST", EVENTS, headers, "x");
}

static uint64_t received(void)
{
    struct hub_counts n;

    hub_count(w.hub, &n);
    return n.received;
}

TEST(InvokeThrottling_answers_429)
{
    ask_fault("InvokeThrottling", "2");
    check_error(&c, 429, "ThrottlingException");
    CHECK(received() == 0);
}

TEST(InvokeMaxMessageQuota_answers_403)
{
    ask_fault("InvokeMaxMessageQuota", "2");
    check_error(&c, 403, "IotHubQuotaExceeded");
    CHECK(received() == 0);
}

TEST(InvokeAuthError_answers_401)
{
    CHECK(ask_fault("InvokeAuthError", "2") == 401);
    CHECK(received() == 0);
    CHECK(ask_as(&c, "device", "POST", EVENTS, NULL, "x") == 204);
}

TEST(KillTcp_closes_the_connection_behind_the_answer)
{
    CHECK(ask_fault("KillTcp", "2") == 204);
    CHECK(received() == 1 && c.join.hub.talk->over);
}

TEST(what_only_others_have_breaks_nothing)
{
    CHECK(ask_fault("KillAmqpSession", "0") == 204);
    CHECK(ask_fault("ShutDownMqtt", "0") == 204);
    CHECK(received() == 2 && !c.join.hub.talk->over);
}

TEST(a_fault_that_there_is_not_is_refused)
{
    ask_fault("KillHub", "2");
    check_error(&c, 400, "ArgumentInvalid");
    ask_fault("KillTcp", "3601");
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(received() == 0 && !c.join.hub.talk->over);
}

TEST(without_permission_it_is_a_message_like_any_other)
{
    w.env.faults = false;
    CHECK(ask_fault("InvokeThrottling", "2") == 204);
    CHECK(ask_fault("KillTcp", "2") == 204);
    CHECK(received() == 2 && !c.join.hub.talk->over);
}

TEST(the_status_of_the_hub_tells_of_it)
{
    CHECK(ask(&c, "GET", "/hub/status" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"fault_injection\":true"));
    w.env.faults = false;
    CHECK(ask(&c, "GET", "/hub/status" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"fault_injection\":false"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(InvokeThrottling_answers_429), CASE(InvokeMaxMessageQuota_answers_403), CASE(InvokeAuthError_answers_401),
      CASE(KillTcp_closes_the_connection_behind_the_answer), CASE(what_only_others_have_breaks_nothing),
      CASE(a_fault_that_there_is_not_is_refused), CASE(without_permission_it_is_a_message_like_any_other),
      CASE(the_status_of_the_hub_tells_of_it))
