/* AMQP in a WebSocket: a client of Proton whose bytes go through frames, as devices and readers of events do it. */
#include "amqp_case.h"

#include "ws_peer.h"

/* Between the client and the https front: what the client says becomes frames, what comes in frames becomes its input.
 */
struct tunnel {
    struct talk front; /* that the client knows */
    struct join https; /* watched */
};

static struct tunnel tunnel;

static void carry(void)
{
    struct talk *https = tunnel.https.hub.talk;
    struct buf *framed = &tunnel.https.client.in;
    struct bytes rest, payload;

    join_run(&tunnel.https);
    for (rest = buf_bytes(framed); rest.len;) {
        uint8_t first = next_frame(&rest, &payload);

        CHECK(first == 0x82 || first == 0x88);
        if (first == 0x82)
            buf_put(tunnel.front.out, payload);
    }
    CHECK(!tunnel.front.out->bad && !framed->bad);
    buf_clear(framed);
    front_wait_for(&tunnel.front, https->after);
    if (https->over)
        talk_end(&tunnel.front, https->why);
}

static size_t tunnel_input(struct talk *f, struct bytes in, int64_t now_ms)
{
    struct buf frame = buf_max(1 << 24);

    (void)f;
    tunnel.https.now_ms = now_ms;
    if (in.len)
        put_frame(&frame, 0x82, in);
    join_say(&tunnel.https, buf_bytes(&frame));
    carry();
    CHECK(!tunnel.https.hub.in.bad);
    buf_free(&frame);
    return in.len;
}

static void tunnel_wake(struct talk *f, int64_t now_ms)
{
    (void)f;
    tunnel.https.now_ms = now_ms;
    tunnel.https.hub.woken = true;
    carry();
}

static int64_t tunnel_tick(struct talk *f, int64_t now_ms)
{
    struct talk *https = tunnel.https.hub.talk;
    int64_t due_ms = https->ops->tick(https, now_ms);

    (void)f;
    carry();
    return due_ms;
}

static void tunnel_close(struct talk *f, enum err why, int64_t now_ms)
{
    (void)f;
    (void)why;
    tunnel.https.now_ms = now_ms;
    join_close(&tunnel.https);
}

/* The handshake, at the path that `path` is then. */
static const char *path;

static enum err tunnel_new(const struct front_env *env, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    static const struct talk_ops ops = {
        .input = tunnel_input, .wake = tunnel_wake, .tick = tunnel_tick, .close = tunnel_close, .name = "tunnel"};
    struct buf ask = buf_max(4096);
    struct talk *https;
    struct bytes answer;

    tunnel.front = (struct talk){.ops = &ops};
    tunnel.https.now_ms = now_ms;
    tunnel.https.watched = true;
    CHECK_OK(front_http_new(env, peer, now_ms, &https));
    join_open(&tunnel.https, NULL, https);
    https->waker = &c.join.hub.waker;
    buf_printf(&ask, "GET %s HTTP/1.1\r\n" WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: AMQPWSB10\r\n\r\n", path);
    join_say(&tunnel.https, buf_bytes(&ask));
    join_run(&tunnel.https);
    answer = buf_bytes(&tunnel.https.client.in);
    CHECK(bytes_starts(answer, BYTES("HTTP/1.1 101 ")) && bytes_ends(answer, BYTES("\r\n\r\n")));
    buf_clear(&tunnel.https.client.in);
    buf_free(&ask);
    *out = &tunnel.front;
    return OK;
}

static int start(void **state)
{
    client_start(state);
    memset(&tunnel, 0, sizeof tunnel);
    c.make = tunnel_new;
    path = WS_HUB;
    return 0;
}

static void send_and_receive_as_a_device(void)
{
    char token[SAS_LEN_MAX];
    struct partition p;

    device_keys("garage");
    for (int i = 0; i < 2; i++)
        post_to("garage", "m", "open", "full", T0);
    snprintf(token, sizeof token, "%s", token_of("garage", T0 + 3600000));
    client_open(&c, SASL, "garage@sas.hub", token);
    pn_link_t *box = open_mailbox(&c, "garage", 10), *events = open_sender(&c, "garage");
    check_accepted(send_message(&c, events, new_message("first")));
    settle_as(&c, hear(&c, box), PN_ACCEPTED);
    check_accepted(send_message(&c, events, new_message("second")));
    settle_as(&c, hear(&c, box), PN_ACCEPTED);
    CHECK(!take(&c, box));
    CHECK_OK(hub_partition(w.hub, 0, &p));
    CHECK(p.last_sequence == 1);
}

TEST(a_device_sends_and_receives)
{
    send_and_receive_as_a_device();
    pn_connection_close(c.conn);
    client_run(&c);
    CHECK(pn_connection_state(c.conn) & PN_REMOTE_CLOSED);
    CHECK(c.join.hub.talk->over && !c.join.hub.talk->why && !c.error[0]);
}

TEST(every_byte_may_be_a_frame_and_come_alone)
{
    c.join.slice = tunnel.https.slice = 1;
    send_and_receive_as_a_device();
}

TEST(a_device_proves_itself_on_cbs)
{
    device_keys("garage");
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_prove(&c, "garage") == 200);
    check_accepted(send_message(&c, open_sender(&c, "garage"), new_message("open")));
}

TEST(events_are_read_where_event_hubs_clients_look_for_them)
{
    path = "/$servicebus/websocket/";
    send_events("garage", 3, T0, 0);
    client_open_as_service(&c);
    pn_link_t *l = receive_from(&c, PARTITION_0, "amqp.annotation.x-opt-offset > '-1'", 10);
    assert_string_equal(sequences(&c, l), "0 1 2");
    send_events("garage", 1, T0 + 10, 0);
    client_run(&c); /* the waker of the connection reaches the conversation inside */
    assert_string_equal(sequences(&c, l), "3");
}

TEST(a_reader_that_does_not_read_gets_no_more_than_there_is_room_for)
{
    enum { N = 100, LEN = 16 * 1024 };
    int64_t due_ms;
    int n = 0;

    send_events("garage", N, T0, LEN);
    client_open_as_service(&c);
    tunnel.https.client.deaf = true;
    pn_link_t *l = receive_from(&c, PARTITION_0, "amqp.annotation.x-opt-offset > '-1'", N);
    size_t said = tunnel.https.hub.out.len;
    CHECK(said >= CONN_OUT_SOFT && said < CONN_OUT_SOFT + 4 * LEN);
    due_ms = c.join.hub.talk->ops->tick(c.join.hub.talk, T0 + 1);
    CHECK(due_ms > T0 + 1);
    c.join.hub.woken = true;
    client_run(&c);
    CHECK(tunnel.https.hub.out.len == said);
    tunnel.https.client.deaf = false;
    c.join.hub.woken = true;
    client_run(&c);
    while (take(&c, l)) {
        n++;
        client_run(&c);
    }
    CHECK(n == N && !c.error[0]);
}

TEST(a_socket_that_is_no_amqp_is_closed)
{
    client_front(&c);
    CHECK(tunnel_input(&tunnel.front, BYTES("GET / HTTP/1.1\r\n\r\n"), T0) > 0);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_device_sends_and_receives), CASE(every_byte_may_be_a_frame_and_come_alone),
      CASE(a_device_proves_itself_on_cbs), CASE(events_are_read_where_event_hubs_clients_look_for_them),
      CASE(a_reader_that_does_not_read_gets_no_more_than_there_is_room_for), CASE(a_socket_that_is_no_amqp_is_closed))
