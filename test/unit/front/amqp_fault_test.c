/* Faults that devices ask for over AMQP (device 10): each of the sixteen, and who is not hurt by it. */
#include "amqp_case.h"

#define HOUR 3600000LL
#define DELAY_MS 2000

struct links {
    pn_link_t *d2c, *c2d, *twin_request, *twin_answer, *call_request, *call_answer;
};

static struct links garage, phone;

static int start(void **state)
{
    client_start(state);
    w.env.faults = true;
    return 0;
}

static pn_link_t *open_receiver(struct client *client, const char *name, const char *address)
{
    pn_link_t *l = attach_to(client, client->session, name, false, address);

    pn_link_flow(l, 10);
    client_run(client);
    return l;
}

static void open_links(const char *id, struct links *l)
{
    char address[200], name[64];

    l->d2c = open_sender(&c, id);
    l->c2d = open_mailbox(&c, id, 10);
    snprintf(address, sizeof address, "/devices/%s/twin/", id);
    snprintf(name, sizeof name, "twin-%s", id);
    l->twin_request = attach_to(&c, c.session, name, true, address);
    snprintf(name, sizeof name, "twin-answers-%s", id);
    l->twin_answer = open_receiver(&c, name, address);
    snprintf(address, sizeof address, "/devices/%s/methods/devicebound", id);
    snprintf(name, sizeof name, "calls-%s", id);
    l->call_request = open_receiver(&c, name, address);
    snprintf(name, sizeof name, "call-answers-%s", id);
    l->call_answer = attach_to(&c, c.session, name, true, address);
}

/* Two devices with all their links on one connection. */
static void open_all(void)
{
    device_keys("phone");
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_prove(&c, "garage") == 200);
    CHECK(client_prove(&c, "phone") == 200);
    open_links("garage", &garage);
    open_links("phone", &phone);
}

static void put_text_property(pn_data_t *map, const char *name, const char *value)
{
    pn_data_put_string(map, pn_bytes(strlen(name), name));
    pn_data_put_string(map, pn_bytes(strlen(value), value));
}

static void put_fault(pn_message_t *m, const char *type, const char *delay, const char *duration)
{
    pn_data_t *map = pn_message_properties(m);

    pn_data_put_map(map);
    pn_data_enter(map);
    put_text_property(map, "AzIoTHub_FaultOperationType", type);
    put_text_property(map, "AzIoTHub_FaultOperationCloseReason", "boom");
    put_text_property(map, "AzIoTHub_FaultOperationDelayInSecs", delay);
    if (duration)
        put_text_property(map, "AzIoTHub_FaultOperationDurationInSecs", duration);
    pn_data_exit(map);
}

static pn_delivery_t *ask_fault(const char *type, const char *delay, const char *duration)
{
    pn_message_t *m = new_message("fault");

    put_fault(m, type, delay, duration);
    return send_message(&c, garage.d2c, m);
}

/* The message is accepted, nothing happens before its time, and then it does. */
static void suffer(const char *type)
{
    int64_t before = world_stored(&w);

    open_all();
    check_accepted(ask_fault(type, "2", "5"));
    CHECK(world_stored(&w) == before + 1);
    client_tick(&c, DELAY_MS - 1);
    CHECK(!c.join.hub.talk->over && link_is_open(garage.d2c) && link_is_open(garage.c2d) &&
          link_is_open(garage.twin_answer));
    client_tick(&c, 1);
}

static void check_links(const struct links *l, const pn_link_t *broken)
{
    pn_link_t *const all[] = {l->d2c, l->c2d, l->twin_request, l->twin_answer, l->call_request, l->call_answer};

    CHECK(!c.join.hub.talk->over);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] == broken)
            check_detached(all[i], "amqp:link:detach-forced");
        else
            CHECK(link_is_open(all[i]));
    }
}

/* Exactly this link of the device is gone, with the reason that it gave, and it may be opened again at once. */
static void check_only(pn_link_t *broken)
{
    check_links(&garage, broken);
    check_links(&phone, NULL);
    CHECK(strstr(pn_condition_get_description(pn_link_remote_condition(broken)), "boom"));
    bool sends = pn_link_is_sender(broken);
    const char *address = pn_terminus_get_address(sends ? pn_link_target(broken) : pn_link_source(broken));
    CHECK(link_is_open(attach_to(&c, c.session, "again", sends, address)));
}

TEST(KillTcp_ends_the_connection_without_a_word)
{
    suffer("KillTcp");
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_CLOSED);
    CHECK(pn_connection_state(c.conn) & PN_REMOTE_ACTIVE);
}

