/* Direct methods over AMQP. */
#include "amqp_channel.h"

static const char REQUESTS[] = "methods_requests_link-garage", RESPONSES[] = "methods_responses_link-garage";
static const char METHODS[] = "/devices/garage/methods/devicebound";

static void quiet(struct waker *waker)
{
    (void)waker;
}

static enum err call_device(const char *id, const char *payload, struct call **call)
{
    static struct waker waker = {quiet};
    const struct call_question q = {.device = bytes_str(id),
                                    .method = BYTES("open"),
                                    .payload = bytes_str(payload),
                                    .response_ms = 30000,
                                    .waker = &waker};

    return hub_call_open(w.hub, &q, T0, call);
}

static enum err call_garage(struct call **call)
{
    return call_device("garage", "{\"how\":1}", call);
}

/* The id of the call that came last. */
static pn_msgid_t take_call(pn_link_t *in, const char *payload)
{
    CHECK(take(&c, in));
    assert_string_equal(heard_body(&c), payload);
    return pn_message_get_correlation_id(c.message);
}

static void say_answer(pn_link_t *out, pn_msgid_t id, int status, const char *body)
{
    pn_message_t *m = new_message(body);
    pn_data_t *p = pn_message_properties(m);

    pn_message_set_correlation_id(m, id);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_string(p, pn_bytes(strlen("IoThub-status"), "IoThub-status"));
    pn_data_put_int(p, status);
    pn_data_exit(p);
    check_accepted(send_message(&c, out, m));
}

static void check_answer(struct call *call, int64_t status, const char *body)
{
    struct call_answer answer;
    int64_t until_ms;

    CHECK_OK(hub_call_look(call, T0, &answer, &until_ms));
    CHECK(answer.status == status);
    CHECK_BYTES(answer.payload, bytes_str(body));
    hub_call_close(call);
}

TEST(a_call_goes_to_one_link_and_its_answer_comes_from_the_other)
{
    struct call_answer answer;
    struct call *call;
    int64_t until_ms;

    CHECK(call_garage(&call) == ERR_UNREACHABLE);
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
    CHECK(call_garage(&call) == ERR_UNREACHABLE); /* one of the two is not enough */
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    CHECK_OK(call_garage(&call));
    client_run(&c);
    pn_msgid_t id = take_call(in, "{\"how\":1}");
    CHECK(id.type == PN_UUID);
    pn_atom_t name = value_of(pn_message_properties(c.message), "IoThub-methodname");
    CHECK_BYTES(bytes_of(name.u.as_bytes.start, name.u.as_bytes.size), BYTES("open"));
    CHECK(hub_call_look(call, T0, &answer, &until_ms) == ERR_BUSY);
    say_answer(out, id, -3, "{\"was\":\"closed\"}");
    check_answer(call, -3, "{\"was\":\"closed\"}");

    pn_link_close(in);
    client_run(&c);
    CHECK(call_garage(&call) == ERR_UNREACHABLE);
}

static enum err fate(struct call *call)
{
    struct call_answer answer;
    int64_t until_ms;

    return hub_call_look(call, T0, &answer, &until_ms);
}

/* The id of the next call, which is not settled yet. */
static pn_msgid_t hold_call(pn_link_t *in, pn_delivery_t **out)
{
    pn_delivery_t *d = pn_link_current(in);
    char bytes[1024];

    CHECK(d && pn_delivery_readable(d) && !pn_delivery_partial(d) && !pn_delivery_settled(d));
    ssize_t n = pn_link_recv(in, bytes, sizeof bytes);
    CHECK(n > 0);
    pn_message_clear(c.message);
    CHECK(!pn_message_decode(c.message, bytes, (size_t)n));
    pn_link_advance(in);
    *out = d;
    return pn_message_get_correlation_id(c.message);
}

static void settle(pn_delivery_t *d, uint64_t how)
{
    if (how)
        pn_delivery_update(d, how);
    pn_delivery_settle(d);
    client_run(&c);
}

