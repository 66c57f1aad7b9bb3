/* Devices over AMQP: who may be which, what they send, and what happens to the others when one of them goes. */
#include "amqp_case.h"

#include <jansson.h>

#define HOUR 3600000LL

/* ---- who it is */

TEST(without_a_token_a_device_is_nobody)
{
    device_keys("garage");
    client_open(&c, NO_SASL, NULL, NULL);
    check_refused(open_sender(&c, "garage"), "amqp:unauthorized-access", "Device 'garage'");
    check_refused(open_mailbox(&c, "garage", 1), "amqp:unauthorized-access", "Device 'garage'");
}

TEST(a_token_is_good_for_its_own_device_and_no_other)
{
    device_keys("phone");
    open_as(&c, "garage");
    CHECK(link_is_open(open_sender(&c, "garage")) && link_is_open(open_mailbox(&c, "garage", 1)));
    check_refused(open_sender(&c, "phone"), "amqp:unauthorized-access", "Device 'phone'");
    check_refused(open_sender(&c, "nobody"), "amqp:unauthorized-access", "Device 'nobody'");
    check_refused(open_sender(&c, "garag"), "amqp:unauthorized-access", NULL);
    check_refused(open_sender(&c, "GARAGE"), "amqp:unauthorized-access", NULL);
    CHECK(strstr(w.log, "login-failed device=") && strstr(w.log, "192.0.2.7:1") && !strstr(w.log, "amqp-refused"));
}

/* The description is JSON and nothing else, with this number. */
static void check_told(pn_link_t *l, const char *condition, int code, const char *message)
{
    pn_condition_t *error = pn_link_remote_condition(l);
    json_t *root = json_loads(pn_condition_get_description(error), 0, NULL);
    const char *tracking = json_string_value(json_object_get(root, "trackingId"));

    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(error), condition);
    CHECK(json_integer_value(json_object_get(root, "errorCode")) == code);
    CHECK(tracking && strlen(tracking) > 32 && strstr(tracking, "-TimeStamp:"));
    CHECK(json_string_value(json_object_get(root, "timestampUtc")));
    assert_string_equal(json_string_value(json_object_get(root, "message")), message);
    json_decref(root);
}

TEST(devices_are_told_in_json_why_a_link_is_refused)
{
    pn_link_t *l;

    device_keys("phone");
    open_as(&c, "garage");
    check_told(open_sender(&c, "phone"), "amqp:unauthorized-access", 401002,
               "Device 'phone': these credentials are not valid.");
    l = attach_to(&c, c.session, "odd", true, "amqps://hub.test:5671/devices/garage/messages/other");
    check_told(l, "amqp:not-found", 404006,
               "The link address 'amqps://hub.test/devices/garage/messages/other' did not match any of the expected "
               "formats.");
}

TEST(put_token_says_why_a_device_cannot_be_proved)
{
    struct device d, made;
    uint64_t at;

    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    const char *token = token_of("garage", T0 + HOUR);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    d.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    CHECK(client_put_token(&c, "hub.test/devices/garage", token) == 401);
    check_text(value_of(pn_message_properties(c.message), "status-description"), "The device is disabled.");
    CHECK_OK(hub_device_delete(w.hub, BYTES("garage"), (struct match){.how = MATCH_ANY}, T0, &at));
    CHECK(client_put_token(&c, "hub.test/devices/garage", token) == 404);
    CHECK(client_put_token(&c, "hub.test/devices/phone", token_of("phone", T0 - HOUR)) == 401);
    CHECK(!c.join.hub.talk->over);
}

