#include "loop_peer.h"

#include "conn.h"

/* A server that nobody turns but the test: its durable is set here, as the store would. */
static void grow_to(struct loop_world *w, uint64_t durable)
{
    w->durable = durable;
    net_loop_grew(w->loop);
}

static void turn_for_a_while(struct loop_world *w)
{
    for (int i = 0; i < 20; i++)
        net_loop_turn(w->loop);
}

TEST(answers_leave_when_their_record_is_durable)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    w.durable = 10;
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.next_after = 10;
    party_say(c, BYTES("a"));
    RUN_UNTIL(&w, w.server->heard == 1);
    party_say(c, BYTES("b"));
    RUN_UNTIL(&w, w.server->heard == 2);
    turn_for_a_while(&w);
    CHECK(c->heard == 0);
    grow_to(&w, 11); /* the record at 10 is below */
    RUN_UNTIL(&w, c->heard);
    turn_for_a_while(&w);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("a"));
    grow_to(&w, 12);
    RUN_UNTIL(&w, c->heard == 2);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("ab"));
    world_close(&w);
}

TEST(what_waits_for_nothing_leaves_at_once_but_in_order)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    party_say(c, BYTES("1"));
    RUN_UNTIL(&w, c->heard == 1);
    w.next_after = 5;
    party_say(c, BYTES("2"));
    RUN_UNTIL(&w, w.server->heard == 2);
    w.next_after = 0;
    party_say(c, BYTES("3"));
    RUN_UNTIL(&w, w.server->heard == 3);
    turn_for_a_while(&w);
    CHECK(c->heard == 1);
    grow_to(&w, 6);
    RUN_UNTIL(&w, c->heard == 3);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("123"));
    world_close(&w);
}

TEST(new_answers_do_not_keep_old_ones_waiting)
{
    enum { ROUNDS = 200, SYNC = 8 };
    struct loop_world w;
    struct party *c;
    uint64_t worst = 0;

    world_open(&w, NULL);
    w.next_after = 1;
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    /* Every round brings a message with a record; a sync covers what was there when it began, and takes 8 rounds. */
    for (uint64_t i = 1, begun = 1; i <= ROUNDS; i++) {
        party_say(c, BYTES("m"));
        RUN_UNTIL(&w, w.server->heard == i);
        if (i % SYNC == 0) {
            grow_to(&w, begun);
            begun = w.next_after;
        }
        turn_for_a_while(&w);
        if (i - c->heard > worst)
            worst = i - c->heard;
    }
    CHECK(worst <= 4 * SYNC);
    world_close(&w);
}

TEST(a_slow_reader_stops_itself_and_memory_is_bounded)
{
    enum { ALL = 64 * 1024 * 1024 };
    struct loop_world w, slow;
    struct party *c;
    size_t most = 0;
    int wakes;

    world_open(&w, NULL);
    world_open(&slow, NULL);
    tls_free(slow.client_tls);
    slow.client_tls = w.client_tls;
    c = party_connect_to(&slow, "127.0.0.1", w.port, NULL);
    for (int i = 0; !(c->open && w.server) && i < 10000; i++) {
        world_turn(&slow);
        world_turn(&w);
    }
    CHECK(c->open && w.server);
    /* The client is not turned: it reads nothing. */
    w.server->to_say = ALL;
    net_conn_wake(w.server->conn);
    for (int i = 0; i < 2000; i++) {
        net_loop_turn(w.loop);
        if (conn_pending(w.server->conn) > most)
            most = conn_pending(w.server->conn);
    }
    CHECK(w.server->said < ALL && most < 4 * CONN_OUT_SOFT);
    CHECK(w.server->conn->paused && !w.server->closed);
    wakes = w.server->wakes;
    turn_for_a_while(&w);
    CHECK(w.server->wakes == wakes);
    /* Now it reads. */
    for (int i = 0; c->heard < ALL && i < 100000; i++) {
        world_turn(&slow);
        net_loop_turn(w.loop);
    }
    CHECK(c->heard == ALL && !c->closed && !w.server->conn->paused);
    slow.client_tls = NULL;
    world_close(&slow);
    world_close(&w);
}

TEST(who_does_not_take_answers_is_not_read)
{
    enum { ALL = 32 * 1024 * 1024 };
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.next_after = 100; /* answers wait for a store that does not grow */
    c->to_say = ALL;
    net_conn_wake(c->conn);
    for (int i = 0; i < 2000; i++)
        net_loop_turn(w.loop);
    CHECK(w.server->conn->paused && w.server->heard < 2 * CONN_OUT_SOFT);
    w.next_after = 0;
    grow_to(&w, 1u << 30);
    RUN_UNTIL(&w, c->heard == ALL);
    world_close(&w);
}

TEST(stopping_lets_out_what_becomes_durable)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.next_after = 50;
    party_say(c, BYTES("last"));
    RUN_UNTIL(&w, w.server->heard == 4);
    net_loop_stop(w.loop, 60000);
    RUN_UNTIL(&w, w.server->closed);
    CHECK(w.server->why == ERR_SHUTDOWN && c->heard == 0);
    /* Both ends are on this loop: the client is stopped as well and hears no more, the server's bytes leave all the
     * same. */
    grow_to(&w, 51);
    net_loop_run(w.loop);
    CHECK(w.loop->done);
    world_close(&w);
}

