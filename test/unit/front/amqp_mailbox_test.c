/* Cloud-to-device messages over AMQP: as a device takes and settles them, as a service sends them and hears of them. */
#include "amqp_case.h"

#define HOUR 3600000LL
#define FEEDBACK "/messages/servicebound/feedback"

static int start(void **state)
{
    client_start(state);
    device_keys("garage");
    return 0;
}

/* ---- what a device takes */

static unsigned delivery_count(void)
{
    pn_atom_t n = value_of(pn_message_annotations(c.message), "iothub-deliverycount");
    CHECK(n.type == PN_UBYTE);
    return n.u.as_ubyte;
}

TEST(a_message_carries_what_clients_read)
{
    struct msg m = {.message_id = BYTES("m-1"),
                    .correlation_id = BYTES("c-1"),
                    .user_id = BYTES("me"),
                    .content_type = BYTES("text/plain"),
                    .ack = BYTES("full"),
                    .props = (struct prop[]){{BYTES("colour"), BYTES("grün")}},
                    .n_props = 1,
                    .expiry_ms = T0 + HOUR,
                    .body = BYTES("open")};
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, T0 - 5, &at));
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 1);
    CHECK(link_is_open(l));
    pn_delivery_t *d = hear(&c, l);
    CHECK(d && !pn_delivery_settled(d));
    assert_string_equal(heard_body(&c), "open");
    pn_data_t *annotations = pn_message_annotations(c.message);
    pn_atom_t when = value_of(annotations, "iothub-enqueuedtime");
    CHECK(when.type == PN_TIMESTAMP && when.u.as_timestamp == T0 - 5 && delivery_count() == 0);
    pn_atom_t sequence = value_of(annotations, "x-opt-sequence-number");
    CHECK(sequence.type == PN_ULONG && sequence.u.as_ulong == 1);
    pn_atom_t lock = value_of(annotations, "x-opt-lock-token");
    CHECK(lock.type == PN_STRING && lock.u.as_bytes.size == 36);
    /* The tag is the same GUID as .NET lays it out: the first three groups begin at their low end. */
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    static const int at_text[16] = {6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};
    CHECK(tag.size == 16);
    for (int i = 0; i < 16; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", (unsigned)(uint8_t)tag.start[i]);
        CHECK(!memcmp(hex, lock.u.as_bytes.start + at_text[i], 2));
    }
    check_text(value_of(pn_message_properties(c.message), "colour"), "grün");
    check_text(value_of(pn_message_properties(c.message), "iothub-ack"), "full");
    assert_string_equal(pn_message_get_address(c.message), "/devices/garage/messages/devicebound");
    assert_string_equal(pn_message_get_content_type(c.message), "text/plain");
    CHECK(pn_message_get_expiry_time(c.message) == T0 + HOUR);
    CHECK(pn_message_get_user_id(c.message).size == 2);
}

TEST(what_was_written_into_to_is_what_comes_and_no_property_is_null)
{
    static const char *const written[] = {"amqps://hub.test/devices/garage/messages/deviceBound",
                                          "/devices/gar%61ge/messages/devicebound", ""};
    struct prop props[] = {{BYTES("none"), NO_BYTES}, {BYTES("some"), BYTES("x")}};

    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 10);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        const struct msg m = {.to = bytes_str(written[i]), .body = BYTES("x"), .props = props, .n_props = 2};
        uint64_t at;

        CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, T0, &at));
        client_run(&c);
        CHECK(hear(&c, l));
        assert_string_equal(pn_message_get_address(c.message),
                            written[i][0] ? written[i] : "/devices/garage/messages/devicebound");
        pn_data_t *got = pn_message_properties(c.message);
        check_text(value_of(got, "none"), "");
        check_text(value_of(got, "some"), "x");
    }
}

TEST(accepted_is_done)
{
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 10);
    post_to("garage", "m-1", "open", "none", T0);
    client_run(&c);
    pn_delivery_t *d = hear(&c, l);
    CHECK(d && waiting_for("garage") == 1);
    uint64_t before = c.join.hub.talk->after;
    settle_as(&c, d, PN_ACCEPTED);
    CHECK(waiting_for("garage") == 0 && c.join.hub.talk->after > before && !hear(&c, l));
}