/* A client of today waits 45 s for its links, unless it has heard that their session is gone. */
TEST(KillAmqpConnection_ends_the_sessions_and_closes_it_with_an_error)
{
    suffer("KillAmqpConnection");
    CHECK(pn_session_state(c.session) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_session_remote_condition(c.session)), "amqp:internal-error");
    CHECK(c.join.hub.talk->over && (pn_connection_state(c.conn) & PN_REMOTE_CLOSED));
    assert_string_equal(pn_condition_get_name(pn_connection_remote_condition(c.conn)), "amqp:internal-error");
    assert_string_equal(pn_condition_get_description(pn_connection_remote_condition(c.conn)), "boom");
}

TEST(KillAmqpSession_ends_the_session_of_the_device)
{
    suffer("KillAmqpSession");
    CHECK(!c.join.hub.talk->over && (pn_session_state(c.session) & PN_REMOTE_CLOSED));
    CHECK(pn_condition_is_set(pn_session_remote_condition(c.session)));
    pn_session_close(c.session);
    pn_session_t *next = pn_session(c.conn);
    pn_session_open(next);
    client_run(&c);
    CHECK(link_is_open(open_sender_in(&c, next, "garage"))); /* its token is still good */
}

static void check_cbs(pn_link_t *broken, pn_link_t *whole)
{
    check_detached(broken, "amqp:link:detach-forced");
    CHECK(link_is_open(whole));
    check_links(&garage, NULL);
    check_links(&phone, NULL);
}

TEST(KillAmqpCBSLinkReq_ends_the_link_of_tokens)
{
    suffer("KillAmqpCBSLinkReq");
    check_cbs(c.asks, c.answers);
}

TEST(KillAmqpCBSLinkResp_ends_the_link_of_their_answers)
{
    suffer("KillAmqpCBSLinkResp");
    check_cbs(c.answers, c.asks);
}

TEST(KillAmqpD2CLink_ends_the_link_of_events)
{
    suffer("KillAmqpD2CLink");
    check_only(garage.d2c);
}

TEST(KillAmqpC2DLink_ends_the_link_of_the_mailbox)
{
    suffer("KillAmqpC2DLink");
    check_only(garage.c2d);
}

TEST(KillAmqpTwinLinkReq_ends_the_link_of_requests_to_the_twin)
{
    suffer("KillAmqpTwinLinkReq");
    check_only(garage.twin_request);
}

TEST(KillAmqpTwinLinkResp_ends_the_link_of_answers_of_the_twin)
{
    suffer("KillAmqpTwinLinkResp");
    check_only(garage.twin_answer);
}

TEST(KillAmqpMethodReqLink_ends_the_link_of_calls)
{
    suffer("KillAmqpMethodReqLink");
    check_only(garage.call_request);
}

TEST(KillAmqpMethodRespLink_ends_the_link_of_answers_to_calls)
{
    suffer("KillAmqpMethodRespLink");
    check_only(garage.call_answer);
}

TEST(ShutDownAmqp_closes_the_connection_cleanly)
{
    suffer("ShutDownAmqp");
    CHECK((pn_session_state(c.session) & PN_REMOTE_CLOSED) &&
          !pn_condition_is_set(pn_session_remote_condition(c.session)));
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == OK && (pn_connection_state(c.conn) & PN_REMOTE_CLOSED));
    CHECK(!pn_condition_is_set(pn_connection_remote_condition(c.conn)));
}

TEST(ShutDownMqtt_is_none_over_amqp)
{
    suffer("ShutDownMqtt");
    check_links(&garage, NULL);
}

/* Refused from the end of the delay for the duration; links and the other device have nothing of it. */
static void refuse(const char *type, const char *condition, const char *code)
{
    suffer(type);
    check_links(&garage, NULL);
    check_rejected(send_message(&c, garage.d2c, new_message("refused")), condition, code);
    check_accepted(send_message(&c, phone.d2c, new_message("another's")));
    client_tick(&c, 5000 - 1);
    check_rejected(send_message(&c, garage.d2c, new_message("still refused")), condition, code);
    client_tick(&c, 1);
    check_accepted(send_message(&c, garage.d2c, new_message("over")));
    check_links(&garage, NULL);
}

TEST(InvokeThrottling_refuses_as_too_many)
{
    refuse("InvokeThrottling", "com.microsoft:device-container-throttled", "429001");
}

TEST(InvokeMaxMessageQuota_refuses_as_over_quota)
{
    refuse("InvokeMaxMessageQuota", "amqp:resource-limit-exceeded", "403002");
}

TEST(InvokeAuthError_refuses_as_unauthorized)
{
    refuse("InvokeAuthError", "amqp:unauthorized-access", "401002");
}

/* ---- how it is asked for */

