#include "loop_peer.h"

#include "conn.h"

#include <openssl/crypto.h>
#include <sys/resource.h>

TEST(what_is_said_comes_back)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open);
    party_say(c, BYTES("hello"));
    RUN_UNTIL(&w, c->heard == 5);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("hello"));
    CHECK(strncmp(w.server->peer.address, "127.0.0.1:", 10) == 0 && !w.server->peer.has_certificate);
    world_close(&w);
}

TEST(much_comes_back_too)
{
    enum { MUCH = 20 * 1024 * 1024 };
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open);
    c->to_say = MUCH;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, c->heard == MUCH);
    CHECK(!c->closed && !w.server->closed);
    world_close(&w);
}

TEST(what_a_talk_leaves_over_comes_again_with_more_behind_it)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.server->bite = 5;
    party_say(c, BYTES("12"));
    RUN_UNTIL(&w, w.server->offered == 2);
    CHECK(w.server->heard == 0);
    party_say(c, BYTES("345abcde67"));
    RUN_UNTIL(&w, c->heard == 10);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("12345abcde"));
    party_say(c, BYTES("890"));
    RUN_UNTIL(&w, c->heard == 15);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("12345abcde67890"));
    world_close(&w);
}

TEST(who_sends_more_than_a_packet_can_be_is_cut)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.server->bite = CONN_IN_MAX + PLAIN_CAP + 1;
    c->to_say = 10 * CONN_IN_MAX;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, w.server->closed);
    CHECK(w.server->why == ERR_TOO_LARGE);
    CHECK(w.server->offered <= CONN_IN_MAX + PLAIN_CAP);
    world_close(&w);
}

TEST(what_was_said_before_the_end_still_leaves)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    buf_put(net_conn_out(w.server->conn), BYTES("goodbye"));
    w.server->talk.over = true;
    net_conn_wake(w.server->conn);
    RUN_UNTIL(&w, w.server->closed && c->closed);
    CHECK(w.server->why == OK && c->why == ERR_CLOSED);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("goodbye"));
    RUN_UNTIL(&w, list_empty(&w.loop->conns));
    world_close(&w);
}

TEST(more_than_the_ceiling_of_output_ends_the_connection)
{
    static const uint8_t filler[CONN_OUT_MAX + 1];
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    buf_put(net_conn_out(w.server->conn), BYTES("half an answer"));
    buf_put(net_conn_out(w.server->conn), bytes_of(filler, sizeof filler));
    net_conn_wake(w.server->conn);
    RUN_UNTIL(&w, w.server->closed && c->closed);
    CHECK(w.server->why == ERR_LIMIT && c->heard == 0);
    world_close(&w);
}

TEST(ticks_come_when_they_are_due)
{
    struct loop_world w;
    struct party *c;
    int64_t due_ms;
    int ticks;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && c->ticks);
    c->next_tick_ms = due_ms = net_loop_now_ms(w.loop) + 60;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, c->wakes == 1);
    ticks = c->ticks;
    RUN_UNTIL(&w, c->ticks > ticks);
    CHECK(net_loop_now_ms(w.loop) >= due_ms);
    world_close(&w);
}

/* libuv runs timers after it has looked at its descriptors from 1.45 on, before that first. */
TEST(what_a_tick_says_leaves_in_the_same_turn)
{
    struct loop_world w;
    struct party *c;
    struct net_stats before, after;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server && c->ticks);
    c->say_at_ms = net_loop_now_ms(w.loop) + 200;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, c->wakes == 1);
    do {
        struct pollfd ready = {.fd = net_loop_fd(w.loop), .events = POLLIN};

        CHECK(poll(&ready, 1, net_loop_timeout_ms(w.loop)) >= 0);
        net_loop_stats(w.loop, &before);
        net_loop_turn(w.loop);
        net_loop_stats(w.loop, &after);
    } while (c->say_at_ms);
    CHECK(after.writes > before.writes);
    RUN_UNTIL(&w, w.server->heard == 4);
    world_close(&w);
}

TEST(a_loop_that_is_asked_for_a_turn_makes_one)
{
    struct loop_world w;
    uint64_t turns;

    world_open(&w, NULL);
    turns = net_loop_turns(w.loop);
    CHECK(net_loop_turns(w.loop) == turns); /* nobody runs it */
    net_loop_turn(w.loop);
    CHECK(net_loop_turns(w.loop) > turns);
    world_close(&w);
}

TEST(answers_of_one_turn_leave_in_one_write)
{
    struct loop_world w;
    struct party *c;
    struct net_stats before, after;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.server->bite = 10;
    party_say(c, BYTES("0123456789"));
    RUN_UNTIL(&w, c->heard == 10);
    net_loop_stats(w.loop, &before);
    c->to_say = 10000;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, c->heard == 10010);
    net_loop_stats(w.loop, &after);
    CHECK(w.server->inputs >= 1000);
    CHECK(after.writes - before.writes == 2 && after.reads - before.reads == 2);
    CHECK(after.bytes_in - before.bytes_in == after.bytes_out - before.bytes_out);
    world_close(&w);
}

