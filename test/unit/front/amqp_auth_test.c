/* Log-ins: SASL in every form, put-token, and what happens when a token runs out. */
#include "amqp_case.h"
#include "limiter.h"
#include "words.h"

#define HOUR 3600000LL

static int start(void **state)
{
    (void)state;
    return client_start_with(2);
}

static bool connected(void)
{
    return c.conn && pn_connection_state(c.conn) & PN_REMOTE_ACTIVE;
}

static bool may_receive(void)
{
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 1);
    return link_is_open(l);
}

/* ---- SASL */

TEST(the_open_says_what_the_live_service_says)
{
    client_open_as_service(&c);
    CHECK(pn_transport_get_remote_max_frame(c.proton.driver.transport) == AMQP_FRAME_MAX);
    CHECK(pn_transport_get_remote_idle_timeout(c.proton.driver.transport) == AMQP_IDLE_MS);
    CHECK(pn_transport_remote_channel_max(c.proton.driver.transport) == AMQP_CHANNEL_MAX);
    struct bytes name = bytes_str(pn_connection_remote_container(c.conn));
    CHECK(name.len == 35 && bytes_ends(name, BYTES("_G1")));
}

TEST(a_policy_comes_in_with_its_raw_key)
{
    client_open_as_service(&c);
    CHECK(may_receive());
}

TEST(the_secondary_key_is_as_good)
{
    client_open(&c, SASL, "service", key_text(&w.service.secondary));
    CHECK(connected() && may_receive());
}

TEST(a_policy_comes_in_with_a_token)
{
    client_open(&c, SASL, "service@sas.root.hub", token_for(&w.service, "hub.test", T0 + HOUR, false));
    CHECK(connected() && may_receive());
}

TEST(a_token_of_another_policy_does_not_fit_the_user_name)
{
    client_open(&c, SASL, "iothubowner@sas.root.hub", token_for(&w.service, "hub.test", T0 + HOUR, false));
    CHECK(!connected());
}

TEST(a_wrong_key_is_refused_with_outcome_1_and_logged)
{
    client_open(&c, SASL, "service", "bm90IHRoZSBrZXkgbm90IHRoZSBrZXk=");
    CHECK(!connected());
    CHECK(pn_sasl_outcome(pn_sasl(c.proton.driver.transport)) == PN_SASL_AUTH);
    assert_string_equal(c.error, "amqp:unauthorized-access");
    CHECK(c.join.hub.talk->over);
    CHECK(strstr(w.log, "login-failed policy=service protocol=amqp address=192.0.2.7:1 reason=unauthorized "
                        "detail=\"this is not a key of the policy\""));
    CHECK(!strstr(w.log, "amqp-refused"));
}

TEST(whoever_guesses_keys_is_told_to_come_later_and_whoever_is_right_gets_in)
{
    struct limiter *limiter;
    CHECK_OK(limiter_new(3, &limiter));
    w.env.limiter = limiter;
    for (int i = 0; i < LIMITER_PAIR_BURST + 2; i++) {
        client_open(&c, SASL, "service", "bm90IHRoZSBrZXkgbm90IHRoZSBrZXk=");
        CHECK(!connected());
        CHECK(c.join.hub.talk->held_ms == (i == LIMITER_PAIR_BURST ? c.join.now_ms + LIMITER_PAIR_MS : 0));
        CHECK(pn_sasl_outcome(pn_sasl(c.proton.driver.transport)) ==
              (i <= LIMITER_PAIR_BURST ? PN_SASL_AUTH : PN_SASL_TEMP));
        client_close(&c);
        memset(&c, 0, sizeof c);
    }
    CHECK(strstr(w.log, "reason=busy detail="));
    client_open(&c, SASL, "service", key_text(&w.service.primary));
    CHECK(connected());
    limiter_free(limiter);
}