TEST(released_and_modified_come_again_counted)
{
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 100);
    post_to("garage", "m-1", "open", "none", T0);
    post_to("garage", "m-2", "shut", "none", T0);
    client_run(&c);
    pn_delivery_t *first = hear(&c, l);
    check_hears(&c, l, "shut");
    for (unsigned i = 1; i < C2D_DELIVERIES_DEFAULT; i++) {
        settle_as(&c, first, i & 1 ? PN_RELEASED : PN_MODIFIED);
        CHECK((first = hear(&c, l)) && delivery_count() == i);
        assert_string_equal(heard_body(&c), "open");
    }
    settle_as(&c, first, PN_RELEASED);
    CHECK(!hear(&c, l) && waiting_for("garage") == 1); /* a dead letter; the other is still out */
}

TEST(settled_without_an_outcome_comes_again)
{
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 100);
    post_to("garage", "m-1", "open", "none", T0);
    client_run(&c);
    pn_delivery_settle(hear(&c, l));
    client_run(&c);
    check_hears(&c, l, "open");
    CHECK(delivery_count() == 1);
}

/* A receiver that settles second: it says what it did and waits for what the hub makes of it. */
static pn_link_t *open_careful(int credit)
{
    pn_link_t *l = make_mailbox(c.session, "garage");
    pn_link_set_rcv_settle_mode(l, PN_RCV_SECOND);
    pn_link_open(l);
    pn_link_flow(l, credit);
    client_run(&c);
    CHECK(pn_link_remote_rcv_settle_mode(l) == PN_RCV_SECOND);
    return l;
}

TEST(who_settles_second_hears_what_the_hub_made_of_it)
{
    uint64_t n, at;

    open_as(&c, "garage");
    pn_link_t *l = open_careful(10);
    post_to("garage", "m-1", "open", "none", T0);
    post_to("garage", "m-2", "shut", "none", T0);
    client_run(&c);
    pn_delivery_t *one = hear(&c, l), *two = hear(&c, l);
    CHECK(one && two);
    pn_delivery_update(one, PN_ACCEPTED);
    client_run(&c);
    check_accepted(one);
    CHECK_OK(hub_purge(w.hub, BYTES("garage"), T0, &n, &at));
    pn_delivery_update(two, PN_ACCEPTED);
    client_run(&c);
    check_rejected(two, "amqp:not-found", "412002");
}

TEST(what_is_settled_twice_is_settled_once)
{
    open_as(&c, "garage");
    pn_link_t *l = open_careful(10);
    post_to("garage", "m-1", "open", "positive", T0);
    client_run(&c);
    pn_delivery_t *d = hear(&c, l);
    pn_delivery_update(d, PN_ACCEPTED);
    client_run(&c);
    pn_delivery_update(d, PN_REJECTED);
    client_run(&c);
    CHECK(pn_delivery_remote_state(d) == PN_ACCEPTED && waiting_for("garage") == 0 && !c.join.hub.talk->over);
}

TEST(a_receiver_that_takes_without_settling_has_them_done_when_they_are_sent)
{
    pn_link_t *l;

    open_as(&c, "garage");
    l = make_mailbox(c.session, "garage");
    pn_link_set_snd_settle_mode(l, PN_SND_SETTLED);
    pn_link_open(l);
    pn_link_flow(l, 10);
    post_to("garage", "m-1", "open", "none", T0);
    client_run(&c);
    pn_delivery_t *d = hear(&c, l);
    CHECK(d && pn_delivery_settled(d) && waiting_for("garage") == 0);
}

TEST(nothing_comes_without_credit_and_a_drain_is_answered)
{
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 0);
    for (int i = 0; i < 3; i++)
        post_to("garage", "m", "x", "none", T0);
    client_run(&c);
    CHECK(!hear(&c, l));
    pn_link_flow(l, 2);
    client_run(&c);
    check_hears(&c, l, "x");
    check_hears(&c, l, "x");
    CHECK(!hear(&c, l));
    pn_link_drain(l, 10);
    client_run(&c);
    check_hears(&c, l, "x");
    CHECK(!hear(&c, l) && pn_link_credit(l) == 0);
}

TEST(a_link_that_goes_gives_back_what_it_had)
{
    open_as(&c, "garage");
    pn_link_t *l = open_mailbox(&c, "garage", 10);
    post_to("garage", "m-1", "open", "none", T0);
    client_run(&c);
    CHECK(hear(&c, l));
    pn_link_close(l);
    client_run(&c);
    l = open_mailbox(&c, "garage", 10);
    check_hears(&c, l, "open");
    CHECK(delivery_count() == 0);
    client_close(&c);
    memset(&c, 0, sizeof c);
    open_as(&c, "garage");
    check_hears(&c, open_mailbox(&c, "garage", 10), "open");
}