TEST(two_hundred_connections_come_and_go)
{
    struct net_stats stats;
    struct loop_world w;
    struct party *c[200];

    world_open(&w, NULL);
    for (int i = 0; i < 200; i++)
        c[i] = party_connect(&w);
    for (int i = 0; i < 200; i++) {
        RUN_UNTIL(&w, c[i]->open);
        party_say(c[i], BYTES("ping"));
    }
    net_loop_stats(w.loop, &stats);
    CHECK(stats.connections == 400);
    for (int i = 0; i < 200; i++) {
        RUN_UNTIL(&w, c[i]->heard == 4);
        c[i]->talk.over = true;
        net_conn_wake(c[i]->conn);
    }
    RUN_UNTIL(&w, list_empty(&w.loop->conns));
    net_loop_stats(w.loop, &stats);
    CHECK(stats.connections == 0 && stats.accepted == 400 && stats.handshakes_failed == 0);
    world_close(&w);
}

TEST(a_client_that_says_nothing_is_cut)
{
    struct net_stats stats;
    struct loop_world w;
    int fd;

    world_open(&w, &(struct net_loop_options){.handshake_ms = 50});
    fd = raw_connect(w.port);
    RUN_UNTIL(&w, raw_is_closed(fd));
    RUN_UNTIL(&w, list_empty(&w.loop->conns));
    net_loop_stats(w.loop, &stats);
    CHECK(stats.handshakes_failed == 1 && stats.connections == 0);
    close(fd);
    world_close(&w);
}

TEST(a_client_that_does_not_speak_tls_is_told_so)
{
    struct loop_world w;
    uint8_t alert[64];
    int fd;

    world_open(&w, NULL);
    fd = raw_connect(w.port);
    CHECK(send(fd, "\x16\x03\x01\x00\x05hello", 10, 0) == 10);
    RUN_UNTIL(&w, recv(fd, alert, sizeof alert, MSG_PEEK) > 0);
    CHECK(recv(fd, alert, sizeof alert, 0) == 7 && alert[0] == 21);
    RUN_UNTIL(&w, raw_is_closed(fd));
    close(fd);
    RUN_UNTIL(&w, list_empty(&w.loop->conns));
    world_close(&w);
}

TEST(a_reset_ends_the_talk)
{
    struct linger at_once = {1, 0};
    struct loop_world w;
    struct party *c;
    int fd;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    CHECK(uv_fileno((uv_handle_t *)&c->conn->tcp, &fd) == 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    conn_abort(c->conn, ERR_IDLE);
    CHECK(c->closed && c->why == ERR_IDLE);
    RUN_UNTIL(&w, w.server->closed);
    CHECK(w.server->why == ERR_CLOSED);
    world_close(&w);
}

TEST(no_more_connections_than_allowed)
{
    const struct net_gate_options ceilings = {
        .connections = 1, .per_address = 1, .unproved = 1, .unproved_per_address = 1};
    struct net_gate_stats at_gate;
    struct net_stats stats;
    struct net_gate *gate;
    struct party *a, *b;
    struct loop_world w;
    int port;

    world_open(&w, NULL);
    CHECK_OK(net_gate_new(7, &ceilings, &gate));
    CHECK_OK(net_listen(
        w.loop,
        &(struct net_listen_options){
            .address = "127.0.0.1", .tls = w.server_tls, .accept = on_server_accept, .accept_ctx = &w, .gate = gate},
        &port));
    a = party_connect_to(&w, "127.0.0.1", port, NULL);
    RUN_UNTIL(&w, a->open);
    b = party_connect_to(&w, "127.0.0.1", port, NULL);
    RUN_UNTIL(&w, b->failed);
    net_loop_stats(w.loop, &stats);
    CHECK(stats.refused == 1 && !a->closed);
    net_gate_stats(gate, &at_gate);
    CHECK(at_gate.connections == 1 && at_gate.unproved == 0 && at_gate.refused == 1);
    world_close(&w);
    net_gate_stats(gate, &at_gate);
    CHECK(at_gate.connections == 0);
    net_gate_free(gate);
}

TEST(who_is_not_accepted_is_closed_politely)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    w.refuse = true;
    c = party_connect(&w);
    RUN_UNTIL(&w, c->closed);
    CHECK(c->why == ERR_CLOSED && !w.server);
    world_close(&w);
}