TEST(a_token_of_the_hub_is_one_of_the_device_that_signed_it)
{
    struct policy keys = device_keys("gar:age");

    device_keys("phone");
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    const char *wide = token_for(&keys, "hub.test", T0 + HOUR, false);
    CHECK(client_put_token(&c, "hub.test", wide) == 401); /* whose it is nobody says */
    CHECK(client_put_token(&c, "hub.test/devices/phone", wide) == 401);
    CHECK(client_put_token(&c, "other.test/devices/nobody", wide) == 404);
    check_refused(open_sender(&c, "gar%3Aage"), "amqp:unauthorized-access", NULL);
    CHECK(client_put_token(&c, "amqps://hub.test:5671/devices/gar%253Aage", wide) == 200);
    CHECK(link_is_open(open_sender(&c, "gar:age")));
    check_refused(open_sender(&c, "phone"), "amqp:unauthorized-access", NULL);
    check_refused(receive_from(&c, PARTITION_0, NULL, 1), "amqp:unauthorized-access", NULL);
    /* The scope names it too, twice escaped, or without the word `devices`. */
    CHECK(client_put_token(&c, "x", token_for(&keys, "hub.test/devices/gar%3Aage", T0 + HOUR, false)) == 200);
    CHECK(client_put_token(&c, "x", token_for(&keys, "hub.test/gar:age", T0 + HOUR, false)) == 200);
    CHECK(client_put_token(&c, "x", token_for(&keys, "other.test/devices/gar:age", T0 + HOUR, false)) == 401);
}

TEST(a_policy_for_devices_may_be_any_of_them)
{
    struct policy p;

    device_keys("garage");
    CHECK_OK(hub_policy_get(w.hub, BYTES("device"), &p));
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_put_token(&c, "hub.test", token_for(&p, "hub.test", T0 + HOUR, false)) == 200);
    CHECK(link_is_open(open_sender(&c, "garage")));
    check_refused(open_sender(&c, "nobody"), "amqp:not-found", "Device 'nobody'");
    CHECK(client_put_token(&c, "x", token_for(&w.service, "hub.test", T0 + HOUR, false)) == 200);
}

TEST(a_policy_for_services_is_no_device)
{
    device_keys("garage");
    client_open_as_service(&c);
    check_refused(open_sender(&c, "garage"), "amqp:unauthorized-access", "Device 'garage'");
}

TEST(a_login_as_a_device_is_that_device)
{
    char token[SAS_LEN_MAX];

    snprintf(token, sizeof token, "%s", token_of("garage", T0 + HOUR));
    device_keys("phone");
    client_open(&c, SASL, "garage@sas.hub", token);
    CHECK(link_is_open(open_sender(&c, "garage")) && link_is_open(open_mailbox(&c, "garage", 1)));
    check_refused(open_sender(&c, "phone"), "amqp:unauthorized-access", NULL);
    client_tick(&c, HOUR + SKEW_MS);
    CHECK(c.join.hub.talk->over);
}

TEST(a_certificate_is_enough_and_only_for_whom_it_is)
{
    struct device wanted = {.id = "garage", .auth = AUTH_SELF_SIGNED}, made;
    uint64_t at;

    for (int i = 0; i < 20; i++) {
        c.peer.sha1[i] = (uint8_t)(i + 1);
        snprintf(wanted.thumbprint[0] + 2 * i, 3, "%02X", (unsigned)i + 1);
    }
    c.peer.has_certificate = true;
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    device_keys("phone");
    client_open(&c, NO_SASL, NULL, NULL);
    CHECK(link_is_open(open_sender(&c, "garage")) && link_is_open(open_mailbox(&c, "garage", 1)));
    check_refused(open_sender(&c, "phone"), "amqp:unauthorized-access", NULL);
    /* Which devices there are is not told to a stranger. */
    check_refused(open_sender(&c, "nobody"), "amqp:unauthorized-access", err_text(ERR_UNAUTHORIZED));
    check_refused(open_mailbox(&c, "phone", 1), "amqp:unauthorized-access", err_text(ERR_UNAUTHORIZED));
    client_tick(&c, 2 * CONNECT_MS); /* it is proved: nobody waits for a token */
    CHECK(!c.join.hub.talk->over);
}