TEST(the_later_receiver_of_a_device_gets_the_messages)
{
    open_as(&c, "garage");
    pn_link_t *one = open_mailbox(&c, "garage", 10);
    post_to("garage", "m-1", "open", "none", T0);
    client_run(&c);
    CHECK(hear(&c, one));
    pn_link_t *sender = open_sender(&c, "garage");
    pn_link_t *two = open_mailbox(&c, "garage", 10);
    check_detached(one, "amqp:link:stolen");
    check_hears(&c, two, "open");
    check_accepted(send_message(&c, sender, new_message("x")));
}

TEST(an_expired_message_is_not_delivered_and_its_late_outcome_is_refused)
{
    struct msg m = {.message_id = BYTES("m-1"), .body = BYTES("open"), .expiry_ms = T0 + 1000};
    uint64_t at;

    open_as(&c, "garage");
    pn_link_t *l = open_careful(10);
    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, T0, &at));
    client_run(&c);
    pn_delivery_t *d = hear(&c, l);
    CHECK(d);
    hub_tick(w.hub, T0 + 1000 + C2D_LOCK_MS);
    c.join.now_ms = T0 + 1000 + C2D_LOCK_MS;
    pn_delivery_update(d, PN_ACCEPTED);
    client_run(&c);
    check_rejected(d, "amqp:not-found", "412002");
}

TEST(a_message_of_the_largest_size_crosses)
{
    static char body[C2D_LEN_MAX - 64];
    struct msg m = {.message_id = BYTES("m-1"), .body = bytes_of(body, sizeof body)};
    uint64_t at;

    memset(body, 'b', sizeof body);
    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, T0, &at));
    c.max_frame = 4096; /* as the Java client has it */
    open_as(&c, "garage");
    CHECK(hear(&c, open_mailbox(&c, "garage", 1)));
    CHECK(strlen(heard_body(&c)) == sizeof body);
}

/* ---- what a service sends */

static pn_delivery_t *post(pn_link_t *l, const char *to, const char *body, const char *ack)
{
    pn_message_t *m = new_message(body);

    pn_message_set_id(m, (pn_msgid_t){.type = PN_STRING, .u.as_bytes = {3, "m-1"}});
    if (to)
        pn_message_set_address(m, to);
    if (ack) {
        pn_data_t *p = pn_message_properties(m);
        pn_data_put_map(p);
        pn_data_enter(p);
        put_property(p, "iothub-ack", ack);
    }
    return send_message(&c, l, m);
}

static pn_link_t *open_posting(void)
{
    pn_link_t *l;

    client_open_as_service(&c);
    l = attach_to(&c, c.session, "post", true, "/messages/devicebound");
    CHECK(link_is_open(l) && pn_link_credit(l) == 100);
    return l;
}

TEST(a_service_sends_to_devices_in_every_form_of_address)
{
    static const char *const forms[] = {"/devices/garage/messages/devicebound", "devices/garage/messages/devicebound",
                                        "/devices/garage/messages/deviceBound",
                                        "amqps://hub.test/devices/garage/messages/devicebound",
                                        "/devices/gar%61ge/messages/devicebound"};
    pn_link_t *l = open_posting();
    uint64_t before = c.join.hub.talk->after;

    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        check_accepted(post(l, forms[i], "open", NULL));
        CHECK(waiting_for("garage") == i + 1);
    }
    CHECK(c.join.hub.talk->after > before);
}

TEST(what_a_service_cannot_send_is_rejected_with_the_reason)
{
    pn_link_t *l = open_posting();
    struct buf large = buf_max(1 << 20);
    char *body = calloc(1, C2D_LEN_MAX + 2);

    CHECK(body);
    memset(body, 'x', C2D_LEN_MAX + 1);
    check_rejected(post(l, "/devices/nobody/messages/devicebound", "x", NULL), "amqp:not-found", "404001");
    check_rejected(post(l, "/devices/garage/modules/m/messages/devicebound", "x", NULL), "amqp:not-found", "404001");
    check_rejected(post(l, "/devices/garage", "x", NULL), "amqp:not-found", "404001");
    check_rejected(post(l, NULL, "x", NULL), "com.microsoft:argument-error", "400004");
    check_rejected(post(l, "/devices/garage/messages/devicebound", "x", "loud"), "com.microsoft:argument-error",
                   "400004");
    check_rejected(post(l, "/devices/garage/messages/devicebound", body, NULL), "amqp:link:message-size-exceeded",
                   "413001");
    check_rejected(send_bytes(&c, l, BYTES("nonsense")), "amqp:decode-error", "400012");
    CHECK(waiting_for("garage") == 0);
    for (int i = 0; i < MAILBOX_DEPTH_DEFAULT; i++)
        check_accepted(post(l, "/devices/garage/messages/devicebound", "x", NULL));
    check_rejected(post(l, "/devices/garage/messages/devicebound", "x", NULL), "amqp:resource-limit-exceeded",
                   "403004");
    CHECK(pn_link_credit(l) > 50);
    buf_free(&large);
    free(body);
}

