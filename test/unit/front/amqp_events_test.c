/* Receivers: addresses, filters, positions, epochs, redirect, credit, and what a slow or silent one costs. */
#include "amqp_case.h"

static void check_received(const char *selector, const char *wanted)
{
    pn_link_t *l = receive_from(&c, PARTITION_0, selector, 100);
    CHECK(link_is_open(l));
    const char *got = sequences(&c, l);
    if (strcmp(got, wanted))
        fail_msg("%s gives \"%s\", not \"%s\"", selector ? selector : "no filter", got, wanted);
    pn_link_close(l);
    client_run(&c);
}

TEST(an_event_arrives_as_it_was_stored)
{
    send_events("phone", 1, T0 + 5, 0);
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 10);
    CHECK(take(&c, l));
    pn_data_t *annotations = pn_message_annotations(c.message);
    CHECK(value_of(annotations, "x-opt-sequence-number").u.as_long == 0);
    CHECK(value_of(annotations, "x-opt-offset").type == PN_STRING);
    CHECK(value_of(annotations, "x-opt-enqueued-time").type == PN_TIMESTAMP);
    CHECK(value_of(annotations, "x-opt-enqueued-time").u.as_timestamp == T0 + 5);
    check_text(value_of(annotations, "iothub-connection-device-id"), "phone");
    pn_data_t *body = pn_message_body(c.message);
    pn_data_rewind(body);
    CHECK(pn_data_next(body) && pn_data_type(body) == PN_BINARY);
    pn_bytes_t bytes = pn_data_get_binary(body);
    CHECK_BYTES(bytes_of(bytes.start, bytes.size), BYTES("0"));
    CHECK(!take(&c, l));
}

TEST(every_position_begins_where_it_says)
{
    char selector[160];
    struct partition p;

    send_events("phone", 4, T0 + 10, 0); /* 0 to 3, enqueued at 10 to 13 */
    CHECK_OK(hub_partition(w.hub, 0, &p));
    client_open_as_service(&c);
    check_received(NULL, "0 1 2 3");
    check_received("amqp.annotation.x-opt-offset > '-1'", "0 1 2 3");
    check_received("amqp.annotation.x-opt-offset > '@latest'", "");
    check_received("amqp.annotation.x-opt-sequence-number > '1'", "2 3");
    check_received("amqp.annotation.x-opt-sequence-number >= '1'", "1 2 3");
    check_received("amqp.annotation.x-opt-sequence-number > 3", "");
    snprintf(selector, sizeof selector, "amqp.annotation.x-opt-enqueued-time > '%lld'", T0 + 11);
    check_received(selector, "2 3");
    snprintf(selector, sizeof selector, "amqp.annotation.x-opt-enqueuedtimeutc >= %lld", T0 + 11);
    check_received(selector, "1 2 3");
    snprintf(selector, sizeof selector, "amqp.annotation.x-opt-offset >= '%llu'", (unsigned long long)p.last_offset);
    check_received(selector, "3");
    snprintf(selector, sizeof selector, "amqp.annotation.x-opt-offset > '%llu'", (unsigned long long)p.last_offset);
    check_received(selector, "");
}

TEST(senders_are_filtered_in_the_hub)
{
    send_events("phone", 2, T0, 0);
    send_events("stranger", 2, T0 + 10, 0);
    send_events("tablet", 1, T0 + 20, 0);
    client_open_as_service(&c);
    check_received("amqp.annotation.iothub-connection-device-id = 'phone'", "0 1");
    check_received("amqp.annotation.iothub-connection-device-id IN ('tablet', 'phone')", "0 1 4");
    check_received("amqp.annotation.x-opt-sequence-number > 0 AND "
                   "amqp.annotation.iothub-connection-device-id IN ('tablet', 'phone')",
                   "1 4");
    check_received("amqp.annotation.iothub-connection-device-id = 'nobody'", "");
}

TEST(new_events_wake_those_who_wait)
{
    client_open_as_service(&c);
    pn_link_t *latest = receive_from(&c, PARTITION_0, "amqp.annotation.x-opt-offset > '@latest'", 10);
    pn_link_t *all = receive_from(&c, PARTITION_0, NULL, 10);
    pn_link_t *phone = receive_from(&c, PARTITION_0, "amqp.annotation.iothub-connection-device-id = 'phone'", 10);
    send_events("stranger", 1, T0, 0);
    send_events("phone", 1, T0 + 1, 0);
    client_run(&c);
    assert_string_equal(sequences(&c, latest), "0 1");
    assert_string_equal(sequences(&c, all), "0 1");
    assert_string_equal(sequences(&c, phone), "1");
}