TEST(stopping_tells_the_peer_and_then_ends)
{
    struct loop_world w, far;
    struct party *c;

    world_open(&w, NULL);
    world_open(&far, NULL);
    tls_free(far.client_tls);
    far.client_tls = w.client_tls;
    c = party_connect_to(&far, "127.0.0.1", w.port, NULL);
    for (int i = 0; !(c->open && w.server) && i < 10000; i++) {
        world_turn(&far);
        world_turn(&w);
    }
    w.next_after = 50;
    party_say(c, BYTES("last"));
    for (int i = 0; w.server->heard < 4 && i < 10000; i++) {
        world_turn(&far);
        world_turn(&w);
    }
    net_loop_stop(w.loop, 60000);
    RUN_UNTIL(&w, w.server->closed);
    turn_for_a_while(&far);
    CHECK(c->heard == 0 && !c->closed);
    grow_to(&w, 51);
    for (int i = 0; !w.loop->done && i < 10000; i++) {
        world_turn(&w);
        world_turn(&far);
    }
    CHECK(w.loop->done && c->closed && c->why == ERR_CLOSED);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("last"));
    CHECK(raw_is_refused(w.port));
    far.client_tls = NULL;
    world_close(&far);
    world_close(&w);
}

TEST(stopping_does_not_wait_longer_than_its_grace)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.next_after = 50;
    party_say(c, BYTES("lost"));
    RUN_UNTIL(&w, w.server->heard == 4);
    net_loop_stop(w.loop, 50);
    net_loop_run(w.loop);
    CHECK(w.loop->done && c->heard == 0 && w.server->closed);
    world_close(&w);
}

TEST(a_held_answer_leaves_when_its_time_has_come)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.hold_ms = 100;
    party_say(c, BYTES("a"));
    RUN_UNTIL(&w, w.server->heard == 1);
    w.hold_ms = 0;
    party_say(c, BYTES("b"));
    RUN_UNTIL(&w, c->heard == 2);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("ab"));
    world_close(&w);
}

TEST(who_is_being_closed_is_told_when_the_time_has_come)
{
    struct net_loop_options options = {.flush_ms = 20};
    struct loop_world w;
    struct party *c;

    world_open(&w, &options);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    w.hold_ms = 100; /* longer than a flush may take */
    w.one_answer = true;
    party_say(c, BYTES("last"));
    RUN_UNTIL(&w, c->closed);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("last"));
    world_close(&w);
}

TEST(one_that_is_held_is_not_heard_and_holds_up_no_other)
{
    struct loop_world w;
    struct party *held, *other, *server;

    world_open(&w, NULL);
    held = party_connect(&w);
    RUN_UNTIL(&w, held->open && w.server);
    server = w.server;
    w.hold_ms = 1000000;
    party_say(held, BYTES("a"));
    RUN_UNTIL(&w, server->heard == 1);
    w.hold_ms = 0;
    party_say(held, BYTES("b"));
    other = party_connect(&w);
    RUN_UNTIL(&w, other->open);
    party_say(other, BYTES("c"));
    RUN_UNTIL(&w, other->heard == 1);
    turn_for_a_while(&w);
    CHECK(held->heard == 0 && server->heard == 1);
    world_close(&w);
}

/* Waiting output is bounded, what was said before leaves, and all of it is heard in the end. */
TEST(one_that_waits_for_room_is_read_no_further_and_answered_all_the_same)
{
    enum { MUCH = 4 * 1024 * 1024 };
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open && w.server);
    party_say(c, BYTES("a"));
    RUN_UNTIL(&w, c->heard == 1);
    w.stall = true;
    c->to_say = MUCH;
    net_conn_wake(c->conn);
    RUN_UNTIL(&w, w.server->offered >= CONN_IN_SOFT);
    for (int i = 0; i < 50; i++) {
        turn_for_a_while(&w);
        net_conn_wake(c->conn); /* it goes on pouring */
        buf_put(net_conn_out(w.server->conn), BYTES("b"));
        net_conn_wake(w.server->conn);
    }
    CHECK(w.server->offered <= CONN_IN_SOFT + PLAIN_CAP && !w.server->closed);
    RUN_UNTIL(&w, conn_pending(w.server->conn) == 0); /* the client does not read while it is not read */
    w.stall = false;
    net_conn_wake(w.server->conn);
    RUN_UNTIL(&w, w.server->heard == 1 + MUCH && c->heard >= 51);
    world_close(&w);
}

CERT_TESTS(RUN(answers_leave_when_their_record_is_durable), RUN(what_waits_for_nothing_leaves_at_once_but_in_order),
           RUN(new_answers_do_not_keep_old_ones_waiting), RUN(a_slow_reader_stops_itself_and_memory_is_bounded),
           RUN(who_does_not_take_answers_is_not_read), RUN(stopping_lets_out_what_becomes_durable),
           RUN(stopping_tells_the_peer_and_then_ends), RUN(stopping_does_not_wait_longer_than_its_grace),
           RUN(a_held_answer_leaves_when_its_time_has_come), RUN(who_is_being_closed_is_told_when_the_time_has_come),
           RUN(one_that_is_held_is_not_heard_and_holds_up_no_other),
           RUN(one_that_waits_for_room_is_read_no_further_and_answered_all_the_same))