TEST(addresses_of_a_device_come_in_every_spelling)
{
    static const char *const spellings[] = {
        "/devices/gar%2Bage/messages/events",
        "devices/gar%2bage/messages/events",
        "/Devices/gar+age/Messages/Events",
        "amqps://hub.test:5671/devices/gar%2Bage/messages/events",
        "amqps://hub.test/devices/gar%2Bage/messages/events/",
    };
    open_as(&c, "gar+age");
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        CHECK(link_is_open(attach_to(&c, c.session, spellings[i], true, spellings[i])));
    check_refused(attach_to(&c, c.session, "a", false, spellings[0]), "amqp:not-found", NULL);
    check_refused(attach_to(&c, c.session, "b", true, "/devices/gar%2Bage/messages/devicebound"), "amqp:not-found",
                  NULL);
    check_refused(attach_to(&c, c.session, "c", true, "/devices/gar%2Bage/modules/m/messages/events"),
                  "amqp:unauthorized-access", NULL);
    CHECK(link_is_open(attach_to(&c, c.session, "d", true, "/devices/gar%2Bage/twin")));
    CHECK(link_is_open(attach_to(&c, c.session, "e", false, "amqps://hub.test/devices/gar+age/methods/deviceBound")));
    check_refused(attach_to(&c, c.session, "f", true, "/devices//messages/events"), "amqp:not-found", NULL);
}

/* ---- what it sends */

TEST(what_is_sent_is_accepted_and_is_an_event_of_the_device)
{
    pn_message_t *m = new_message("open");

    open_as(&c, "garage");
    pn_link_t *l = open_sender(&c, "garage");
    assert_string_equal(pn_terminus_get_address(pn_link_remote_target(l)), "/devices/garage/messages/events");
    CHECK(pn_link_credit(l) == 1000 && pn_link_remote_max_message_size(l) == AMQP_MESSAGE_MAX);
    pn_message_set_id(m, (pn_msgid_t){.type = PN_ULONG, .u.as_ulong = 77});
    pn_message_set_content_type(m, "text/plain");
    pn_data_t *p = pn_message_properties(m);
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "colour", "grün");
    pn_data_put_string(p, pn_bytes(5, "level"));
    pn_data_put_int(p, -3);
    uint64_t before = c.join.hub.talk->after;
    check_accepted(send_message(&c, l, m));
    CHECK(c.join.hub.talk->after > before); /* the answer waits for the disk */

    client_open_as_service(&c2);
    pn_link_t *events = receive_from(&c2, PARTITION_0, NULL, 10);
    CHECK(take(&c2, events));
    assert_string_equal(heard_body(&c2), "open");
    pn_data_t *annotations = pn_message_annotations(c2.message);
    check_text(value_of(annotations, "iothub-connection-device-id"), "garage");
    check_text(value_of(annotations, "iothub-connection-auth-method"),
               "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}");
    check_text(value_of(pn_message_properties(c2.message), "colour"), "grün");
    check_text(value_of(pn_message_properties(c2.message), "level"), "-3");
    pn_msgid_t id = pn_message_get_id(c2.message);
    CHECK_BYTES(bytes_of(id.u.as_bytes.start, id.u.as_bytes.size), BYTES("77"));
}

/* A batch as device 3.6 has it: data sections that hold messages. */
static struct bytes put_batch(struct buf *b, pn_message_t *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bytes one = message_bytes(messages[i]);
        buf_put(b, BYTES("\x00\x53\x75\xb0"));
        buf_put_u32(b, (uint32_t)one.len);
        buf_put(b, one);
        pn_message_free(messages[i]);
    }
    return buf_bytes(b);
}

static pn_message_t *large_message(size_t size)
{
    static char body[MESSAGE_LEN_MAX + 2];

    memset(body, 'x', size);
    body[size] = '\0';
    return new_message(body);
}

TEST(a_batch_is_as_many_events_and_one_outcome)
{
    pn_message_t *messages[] = {new_message("one"), new_message("two"), new_message("three")};
    struct buf batch = buf_max(1 << 20);

    open_as(&c, "garage");
    check_accepted(send_batch(&c, open_sender(&c, "garage"), put_batch(&batch, messages, 3)));
    CHECK(world_stored(&w) == 3);
    buf_free(&batch);
}