TEST(an_unknown_policy_is_refused)
{
    client_open(&c, SASL, "nobody", key_text(&w.service.primary));
    CHECK(!connected() && pn_sasl_outcome(pn_sasl(c.proton.driver.transport)) == PN_SASL_AUTH);
}

TEST(a_device_comes_in_with_its_token_and_may_attach_nothing)
{
    struct device made;
    struct policy as_policy = {0}; /* signs without a policy name */
    send_events("garage", 1, T0, 0);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &made));
    as_policy.primary = made.primary;
    client_open(&c, SASL, "garage@sas.hub", token_for(&as_policy, "hub.test/devices/garage", T0 + HOUR, false));
    CHECK(connected());
    check_refused(receive_from(&c, PARTITION_0, NULL, 1), "amqp:unauthorized-access", "'Listen' claim(s)");
}

TEST(anonymous_is_let_in_for_tokens_only)
{
    client_open(&c, SASL, NULL, NULL);
    CHECK(connected());
    check_refused(receive_from(&c, PARTITION_0, NULL, 1), "amqp:unauthorized-access",
                  "Resource: 'sb://hub.test/hub/ConsumerGroups/$Default/Partitions/0'. TrackingId:");
    CHECK(link_is_open(attach_to(&c, c.session, "cbs", false, "$cbs")));
    CHECK(link_is_open(attach_to(&c, c.session, "management", false, "$management")));
}

TEST(without_sasl_only_tokens_count_too)
{
    client_open(&c, NO_SASL, NULL, NULL);
    CHECK(connected() && !may_receive());
}

TEST(external_is_offered_to_those_who_showed_a_certificate)
{
    c.peer.has_certificate = true;
    client_open(&c, SASL, NULL, NULL);
    CHECK(connected() && !may_receive());
    assert_string_equal(pn_sasl_get_mech(pn_sasl(c.proton.driver.transport)), "EXTERNAL");
}

/* Raw frames, for what Proton's client cannot say. */
static void say(const char *bytes, size_t len)
{
    client_input(&c, bytes_of(bytes, len));
}
#define SAY(literal) say(literal, sizeof(literal) - 1)

static bool heard(struct bytes bytes)
{
    return bytes_find_bytes(buf_bytes(&c.join.hub.out), bytes) < c.join.hub.out.len;
}

/* sasl-init with a mechanism and no response. */
static void say_init(const char *mechanism)
{
    struct buf b = buf_max(64);
    uint8_t len = (uint8_t)strlen(mechanism);
    c.join.now_ms = T0;
    client_front(&c);
    SAY("AMQP\x03\x01\x00\x00");
    buf_put(&b, BYTES("\x00\x00\x00\x00\x02\x01\x00\x00\x00\x53\x41\xc0\x00\x01\xa3"));
    b.at[3] = (uint8_t)(16 + len);
    b.at[12] = (uint8_t)(3 + len);
    buf_put_u8(&b, len);
    buf_puts(&b, mechanism);
    client_input(&c, buf_bytes(&b));
    buf_free(&b);
}

TEST(mssbcbs_is_anonymous_by_another_name)
{
    say_init("MSSBCBS");
    CHECK(heard(BYTES("PLAIN")) && heard(BYTES("ANONYMOUS")) && heard(BYTES("MSSBCBS")) && !heard(BYTES("EXTERNAL")));
    CHECK(heard(BYTES("\x00\x53\x44\xc0\x03\x01\x50\x00")) && !c.join.hub.talk->over);
}

TEST(a_mechanism_that_was_not_offered_is_refused)
{
    say_init("EXTERNAL");
    CHECK(heard(BYTES("\x00\x53\x44\xc0\x03\x01\x50\x01")) && c.join.hub.talk->over);
}

TEST(plain_without_a_response_is_refused)
{
    say_init("PLAIN");
    CHECK(heard(BYTES("\x00\x53\x44\xc0\x03\x01\x50\x01")) && c.join.hub.talk->over);
}

/* ---- put-token */