/* device 3.8: the C SDK does so when its callback refuses, and where it cannot read the call. */
TEST(a_call_that_the_device_will_not_take_fails_at_once)
{
    static const uint64_t refusals[] = {PN_REJECTED, PN_RELEASED, PN_MODIFIED};
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
    struct call *call, *next;
    pn_delivery_t *d;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        CHECK_OK(call_garage(&call));
        CHECK_OK(call_garage(&next));
        client_run(&c);
        pn_msgid_t id = hold_call(in, &d);
        settle(d, refusals[i]);
        CHECK(fate(call) == ERR_REJECTED && fate(next) == ERR_BUSY);
        say_answer(out, id, 200, "1"); /* too late */
        CHECK(fate(call) == ERR_REJECTED);
        hub_call_close(call);
        id = hold_call(in, &d);
        settle(d, i ? PN_ACCEPTED : 0); /* settled without a word: it took it */
        CHECK(fate(next) == ERR_BUSY);
        say_answer(out, id, 200, "1");
        check_answer(next, 200, "1");
    }
}

TEST(a_call_that_is_refused_after_its_caller_went_is_nobody_s)
{
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    struct call *call;
    pn_delivery_t *d;

    attach_channel(RESPONSES, true, METHODS, "garage");
    CHECK_OK(call_garage(&call));
    client_run(&c);
    hold_call(in, &d);
    hub_call_close(call);
    settle(d, PN_REJECTED);
    CHECK(link_is_open(in));
}

/* A device that settles nothing is called for ever. */
TEST(questions_that_are_never_settled_do_not_pile_up)
{
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
    struct call *call;
    pn_delivery_t *d;
    int open = 0;

    for (int i = 0; i < 3 * CALLS_OF_DEVICE_MAX; i++) {
        pn_link_flow(in, 1);
        CHECK_OK(call_garage(&call));
        client_run(&c);
        say_answer(out, hold_call(in, &d), i, "1");
        check_answer(call, i, "1");
    }
    for (d = pn_unsettled_head(in); d; d = pn_unsettled_next(d))
        open += !pn_delivery_settled(d);
    CHECK(open == CALLS_OF_DEVICE_MAX);
}