TEST(of_a_batch_all_or_nothing_is_stored)
{
    pn_message_t *messages[] = {new_message("one"), new_message("two")};
    char id[ID_LEN_MAX + 2] = {0};
    struct buf batch = buf_max(1 << 20);

    open_as(&c, "garage");
    pn_link_t *l = open_sender(&c, "garage");
    memset(id, 'i', ID_LEN_MAX + 1);
    pn_message_set_id(messages[1], (pn_msgid_t){.type = PN_STRING, .u.as_bytes = {ID_LEN_MAX + 1, id}});
    check_rejected(send_batch(&c, l, put_batch(&batch, messages, 2)), "com.microsoft:argument-error", "400004");
    buf_clear(&batch);
    buf_put(&batch, BYTES("\x00\x53\x75\xa0\x01\x00\x00\x53\x75\xb0\xff"));
    check_rejected(send_batch(&c, l, buf_bytes(&batch)), "amqp:decode-error", "400012");
    CHECK(world_stored(&w) == 0);
    check_accepted(send_message(&c, l, new_message("three")));
    buf_free(&batch);
}

TEST(what_is_too_large_is_rejected_and_what_is_much_too_large_costs_the_link)
{
    open_as(&c, "garage");
    pn_link_t *l = open_sender(&c, "garage");
    check_accepted(send_message(&c, l, large_message(MESSAGE_LEN_MAX)));
    check_rejected(send_message(&c, l, large_message(MESSAGE_LEN_MAX + 1)), "amqp:link:message-size-exceeded",
                   "\"errorCode\":413001");
    struct buf huge = buf_max(2 << 20);
    buf_put(&huge, BYTES("\x00\x53\x75\xb0"));
    buf_put_u32(&huge, AMQP_MESSAGE_MAX);
    memset(buf_grow(&huge, AMQP_MESSAGE_MAX), 0, AMQP_MESSAGE_MAX);
    send_bytes(&c, l, buf_bytes(&huge));
    check_detached(l, "amqp:link:message-size-exceeded");
    CHECK(world_stored(&w) == 1 && !c.join.hub.talk->over);
    buf_free(&huge);
}

TEST(what_is_no_message_is_rejected)
{
    static const struct {
        struct bytes bytes;
        const char *condition;
    } cases[] = {
        {BYTES("x"), "amqp:decode-error"},
        {BYTES("\x00\x53\x75\xa0\x05"), "amqp:decode-error"},
        {BYTES("\x00\x53\x77\xd1\x00\x00\x00\x04\x00\x00\x00\x00"), "amqp:not-implemented"},
    };
    open_as(&c, "garage");
    pn_link_t *l = open_sender(&c, "garage");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_rejected(send_bytes(&c, l, cases[i].bytes), cases[i].condition, "\"trackingId\":\"");
    CHECK(world_stored(&w) == 0);
}

TEST(what_is_settled_when_it_is_sent_is_stored_too)
{
    open_as(&c, "garage");
    pn_link_t *l = pn_sender(c.session, "settled");
    pn_terminus_set_address(pn_link_target(l), "/devices/garage/messages/events");
    pn_link_set_snd_settle_mode(l, PN_SND_SETTLED);
    pn_link_open(l);
    client_run(&c);
    CHECK(pn_link_remote_snd_settle_mode(l) == PN_SND_SETTLED);
    pn_message_t *m = new_message("quick");
    struct bytes all = message_bytes(m);
    pn_delivery_t *d = pn_delivery(l, pn_dtag("t", 1));
    CHECK(pn_link_send(l, (const char *)all.at, all.len) == (ssize_t)all.len);
    pn_delivery_settle(d);
    pn_message_free(m);
    client_run(&c);
    CHECK(world_stored(&w) == 1);
}

TEST(credit_comes_back)
{
    open_as(&c, "garage");
    pn_link_t *l = open_sender(&c, "garage");
    for (int i = 0; i < 1500; i++)
        check_accepted(send_message(&c, l, new_message("x")));
    CHECK(world_stored(&w) == 1500 && pn_link_credit(l) >= 500);
}