TEST(every_address_and_every_descriptor_opens_a_receiver)
{
    static const char *const addresses[] = {
        "hub/ConsumerGroups/$Default/Partitions/0",
        "/hub/ConsumerGroups/%24Default/Partitions/0",
        "amqps://hub.test:5671/hub/ConsumerGroups/$Default/Partitions/0",
        "hub/ConsumerGroups/$default/Partitions/0",
        "hub//ConsumerGroups/$Default/Partitions/0",
    };
    static const uint64_t descriptors[] = {0, 0x0000468C00000004, 0x000000137000000A};

    send_events("phone", 2, T0, 0);
    client_open_as_service(&c);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        for (size_t j = 0; j < sizeof descriptors / sizeof *descriptors; j++) {
            char name[32];
            snprintf(name, sizeof name, "r-%zu-%zu", i, j);
            pn_link_t *l = pn_receiver(c.session, name);
            pn_terminus_set_address(pn_link_source(l), addresses[i]);
            put_filter(l, descriptors[j], "amqp.annotation.x-opt-sequence-number > '0'");
            pn_link_open(l);
            pn_link_flow(l, 10);
            client_run(&c);
            assert_string_equal(sequences(&c, l), "1");
            /* The filter comes back, with the address as it was. */
            assert_string_equal(pn_terminus_get_address(pn_link_remote_source(l)), addresses[i]);
            pn_data_t *echo = pn_terminus_filter(pn_link_remote_source(l));
            pn_data_rewind(echo);
            CHECK(pn_data_next(echo) && pn_data_get_map(echo) == 2 && pn_data_enter(echo) && pn_data_next(echo));
            CHECK(pn_data_next(echo) && pn_data_is_described(echo) && pn_data_enter(echo) && pn_data_next(echo));
            CHECK(pn_data_type(echo) == (descriptors[j] ? PN_ULONG : PN_SYMBOL));
            if (descriptors[j])
                CHECK(pn_data_get_ulong(echo) == descriptors[j]);
            CHECK(pn_data_next(echo) && pn_data_type(echo) == PN_STRING);
        }
}

TEST(a_filter_of_another_kind_is_left_out_of_the_answer)
{
    client_open_as_service(&c);
    pn_link_t *l = pn_receiver(c.session, "r");
    pn_terminus_set_address(pn_link_source(l), PARTITION_0);
    pn_data_t *f = pn_terminus_filter(pn_link_source(l));
    pn_data_put_map(f);
    pn_data_enter(f);
    pn_data_put_symbol(f, pn_bytes(4, "what"));
    pn_data_put_string(f, pn_bytes(4, "ever"));
    pn_link_open(l);
    client_run(&c);
    CHECK(link_is_open(l));
    CHECK(pn_data_size(pn_terminus_filter(pn_link_remote_source(l))) == 0);
}

TEST(the_answer_to_an_attach_names_modes_and_size)
{
    static const struct {
        int asked, answered;
    } modes[] = {{PN_SND_UNSETTLED, PN_SND_UNSETTLED}, {PN_SND_SETTLED, PN_SND_SETTLED}, {PN_SND_MIXED, PN_SND_MIXED}};
    client_open_as_service(&c);
    for (size_t i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%zu", i);
        pn_link_t *l = pn_receiver(c.session, name);
        pn_terminus_set_address(pn_link_source(l), PARTITION_0);
        pn_link_set_snd_settle_mode(l, (pn_snd_settle_mode_t)modes[i].asked);
        pn_link_open(l);
        client_run(&c);
        CHECK((int)pn_link_remote_snd_settle_mode(l) == modes[i].answered);
        CHECK(pn_link_remote_max_message_size(l) == AMQP_MESSAGE_MAX);
    }
}

