/* Memory that a connection may make the hub keep before its peer has shown who it is, and after. From raw bytes. */
#include "amqp_case.h"

#include "capacity.h"
#include "strangers.h"

static struct buf said;
static struct strangers strangers;

static int start(void **state)
{
    client_start(state);
    memset(&strangers, 0, sizeof strangers);
    w.env.strangers = &strangers;
    c.join.now_ms = T0;
    said = buf_max(1 << 22);
    client_front(&c);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&c);
    CHECK(strangers.borrowed == 0);
    buf_free(&said);
    world_close();
    return 0;
}

static void put(unsigned channel, uint8_t code, uint32_t count, struct bytes fields, struct bytes payload)
{
    buf_put_u32(&said, (uint32_t)(20 + fields.len + payload.len));
    buf_put(&said, BYTES("\x02\x00"));
    buf_put_u16(&said, (uint16_t)channel);
    buf_put(&said, BYTES("\x00\x53"));
    buf_put_u8(&said, code);
    buf_put_u8(&said, 0xd0);
    buf_put_u32(&said, (uint32_t)fields.len + 4);
    buf_put_u32(&said, count);
    buf_put(&said, fields);
    buf_put(&said, payload);
}

static void put_begin(unsigned channel)
{
    put(channel, 0x11, 4, BYTES("\x40\x52\x00\x70\x00\x00\x08\x00\x70\x00\x00\x08\x00"), NO_BYTES);
}

/* A link to or from $cbs, with so many nulls in one of its properties. */
static void put_attach(unsigned handle, bool sender, unsigned values)
{
    struct buf f = buf_max(1 << 20);

    buf_printf(&f, "\xa1\x06l%05u\x70", handle);
    buf_put_u32(&f, handle);
    buf_put_u8(&f, sender ? 0x42 : 0x41);
    buf_put(&f, BYTES("\x40\x40" /* both modes */
                      "\x00\x53\x28\xc0\x07\x01\xa1\x04$cbs"
                      "\x00\x53\x29\xc0\x07\x01\xa1\x04$cbs"
                      "\x40\x40\x43\x40\x40\x40\xd1")); /* up to the properties */
    buf_put_u32(&f, 4 + 3 + 9 + values);
    buf_put_u32(&f, 2);
    buf_put(&f, BYTES("\xa3\x01p\xd0"));
    buf_put_u32(&f, 4 + values);
    buf_put_u32(&f, values);
    for (unsigned i = 0; i < values; i++)
        buf_put_u8(&f, 0x40);
    put(0, 0x12, 14, buf_bytes(&f), NO_BYTES);
    buf_free(&f);
}

/* The beginning of every stranger: no SASL, an Open. */
static void put_open(void)
{
    buf_put(&said, BYTES("AMQP\x00\x01\x00\x00"));
    put(0, 0x10, 1, BYTES("\xa1\x01x"), NO_BYTES);
}

static void say(void)
{
    client_input(&c, buf_bytes(&said));
    buf_clear(&said);
}

/* As the policy that may listen, by SASL. */
static void log_in(void)
{
    const char *key = key_text(&w.service.primary);
    struct buf f = buf_max(1024);

    buf_put(&f, BYTES("\xa3\x05PLAIN\xa0"));
    buf_put_u8(&f, (uint8_t)(2 + strlen("service") + strlen(key)));
    buf_put(&f, BYTES("\0service\0"));
    buf_puts(&f, key);
    buf_put(&said, BYTES("AMQP\x03\x01\x00\x00"));
    put(0, 0x41, 2, buf_bytes(&f), NO_BYTES);
    said.at[8 + 5] = 1; /* of SASL */
    buf_free(&f);
    put_open();
    say();
    CHECK(c.join.hub.talk->proved && !c.join.hub.talk->over);
}

static void check_ended(const char *condition)
{
    struct bytes out = buf_bytes(&c.join.hub.out);

    CHECK(c.join.hub.talk->over);
    CHECK(bytes_find_bytes(out, bytes_str(condition)) < out.len);
    CHECK(strstr(w.log, "amqp-refused"));
}

