/* $management: what it tells, in which types, to whom (service 2.5). */
#include "amqp_case.h"

#define HOUR 3600000LL

static pn_link_t *asks, *answers;

static int start(void **state)
{
    (void)state;
    return client_start_with(4);
}

static void open_links(const char *address)
{
    asks = attach_to(&c, c.session, "out", true, address);
    answers = attach_to(&c, c.session, "in", false, address);
    pn_link_flow(answers, 100);
    client_run(&c);
    CHECK(pn_link_credit(asks) > 0);
}

static bool writes_pairs; /* of a token and its time, as a described value: pyamqp */

static void put_token(pn_data_t *p, const char *token)
{
    if (!writes_pairs) {
        put_property(p, "security_token", token);
        return;
    }
    pn_data_put_string(p, pn_bytes(strlen("security_token"), "security_token"));
    pn_data_put_described(p);
    pn_data_enter(p);
    pn_data_put_binary(p, pn_bytes(strlen(token), token));
    pn_data_put_long(p, T0 / 1000);
    pn_data_exit(p);
}

/* Asks and gives the status; the answer lies in c.message. A NULL is left out. */
static int ask(const char *type, const char *name, const char *partition, const char *token)
{
    pn_message_t *m = pn_message();
    pn_data_t *p = pn_message_properties(m);
    pn_message_set_id(m, (pn_msgid_t){.type = PN_ULONG, .u.as_ulong = 7});
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "operation", "READ");
    put_property(p, "type", type);
    if (name)
        put_property(p, "name", name);
    if (partition)
        put_property(p, "partition", partition);
    if (token)
        put_token(p, token);
    pn_data_put_binary(pn_message_body(m), pn_bytes(2, "[]"));
    send_request(&c, asks, m);
    pn_message_free(m);
    CHECK(take(&c, answers));
    CHECK(pn_message_get_correlation_id(c.message).type == PN_ULONG);
    CHECK(pn_message_get_correlation_id(c.message).u.as_ulong == 7);
    return answer_status(&c);
}

static pn_atom_t told(const char *key)
{
    return value_of(pn_message_body(c.message), key);
}

TEST(the_event_hub_is_described_in_the_types_that_clients_cast_to)
{
    client_open_as_service(&c);
    open_links("$management");
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, NULL) == 200);
    check_text(told("name"), "hub");
    check_text(told("type"), "com.microsoft:eventhub");
    CHECK(told("created_at").type == PN_TIMESTAMP && told("created_at").u.as_timestamp == T0);
    CHECK(told("partition_count").type == PN_INT && told("partition_count").u.as_int == 4);
    CHECK(told("partition_ids").type == PN_ARRAY);
    pn_data_t *body = pn_message_body(c.message); /* stands on the array */
    CHECK(pn_data_get_array(body) == 4 && pn_data_get_array_type(body) == PN_STRING && pn_data_enter(body));
    for (char id = '0'; id < '4'; id++) {
        CHECK(pn_data_next(body));
        pn_bytes_t text = pn_data_get_string(body);
        CHECK_BYTES(bytes_of(text.start, text.size), bytes_of(&id, 1));
    }
}

TEST(a_partition_is_described_before_and_after_its_first_event)
{
    char id[4];
    struct partition p;

    client_open_as_service(&c);
    open_links("hub/$management");
    snprintf(id, sizeof id, "%u", hub_partition_of(w.hub, BYTES("phone")));
    CHECK(ask("com.microsoft:partition", "hub", id, NULL) == 200);
    check_text(told("name"), "hub");
    check_text(told("type"), "com.microsoft:partition");
    check_text(told("partition"), id);
    CHECK(told("begin_sequence_number").type == PN_LONG);
    CHECK(told("last_enqueued_sequence_number").type == PN_LONG);
    CHECK(told("last_enqueued_sequence_number").u.as_long == -1);
    check_text(told("last_enqueued_offset"), "-1");
    CHECK(told("last_enqueued_time_utc").type == PN_TIMESTAMP);
    CHECK(told("is_partition_empty").type == PN_BOOL && told("is_partition_empty").u.as_bool);

    send_events("phone", 3, T0 + 5, 0);
    CHECK(ask("com.microsoft:partition", "hub", id, NULL) == 200);
    CHECK(told("begin_sequence_number").u.as_long == 0);
    CHECK(told("last_enqueued_sequence_number").u.as_long == 2);
    CHECK(told("last_enqueued_time_utc").u.as_timestamp == T0 + 7);
    CHECK(!told("is_partition_empty").u.as_bool);
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("phone")), &p));
    char offset[OFFSET_TEXT_CAP];
    offset_text(p.last_offset, offset);
    check_text(told("last_enqueued_offset"), offset);
}

TEST(a_token_in_the_request_is_enough)
{
    client_open(&c, SASL, NULL, NULL);
    open_links("$management");
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, NULL) == 401);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, token_for(&w.service, "sb://hub.test/hub", T0 + HOUR, true)) ==
          200);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL,
              token_for(&w.service, "http://hub.test/hub/$management/", T0 + HOUR, true)) == 200);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    /* Each request is on its own. */
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, NULL) == 401);
}