TEST(a_token_opens_what_its_resource_covers)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    const char *resource = "sb://hub.test/hub/ConsumerGroups/$Default/Partitions/0";
    CHECK(client_put_token(&c, resource, token_for(&w.service, resource, T0 + HOUR, true)) == 200);
    CHECK(may_receive());
    pn_link_t *other = receive_from(&c, "hub/ConsumerGroups/$Default/Partitions/1", NULL, 1);
    check_refused(other, "amqp:unauthorized-access", "'Listen'");
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    CHECK(link_is_open(receive_from(&c, "hub/ConsumerGroups/$Default/Partitions/1", NULL, 1)));
}

TEST(the_answer_carries_the_identifier_with_its_type)
{
    pn_msgid_t ids[] = {{.type = PN_ULONG, .u.as_ulong = 0},
                        {.type = PN_UUID, .u.as_uuid = {"0123456789abcde"}},
                        AN_ID,
                        {.type = PN_BINARY, .u.as_bytes = {2, "\x00\xff"}}};
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        client_put_token_as(&c, ids[i], "put-token", "servicebus.windows.net:sastoken", "hub.test",
                            token_for(&w.service, "hub.test", T0 + HOUR, false));
        CHECK(take(&c, c.answers) && answer_status(&c) == 200);
        pn_msgid_t id = pn_message_get_correlation_id(c.message);
        CHECK(id.type == ids[i].type);
        if (id.type == PN_ULONG)
            CHECK(id.u.as_ulong == 0);
        else if (id.type == PN_UUID)
            CHECK(!memcmp(id.u.as_uuid.bytes, ids[i].u.as_uuid.bytes, 16));
        else
            CHECK_BYTES(bytes_of(id.u.as_bytes.start, id.u.as_bytes.size),
                        bytes_of(ids[i].u.as_bytes.start, ids[i].u.as_bytes.size));
    }
}

TEST(a_bad_token_is_answered_and_the_link_stays)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "hub.test", "SharedAccessSignature sr=hub.test&sig=AAAA&se=1&skn=service") == 401);
    struct policy bent = w.service;
    bent.primary.at[0] ^= 1;
    CHECK(client_put_token(&c, "sb://hub.test/hub", token_for(&bent, "sb://hub.test/hub", T0 + HOUR, false)) == 401);
    CHECK(client_put_token(&c, "hub.test", "nonsense") == 401);
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 - HOUR, false)) == 401);
    CHECK(client_put_token(&c, "other.test", token_for(&w.service, "other.test", T0 + HOUR, false)) == 401);
    CHECK(client_put_token(&c, "hub.test", NULL) == 400);
    CHECK(client_put_token(&c, NULL, token_for(&w.service, "hub.test", T0 + HOUR, false)) == 400);
    client_put_token_as(&c, AN_ID, "put-token", "jwt", "hub.test", "Bearer abc");
    CHECK(take(&c, c.answers) && answer_status(&c) == 401);
    CHECK(!may_receive());
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    CHECK(may_receive());
}

TEST(a_token_comes_under_each_name_of_its_type)
{
    const char *const *types = amqp_spellings(WORD_SAS_TOKEN);
    char upper[64];

    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    for (int i = 0; types[i]; i++) {
        size_t len = strlen(types[i]);
        for (size_t k = 0; k <= len; k++)
            upper[k] = (char)(types[i][k] >= 'a' && types[i][k] <= 'z' ? types[i][k] - 32 : types[i][k]);
        client_put_token_as(&c, AN_ID, "put-token", types[i], "hub.test",
                            token_for(&w.service, "hub.test", T0 + HOUR, false));
        CHECK(take(&c, c.answers) && answer_status(&c) == 200);
        client_put_token_as(&c, AN_ID, "put-token", upper, "hub.test",
                            token_for(&w.service, "hub.test", T0 + HOUR, false));
        CHECK(take(&c, c.answers) && answer_status(&c) == 200);
    }
    CHECK(may_receive());
    /* Both are there: .NET has one, everybody else the other. */
    CHECK(amqp_is(BYTES("azure-devices.net:sastoken"), WORD_SAS_TOKEN));
    CHECK(amqp_is(BYTES("servicebus.windows.net:sastoken"), WORD_SAS_TOKEN));
    CHECK(!amqp_is(BYTES("jwt"), WORD_SAS_TOKEN) && !amqp_is(NO_BYTES, WORD_SAS_TOKEN));
    /* Python calls its signature by the name of what it is not. */
    client_put_token_as(&c, AN_ID, "put-token", "jwt", "hub.test", token_for(&w.service, "hub.test", T0 + HOUR, false));
    CHECK(take(&c, c.answers) && answer_status(&c) == 200);
    client_put_token_as(&c, AN_ID, "put-token", "jwt", "hub.test", "eyJhbGciOiJub25lIn0.e30.");
    CHECK(take(&c, c.answers) && answer_status(&c) == 401);
}