TEST(outcomes_change_nothing_and_silence_costs_nothing)
{
    send_events("phone", 300, T0, 0);
    client_open_as_service(&c);
    pn_link_t *l = pn_receiver(c.session, "r");
    pn_terminus_set_address(pn_link_source(l), PARTITION_0);
    pn_link_set_snd_settle_mode(l, PN_SND_UNSETTLED);
    pn_link_open(l);
    pn_link_flow(l, 200);
    client_run(&c);
    int n = 0;
    for (pn_delivery_t *d = pn_link_current(l); d && pn_delivery_readable(d); d = pn_link_current(l)) {
        if (n++ % 2)
            pn_delivery_update(d, PN_RELEASED);
        pn_link_advance(l); /* and never settles */
    }
    client_run(&c);
    CHECK(n == 200);
    pn_link_flow(l, 200);
    client_run(&c);
    int more = 0;
    for (pn_delivery_t *d = pn_link_current(l); d && pn_delivery_readable(d); d = pn_link_current(l), more++)
        pn_link_advance(l);
    CHECK(more == 100);
}

TEST(what_cannot_be_found_is_refused_as_not_found)
{
    client_open_as_service(&c);
    static const char *const addresses[] = {
        "hub/ConsumerGroups/nosuchgroup/Partitions/0",
        "hub/ConsumerGroups/$Default/Partitions/1",
        "hub/ConsumerGroups/$Default/Partitions/x",
        "other/ConsumerGroups/$Default/Partitions/0",
        "hub",
    };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        pn_link_t *l = receive_from(&c, addresses[i], NULL, 1);
        check_refused(l, "amqp:not-found", "The messaging entity 'sb://hub.test/");
        check_refused(l, "amqp:not-found", "could not be found. TrackingId:");
        pn_link_close(l);
        client_run(&c);
    }
    /* device 3.4 */
    check_refused(receive_from(&c, "devices/a/messages/nothing", NULL, 1), "amqp:not-found", "{\"errorCode\":404006,");
    check_refused(receive_from(&c, "devices/%ff", NULL, 1), "amqp:not-found", "{\"errorCode\":404006,");
    CHECK(strstr(w.log, "amqp-refused") && strstr(w.log, "nosuchgroup") && strstr(w.log, "who=service"));
    CHECK(link_is_open(receive_from(&c, PARTITION_0, NULL, 1)));
}

TEST(a_filter_that_is_not_understood_is_refused_with_the_reason)
{
    client_open_as_service(&c);
    check_refused(receive_from(&c, PARTITION_0, "amqp.annotation.colour > 'red'", 1), "amqp:invalid-field",
                  "cannot ask for 'amqp.annotation.colour'");
}

TEST(senders_to_the_events_lack_the_right_to_send)
{
    client_open_as_service(&c);
    pn_link_t *l = attach_to(&c, c.session, "s", true, "hub");
    check_refused(l, "amqp:unauthorized-access",
                  "Unauthorized access. 'Send' claim(s) are required to perform this operation. Resource: "
                  "'sb://hub.test/hub'. TrackingId:");
    check_refused(attach_to(&c, c.session, "t", true, "elsewhere"), "amqp:not-found", NULL);
}

/* ---- redirect (service 2.9) */

static void check_redirect(const char *address, const char *wanted)
{
    pn_link_t *l = receive_from(&c, address, NULL, 1);
    check_refused(l, "amqp:link:redirect", NULL);
    pn_data_t *info = pn_condition_info(pn_link_remote_condition(l));
    check_text(value_of(info, "hostname"), "hub.test");
    check_text(value_of(info, "network-host"), "hub.test");
    check_text(value_of(info, "address"), wanted);
    pn_atom_t port = value_of(info, "port");
    CHECK(port.type == PN_INT && port.u.as_int == 5671);
    pn_link_close(l);
    client_run(&c);
}

/* No text comes with a redirect, so check_refused() is not asked for one. */
TEST(events_of_the_hub_are_redirected_to_the_event_hub)
{
    client_open_as_service(&c);
    check_redirect("/messages/events/$management", "amqps://hub.test:5671/hub/$management");
    check_redirect("messages/events", "amqps://hub.test:5671/hub");
    check_redirect("messages/events/", "amqps://hub.test:5671/hub/");
    check_redirect("amqps://hub.test/messages/events//ConsumerGroups/$Default/Partitions/0",
                   "amqps://hub.test:5671/hub/ConsumerGroups/$Default/Partitions/0");
}

/* ---- epochs (service 2.7) */

