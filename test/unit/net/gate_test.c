/* The gate: ceilings on connections in all, of one address, and of those that have not shown who they are. */
#include "check.h"
#include "gate.h"
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#define T0 1795411500000LL

static char heard[8192]; /* the log */

static void hear(void *ctx, enum log_level level, struct bytes line)
{
    size_t used = strlen(heard);

    (void)ctx;
    (void)level;
    snprintf(heard + used, sizeof heard - used, "%.*s\n", BYTES_ARG(line));
}

static int start(void **state)
{
    (void)state;
    heard[0] = 0;
    log_to(hear, NULL, LOG_INFO);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_to(NULL, NULL, LOG_ERROR);
    return 0;
}

static struct sockaddr_storage v4(const char *text)
{
    struct sockaddr_storage a = {0};

    CHECK(uv_ip4_addr(text, 1234, (struct sockaddr_in *)&a) == 0);
    return a;
}

static struct sockaddr_storage v6(const char *text)
{
    struct sockaddr_storage a = {0};

    CHECK(uv_ip6_addr(text, 1234, (struct sockaddr_in6 *)&a) == 0);
    return a;
}

static struct gate_place *enter(struct net_gate *g, struct sockaddr_storage a)
{
    return gate_enter(g, &a, T0);
}

static unsigned lines(const char *event)
{
    unsigned n = 0;

    for (const char *at = heard; (at = strstr(at, event)); at++)
        n++;
    return n;
}

TEST(each_ceiling_is_exact_and_leaving_makes_room)
{
    const struct net_gate_options o = {.connections = 4, .per_address = 3, .unproved = 4, .unproved_per_address = 2};
    struct gate_place *places[4];
    struct net_gate *g;

    CHECK_OK(net_gate_new(7, &o, &g));
    for (int i = 0; i < 2; i++)
        CHECK((places[i] = enter(g, v4("192.0.2.1"))));
    CHECK(!enter(g, v4("192.0.2.1")) && strstr(heard, "of this address that have not authenticated"));
    gate_proved(g, places[0]);
    CHECK((places[2] = enter(g, v4("192.0.2.1"))));
    gate_proved(g, places[1]);
    CHECK(!enter(g, v4("192.0.2.1")));
    CHECK((places[3] = enter(g, v4("192.0.2.2"))));
    CHECK(!enter(g, v4("192.0.2.3")) && strstr(heard, "reason=\"too many connections\""));
    gate_leave(g, places[0], true);
    CHECK((places[0] = enter(g, v4("192.0.2.3"))));
    for (int i = 0; i < 4; i++)
        gate_leave(g, places[i], i == 1);
    struct net_gate_stats now;
    net_gate_stats(g, &now);
    CHECK(now.connections == 0 && now.unproved == 0 && now.refused == 3);
    net_gate_free(g);
}

/* Three addresses take all that they may: a fourth, which has none, still gets in. */
TEST(a_few_who_take_all_they_may_keep_nobody_else_out)
{
    const struct net_gate_options o = {
        .connections = 100, .per_address = 100, .unproved = 16, .unproved_per_address = 5};
    struct gate_place *places[100];
    struct net_gate *g;
    size_t n = 0;

    CHECK_OK(net_gate_new(7, &o, &g));
    for (int address = 1; address <= 3; address++)
        for (int i = 0; i < 10; i++) {
            char text[32];

            snprintf(text, sizeof text, "192.0.2.%d", address);
            struct gate_place *p = enter(g, v4(text));
            if (p)
                places[n++] = p;
        }
    CHECK(n == 12);
    CHECK((places[n++] = enter(g, v4("198.51.100.1"))));
    CHECK((places[n++] = enter(g, v6("2001:db8::1"))));
    while (n)
        gate_leave(g, places[--n], false);
    net_gate_free(g);
}

TEST(an_address_of_ipv6_is_its_network_and_a_mapped_one_is_of_ipv4)
{
    const struct net_gate_options o = {.connections = 9, .per_address = 1, .unproved = 9, .unproved_per_address = 9};
    struct gate_place *a, *b, *c;
    struct net_gate *g;

    CHECK_OK(net_gate_new(7, &o, &g));
    CHECK((a = enter(g, v6("2001:db8:0:1::1"))));
    CHECK(!enter(g, v6("2001:db8:0:1:ffff::2")));
    CHECK((b = enter(g, v6("2001:db8:0:2::1"))));
    CHECK((c = enter(g, v6("::ffff:192.0.2.1"))));
    CHECK(!enter(g, v4("192.0.2.1")));
    gate_leave(g, a, false);
    gate_leave(g, b, false);
    gate_leave(g, c, false);
    net_gate_free(g);
}

TEST(refusals_are_told_once_each_address_and_counted_when_they_are_over)
{
    const struct net_gate_options o = {.connections = 9, .per_address = 9, .unproved = 9, .unproved_per_address = 1};
    struct gate_place *a = NULL, *b = NULL;
    struct net_gate *g;

    CHECK_OK(net_gate_new(7, &o, &g));
    CHECK((a = enter(g, v4("192.0.2.1"))) && (b = enter(g, v4("192.0.2.2"))));
    for (int i = 0; i < 5; i++)
        CHECK(!enter(g, v4("192.0.2.1")) && !enter(g, v4("192.0.2.2")));
    CHECK(lines("connections-refused") == 2 && strstr(heard, "address=192.0.2.2"));
    net_gate_tick(g, T0 + REFUSALS_MS - 1);
    CHECK(!lines("connections-accepted-again"));
    net_gate_tick(g, T0 + REFUSALS_MS);
    CHECK(lines("connections-accepted-again") == 1 && strstr(heard, "refused=10"));
    net_gate_tick(g, T0 + 2 * REFUSALS_MS);
    CHECK(lines("connections-accepted-again") == 1);
    CHECK(!enter(g, v4("192.0.2.1")));
    CHECK(lines("connections-refused") == 3);
    gate_leave(g, a, false);
    gate_leave(g, b, false);
    net_gate_free(g);
}

static bool none(void *ctx, size_t bytes)
{
    return !*(bool *)ctx && bytes;
}

TEST(without_memory_nobody_gets_in)
{
    bool is_short = true;
    const struct net_gate_options o = {.connections = 9,
                                       .per_address = 9,
                                       .unproved = 9,
                                       .unproved_per_address = 9,
                                       .may_take = none,
                                       .may_take_ctx = &is_short};
    struct sockaddr_storage from = v4("192.0.2.1");
    struct gate_place *a;
    struct net_gate *g;

    CHECK_OK(net_gate_new(7, &o, &g));
    CHECK(!gate_enter(g, &from, T0) && strstr(heard, "short of memory"));
    is_short = false;
    CHECK((a = gate_enter(g, &from, T0)));
    gate_leave(g, a, false);
    net_gate_free(g);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(each_ceiling_is_exact_and_leaving_makes_room), CASE(a_few_who_take_all_they_may_keep_nobody_else_out),
      CASE(an_address_of_ipv6_is_its_network_and_a_mapped_one_is_of_ipv4),
      CASE(refusals_are_told_once_each_address_and_counted_when_they_are_over), CASE(without_memory_nobody_gets_in))
