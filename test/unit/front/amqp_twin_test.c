/* Twins over AMQP, which this hub does not have: their links stay, and what is asked is answered; and direct
 * methods. */
#include "amqp_message.h"

static struct client c;

static int start(void **state)
{
    (void)state;
    world_open(1);
    memset(&c, 0, sizeof c);
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_prove(&c, "garage") == 200);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&c);
    world_close();
    return 0;
}

/* With the properties that SDKs put on it; `id` may be NULL. */
static pn_link_t *attach_channel(const char *name, bool sender, const char *address, const char *id)
{
    pn_link_t *l = sender ? pn_sender(c.session, name) : pn_receiver(c.session, name);
    pn_data_t *p = pn_link_properties(l);

    pn_terminus_set_address(sender ? pn_link_target(l) : pn_link_source(l), address);
    pn_terminus_set_address(sender ? pn_link_source(l) : pn_link_target(l), "garage");
    if (id) {
        pn_data_put_map(p);
        pn_data_enter(p);
        pn_data_put_symbol(p, pn_bytes(strlen("com.microsoft:api-version"), "com.microsoft:api-version"));
        pn_data_put_string(p, pn_bytes(10, "2020-09-30"));
        pn_data_put_symbol(
            p, pn_bytes(strlen("com.microsoft:channel-correlation-id"), "com.microsoft:channel-correlation-id"));
        pn_data_put_string(p, pn_bytes(strlen(id), id));
        pn_data_exit(p);
    }
    pn_link_open(l);
    if (!sender)
        pn_link_flow(l, 10);
    client_run(&c);
    CHECK(link_is_open(l));
    return l;
}

static pn_message_t *new_request(const char *operation, pn_msgid_t id)
{
    pn_message_t *m = new_message(" ");
    pn_data_t *a = pn_message_annotations(m);

    pn_data_put_map(a);
    pn_data_enter(a);
    pn_data_put_symbol(a, pn_bytes(strlen("operation"), "operation"));
    pn_data_put_string(a, pn_bytes(strlen(operation), operation));
    pn_data_exit(a);
    if (id.type != PN_NULL)
        pn_message_set_correlation_id(m, id);
    return m;
}

static void check_not_available(pn_link_t *l, pn_msgid_t id)
{
    CHECK(take(&c, l));
    pn_msgid_t got = pn_message_get_correlation_id(c.message);
    pn_atom_t status = value_of(pn_message_annotations(c.message), "status");

    CHECK(got.type == id.type);
    if (id.type == PN_STRING)
        CHECK_BYTES(bytes_of(got.u.as_bytes.start, got.u.as_bytes.size),
                    bytes_of(id.u.as_bytes.start, id.u.as_bytes.size));
    else
        CHECK(!memcmp(&got.u, &id.u, 16));
    CHECK(status.type == PN_INT && status.u.as_int == 403);
    CHECK(strstr(heard_body(&c), "\"errorCode\":403010") && strstr(heard_body(&c), "not available on this hub"));
}

TEST(every_operation_is_accepted_and_answered)
{
    static const char *const operations[] = {"GET", "PATCH", "PUT", "DELETE"};
    pn_msgid_t ids[] = {AN_ID, {.type = PN_UUID, .u.as_uuid = {"0123456789abcde"}}};
    pn_link_t *out = attach_channel("t-out", true, "amqps://hub.test/devices/garage/twin", "twin:1");
    pn_link_t *in = attach_channel("t-in", false, "amqps://hub.test/devices/garage/twin", "twin:1");

    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        check_accepted(send_message(&c, out, new_request(operations[i], ids[i % 2])));
        check_not_available(in, ids[i % 2]);
    }
    CHECK(link_is_open(out) && link_is_open(in) && pn_link_credit(out) > 50);
    CHECK(strstr(w.log, "not-available") && strstr(w.log, "twins"));
}

TEST(the_sender_is_there_before_the_receiver)
{
    pn_link_t *out = attach_channel("t-out", true, "/devices/garage/twin", "twin:1");

    CHECK(pn_link_credit(out) == 100);
    check_accepted(send_message(&c, out, new_request("GET", AN_ID))); /* nowhere to answer yet */
    pn_link_t *in = attach_channel("t-in", false, "/devices/garage/twin", "twin:1");
    CHECK(!take(&c, in));
    check_accepted(send_message(&c, out, new_request("GET", AN_ID)));
    check_not_available(in, AN_ID);
}