static pn_link_t *owner(const char *name, int64_t epoch)
{
    pn_link_t *l = pn_receiver(c.session, name);
    pn_terminus_set_address(pn_link_source(l), PARTITION_0);
    pn_data_t *p = pn_link_properties(l);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_symbol(p, pn_bytes(19, "com.microsoft:epoch"));
    pn_data_put_long(p, epoch);
    pn_data_put_symbol(p, pn_bytes(27, "com.microsoft:receiver-name"));
    pn_data_put_string(p, pn_bytes(strlen(name), name));
    pn_link_open(l);
    pn_link_flow(l, 10);
    client_run(&c);
    return l;
}

static void check_stolen(pn_link_t *l, const char *text)
{
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    pn_condition_t *error = pn_link_remote_condition(l);
    assert_string_equal(pn_condition_get_name(error), "amqp:link:stolen");
    if (!strstr(pn_condition_get_description(error), text))
        fail_msg("\"%s\" is not in \"%s\"", text, pn_condition_get_description(error));
}

TEST(a_higher_or_equal_epoch_displaces)
{
    client_open_as_service(&c);
    pn_link_t *first = owner("first", 0);
    CHECK(link_is_open(first));
    pn_link_t *second = owner("second", 0);
    CHECK(link_is_open(second));
    check_stolen(first, "New receiver 'nil' with higher epoch of '0' is created hence current receiver 'first' with "
                        "epoch '0' is getting disconnected.");
    pn_link_t *third = owner("third", 3);
    check_stolen(second, "with higher epoch of '3'");
    check_refused(owner("late", 2), "amqp:link:stolen", "with a higher epoch '3' already exists. Receiver 'late'");
    check_refused(receive_from(&c, PARTITION_0, NULL, 1), "amqp:link:stolen",
                  "At least one receiver for the endpoint is created with epoch of '3', and so non-epoch receiver is "
                  "not allowed.");
    CHECK(link_is_open(third));
    send_events("phone", 1, T0, 0);
    client_run(&c);
    assert_string_equal(sequences(&c, third), "0");
}

TEST(an_epoch_displaces_all_who_have_none)
{
    client_open_as_service(&c);
    pn_link_t *a = receive_from(&c, PARTITION_0, NULL, 1);
    pn_link_t *b = receive_from(&c, PARTITION_0, NULL, 1);
    CHECK(link_is_open(owner("owner", 1)));
    check_stolen(a, "higher epoch of '1'");
    check_stolen(b, "higher epoch of '1'");
}

TEST(a_partition_is_free_again_when_its_owner_left)
{
    client_open_as_service(&c);
    pn_link_t *l = owner("first", 9);
    pn_link_close(l);
    client_run(&c);
    CHECK(link_is_open(owner("second", 1)));
}

/* ---- credit */

TEST(nothing_comes_without_credit_and_no_more_than_it)
{
    send_events("phone", 10, T0, 0);
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 0);
    CHECK(link_is_open(l) && pn_link_queued(l) == 0);
    pn_link_flow(l, 3);
    client_run(&c);
    assert_string_equal(sequences(&c, l), "0 1 2");
    pn_link_flow(l, 100);
    client_run(&c);
    assert_string_equal(sequences(&c, l), "3 4 5 6 7 8 9");
}

TEST(a_drain_is_answered_when_nothing_is_left)
{
    send_events("phone", 2, T0, 0);
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 0);
    pn_link_drain(l, 10);
    client_run(&c);
    assert_string_equal(sequences(&c, l), "0 1");
    CHECK(!pn_link_draining(l) && pn_link_credit(l) == 0);
    CHECK(pn_link_drained(l) == 8);
}

TEST(many_receivers_read_one_partition)
{
    enum { MANY = 100 };
    static pn_link_t *links[MANY];
    client_open_as_service(&c);
    for (int i = 0; i < MANY; i++)
        links[i] = receive_from(&c, PARTITION_0, NULL, 50);
    send_events("phone", 20, T0, 100);
    client_run(&c);
    for (int i = 0; i < MANY; i++)
        assert_string_equal(sequences(&c, links[i]), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
}

TEST(a_large_event_crosses_in_several_frames)
{
    send_events("phone", 2, T0, 250000);
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 10);
    assert_string_equal(sequences(&c, l), "0 1");
}