TEST(the_model_of_a_device_is_stamped_on_what_it_sends)
{
    open_as(&c, "garage");
    pn_link_t *l = pn_sender(c.session, "model");
    pn_terminus_set_address(pn_link_target(l), "/devices/garage/messages/events");
    pn_data_t *p = pn_link_properties(l);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_symbol(p, pn_bytes(22, "com.microsoft:model-id"));
    pn_data_put_string(p, pn_bytes(18, "dtmi:com:door:a;12"));
    pn_link_open(l);
    client_run(&c);
    check_accepted(send_message(&c, l, new_message("x")));
    client_open_as_service(&c2);
    CHECK(take(&c2, receive_from(&c2, PARTITION_0, NULL, 10)));
    check_text(value_of(pn_message_annotations(c2.message), "dt-dataschema"), "dtmi:com:door:a;12");
}

/* ---- one seat */

TEST(who_comes_later_wins_and_the_others_of_the_connection_stay)
{
    open_as(&c, "garage");
    CHECK(client_prove(&c, "phone") == 200);
    pn_link_t *garage = open_sender(&c, "garage"), *box = open_mailbox(&c, "garage", 1);
    pn_link_t *phone = open_sender(&c, "phone");
    open_as(&c2, "garage");
    pn_link_t *later = open_sender(&c2, "garage");
    client_run(&c);
    check_detached(garage, "amqp:link:stolen");
    check_detached(box, "amqp:link:stolen");
    CHECK(pn_link_credit(phone) && !(pn_link_state(phone) & PN_REMOTE_CLOSED));
    check_accepted(send_message(&c, phone, new_message("x")));
    check_accepted(send_message(&c2, later, new_message("x")));
}

TEST(links_of_one_device_share_its_seat)
{
    open_as(&c, "garage");
    pn_link_t *one = open_sender(&c, "garage");
    pn_session_t *other = pn_session(c.conn);
    pn_session_open(other);
    pn_link_t *two = open_sender_in(&c, other, "garage");
    check_accepted(send_message(&c, two, new_message("x")));
    pn_session_close(other);
    client_run(&c);
    check_accepted(send_message(&c, one, new_message("x")));
    struct device d;
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(d.connected);
    pn_link_close(one);
    client_run(&c);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(!d.connected && !c.join.hub.talk->over);
    CHECK(link_is_open(open_mailbox(&c, "garage", 1)));
}

TEST(new_keys_and_disabling_and_deleting_end_the_links_of_that_device)
{
    static const char *const ids[] = {"rekeyed", "disabled", "deleted", "untouched"};
    pn_link_t *links[4];
    struct device d, made;
    uint64_t at;

    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    for (int i = 0; i < 4; i++) {
        CHECK(client_prove(&c, ids[i]) == 200);
        links[i] = open_sender(&c, ids[i]);
    }
    CHECK_OK(hub_device_get(w.hub, bytes_str(ids[0]), &d));
    d.primary.at[0] ^= 1;
    d.secondary.at[0] ^= 1;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    CHECK_OK(hub_device_get(w.hub, bytes_str(ids[1]), &d));
    d.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    CHECK_OK(hub_device_delete(w.hub, bytes_str(ids[2]), (struct match){.how = MATCH_ANY}, T0, &at));
    client_run(&c);
    check_detached(links[0], "amqp:unauthorized-access");
    check_detached(links[1], "amqp:unauthorized-access");
    check_detached(links[2], "amqp:not-found");
    check_accepted(send_message(&c, links[3], new_message("x")));
    /* A proof with the old key counts for nothing any more, until there is a new token. */
    pn_link_close(links[0]);
    client_run(&c);
    check_refused(open_mailbox(&c, ids[0], 1), "amqp:unauthorized-access", NULL);
    CHECK(client_prove(&c, ids[0]) == 200);
    CHECK(link_is_open(open_mailbox(&c, ids[0], 1)));
}

TEST(a_token_that_was_put_before_the_keys_changed_opens_nothing)
{
    struct device d, made;
    uint64_t at;

    open_as(&c, "garage");
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    d.primary.at[0] ^= 1;
    d.secondary.at[0] ^= 1;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    check_refused(open_sender(&c, "garage"), "amqp:unauthorized-access", NULL);
}