TEST(a_stranger_has_a_session_two_links_and_a_few_dozen_values)
{
    put_open();
    put_begin(0);
    put_attach(0, false, 12);
    put_attach(1, true, 12);
    say();
    CHECK(!c.join.hub.talk->over && !c.join.hub.talk->proved);
    put_attach(2, false, 100);
    say();
    check_ended("amqp:resource-limit-exceeded");
}

TEST(one_value_more_than_the_budget_is_one_too_many)
{
    unsigned left = (AMQP_HELD_UNPROVED - AMQP_SESSION_COST - AMQP_LINK_COST) / AMQP_VALUE_COST;
    bool was_over = false;

    CHECK(left < AMQP_VALUES_UNPROVED);
    for (unsigned n = left - 8; n <= left; n++) {
        client_close(&c);
        client_front(&c);
        put_open();
        put_begin(0);
        put_attach(0, false, n);
        say();
        CHECK(c.join.hub.talk->over || !was_over);
        CHECK(n > left - 8 || !c.join.hub.talk->over);
        was_over = c.join.hub.talk->over;
    }
    check_ended("amqp:resource-limit-exceeded");
}

TEST(frames_and_values_of_a_stranger_have_their_own_ceilings)
{
    put_open();
    put_begin(0);
    put_attach(0, false, AMQP_VALUES_UNPROVED);
    say();
    check_ended("amqp:decode-error");
    client_close(&c);
    client_front(&c);
    put_open();
    buf_put_u32(&said, AMQP_FRAME_UNPROVED + 1);
    say();
    check_ended("amqp:connection:framing-error");
}

/* Java opens the sessions of all its devices first; all strangers together have so many, and who logs in gives back. */
TEST(sessions_above_the_budget_are_borrowed_from_all)
{
    unsigned own = (AMQP_HELD_UNPROVED - 64) / AMQP_SESSION_COST;

    put_open();
    for (unsigned i = 0; i < own + 3; i++)
        put_begin(i);
    say();
    CHECK(!c.join.hub.talk->over && strangers.borrowed == 3);
    strangers.borrowed += AMQP_SESSIONS_BORROWED - 3;
    put_begin(own + 3);
    say();
    check_ended("amqp:resource-limit-exceeded");
    strangers.borrowed -= AMQP_SESSIONS_BORROWED - 3;
}

/* A message of several transfers. */
static void put_transfer(unsigned handle, unsigned id, bool more, size_t len)
{
    struct buf f = buf_max(64), payload = buf_max(1 << 20);

    buf_put_u8(&f, 0x70);
    buf_put_u32(&f, handle);
    buf_put_u8(&f, 0x70);
    buf_put_u32(&f, id);
    buf_printf(&f, "\xa0\x04%04u\x43\x42%c", id % 10000, more ? 0x41 : 0x42);
    memset(buf_grow(&payload, len), 'z', len);
    put(0, 0x14, 6, buf_bytes(&f), buf_bytes(&payload));
    buf_free(&payload);
    buf_free(&f);
}

TEST(what_a_stranger_begins_and_does_not_end_is_little)
{
    put_open();
    put_begin(0);
    put_attach(0, true, 0);
    put_attach(1, true, 0);
    say();
    put_transfer(0, 0, true, AMQP_COMING_UNPROVED / 2);
    put_transfer(1, 1, true, AMQP_COMING_UNPROVED / 2);
    say();
    CHECK(!c.join.hub.talk->over);
    put_transfer(1, 1, true, 1);
    say();
    check_ended("amqp:resource-limit-exceeded");
}

TEST(more_requests_than_credit_end_the_link)
{
    put_open();
    put_begin(0);
    put_attach(0, true, 0);
    say();
    for (unsigned i = 0; i < 99; i++)
        put_transfer(0, i, false, 1);
    say();
    CHECK(!c.join.hub.talk->over && !strstr(w.log, "transfer-limit-exceeded"));
    c.join.client.deaf = true;
    for (unsigned i = 99; i < 400; i++)
        put_transfer(0, i, false, 1);
    say();
    CHECK(c.join.hub.out.len < CONN_OUT_UNPROVED + 65536);
}