TEST(an_unknown_operation_is_rejected)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    client_put_token_as(&c, AN_ID, "delete-token", "servicebus.windows.net:sastoken", "hub.test", "x");
    pn_delivery_t *d = pn_unsettled_head(c.asks);
    CHECK(d && pn_delivery_remote_state(d) == PN_REJECTED);
    assert_string_equal(pn_condition_get_name(pn_disposition_condition(pn_delivery_remote(d))), "amqp:not-allowed");
    CHECK(!take(&c, c.answers));
}

TEST(the_answer_comes_on_the_session_of_the_question)
{
    client_open(&c, NO_SASL, NULL, NULL);
    pn_session_t *other = pn_session(c.conn);
    pn_session_open(other);
    pn_link_t *elsewhere = attach_to(&c, other, "cbs-other", false, "$cbs");
    pn_link_flow(elsewhere, 10);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    CHECK(!pn_link_queued(elsewhere));
}

TEST(a_policy_without_the_right_to_listen_is_refused)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "hub.test", token_for(&w.registry, "hub.test", T0 + HOUR, false)) == 200);
    CHECK(!may_receive());
}

TEST(tokens_of_one_connection_are_bounded)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    for (int i = 0; i < CBS_TOKENS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "hub.test/%d", i);
        CHECK(client_put_token(&c, name, token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
        pn_link_flow(c.answers, 1);
    }
    CHECK(client_put_token(&c, "hub.test/one-more", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 403);
    CHECK(client_put_token(&c, "hub.test/7", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
}

/* ---- time */

TEST(an_expired_token_detaches_what_it_had_opened)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
    pn_link_t *l = receive_from(&c, PARTITION_0, NULL, 1);
    CHECK(link_is_open(l));
    client_tick(&c, HOUR - 1000);
    CHECK(link_is_open(l));
    CHECK(client_put_token(&c, "hub.test", token_for(&w.service, "hub.test", T0 + 2 * HOUR, false)) == 200);
    client_tick(&c, SKEW_MS + 2000);
    CHECK(link_is_open(l));
    client_tick(&c, HOUR);
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_link_remote_condition(l)), "amqp:unauthorized-access");
    CHECK(!c.join.hub.talk->over);
}

TEST(a_connection_by_token_ends_with_it)
{
    client_open(&c, SASL, "service@sas.root.hub", token_for(&w.service, "hub.test", T0 + HOUR, false));
    CHECK(connected());
    client_tick(&c, HOUR + SKEW_MS);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_EXPIRED);
    CHECK(pn_connection_state(c.conn) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_connection_remote_condition(c.conn)), "amqp:unauthorized-access");
}

TEST(who_says_nothing_is_cut_off)
{
    c.join.now_ms = T0;
    client_front(&c);
    client_tick(&c, CONNECT_MS - 1);
    CHECK(!c.join.hub.talk->over);
    client_tick(&c, 1);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_TIMEOUT);
}