TEST(a_slow_reader_does_not_fill_the_hub)
{
    send_events("phone", 200, T0, 10000);
    client_open_as_service(&c);
    c.join.client.deaf = true;
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 1000);
    for (int i = 0; i < 10; i++)
        c.join.hub.talk->ops->wake(c.join.hub.talk, c.join.now_ms);
    CHECK(c.join.hub.out.len >= CONN_OUT_SOFT && c.join.hub.out.len < CONN_OUT_SOFT + 2 * MESSAGE_LEN_MAX);
    c.join.client.deaf = false;
    client_run(&c);
    int n = 0;
    while (take(&c, l))
        n++;
    CHECK(n == 200);
}

/* Each takes two events and then has no window; what waits for all of them together is more than the front holds. */
TEST(sessions_without_a_window_get_their_events_later)
{
    enum { SESSIONS = 40 };
    static pn_session_t *sessions[SESSIONS];
    static pn_link_t *links[SESSIONS];

    send_events("phone", 12, T0, 30000);
    c.max_frame = 16384;
    client_open_as_service(&c);
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = pn_session(c.conn);
        pn_session_set_incoming_capacity(sessions[i], 65536);
        pn_session_open(sessions[i]);
        links[i] = pn_receiver(sessions[i], "r");
        pn_terminus_set_address(pn_link_source(links[i]), PARTITION_0);
        pn_link_open(links[i]);
        pn_link_flow(links[i], 100);
    }
    client_run(&c);
    for (int i = 0; i < SESSIONS; i++)
        CHECK(pn_link_queued(links[i]) <= 3);
    int taken = 0;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < SESSIONS; i++)
            while (take(&c, links[i])) {
                taken++;
                more = true;
            }
        client_run(&c);
    }
    CHECK(taken == SESSIONS * 12);
}

TEST(links_of_one_name_come_and_go)
{
    send_events("phone", 1, T0, 0);
    client_open_as_service(&c);
    for (int i = 0; i < 3000; i++) {
        pn_link_t *l = pn_receiver(c.session, "my-receiver");
        pn_terminus_set_address(pn_link_source(l), PARTITION_0);
        pn_link_open(l);
        pn_link_flow(l, 1);
        client_run(&c);
        CHECK(take(&c, l));
        pn_link_close(l);
        client_run(&c);
        pn_link_free(l);
        if (i % 100 == 0) {
            pn_session_close(c.session);
            client_run(&c);
            pn_session_free(c.session);
            c.session = pn_session(c.conn);
            pn_session_open(c.session);
        }
    }
    CHECK(!c.join.hub.talk->over);
}

TEST(a_deleted_group_lets_its_readers_go)
{
    uint64_t at;
    CHECK_OK(hub_group_add(w.hub, BYTES("cg2"), &at));
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, "hub/ConsumerGroups/CG2/Partitions/0", NULL, 1);
    CHECK(link_is_open(l));
    CHECK_OK(hub_group_del(w.hub, BYTES("cg2"), &at));
    c.join.hub.woken = true;
    client_run(&c);
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_link_remote_condition(l)), "amqp:not-found");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(CASE(an_event_arrives_as_it_was_stored), CASE(every_position_begins_where_it_says),
      CASE(senders_are_filtered_in_the_hub), CASE(new_events_wake_those_who_wait),
      CASE(every_address_and_every_descriptor_opens_a_receiver),
      CASE(a_filter_of_another_kind_is_left_out_of_the_answer), CASE(the_answer_to_an_attach_names_modes_and_size),
      CASE(outcomes_change_nothing_and_silence_costs_nothing), CASE(what_cannot_be_found_is_refused_as_not_found),
      CASE(a_filter_that_is_not_understood_is_refused_with_the_reason),
      CASE(senders_to_the_events_lack_the_right_to_send), CASE(events_of_the_hub_are_redirected_to_the_event_hub),
      CASE(a_higher_or_equal_epoch_displaces), CASE(an_epoch_displaces_all_who_have_none),
      CASE(a_partition_is_free_again_when_its_owner_left), CASE(nothing_comes_without_credit_and_no_more_than_it),
      CASE(a_drain_is_answered_when_nothing_is_left), CASE(many_receivers_read_one_partition),
      CASE(a_large_event_crosses_in_several_frames), CASE(a_slow_reader_does_not_fill_the_hub),
      CASE(sessions_without_a_window_get_their_events_later), CASE(links_of_one_name_come_and_go),
      CASE(a_deleted_group_lets_its_readers_go))