TEST(a_device_that_closes_a_link_its_session_or_its_connection_ends_what_it_got_at_once)
{
    struct call *got;
    pn_delivery_t *d;

    for (int how = 0; how < 4; how++) {
        pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
        pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");

        CHECK_OK(call_garage(&got));
        client_run(&c);
        hold_call(in, &d);
        CHECK(fate(got) == ERR_BUSY);
        if (how == 0) {
            pn_link_close(in);
        } else if (how == 1) {
            settle(d, PN_ACCEPTED);
            pn_link_close(out);
        } else if (how == 2) {
            pn_link_detach(in);
        } else {
            pn_session_close(c.session);
        }
        client_run(&c);
        CHECK(fate(got) == ERR_CLOSED);
        hub_call_close(got);
        pn_link_close(in);
        pn_link_close(out);
        client_run(&c);
        if (how < 3) {
            pn_link_free(in);
            pn_link_free(out);
        }
    }
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

/* The C SDK again, which has no other names for the links of its next subscription. */
TEST(links_of_the_same_names_and_id_are_attached_again_and_called)
{
    struct call *call;

    for (int time = 0; time < 3; time++) {
        pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
        pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");

        CHECK_OK(call_garage(&call));
        client_run(&c);
        say_answer(out, take_call(in, "{\"how\":1}"), 200 + time, "[]");
        check_answer(call, 200 + time, "[]");
        pn_link_close(in);
        pn_link_close(out);
        client_run(&c);
        CHECK(call_garage(&call) == ERR_UNREACHABLE);
        pn_link_free(in);
        pn_link_free(out);
    }
}

static void collect(struct buf *said)
{
    pn_connection_driver_t *driver = &c.proton.driver;
    pn_bytes_t part;

    while ((part = pn_connection_driver_write_buffer(driver)).size) {
        buf_put(said, bytes_of(part.start, part.size));
        pn_connection_driver_write_done(driver, part.size);
    }
}

static void open_named(const char *name, bool sender)
{
    pn_link_t *l = sender ? pn_sender(c.session, name) : pn_receiver(c.session, name);

    pn_terminus_set_address(sender ? pn_link_target(l) : pn_link_source(l), METHODS);
    pn_link_open(l);
}

/* A letter for each frame that the hub has said: a for ATTACH, d for DETACH, - for others. */
static void kinds_of(struct bytes said, char *out, size_t cap)
{
    struct rd r = rd_over(said);

    while (cap > 1 && rd_left(&r)) {
        uint32_t len = rd_u32(&r);
        struct bytes frame = rd_bytes(&r, len - 4);

        CHECK(!r.bad && frame.len > 6);
        *out++ = frame.at[6] == 0x12 ? 'a' : frame.at[6] == 0x16 ? 'd' : '-';
        cap--;
    }
    *out = 0;
}

/* device 3.5: the C SDK looks for a link by its name. */
TEST(a_detach_is_answered_before_the_attach_behind_it)
{
    pn_link_t *in = attach_channel(REQUESTS, false, METHODS, "garage");
    pn_link_t *out = attach_channel(RESPONSES, true, METHODS, "garage");
    struct buf said = buf_max(1 << 16);
    char kinds[32];

    pn_link_close(in);
    collect(&said);
    pn_link_close(out);
    collect(&said);
    open_named(RESPONSES, true);
    collect(&said);
    open_named(REQUESTS, false);
    collect(&said);
    c.join.client.deaf = true;
    client_input(&c, buf_bytes(&said));
    kinds_of(buf_bytes(&c.join.hub.out), kinds, sizeof kinds);
    if (strncmp(kinds, "ddaa", 4))
        fail_msg("the hub said %s", kinds);
    buf_free(&said);
}

TEST(devices_of_one_connection_are_each_called_with_their_own)
{
    static const char *const ids[] = {"garage", "phone", "motion"};
    pn_link_t *in[3], *out[3];
    struct call *calls[3];
    pn_msgid_t asked[3];
    char address[64], body[32], names[6][32];

    device_keys("phone");
    device_keys("motion");
    CHECK(client_prove(&c, "phone") == 200 && client_prove(&c, "motion") == 200);
    for (int i = 0; i < 3; i++) {
        snprintf(address, sizeof address, "/devices/%s/methods/devicebound", ids[i]);
        snprintf(names[2 * i], sizeof names[0], "asks-%s", ids[i]);
        snprintf(names[2 * i + 1], sizeof names[0], "answers-%s", ids[i]);
        in[i] = attach_channel(names[2 * i], false, address, ids[i]);
        out[i] = attach_channel(names[2 * i + 1], true, address, ids[i]);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof body, "\"%s\"", ids[i]);
        CHECK_OK(call_device(ids[i], body, &calls[i]));
    }
    client_run(&c);
    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof body, "\"%s\"", ids[i]);
        asked[i] = take_call(in[i], body);
    }
    say_answer(out[1], asked[0], 500, "0"); /* a call of another device: dropped */
    for (int i = 2; i >= 0; i--) {
        snprintf(body, sizeof body, "%d", i);
        say_answer(out[i], asked[i], i, body);
        check_answer(calls[i], i, body);
    }
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
      CASE(a_call_that_the_device_will_not_take_fails_at_once),
      CASE(a_call_that_is_refused_after_its_caller_went_is_nobody_s),
      CASE(questions_that_are_never_settled_do_not_pile_up),
      CASE(a_device_that_closes_a_link_its_session_or_its_connection_ends_what_it_got_at_once),
      CASE(methods_can_be_waited_for_and_answers_to_nothing_are_dropped),
      CASE(links_of_the_same_names_and_id_are_attached_again_and_called),
      CASE(a_detach_is_answered_before_the_attach_behind_it),
      CASE(devices_of_one_connection_are_each_called_with_their_own), CASE(a_stranger_gets_no_channel))