TEST(one_open_comes_first_and_sessions_are_begun_once)
{
    const struct {
        uint8_t code;
        uint32_t count;
        struct bytes fields;
        const char *condition;
    } odd[] = {
        {0x10, 1, BYTES("\xa1\x01x"), "amqp:illegal-state"},
        {0x11, 4, BYTES("\x40\x52\x00\x70\x00\x00\x08\x00\x70\x00\x00\x08\x00"), "amqp:not-allowed"},
        {0x15, 3, BYTES("\x41\x43\x70\x00\x01\x00\x00"), "amqp:resource-limit-exceeded"},
    };

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        put_open();
        put_begin(0);
        say();
        CHECK(!c.join.hub.talk->over);
        put(0, odd[i].code, odd[i].count, odd[i].fields, NO_BYTES);
        say();

        check_ended(odd[i].condition);
        client_close(&c);
        client_front(&c);
    }
    buf_put(&said, BYTES("AMQP\x00\x01\x00\x00"));
    put_begin(0);
    say();
    CHECK(c.join.hub.talk->over && strstr(w.log, "a frame before Open"));
    client_close(&c);
    client_front(&c);
    put_open();
    put(7, 0x11, 4, BYTES("\x60\x00\x00\x52\x00\x70\x00\x00\x08\x00\x70\x00\x00\x08\x00"), NO_BYTES);
    say();
    check_ended("amqp:not-allowed");
}

TEST(a_session_that_was_ended_may_be_begun_again_and_costs_nothing)
{
    put_open();
    for (int i = 0; i < 200; i++) {
        put_begin(3);
        put(3, 0x17, 0, NO_BYTES, NO_BYTES);
    }
    say();
    CHECK(!c.join.hub.talk->over && strangers.borrowed == 0);
}

TEST(who_has_logged_in_has_a_budget_too)
{
    unsigned links = 0;

    log_in();
    put_begin(0);
    for (; links < AMQP_LINKS_MAX && !c.join.hub.talk->over; links++) {
        put_attach(links, false, 500);
        say();
        buf_clear(&c.join.hub.out);
    }
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_LIMIT);
    CHECK(links > 20 && links < (AMQP_HELD_MAX + AMQP_HELD_EACH) / (500 * AMQP_VALUE_COST) + 1);
}

/* A link that is detached gives back what it cost. */
TEST(links_that_come_and_go_cost_nothing)
{
    log_in();
    put_begin(0);
    for (unsigned i = 0; i < 500; i++) {
        put_attach(0, false, 500);
        put(0, 0x16, 2, BYTES("\x43\x41"), NO_BYTES);
        say();
        buf_clear(&c.join.hub.out);
    }
    CHECK(!c.join.hub.talk->over);
}

static bool never(void *ctx, size_t bytes)
{
    (void)ctx;
    return !bytes;
}

static bool always(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return true;
}

TEST(while_memory_is_short_links_are_refused_and_the_connection_goes_on)
{
    const struct capacity none = {.may_take = never, .may_grow = always};

    log_in();
    put_begin(0);
    say();
    w.env.capacity = &none;
    put_attach(0, false, 0);
    say();
    CHECK(!c.join.hub.talk->over);
    struct bytes out = buf_bytes(&c.join.hub.out);
    CHECK(bytes_find_bytes(out, BYTES("short of memory")) < out.len);
    w.env.capacity = NULL;
    buf_clear(&c.join.hub.out);
    put_attach(1, false, 0);
    say();
    out = buf_bytes(&c.join.hub.out);
    CHECK(!c.join.hub.talk->over && bytes_find_bytes(out, BYTES("short of memory")) == out.len);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(a_stranger_has_a_session_two_links_and_a_few_dozen_values),
      CASE(one_value_more_than_the_budget_is_one_too_many),
      CASE(frames_and_values_of_a_stranger_have_their_own_ceilings),
      CASE(sessions_above_the_budget_are_borrowed_from_all), CASE(what_a_stranger_begins_and_does_not_end_is_little),
      CASE(more_requests_than_credit_end_the_link), CASE(one_open_comes_first_and_sessions_are_begun_once),
      CASE(a_session_that_was_ended_may_be_begun_again_and_costs_nothing), CASE(who_has_logged_in_has_a_budget_too),
      CASE(links_that_come_and_go_cost_nothing),
      CASE(while_memory_is_short_links_are_refused_and_the_connection_goes_on))
