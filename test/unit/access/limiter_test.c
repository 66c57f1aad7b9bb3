#include "limiter.h"

#include "check.h"

#include <stdio.h>

enum { T0 = 1800000000 };

static struct limiter *l;
static int64_t wait_ms;

static void begin(void)
{
    CHECK_OK(limiter_new(7, &l));
}

static bool failed(const char *address, const char *identity, int64_t at_ms)
{
    return limiter_failed(l, bytes_str(address), bytes_str(identity), T0 + at_ms, &wait_ms);
}

TEST(the_first_failures_are_told_at_once_then_each_waits_its_turn)
{
    begin();
    for (int i = 0; i < LIMITER_PAIR_BURST; i++)
        CHECK(failed("192.0.2.1:1000", "a", 0) && wait_ms == 0);
    CHECK(failed("192.0.2.1:1001", "a", 0) && wait_ms == LIMITER_PAIR_MS);
    /* An answer waits: more are refused for load, and count for nothing. */
    for (int i = 0; i < 1000; i++)
        CHECK(!failed("192.0.2.1:1002", "a", 1));
    for (int64_t at = LIMITER_PAIR_MS; at < 20 * LIMITER_PAIR_MS; at += LIMITER_PAIR_MS)
        CHECK(failed("192.0.2.1:1003", "a", at) && wait_ms == LIMITER_PAIR_MS);
    limiter_free(l);
}

TEST(who_waits_for_each_answer_is_told_every_two_seconds)
{
    int64_t at = 0;

    begin();
    for (int i = 0; i < LIMITER_PAIR_BURST + 30; i++) {
        CHECK(failed("192.0.2.1:1", "a", at));
        at += wait_ms;
    }
    CHECK(at == 30 * LIMITER_PAIR_MS);
    limiter_free(l);
}

TEST(identities_and_addresses_are_apart)
{
    begin();
    for (int i = 0; i < LIMITER_PAIR_BURST + 1; i++)
        CHECK(failed("192.0.2.1:1", "a", 0));
    CHECK(wait_ms > 0);
    CHECK(failed("192.0.2.1:1", "b", 0) && wait_ms == 0);
    CHECK(failed("192.0.2.2:1", "a", 0) && wait_ms == 0);
    limiter_free(l);
}

TEST(names_that_are_made_up_count_for_their_address)
{
    char name[32];
    int told = 0;

    begin();
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "made-up-%d", i);
        told += failed("192.0.2.1:1", name, 0);
    }
    CHECK(told == LIMITER_ADDRESS_BURST + LIMITER_WAIT_MAX_MS / LIMITER_ADDRESS_MS);
    CHECK(failed("192.0.2.2:1", "made-up-1", 0) && wait_ms == 0);
    limiter_free(l);
}

TEST(ports_do_not_count_and_of_ipv6_the_network_does)
{
    begin();
    for (int i = 0; i < LIMITER_PAIR_BURST; i++)
        CHECK(failed("[2001:db8:0:1::7]:1000", "a", 0) && wait_ms == 0);
    CHECK(failed("[2001:db8:0:1:ffff::8]:2000", "a", 0) && wait_ms > 0);
    CHECK(failed("[2001:db8:0:2::7]:1000", "a", 0) && wait_ms == 0);
    limiter_free(l);
}

TEST(what_was_long_ago_does_not_count)
{
    begin();
    for (int i = 0; i < LIMITER_PAIR_BURST; i++)
        CHECK(failed("192.0.2.1:1", "a", 0));
    for (int i = 0; i < LIMITER_PAIR_BURST; i++)
        CHECK(failed("192.0.2.1:1", "a", LIMITER_PAIR_BURST * LIMITER_PAIR_MS) && wait_ms == 0);
    limiter_free(l);
}

static unsigned told(const char *address, unsigned n_names, unsigned times, int64_t each_ms)
{
    unsigned n = 0, left_out;
    char name[24];

    for (unsigned i = 0; i < times; i++) {
        snprintf(name, sizeof name, "d%u", i % n_names);
        n += limiter_may_tell(l, bytes_str(address), bytes_str(name), T0 + (int64_t)i * each_ms, &left_out);
    }
    return n;
}

/* An hour of a hundred lines a second, whatever is in them: what may be told fits any disk. */
TEST(no_flood_fills_the_log)
{
    enum { HOUR_S = 3600 };

    begin();
    CHECK(told("192.0.2.1:1", 1, 100 * HOUR_S, 10) <=
          LIMITER_LINES_OF_PAIR_BURST + HOUR_S * 1000 / LIMITER_LINES_OF_PAIR_MS + 1);
    limiter_free(l);
    begin();
    CHECK(told("192.0.2.1:1", 1000000, 100 * HOUR_S, 10) <=
          LIMITER_LINES_OF_ADDRESS_BURST + HOUR_S * 1000 / LIMITER_LINES_OF_ADDRESS_MS + 1);
    limiter_free(l);
}

TEST(a_flood_hides_nobody_else_and_what_it_hid_is_counted)
{
    unsigned left_out;

    begin();
    CHECK(told("192.0.2.1:1", 1, 1000, 0) == LIMITER_LINES_OF_PAIR_BURST);
    CHECK(limiter_may_tell(l, BYTES("192.0.2.2:1"), BYTES("d0"), T0, &left_out));
    CHECK(left_out == 1000 - LIMITER_LINES_OF_PAIR_BURST);
    CHECK(limiter_may_tell(l, BYTES("192.0.2.1:1"), BYTES("another"), T0, &left_out) && left_out == 0);
    limiter_free(l);
}

TESTS(RUN(the_first_failures_are_told_at_once_then_each_waits_its_turn),
      RUN(who_waits_for_each_answer_is_told_every_two_seconds), RUN(identities_and_addresses_are_apart),
      RUN(names_that_are_made_up_count_for_their_address), RUN(ports_do_not_count_and_of_ipv6_the_network_does),
      RUN(what_was_long_ago_does_not_count), RUN(no_flood_fills_the_log),
      RUN(a_flood_hides_nobody_else_and_what_it_hid_is_counted))