TEST(listening_says_what_is_wrong)
{
    struct loop_world w;
    int port;

    world_open(&w, NULL);
    CHECK_ERR(net_listen(w.loop, &(struct net_listen_options){.address = "nowhere", .tls = w.server_tls}, &port),
              ERR_ARGUMENT);
    CHECK_ERR(net_listen(w.loop, &(struct net_listen_options){.address = "192.0.2.1", .tls = w.server_tls}, &port),
              ERR_ARGUMENT);
    world_close(&w);
}

TEST(loops_share_a_port_and_strangers_do_not)
{
    struct net_listen_options o = {.address = "127.0.0.1", .accept = on_server_accept};
    struct loop_world w;
    int port;

    world_open(&w, NULL);
    o.tls = w.server_tls;
    o.accept_ctx = &w;
    o.port = w.port;
    CHECK_OK(net_listen(w.loop, &o, &port));
    CHECK(port == w.port);
    o.first = true;
    CHECK_ERR(net_listen(w.loop, &o, &port), ERR_BUSY);
    o.port = 0;
    CHECK_OK(net_listen(w.loop, &o, &port));
    world_close(&w);
}

TEST(running_out_of_descriptors_neither_spins_nor_cuts)
{
    struct rlimit was, few;
    struct loop_world w;
    int fd, top, turns = 0;

    world_open(&w, NULL);
    fd = raw_connect(w.port);
    top = dup(fd);
    close(top);
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
    few = was;
    few.rlim_cur = (rlim_t)top;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int64_t until = net_loop_now_ms(w.loop) + 200; net_loop_now_ms(w.loop) < until; turns++)
        world_turn(&w);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
    CHECK(turns < 20 && list_empty(&w.loop->conns));
    RUN_UNTIL(&w, !list_empty(&w.loop->conns));
    close(fd);
    world_close(&w);
}

/* OpenSSL 3 allocates some 40 bytes for the frame of each record; what we can do without are its record buffers. */
enum { LARGE = 1024 };
static atomic_int crypto_allocations;

static void *count_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    crypto_allocations += n >= LARGE;
    return malloc(n);
}

static void *count_realloc(void *at, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    crypto_allocations += n >= LARGE;
    return realloc(at, n);
}

static void count_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    free(at);
}

TEST(a_warm_connection_allocates_nothing_and_an_idle_one_holds_nothing)
{
    struct loop_world w;
    struct party *c;
    size_t in_cap, open_cap, sealed_cap;
    int before;

    /* Longer than a busy machine takes from one message to the next. */
    world_open(&w, &(struct net_loop_options){.warm_ms = 1500});
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    for (size_t i = 1; i <= 20; i++) {
        party_say(c, BYTES("warming"));
        RUN_UNTIL(&w, c->heard == i * 7);
    }
    before = crypto_allocations;
    in_cap = w.server->conn->in.cap;
    open_cap = w.server->conn->open.cap;
    sealed_cap = w.server->conn->sealed.cap;
    for (size_t i = 21; i <= 100; i++) {
        party_say(c, BYTES("message"));
        RUN_UNTIL(&w, c->heard == i * 7);
    }
    CHECK(crypto_allocations == before);
    CHECK(in_cap + open_cap + sealed_cap ==
          w.server->conn->in.cap + w.server->conn->open.cap + w.server->conn->sealed.cap);
    RUN_UNTIL(&w, list_empty(&w.loop->warm));
    CHECK(w.server->conn->in.cap + w.server->conn->open.cap + w.server->conn->sealed.cap == 0);
    party_say(c, BYTES("again"));
    RUN_UNTIL(&w, c->heard == 705);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(what_is_said_comes_back),
        RUN(much_comes_back_too),
        RUN(what_a_talk_leaves_over_comes_again_with_more_behind_it),
        RUN(who_sends_more_than_a_packet_can_be_is_cut),
        RUN(what_was_said_before_the_end_still_leaves),
        RUN(more_than_the_ceiling_of_output_ends_the_connection),
        RUN(ticks_come_when_they_are_due),
        RUN(what_a_tick_says_leaves_in_the_same_turn),
        RUN(a_loop_that_is_asked_for_a_turn_makes_one),
        RUN(answers_of_one_turn_leave_in_one_write),
        RUN(two_hundred_connections_come_and_go),
        RUN(a_client_that_says_nothing_is_cut),
        RUN(a_client_that_does_not_speak_tls_is_told_so),
        RUN(a_reset_ends_the_talk),
        RUN(no_more_connections_than_allowed),
        RUN(who_is_not_accepted_is_closed_politely),
        RUN(listening_says_what_is_wrong),
        RUN(loops_share_a_port_and_strangers_do_not),
        RUN(running_out_of_descriptors_neither_spins_nor_cuts),
        RUN(a_warm_connection_allocates_nothing_and_an_idle_one_holds_nothing),
    };

    /* Before OpenSSL allocates anything. */
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, certs_remove);
}
