/* Direct methods over AMQP. */
#include "amqp_channel.h"

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_call_goes_to_one_link_and_its_answer_comes_from_the_other),
      CASE(methods_can_be_waited_for_and_answers_to_nothing_are_dropped), CASE(a_stranger_gets_no_channel))