TEST(whoever_is_no_service_may_not_send_to_devices_nor_hear_of_them)
{
    open_as(&c, "garage");
    check_refused(attach_to(&c, c.session, "post", true, "/messages/devicebound"), "amqp:unauthorized-access", "Send");
    check_refused(receive_from(&c, FEEDBACK, NULL, 1), "amqp:unauthorized-access", "Listen");
    CHECK(client_put_token(&c, "x", token_for(&w.registry, "hub.test", T0 + HOUR, false)) == 200);
    check_refused(attach_to(&c, c.session, "post2", true, "/messages/devicebound"), "amqp:unauthorized-access", "Send");
    CHECK(client_put_token(&c, "x", token_for(&w.service, "hub.test/messages", T0 + HOUR, false)) == 200);
    CHECK(link_is_open(attach_to(&c, c.session, "post3", true, "/messages/devicebound")));
    check_refused(receive_from(&c, "/messages/devicebound", NULL, 1), "amqp:not-found", NULL);
    check_refused(attach_to(&c, c.session, "f", true, FEEDBACK), "amqp:not-found", NULL);
}

TEST(links_of_a_service_end_with_its_token)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "x", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    pn_link_t *posting = attach_to(&c, c.session, "post", true, "/messages/devicebound");
    pn_link_t *feedback = receive_from(&c, FEEDBACK, NULL, 1);
    pn_link_t *files = receive_from(&c, "/messages/serviceBound/filenotifications", NULL, 1);
    CHECK(link_is_open(posting) && link_is_open(feedback) && link_is_open(files));
    client_tick(&c, HOUR + SKEW_MS + 1000);
    check_detached(posting, "amqp:unauthorized-access");
    check_detached(feedback, "amqp:unauthorized-access");
    check_detached(files, "amqp:unauthorized-access");
}

/* ---- feedback */

/* The service posts with "full", the device ends them: accepted, rejected. */
static void make_feedback(void)
{
    open_as(&c2, "garage");
    pn_link_t *box = open_mailbox(&c2, "garage", 10);
    post_to("garage", "m-1", "open", "full", T0);
    post_to("garage", "m-2", "shut", "full", T0);
    post_to("garage", "m-3", "hush", "none", T0);
    client_run(&c2);
    pn_delivery_t *one = hear(&c2, box), *two = hear(&c2, box), *three = hear(&c2, box);
    CHECK(one && two && three);
    settle_as(&c2, one, PN_ACCEPTED);
    settle_as(&c2, two, PN_REJECTED);
    settle_as(&c2, three, PN_REJECTED);
}

static void time_passes(int64_t ms)
{
    c.join.now_ms += ms;
    hub_tick(w.hub, c.join.now_ms);
    client_run(&c);
}

TEST(feedback_comes_as_clients_read_it)
{
    char wanted[1024], generation[24];
    struct device d;

    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    snprintf(generation, sizeof generation, "%s", d.generation);
    make_feedback();
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, FEEDBACK, NULL, 10);
    CHECK(link_is_open(l));
    pn_delivery_t *got = hear(&c, l);
    CHECK(got && !pn_delivery_settled(got));
    assert_string_equal(pn_message_get_content_type(c.message), "application/vnd.microsoft.iothub.feedback.json");
    CHECK(pn_message_get_user_id(c.message).size == 3);
    CHECK(value_of(pn_message_annotations(c.message), "iothub-enqueuedtime").type == PN_TIMESTAMP);
    char time[ISO_TIME_CAP];
    iso_time(T0, time);
    snprintf(wanted, sizeof wanted,
             "[{\"originalMessageId\":\"m-1\",\"description\":\"Success\",\"deviceGenerationId\":\"%s\","
             "\"deviceId\":\"garage\",\"enqueuedTimeUtc\":\"%s\",\"statusCode\":\"Success\"},"
             "{\"originalMessageId\":\"m-2\",\"description\":\"Rejected\",\"deviceGenerationId\":\"%s\","
             "\"deviceId\":\"garage\",\"enqueuedTimeUtc\":\"%s\",\"statusCode\":\"Rejected\"}]",
             generation, time, generation, time);
    assert_string_equal(heard_body(&c), wanted);
    settle_as(&c, got, PN_ACCEPTED);
    time_passes(HOUR / 2);
    CHECK(!hear(&c, l));
}

