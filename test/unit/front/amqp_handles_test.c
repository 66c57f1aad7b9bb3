/* Frames on handles that are not attached: they end their session, and no other device of the connection notices. */
#include "amqp_case.h"

static int start(void **state)
{
    client_start(state);
    device_keys("phone");
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_prove(&c, "garage") == 200);
    CHECK(client_prove(&c, "phone") == 200);
    return 0;
}

static pn_session_t *another_session(void)
{
    pn_session_t *s = pn_session(c.conn);

    pn_session_open(s);
    client_run(&c);
    return s;
}

/* A frame that Proton would not say: its fields behind the handle. */
static void say(uint8_t code, uint16_t channel, uint32_t handle, struct bytes before, struct bytes behind, uint8_t n)
{
    struct buf b = buf_max(1024);
    size_t len = before.len + 5 + behind.len;

    buf_put_u32(&b, (uint32_t)(8 + 3 + 3 + len));
    buf_put(&b, BYTES("\x02\x00"));
    buf_put_u16(&b, channel);
    buf_put(&b, BYTES("\x00\x53"));
    buf_put_u8(&b, code);
    buf_put_u8(&b, 0xc0);
    buf_put_u8(&b, (uint8_t)(len + 1));
    buf_put_u8(&b, n);
    buf_put(&b, before);
    buf_put_u8(&b, 0x70);
    buf_put_u32(&b, handle);
    buf_put(&b, behind);
    client_input(&c, buf_bytes(&b));
    buf_free(&b);
    client_run(&c);
}

static void check_ended(pn_session_t *s)
{
    CHECK(pn_session_state(s) & PN_REMOTE_CLOSED);
    assert_string_equal(pn_condition_get_name(pn_session_remote_condition(s)), "amqp:session:unattached-handle");
    CHECK(!c.join.hub.talk->over && pn_connection_state(c.conn) & PN_REMOTE_ACTIVE);
}

TEST(a_transfer_on_no_link_ends_the_session_and_no_more)
{
    pn_session_t *second = another_session();
    pn_link_t *phone = open_sender_in(&c, second, "phone");
    pn_link_t *garage = open_sender(&c, "garage");
    struct device d;

    CHECK(link_is_open(phone) && link_is_open(garage));
    /* delivery-id 0, tag "t", message-format 0, settled */
    say(0x14, 1, 77, NO_BYTES, BYTES("\x43\xa0\x01t\x43\x41"), 5);
    check_ended(second);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &d));
    CHECK(!d.connected);
    /* A frame that was on its way counts for nothing, also on the link that there was. */
    say(0x14, 1, 0, NO_BYTES, BYTES("\x43\xa0\x01t\x43\x41"), 5);
    say(0x14, 1, 78, NO_BYTES, BYTES("\x43\xa0\x01t\x43\x41"), 5);
    CHECK(link_is_open(garage));
    check_accepted(send_message(&c, garage, new_message("still here")));
    CHECK(world_stored(&w) == 1);
    /* The peer ends it too, and begins another one. */
    pn_session_close(second);
    client_run(&c);
    pn_session_free(second);
    client_run(&c);
    pn_session_t *third = another_session();
    phone = open_sender_in(&c, third, "phone");
    CHECK(link_is_open(phone));
    check_accepted(send_message(&c, phone, new_message("again")));
    CHECK(world_stored(&w) == 2 && strstr(w.log, "unattached-handle"));
}

TEST(so_do_credit_and_a_detach)
{
    pn_session_t *second = another_session(), *third = another_session();

    say(0x13, 1, 5, BYTES("\x43\x52\x64\x43\x52\x64"), BYTES("\x43\x52\x0a"), 7);
    check_ended(second);
    say(0x16, 2, 5, NO_BYTES, BYTES("\x41"), 2);
    check_ended(third);
    CHECK(link_is_open(open_sender(&c, "garage")));
}

TEST(a_handle_that_was_detached_is_attached_no_more)
{
    pn_session_t *second = another_session();
    pn_link_t *phone = open_sender_in(&c, second, "phone");

    CHECK(link_is_open(phone));
    pn_link_close(phone);
    client_run(&c);
    say(0x14, 1, 0, NO_BYTES, BYTES("\x43\xa0\x01t\x43\x41"), 5);
    check_ended(second);
}

TEST(a_link_that_we_detached_may_still_be_sent_to)
{
    struct device wanted, made;
    uint64_t at;
    pn_session_t *second = another_session();
    pn_link_t *phone = open_sender_in(&c, second, "phone");

    CHECK(link_is_open(phone));
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &wanted));
    wanted.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    client_run(&c);
    CHECK(pn_link_state(phone) & PN_REMOTE_CLOSED);
    say(0x14, 1, 0, NO_BYTES, BYTES("\x43\xa0\x01t\x43\x41"), 5);
    CHECK(!c.join.hub.talk->over && !(pn_session_state(second) & PN_REMOTE_CLOSED));
}

/* pyamqp: a link that was refused is attached again under its name and handle, only to be detached. */
TEST(a_link_that_was_refused_may_be_attached_again)
{
    pn_link_t *l = attach_to(&c, c.session, "twice", true, "/devices/garage/nothing");

    check_refused(l, "amqp:not-found", NULL);
    pn_link_close(l);
    client_run(&c);
    pn_link_free(l);
    client_run(&c);
    l = attach_to(&c, c.session, "twice", true, "/devices/garage/nothing");
    check_refused(l, "amqp:not-found", NULL);
    pn_link_close(l);
    client_run(&c);
    CHECK(!c.join.hub.talk->over && !(pn_session_state(c.session) & PN_REMOTE_CLOSED));
    CHECK(link_is_open(open_sender(&c, "garage")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_transfer_on_no_link_ends_the_session_and_no_more), CASE(so_do_credit_and_a_detach),
      CASE(a_handle_that_was_detached_is_attached_no_more), CASE(a_link_that_we_detached_may_still_be_sent_to),
      CASE(a_link_that_was_refused_may_be_attached_again))