TEST(an_answer_goes_to_the_link_of_the_same_channel)
{
    CHECK(client_prove(&c, "phone") == 200);
    pn_link_t *in = attach_channel("t-in", false, "/devices/garage/twin", "twin:1");
    pn_link_t *other = attach_channel("t-in-2", false, "/devices/garage/twin", "twin:2");
    pn_link_t *foreign = attach_channel("t-in-3", false, "/devices/phone/twin", "twin:1");
    pn_link_t *out = attach_channel("t-out", true, "/devices/garage/twin", "twin:1");

    check_accepted(send_message(&c, out, new_request("GET", AN_ID)));
    check_not_available(in, AN_ID);
    CHECK(!take(&c, other) && !take(&c, foreign));
    /* Half of the pair is attached again, under another id. */
    pn_link_close(in);
    client_run(&c);
    check_accepted(send_message(&c, out, new_request("GET", AN_ID)));
    check_not_available(other, AN_ID);
    CHECK(!take(&c, foreign));
}

TEST(what_is_no_request_is_accepted_and_not_answered)
{
    pn_link_t *out = attach_channel("t-out", true, "/devices/garage/twin", NULL);
    pn_link_t *in = attach_channel("t-in", false, "/devices/garage/twin", NULL);

    check_accepted(send_message(&c, out, new_request("GET", (pn_msgid_t){.type = PN_NULL})));
    check_accepted(send_bytes(&c, out, BYTES("\x00\x53")));
    CHECK(!take(&c, in) && link_is_open(out) && link_is_open(in));
}

static const char REQUESTS[] = "methods_requests_link-garage", RESPONSES[] = "methods_responses_link-garage";
static const char METHODS[] = "/devices/garage/methods/devicebound";

static void quiet(struct waker *waker)
{
    (void)waker;
}

static enum err call_garage(struct call **call)
{
    static struct waker waker = {quiet};
    const struct call_question q = {.device = BYTES("garage"),
                                    .method = BYTES("open"),
                                    .payload = BYTES("{\"how\":1}"),
                                    .response_ms = 30000,
                                    .waker = &waker};

    return hub_call_open(w.hub, &q, T0, call);
}

TEST(a_call_goes_to_one_link_and_its_answer_comes_from_the_other)
{
    struct call_answer answer;
    struct call *call;
    int64_t until_ms;
    pn_message_t *m = new_message("{\"was\":\"closed\"}");

    CHECK(call_garage(&call) == ERR_UNREACHABLE);
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
    CHECK(call_garage(&call) == ERR_UNREACHABLE); /* one of the two is not enough */
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    CHECK_OK(call_garage(&call));
    client_run(&c);
    CHECK(take(&c, in));
    pn_msgid_t id = pn_message_get_correlation_id(c.message);
    CHECK(id.type == PN_UUID && !strcmp(heard_body(&c), "{\"how\":1}"));
    pn_atom_t name = value_of(pn_message_properties(c.message), "IoThub-methodname");
    CHECK_BYTES(bytes_of(name.u.as_bytes.start, name.u.as_bytes.size), BYTES("open"));
    CHECK(hub_call_look(call, T0, &answer, &until_ms) == ERR_BUSY);

    pn_message_set_correlation_id(m, id);
    pn_data_t *p = pn_message_properties(m);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_string(p, pn_bytes(strlen("IoThub-status"), "IoThub-status"));
    pn_data_put_int(p, -3);
    pn_data_exit(p);
    check_accepted(send_message(&c, out, m));
    CHECK_OK(hub_call_look(call, T0, &answer, &until_ms));
    CHECK(answer.status == -3);
    CHECK_BYTES(answer.payload, BYTES("{\"was\":\"closed\"}"));
    hub_call_close(call);

    pn_link_close(in);
    client_run(&c);
    CHECK(call_garage(&call) == ERR_UNREACHABLE);
}

TEST(methods_can_be_waited_for_and_answers_to_nothing_are_dropped)
{
    /* The C SDK: constant names, the id of the device for both. */
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");

    check_accepted(send_message(&c, out, new_message("{}")));
    pn_link_close(in);
    pn_link_close(out);
    client_run(&c);
    attach_channel("methods_requests_link-garage-2", false, METHODS, "garage");
    CHECK(link_is_open(open_sender(&c, "garage")));
}

TEST(a_stranger_gets_no_channel)
{
    device_keys("phone");
    check_refused(attach_to(&c, c.session, "x", true, "/devices/phone/twin"), "amqp:unauthorized-access", NULL);
    check_refused(attach_to(&c, c.session, "y", false, "/devices/phone/methods/deviceBound"),
                  "amqp:unauthorized-access", NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(every_operation_is_accepted_and_answered), CASE(the_sender_is_there_before_the_receiver),
      CASE(an_answer_goes_to_the_link_of_the_same_channel), CASE(what_is_no_request_is_accepted_and_not_answered),
      CASE(a_call_goes_to_one_link_and_its_answer_comes_from_the_other),
      CASE(methods_can_be_waited_for_and_answers_to_nothing_are_dropped), CASE(a_stranger_gets_no_channel))