/* An envelope with application properties and one message in a section of data. */
TEST(the_envelope_of_a_batch_may_ask_too)
{
    pn_message_t *m = new_message(""), *inner = new_message("inner");
    char room[1024];
    size_t size = sizeof room;

    open_all();
    CHECK(!pn_message_encode(inner, room, &size));
    pn_data_clear(pn_message_body(m));
    pn_data_put_binary(pn_message_body(m), pn_bytes(size, room));
    put_fault(m, "KillAmqpD2CLink", "1", NULL);
    check_accepted(send_batch(&c, garage.d2c, message_bytes(m)));
    pn_message_free(m);
    pn_message_free(inner);
    CHECK(world_stored(&w) == 1);
    client_tick(&c, 1000);
    check_only(garage.d2c);
}

TEST(a_number_of_seconds_may_be_a_number)
{
    pn_message_t *m = new_message("fault");
    pn_data_t *map = pn_message_properties(m);

    open_all();
    pn_data_put_map(map);
    pn_data_enter(map);
    put_text_property(map, "AzIoTHub_FaultOperationType", "KillAmqpD2CLink");
    pn_data_put_string(map,
                       pn_bytes(strlen("AzIoTHub_FaultOperationDelayInSecs"), "AzIoTHub_FaultOperationDelayInSecs"));
    pn_data_put_double(map, 1.5);
    pn_data_exit(map);
    check_accepted(send_message(&c, garage.d2c, m));
    client_tick(&c, 1499);
    check_links(&garage, NULL);
    client_tick(&c, 1);
    check_links(&garage, garage.d2c);
}

TEST(a_fault_that_there_is_not_is_refused_and_breaks_nothing)
{
    open_all();
    check_rejected(ask_fault("KillHub", "1", NULL), "com.microsoft:argument-error", "400004");
    check_rejected(ask_fault("KillTcp", "soon", NULL), "com.microsoft:argument-error", "400004");
    check_rejected(ask_fault("KillTcp", "-1", NULL), "com.microsoft:argument-error", "400004");
    check_rejected(ask_fault("KillTcp", "99999999999999999999", NULL), "com.microsoft:argument-out-of-range", "403009");
    client_tick(&c, HOUR / 2);
    check_links(&garage, NULL);
}

TEST(without_permission_it_is_a_message_like_any_other)
{
    w.env.faults = false;
    suffer("KillTcp");
    client_tick(&c, 60000);
    check_links(&garage, NULL);
}

TEST(a_device_that_left_before_takes_its_fault_along)
{
    open_all();
    check_accepted(ask_fault("KillAmqpConnection", "2", NULL));
    pn_link_t *const all[] = {garage.d2c,         garage.c2d,          garage.twin_request,
                              garage.twin_answer, garage.call_request, garage.call_answer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pn_link_close(all[i]);
    client_run(&c);
    client_tick(&c, 60000);
    check_links(&phone, NULL);
}

#define FAULT(name) cmocka_unit_test_setup_teardown(name, start, client_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(KillTcp_ends_the_connection_without_a_word),
        FAULT(KillAmqpConnection_ends_the_sessions_and_closes_it_with_an_error),
        FAULT(KillAmqpSession_ends_the_session_of_the_device),
        FAULT(KillAmqpCBSLinkReq_ends_the_link_of_tokens),
        FAULT(KillAmqpCBSLinkResp_ends_the_link_of_their_answers),
        FAULT(KillAmqpD2CLink_ends_the_link_of_events),
        FAULT(KillAmqpC2DLink_ends_the_link_of_the_mailbox),
        FAULT(KillAmqpTwinLinkReq_ends_the_link_of_requests_to_the_twin),
        FAULT(KillAmqpTwinLinkResp_ends_the_link_of_answers_of_the_twin),
        FAULT(KillAmqpMethodReqLink_ends_the_link_of_calls),
        FAULT(KillAmqpMethodRespLink_ends_the_link_of_answers_to_calls),
        FAULT(ShutDownAmqp_closes_the_connection_cleanly),
        FAULT(ShutDownMqtt_is_none_over_amqp),
        FAULT(InvokeThrottling_refuses_as_too_many),
        FAULT(InvokeMaxMessageQuota_refuses_as_over_quota),
        FAULT(InvokeAuthError_refuses_as_unauthorized),
        FAULT(the_envelope_of_a_batch_may_ask_too),
        FAULT(a_number_of_seconds_may_be_a_number),
        FAULT(a_fault_that_there_is_not_is_refused_and_breaks_nothing),
        FAULT(without_permission_it_is_a_message_like_any_other),
        FAULT(a_device_that_left_before_takes_its_fault_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