TEST(each_device_lives_as_long_as_its_token)
{
    open_as(&c, "garage");
    CHECK(client_prove(&c, "phone") == 200);
    pn_link_t *garage = open_sender(&c, "garage"), *phone = open_sender(&c, "phone");
    client_tick(&c, HOUR / 2);
    CHECK(client_prove(&c, "phone") == 200); /* renewed in the middle */
    client_tick(&c, HOUR / 2 + SKEW_MS + 1000);
    check_detached(garage, "amqp:unauthorized-access");
    check_accepted(send_message(&c, phone, new_message("x")));
    client_tick(&c, HOUR);
    check_detached(phone, "amqp:unauthorized-access");
    CHECK(!c.join.hub.talk->over);
}

TEST(a_thousand_devices_share_a_connection)
{
    enum { N = 1000 };
    static pn_link_t *senders[N], *boxes[N];
    pn_session_t *sessions[N];
    char id[16], body[16];

    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof id, "d%d", i);
        CHECK(client_prove(&c, id) == 200);
        pn_link_flow(c.answers, 1);
        sessions[i] = pn_session(c.conn);
        pn_session_open(sessions[i]);
        senders[i] = open_sender_in(&c, sessions[i], id);
        boxes[i] = open_mailbox_in(&c, sessions[i], id, 5);
        CHECK(link_is_open(senders[i]) && link_is_open(boxes[i]));
    }
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof id, "d%d", i);
        snprintf(body, sizeof body, "to %d", i);
        post_to(id, "m", body, "none", T0);
    }
    client_run(&c);
    for (int i = 0; i < N; i++) {
        snprintf(body, sizeof body, "to %d", i);
        check_hears(&c, boxes[i], body);
        check_accepted(send_message(&c, senders[i], new_message("x")));
    }
    CHECK(world_stored(&w) == N);
    pn_session_close(sessions[0]);
    client_run(&c);
    CHECK(waiting_for("d0") == 1);
    check_accepted(send_message(&c, senders[N - 1], new_message("x")));
}

TEST(links_without_end_are_refused)
{
    open_as(&c, "garage");
    for (int i = 0; i < AMQP_LINKS_MAX && !c.join.hub.talk->over; i++) {
        char name[32];
        snprintf(name, sizeof name, "link-%d", i);
        attach_to(&c, c.session, name, true, "/devices/garage/messages/events");
    }
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_LIMIT);
    assert_string_equal(pn_condition_get_name(pn_connection_remote_condition(c.conn)), "amqp:resource-limit-exceeded");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(CASE(without_a_token_a_device_is_nobody), CASE(devices_are_told_in_json_why_a_link_is_refused),
      CASE(a_token_is_good_for_its_own_device_and_no_other), CASE(put_token_says_why_a_device_cannot_be_proved),
      CASE(a_token_of_the_hub_is_one_of_the_device_that_signed_it), CASE(a_policy_for_devices_may_be_any_of_them),
      CASE(a_policy_for_services_is_no_device), CASE(a_login_as_a_device_is_that_device),
      CASE(a_certificate_is_enough_and_only_for_whom_it_is), CASE(addresses_of_a_device_come_in_every_spelling),
      CASE(what_is_sent_is_accepted_and_is_an_event_of_the_device), CASE(a_batch_is_as_many_events_and_one_outcome),
      CASE(of_a_batch_all_or_nothing_is_stored),
      CASE(what_is_too_large_is_rejected_and_what_is_much_too_large_costs_the_link),
      CASE(what_is_no_message_is_rejected), CASE(what_is_settled_when_it_is_sent_is_stored_too),
      CASE(credit_comes_back), CASE(the_model_of_a_device_is_stamped_on_what_it_sends),
      CASE(who_comes_later_wins_and_the_others_of_the_connection_stay), CASE(links_of_one_device_share_its_seat),
      CASE(new_keys_and_disabling_and_deleting_end_the_links_of_that_device),
      CASE(a_token_that_was_put_before_the_keys_changed_opens_nothing), CASE(each_device_lives_as_long_as_its_token),
      CASE(a_thousand_devices_share_a_connection), CASE(links_without_end_are_refused))