TEST(who_puts_no_token_is_cut_off)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_tick(&c, CONNECT_MS);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_UNAUTHORIZED);
    CHECK(pn_connection_state(c.conn) & PN_REMOTE_CLOSED);
}

TEST(a_silent_peer_is_given_up)
{
    client_open_as_service(&c);
    int64_t due = c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms);
    CHECK(due > c.join.now_ms && due <= c.join.now_ms + 2 * AMQP_IDLE_MS);
    c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms + 2 * AMQP_IDLE_MS - 1);
    CHECK(!c.join.hub.talk->over);
    c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms + 2 * AMQP_IDLE_MS);
    CHECK(c.join.hub.talk->over);
}

TEST(a_peer_that_gives_signs_of_life_stays)
{
    client_open_as_service(&c);
    client_tick(&c, 20 * AMQP_IDLE_MS);
    CHECK(!c.join.hub.talk->over && may_receive());
}

TEST(a_peer_that_wants_signs_of_life_gets_them)
{
    c.join.now_ms = T0;
    client_front(&c);
    /* open: container "x", idle-time-out 10000 ms */
    SAY("AMQP\x00\x01\x00\x00"
        "\x00\x00\x00\x19\x02\x00\x00\x00\x00\x53\x10\xc0\x0c\x05\xa1\x01x\x40\x40\x40\x70\x00\x00\x27\x10");
    CHECK(heard(BYTES("_G1")));
    buf_clear(&c.join.hub.out);
    int64_t due = c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms);
    CHECK(due <= T0 + 10000);
    c.join.hub.talk->ops->tick(c.join.hub.talk, due);
    CHECK_BYTES(buf_bytes(&c.join.hub.out), BYTES("\x00\x00\x00\x08\x02\x00\x00\x00"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TEST(a_token_may_be_put_with_values_of_bytes)
{
    const char *resource = "sb://hub.test/hub";

    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    client_put_token_bytes(&c, resource, token_for(&w.service, resource, T0 + HOUR, true));
    CHECK(take(&c, c.answers) && answer_status(&c) == 200);
}

TESTS(CASE(a_token_may_be_put_with_values_of_bytes), CASE(the_open_says_what_the_live_service_says),
      CASE(a_policy_comes_in_with_its_raw_key), CASE(the_secondary_key_is_as_good),
      CASE(a_policy_comes_in_with_a_token), CASE(a_token_of_another_policy_does_not_fit_the_user_name),
      CASE(a_wrong_key_is_refused_with_outcome_1_and_logged), CASE(an_unknown_policy_is_refused),
      CASE(whoever_guesses_keys_is_told_to_come_later_and_whoever_is_right_gets_in),
      CASE(a_device_comes_in_with_its_token_and_may_attach_nothing), CASE(anonymous_is_let_in_for_tokens_only),
      CASE(without_sasl_only_tokens_count_too), CASE(external_is_offered_to_those_who_showed_a_certificate),
      CASE(mssbcbs_is_anonymous_by_another_name), CASE(a_mechanism_that_was_not_offered_is_refused),
      CASE(plain_without_a_response_is_refused), CASE(a_token_opens_what_its_resource_covers),
      CASE(the_answer_carries_the_identifier_with_its_type), CASE(a_bad_token_is_answered_and_the_link_stays),
      CASE(a_token_comes_under_each_name_of_its_type), CASE(an_unknown_operation_is_rejected),
      CASE(the_answer_comes_on_the_session_of_the_question), CASE(a_policy_without_the_right_to_listen_is_refused),
      CASE(tokens_of_one_connection_are_bounded), CASE(an_expired_token_detaches_what_it_had_opened),
      CASE(a_connection_by_token_ends_with_it), CASE(who_says_nothing_is_cut_off), CASE(who_puts_no_token_is_cut_off),
      CASE(a_silent_peer_is_given_up), CASE(a_peer_that_gives_signs_of_life_stays),
      CASE(a_peer_that_wants_signs_of_life_gets_them))