TEST(feedback_that_is_released_or_left_comes_again)
{
    make_feedback();
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, FEEDBACK, NULL, 10);
    time_passes(FEEDBACK_REST_MS);
    settle_as(&c, hear(&c, l), PN_RELEASED);
    time_passes(FEEDBACK_REST_MS);
    CHECK(hear(&c, l));
    pn_link_close(l);
    client_run(&c);
    l = receive_from(&c, FEEDBACK, NULL, 10);
    time_passes(FEEDBACK_REST_MS);
    pn_delivery_t *d = hear(&c, l);
    CHECK(d);
    settle_as(&c, d, PN_REJECTED); /* given up, as if it was accepted */
    time_passes(FEEDBACK_REST_MS);
    CHECK(!hear(&c, l));
}

TEST(a_service_sends_hears_of_it_and_reads_events_on_one_connection)
{
    pn_link_t *posting = open_posting();
    pn_link_t *events = receive_from(&c, PARTITION_0, NULL, 10), *feedback = receive_from(&c, FEEDBACK, NULL, 10);

    send_events("phone", 1, T0, 0);
    check_accepted(post(posting, "/devices/garage/messages/devicebound", "open", "positive"));
    open_as(&c2, "garage");
    pn_delivery_t *d = hear(&c2, open_mailbox(&c2, "garage", 1));
    CHECK(d);
    settle_as(&c2, d, PN_ACCEPTED);
    time_passes(FEEDBACK_REST_MS);
    CHECK(take(&c, events) && hear(&c, feedback));
    CHECK(strstr(heard_body(&c), "\"statusCode\":\"Success\""));
}

/* The Java SDK asks for full feedback whether the message has an id or not. */
TEST(feedback_of_a_message_without_an_id_has_an_empty_one)
{
    pn_link_t *posting = open_posting(), *feedback = receive_from(&c, FEEDBACK, NULL, 10);
    pn_message_t *m = new_message("open");
    pn_data_t *p = pn_message_properties(m);

    pn_message_set_address(m, "/devices/garage/messages/devicebound");
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "iothub-ack", "full");
    check_accepted(send_message(&c, posting, m));
    open_as(&c2, "garage");
    pn_delivery_t *d = hear(&c2, open_mailbox(&c2, "garage", 1));
    CHECK(d);
    settle_as(&c2, d, PN_ACCEPTED);
    time_passes(FEEDBACK_REST_MS);
    CHECK(hear(&c, feedback));
    CHECK(strstr(heard_body(&c), "\"originalMessageId\":\"\"") && strstr(heard_body(&c), "\"statusCode\":\"Success\""));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_message_carries_what_clients_read), CASE(what_was_written_into_to_is_what_comes_and_no_property_is_null),
      CASE(accepted_is_done), CASE(released_and_modified_come_again_counted),
      CASE(settled_without_an_outcome_comes_again), CASE(who_settles_second_hears_what_the_hub_made_of_it),
      CASE(what_is_settled_twice_is_settled_once),
      CASE(a_receiver_that_takes_without_settling_has_them_done_when_they_are_sent),
      CASE(nothing_comes_without_credit_and_a_drain_is_answered), CASE(a_link_that_goes_gives_back_what_it_had),
      CASE(the_later_receiver_of_a_device_gets_the_messages),
      CASE(an_expired_message_is_not_delivered_and_its_late_outcome_is_refused),
      CASE(a_message_of_the_largest_size_crosses), CASE(a_service_sends_to_devices_in_every_form_of_address),
      CASE(what_a_service_cannot_send_is_rejected_with_the_reason),
      CASE(whoever_is_no_service_may_not_send_to_devices_nor_hear_of_them), CASE(links_of_a_service_end_with_its_token),
      CASE(feedback_comes_as_clients_read_it), CASE(feedback_that_is_released_or_left_comes_again),
      CASE(feedback_of_a_message_without_an_id_has_an_empty_one),
      CASE(a_service_sends_hears_of_it_and_reads_events_on_one_connection))
