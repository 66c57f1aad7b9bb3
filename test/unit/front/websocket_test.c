/* MQTT and AMQP in WebSockets: the handshake, frames in every shape, abuse, and back-pressure. */
#include "mqtt_world.h"

#include "check.h"
#include "http.h"
#include "ws.h"
#include "ws_peer.h"

static struct world w;
static struct join c;

static int start(void **state)
{
    (void)state;
    w = (struct world){0};
    world_open(&w);
    world_device(&w, "garage");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    join_close(&c);
    world_close(&w);
    return 0;
}

static void open_https(void)
{
    const struct peer peer = {.address = "192.0.2.7:51234"};

    world_join_https(&w, &c, &peer, WORLD_T0);
}

static void say(struct bytes bytes)
{
    do {
        join_say_at(&c, bytes_first(bytes, 65536), WORLD_T0);
        bytes = bytes_skip(bytes, 65536);
    } while (bytes.len);
}

/* The hub's words; they are forgotten with the next answer. */
static struct bytes heard(void)
{
    return buf_bytes(&c.client.in);
}

static bool has(struct bytes bytes)
{
    return bytes_find_bytes(heard(), bytes) < heard().len;
}

static int ask(const char *method, const char *path, const char *headers)
{
    static struct http_in in;
    struct buf b = buf_max(1 << 16);
    size_t used;
    int status;

    open_https();
    buf_printf(&b, "%s %s HTTP/1.1\r\n%s\r\n", method, path, headers);
    say(buf_bytes(&b));
    buf_free(&b);
    http_in_init(&in, HTTP_RESPONSES, CONN_OUT_MAX);
    CHECK(http_read(&in, heard(), &used) == HTTP_STEP_HEAD);
    status = in.head.status;
    http_in_free(&in);
    return status;
}