/* The request is judged by the claims of its connection then. */
TEST(a_token_that_is_no_text_counts_as_none)
{
    client_open_as_service(&c);
    open_links("$management");
    writes_pairs = true;
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, "whatever") == 200);
    client_close(&c);
    client_open(&c, SASL, NULL, NULL);
    open_links("$management");
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, token_for(&w.service, "hub.test", T0 + HOUR, false)) == 401);
    writes_pairs = false;
}

TEST(a_token_that_is_not_good_is_refused_in_the_answer)
{
    client_open_as_service(&c);
    open_links("$management");
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, "nonsense") == 401);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, token_for(&w.registry, "hub.test", T0 + HOUR, false)) == 401);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL, token_for(&w.service, "hub.test", T0 - HOUR, false)) == 401);
    CHECK(ask("com.microsoft:eventhub", "hub", NULL,
              token_for(&w.service, "hub.test/hub/ConsumerGroups/$Default/Partitions/0", T0 + HOUR, false)) == 401);
    check_text(value_of(pn_message_properties(c.message), "error-condition"), "amqp:unauthorized-access");
}

TEST(what_is_unknown_is_not_found_and_what_is_missing_is_bad)
{
    client_open_as_service(&c);
    open_links("amqps://hub.test:5671/hub/$management");
    CHECK(ask("com.microsoft:eventhub", "other", NULL, NULL) == 404);
    pn_atom_t text = value_of(pn_message_properties(c.message), "status-description");
    check_text(text, "The messaging entity 'other' could not be found.");
    CHECK(ask("com.microsoft:eventhub", NULL, NULL, NULL) == 404);
    CHECK(ask("com.microsoft:partition", "hub", "4", NULL) == 404);
    CHECK(ask("com.microsoft:partition", "hub", "x", NULL) == 404);
    CHECK(ask("com.microsoft:partition", "hub", NULL, NULL) == 400);
    CHECK(ask("com.microsoft:queue", "hub", NULL, NULL) == 400);
    CHECK(ask("com.microsoft:eventhub", "/hub/$management", NULL, NULL) == 200);
}

TEST(answers_wait_for_credit_and_are_bounded)
{
    pn_message_t *m = pn_message();
    pn_data_t *p = pn_message_properties(m);

    client_open_as_service(&c);
    asks = attach_to(&c, c.session, "out", true, "$management");
    answers = attach_to(&c, c.session, "in", false, "$management");
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "operation", "READ");
    put_property(p, "type", "com.microsoft:eventhub");
    put_property(p, "name", "hub");
    int sent = 0;
    while (pn_link_credit(asks) > 0 && sent < 100000) {
        send_request(&c, asks, m);
        sent++;
    }
    /* The peer takes no answer, so at last it gets no credit for questions. */
    CHECK(sent < 2000);
    pn_link_flow(answers, 10000);
    client_run(&c);
    int taken = 0;
    while (take(&c, answers))
        taken++;
    CHECK(taken == sent);
    send_request(&c, asks, m);
    CHECK(pn_link_credit(asks) > 0);
    pn_message_free(m);
}

TEST(a_question_without_a_receiver_for_the_answer_is_rejected)
{
    pn_message_t *m = pn_message();
    client_open_as_service(&c);
    asks = attach_to(&c, c.session, "out", true, "$management");
    send_request(&c, asks, m);
    pn_message_free(m);
    pn_delivery_t *d = pn_unsettled_head(asks);
    CHECK(d && pn_delivery_remote_state(d) == PN_REJECTED && pn_delivery_settled(d));
}

TEST(a_question_that_is_no_message_is_rejected)
{
    /* Nested far deeper than anything real. */
    static char deep[60000];
    client_open_as_service(&c);
    open_links("$management");
    pn_delivery(asks, pn_dtag("a", 1));
    CHECK(pn_link_send(asks, deep, sizeof deep) == sizeof deep);
    pn_link_advance(asks);
    client_run(&c);
    pn_delivery_t *d = pn_unsettled_head(asks);
    CHECK(d && pn_delivery_remote_state(d) == PN_REJECTED);
    CHECK(!c.join.hub.talk->over);
}

TEST(a_question_that_is_too_large_closes_its_link)
{
    static char large[200000];
    client_open_as_service(&c);
    open_links("$management");
    pn_delivery(asks, pn_dtag("a", 1));
    CHECK(pn_link_send(asks, large, sizeof large) == sizeof large);
    pn_link_advance(asks);
    client_run(&c);
    CHECK(pn_link_state(asks) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_link_remote_condition(asks)), "amqp:link:message-size-exceeded");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(the_event_hub_is_described_in_the_types_that_clients_cast_to),
      CASE(a_partition_is_described_before_and_after_its_first_event), CASE(a_token_in_the_request_is_enough),
      CASE(a_token_that_is_no_text_counts_as_none), CASE(a_token_that_is_not_good_is_refused_in_the_answer),
      CASE(what_is_unknown_is_not_found_and_what_is_missing_is_bad), CASE(answers_wait_for_credit_and_are_bounded),
      CASE(a_question_without_a_receiver_for_the_answer_is_rejected), CASE(a_question_that_is_no_message_is_rejected),
      CASE(a_question_that_is_too_large_closes_its_link))