/* The handshake is behind us. */
static void open_ws(const char *protocol)
{
    char headers[512];

    snprintf(headers, sizeof headers, WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: %s\r\n", protocol);
    CHECK(ask("GET", WS_HUB, headers) == 101);
    buf_clear(&c.client.in);
}

static void say_frame(uint8_t first, struct bytes payload)
{
    struct buf b = buf_max(4 << 20);

    put_frame(&b, first, payload);
    CHECK(!b.bad);
    say(buf_bytes(&b));
    buf_free(&b);
}

static void check_closed(unsigned code)
{
    struct bytes rest = heard(), payload = NO_BYTES;
    struct rd r;
    uint8_t first = 0;
    unsigned got;

    while (rest.len)
        first = next_frame(&rest, &payload);
    CHECK(first == 0x88 && !c.hub.talk && payload.len == 2);
    r = rd_over(payload);
    if ((got = rd_u16(&r)) != code)
        fail_msg("closed with %u, not %u", got, code);
}

#define PONG         \
    BYTES("\x8a\x0d" \
          "are you there")
static const struct bytes CONNACK = {(const uint8_t *)"\x82\x04\x20\x02\x00\x00", 6};

static struct buf connect_packet(void)
{
    struct buf b = buf_max(CONN_IN_MAX);

    world_connect(&w, "garage", true, &b);
    return b;
}

/* ---- the handshake */

TEST(the_handshake_is_answered)
{
    CHECK(ask("GET", WS_HUB, WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n") == 101);
    CHECK(bytes_starts(heard(), BYTES("HTTP/1.1 101 Switching Protocols\r\n")));
    CHECK(has(BYTES("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))); /* RFC 6455 1.3 */
    CHECK(has(BYTES("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")));
    CHECK(has(BYTES("\r\nSec-WebSocket-Protocol: mqtt\r\n")) && !has(BYTES("Extensions")));
}

TEST(paths_and_protocols_come_in_every_spelling)
{
    static const struct {
        const char *path, *protocol, *answer;
    } cases[] = {
        {WS_HUB, "MQTT", "MQTT"},
        {WS_HUB "/", "AMQPWSB10", "AMQPWSB10"},
        {WS_HUB "?iothub-no-client-cert=true", "mqtt", "mqtt"},
        {"/%24iothub/websocket", "soap, mqtt", "mqtt"},
        {WS_HUB, "soap\r\nSec-WebSocket-Protocol: mqtt", "mqtt"},
        {"/$iothub/WebSocket", "mqttv5,amqpwsb10", "amqpwsb10"},
        {"/$servicebus/websocket", "AMQPWSB10", "AMQPWSB10"},
        {"/$servicebus/websocket/", "AMQPWSB10", "AMQPWSB10"},
        {"/$servicebus/websocket/", "amqp", "amqp"},
        {WS_HUB, "AMQP", "AMQP"},
        {"/$servicebus/websocket", "mqtt", "mqtt"},
        {"/", "mqtt", "mqtt"},
        {"/", "AMQPWSB10", "AMQPWSB10"},
        {"/?x=y", "amqp", "amqp"},
        {"/mqtt", "mqtt", "mqtt"},
        {"/mqtt/", "mqtt", "mqtt"},
        {"https://hub.test/mqtt", "mqtt", "mqtt"}, /* Java: absolute-form targets */
        {"https://hub.test:443", "mqtt", "mqtt"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[512], wanted[64];
        snprintf(headers, sizeof headers,
                 "host: h\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n" WS_KEY_13
                 "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: https://x\r\n"
                 "Sec-WebSocket-Protocol: %s\r\n",
                 cases[i].protocol);
        CHECK(ask("GET", cases[i].path, headers) == 101);
        snprintf(wanted, sizeof wanted, "\r\nSec-WebSocket-Protocol: %s\r\n", cases[i].answer);
        CHECK(has(bytes_str(wanted)) && !has(BYTES("Extensions")));
        join_close(&c);
    }
    open_https();
}

TEST(what_is_no_handshake_is_refused)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } cases[] = {
        {"GET", WS_HUB, "Host: h\r\n", 426},
        {"HEAD", WS_HUB, WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n", 426},
        {"POST", WS_HUB, WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n", 405},
        {"GET", WS_HUB,
         "Host: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n", 426},
        {"GET", WS_HUB, "Host: h\r\nUpgrade: websocket\r\n" WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n", 426},
        {"GET", WS_HUB,
         WS_UPGRADE "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " WS_KEY "\r\nSec-WebSocket-Protocol: mqtt\r\n",
         426},
        {"GET", WS_HUB, WS_UPGRADE "Sec-WebSocket-Key: " WS_KEY "\r\nSec-WebSocket-Protocol: mqtt\r\n", 426},
        {"GET", WS_HUB, WS_UPGRADE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n", 400},
        {"GET", WS_HUB,
         WS_UPGRADE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Protocol: mqtt\r\n",
         400},
        {"GET", WS_HUB, WS_UPGRADE WS_KEY_13, 400},
        {"GET", WS_HUB, WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqttx\r\n", 400},
        {"GET", "/", "Host: h\r\n", 426},
        {"GET", "/websocket", WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = ask(cases[i].method, cases[i].path, cases[i].headers);
        if (status != cases[i].status)
            fail_msg("case %zu: %d, not %d", i, status, cases[i].status);
        CHECK(status != 426 || has(BYTES("HTTP/1.1 426 Upgrade Required\r\n")));
        CHECK(status != 426 || has(BYTES("\r\nSec-WebSocket-Version: 13\r\n")));
        CHECK(status != 400 || has(BYTES("\r\niothub-errorcode: GenericBadRequest\r\n")));
        join_close(&c);
    }
    open_https();
}

/* ---- conversations */

/* A whole session: CONNECT in fragments with a ping between, two events, and close. */
static void put_session(struct buf *b)
{
    struct buf packet = connect_packet();
    struct bytes all = buf_bytes(&packet);

    put_frame(b, 0x02, bytes_first(all, 10));
    put_frame(b, 0x89, BYTES("are you there"));
    put_frame(b, 0x00, NO_BYTES);
    put_frame(b, 0x8A, BYTES("unasked"));
    put_frame(b, 0x80, bytes_skip(all, 10));
    put_frame(b, 0x82,
              BYTES("\x32\x26\x00\x1e"
                    "devices/garage/messages/events\x00\x01"
                    "open"));
    put_frame(b, 0x82,
              BYTES("\x32\x26\x00\x1e"
                    "devices/garage/messages/events\x00\x02"
                    "shut\xc0\x00"));
    put_frame(b, 0x88, BYTES("\x03\xe8"));
    buf_free(&packet);
}

TEST(a_session_of_mqtt_goes_through_frames)
{
    struct buf packet = connect_packet();
    struct bytes rest, payload;

    open_ws("mqtt");
    say_frame(0x82, buf_bytes(&packet));
    CHECK_BYTES(heard(), CONNACK);
    buf_clear(&c.client.in);
    say_frame(0x82, BYTES("\x82\x2a\x00\x01\x00\x25"
                          "devices/garage/messages/devicebound/#"
                          "\x01"));
    CHECK_BYTES(heard(), BYTES("\x82\x05\x90\x03\x00\x01\x01"));
    buf_clear(&c.client.in);
    const struct msg m = {.message_id = BYTES("m-1"), .body = BYTES("open")};
    uint64_t at;
    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, WORLD_T0, &at));
    say(NO_BYTES);
    join_run_at(&c, WORLD_T0);
    rest = heard();
    CHECK(next_frame(&rest, &payload) == 0x82 && !rest.len);
    CHECK(payload.at[0] == 0x32 && bytes_find_bytes(payload, BYTES("devicebound/%24.mid=m-1")) < payload.len);
    buf_free(&packet);
}

/* One client turns in circles when two bytes of a frame come alone, and another one takes a close without a code for an
 * error. */
static void frames_are_whole(void *ctx, bool from_hub, struct bytes said)
{
    unsigned *n = ctx;
    struct bytes payload;

    while (from_hub && said.len && said.at[0] != 'H') {
        size_t before = said.len;
        uint8_t first = next_frame(&said, &payload);

        CHECK(before - said.len > 2 && (first != 0x88 || payload.len >= 2));
        ++*n;
    }
}

TEST(every_frame_has_more_than_two_bytes_and_leaves_whole)
{
    struct buf all = buf_max(1 << 20);
    unsigned n = 0;

    put_session(&all);
    open_ws("mqtt");
    c.tap = frames_are_whole;
    c.tap_ctx = &n;
    say(buf_bytes(&all));
    assert_int_equal(n, 3); /* the pong, what came of all packets together, the close */
    check_closed(1000);
    buf_free(&all);
}

TEST(a_session_may_be_cut_anywhere)
{
    struct buf all = buf_max(1 << 20), wanted = buf_max(1 << 20);
    size_t handshake;

    buf_puts(&all, "GET " WS_HUB " HTTP/1.1\r\n" WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    handshake = all.len;
    put_session(&all);
    open_https();
    say(buf_bytes(&all)); /* what stands behind the handshake is heard too */
    CHECK(has(PONG) && !c.hub.talk && bytes_ends(heard(), BYTES("\x88\x02\x03\xe8")));
    /* Behind the head, with its date and id: how frames are grouped may differ, what is in them may not. */
    struct bytes rest = bytes_skip(heard(), bytes_find_bytes(heard(), BYTES("\r\n\r\n")) + 4), payload;
    while (rest.len)
        if (next_frame(&rest, &payload) == 0x82)
            buf_put(&wanted, payload);
    CHECK_BYTES(buf_bytes(&wanted), BYTES("\x20\x02\x00\x00\x40\x02\x00\x01\x40\x02\x00\x02\xd0\x00"));
    for (size_t cut = 1; cut < all.len; cut++) {
        struct buf got = buf_max(1 << 20);

        join_close(&c);
        open_https();
        say(bytes_first(buf_bytes(&all), cut));
        CHECK(c.hub.talk);
        CHECK(cut > handshake || !has(BYTES("\x20\x02")));
        say(bytes_skip(buf_bytes(&all), cut));
        rest = bytes_skip(heard(), bytes_find_bytes(heard(), BYTES("\r\n\r\n")) + 4);
        while (rest.len)
            if (next_frame(&rest, &payload) == 0x82)
                buf_put(&got, payload);
        CHECK_BYTES(buf_bytes(&got), buf_bytes(&wanted));
        CHECK(bytes_ends(heard(), BYTES("\x88\x02\x03\xe8")) && has(PONG));
        buf_free(&got);
    }
    buf_free(&all);
    buf_free(&wanted);
}

TEST(amqp_goes_through_frames)
{
    open_ws("AMQPWSB10");
    say_frame(0x82, BYTES("AMQP\x03\x01\x00\x00"));
    CHECK(has(BYTES("AMQP\x03\x01\x00\x00")) && has(BYTES("PLAIN")) && heard().at[0] == 0x82);
}

TEST(many_packets_in_one_large_frame_are_all_heard)
{
    struct buf packet = connect_packet(), events = buf_max(2 << 20);
    enum { N = 20000 };
    struct partition p;

    open_ws("mqtt");
    say_frame(0x82, buf_bytes(&packet));
    for (int i = 0; i < N; i++)
        buf_put(&events, BYTES("\x30\x24\x00\x1e"
                               "devices/garage/messages/events"
                               "open"));
    CHECK(events.len > 512 * 1024);
    say_frame(0x82, buf_bytes(&events));
    CHECK_OK(hub_partition(w.hub, 0, &p));
    CHECK(p.last_sequence == N - 1 && c.hub.talk);
    buf_free(&packet);
    buf_free(&events);
}

/* ---- ends */

TEST(abuse_is_answered_with_its_code)
{
    static const struct {
        struct bytes frame;
        unsigned code;
    } cases[] = {
        {BYTES("\x82\x01x"), WS_PROTOCOL_ERROR},                 /* not masked */
        {BYTES("\xc2\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* a reserved bit */
        {BYTES("\x83\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* a reserved kind */
        {BYTES("\x8b\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* of control frames too */
        {BYTES("\x81\x81\x00\x00\x00\x00x"), WS_UNSUPPORTED},    /* text */
        {BYTES("\x80\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* goes on without a beginning */
        {BYTES("\x02\x81\x00\x00\x00\x00\x10\x82\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* begins within another */
        {BYTES("\x09\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR},                             /* a ping in parts */
        {BYTES("\x89\xfe\x00\x7e\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR},                     /* a ping of 126 bytes */
        {BYTES("\x82\xfe\x00\x01\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* a length that could be shorter */
        {BYTES("\x82\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR}, /* a negative length */
        {BYTES("\x82\xff\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00x"), WS_TOO_BIG},
        {BYTES("\x88\x81\x00\x00\x00\x00x"), WS_PROTOCOL_ERROR},        /* half a code */
        {BYTES("\x88\x82\x00\x00\x00\x00\x03\xed"), WS_PROTOCOL_ERROR}, /* 1005 is never sent */
        {BYTES("\x88\x82\x00\x00\x00\x00\x00\x01"), WS_PROTOCOL_ERROR},
        {BYTES("\x88\x83\x00\x00\x00\x00\x03\xe8\xff"), WS_NOT_TEXT},
        {BYTES("\x82\x82\x00\x00\x00\x00\x00\x00"), WS_POLICY}, /* no MQTT: the inner conversation ends it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_ws("mqtt");
        say(cases[i].frame);
        if (c.hub.talk)
            fail_msg("case %zu is not refused", i);
        check_closed(cases[i].code);
        join_close(&c);
    }
    open_https();
}

TEST(a_close_is_answered_and_nothing_is_heard_behind_it)
{
    struct buf b = buf_max(1 << 16), packet = connect_packet();

    open_ws("mqtt");
    put_frame(&b, 0x88,
              BYTES("\x0b\xb8"
                    "bye"));
    put_frame(&b, 0x82, buf_bytes(&packet));
    say(buf_bytes(&b));
    CHECK_BYTES(heard(), BYTES("\x88\x02\x0b\xb8"));
    CHECK(!c.hub.talk && !c.hub.why);
    join_close(&c);
    open_ws("mqtt");
    say_frame(0x88, NO_BYTES);                       /* without a code */
    CHECK_BYTES(heard(), BYTES("\x88\x02\x03\xe8")); /* with one: two bytes alone are too short for Java's reader */
    buf_free(&b);
    buf_free(&packet);
}

TEST(a_lost_seat_ends_the_socket)
{
    struct buf packet = connect_packet();
    struct join later;

    open_ws("mqtt");
    say_frame(0x82, buf_bytes(&packet));
    buf_clear(&c.client.in);
    world_join_mqtt_from(&w, &later, "192.0.2.8:1", WORLD_T0);
    join_say_at(&later, buf_bytes(&packet), WORLD_T0);
    join_run_at(&c, WORLD_T0);
    check_closed(WS_POLICY);
    join_close(&later);
    buf_free(&packet);
}

TEST(who_says_nothing_is_cut_off)
{
    open_ws("mqtt");
    CHECK(c.hub.talk->ops->tick(c.hub.talk, WORLD_T0 + 1) <= WORLD_T0 + CONNECT_MS);
    c.hub.talk->ops->tick(c.hub.talk, WORLD_T0 + CONNECT_MS);
    CHECK(c.hub.talk->over && c.hub.talk->why == ERR_TIMEOUT);
}

/* Nobody reads what the hub says: it says no more than there is room for, and takes in no more. */
TEST(a_peer_that_does_not_read_is_not_read)
{
    struct buf pings = buf_max(8 << 20), packet = connect_packet();
    size_t taken;

    open_ws("mqtt");
    say_frame(0x82, buf_bytes(&packet));
    for (int i = 0; i < 20000; i++)
        put_frame(&pings, 0x89, bytes_of((uint8_t[100]){0}, 100));
    CHECK(pings.len > 4 * CONN_OUT_SOFT);
    buf_clear(&c.hub.out);
    taken = c.hub.talk->ops->input(c.hub.talk, buf_bytes(&pings), WORLD_T0);
    CHECK(taken < pings.len / 4 && c.hub.out.len >= CONN_OUT_SOFT && c.hub.out.len < CONN_OUT_SOFT + 1024);
    CHECK(c.hub.talk->ops->input(c.hub.talk, bytes_skip(buf_bytes(&pings), taken), WORLD_T0) == 0 && !c.hub.talk->over);
    buf_clear(&c.hub.out); /* there is room again: what had been taken in already is answered first */
    c.hub.talk->ops->wake(c.hub.talk, WORLD_T0);
    CHECK(c.hub.out.len > 0);
    CHECK(c.hub.talk->ops->input(c.hub.talk, bytes_skip(buf_bytes(&pings), taken), WORLD_T0) > 0);
    buf_free(&pings);
    buf_free(&packet);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(the_handshake_is_answered), CASE(paths_and_protocols_come_in_every_spelling),
      CASE(what_is_no_handshake_is_refused), CASE(a_session_of_mqtt_goes_through_frames),
      CASE(every_frame_has_more_than_two_bytes_and_leaves_whole), CASE(a_session_may_be_cut_anywhere),
      CASE(amqp_goes_through_frames), CASE(many_packets_in_one_large_frame_are_all_heard),
      CASE(abuse_is_answered_with_its_code), CASE(a_close_is_answered_and_nothing_is_heard_behind_it),
      CASE(a_lost_seat_ends_the_socket), CASE(who_says_nothing_is_cut_off), CASE(a_peer_that_does_not_read_is_not_read))
