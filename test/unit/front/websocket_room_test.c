/* A WebSocket whose peer does not read: nothing is lost, nothing grows, and both directions go on when it reads again.
 */
#include "mqtt_world.h"

#include "check.h"
#include "http_ws.h"
#include "ws_peer.h"

static struct world w;
static struct join c;

static int start(void **state)
{
    const struct peer peer = {.address = "192.0.2.7:51234"};

    (void)state;
    w = (struct world){0};
    world_open(&w);
    world_device(&w, "garage");
    world_join_https(&w, &c, &peer, WORLD_T0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    join_close(&c);
    world_close(&w);
    return 0;
}

static void say_frame(struct bytes payload)
{
    struct buf b = buf_max(1 << 20);

    put_frame(&b, 0x82, payload);
    join_say_at(&c, buf_bytes(&b), WORLD_T0);
    buf_free(&b);
}

static void open_mqtt(void)
{
    struct buf packet = buf_max(CONN_IN_MAX);

    join_say_at(&c, BYTES("GET " WS_HUB " HTTP/1.1\r\n" WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n\r\n"),
                WORLD_T0);
    world_connect(&w, "garage", true, &packet);
    say_frame(buf_bytes(&packet));
    CHECK(bytes_ends(buf_bytes(&c.client.in), BYTES("\x82\x04\x20\x02\x00\x00")));
    buf_clear(&c.client.in);
    buf_free(&packet);
}

/* ---- a conversation that says much to every byte that it hears, and stops when there is no room */

struct talker {
    struct talk front;
    size_t heard;
    bool in_order;
};

static struct talker talker;

static size_t talker_input(struct talk *f, struct bytes in, int64_t now_ms)
{
    static const uint8_t answer[CONN_OUT_SOFT];
    size_t used = 0;

    (void)now_ms;
    for (; used < in.len && front_has_room(f); used++) {
        if (in.at[used] != (uint8_t)(talker.heard++ % 251))
            talker.in_order = false;
        buf_put(f->out, bytes_of(answer, sizeof answer));
    }
    return used;
}

static void talker_wake(struct talk *f, int64_t now_ms)
{
    (void)f;
    (void)now_ms;
}

static int64_t talker_tick(struct talk *f, int64_t now_ms)
{
    (void)f;
    (void)now_ms;
    return INT64_MAX;
}

static void talker_close(struct talk *f, enum err why, int64_t now_ms)
{
    (void)f;
    (void)why;
    (void)now_ms;
}

static enum err talker_new(const struct front_env *env, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    static const struct talk_ops ops = {
        .input = talker_input, .wake = talker_wake, .tick = talker_tick, .close = talker_close, .name = "talker"};

    (void)env;
    (void)peer;
    (void)now_ms;
    talker = (struct talker){.front.ops = &ops, .in_order = true};
    *out = &talker.front;
    return OK;
}

/* As the connection does it: when there is room again, what came meanwhile goes in before the wake. */
TEST(what_an_inner_conversation_refuses_waits_without_growing)
{
    enum { N = 1024 * 1024, TURNS = 400 };
    struct buf frame = buf_max(2 * N), payload = buf_max(N), out = buf_max(CONN_OUT_MAX);
    struct talk outer = {.out = &out};
    const struct peer peer = {.address = "192.0.2.7:1"};
    struct ws *ws;
    struct bytes rest;

    for (size_t i = 0; i < N; i++)
        buf_put_u8(&payload, (uint8_t)(i % 251));
    put_frame(&frame, 0x82, buf_bytes(&payload));
    CHECK_OK(ws_open(&outer, &w.env, &peer, talker_new, WORLD_T0, &ws));
    rest = buf_bytes(&frame);
    for (int i = 0; i < TURNS; i++) {
        buf_clear(&out); /* the peer has read */
        rest = bytes_skip(rest, ws_input(ws, bytes_first(rest, 16384), WORLD_T0));
        CHECK(!outer.over && !out.bad && out.len >= CONN_OUT_SOFT && out.len < 2 * CONN_OUT_SOFT);
        ws_wake(ws, WORLD_T0);
        CHECK(!outer.over && !out.bad && out.len < 2 * CONN_OUT_SOFT);
    }
    CHECK(talker.heard == TURNS && talker.in_order);
    CHECK(frame.len - rest.len < 64 * 1024); /* no more was taken in than could be given on */
    ws_close(ws, ERR_CLOSED, WORLD_T0);
    buf_free(&frame);
    buf_free(&payload);
    buf_free(&out);
}

/* ---- MQTT */

TEST(a_mailbox_is_given_out_as_fast_as_the_peer_reads)
{
    enum { N = 16, BODY = 48 * 1024 };
    static uint8_t body[BODY];
    const struct msg m = {.body = bytes_of(body, sizeof body)};
    size_t most = 0, all = 0;
    uint64_t at;

    for (int i = 0; i < N; i++)
        CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, WORLD_T0, &at));
    open_mqtt();
    struct buf subscribe = buf_max(256);
    put_frame(&subscribe, 0x82,
              BYTES("\x82\x2a\x00\x01\x00\x25"
                    "devices/garage/messages/devicebound/#"
                    "\x00"));
    CHECK(c.hub.talk->ops->input(c.hub.talk, buf_bytes(&subscribe), WORLD_T0) == subscribe.len);
    /* It reads nothing: neither wakes nor time make the hub say more. */
    all = c.hub.out.len;
    CHECK(all >= CONN_OUT_SOFT && all < CONN_OUT_SOFT + BODY + 1024);
    c.hub.talk->ops->wake(c.hub.talk, WORLD_T0);
    c.hub.talk->ops->tick(c.hub.talk, WORLD_T0 + 1);
    CHECK(c.hub.out.len == all);
    all = 0;
    for (int i = 0; c.hub.out.len && i < 2 * N; i++) {
        all += c.hub.out.len;
        most = c.hub.out.len > most ? c.hub.out.len : most;
        buf_clear(&c.hub.out);
        c.hub.talk->ops->wake(c.hub.talk, WORLD_T0);
    }
    CHECK(all > (size_t)N * BODY && all < (size_t)N * (BODY + 256) && most < CONN_OUT_SOFT + BODY + 1024);
    buf_free(&subscribe);
}

/* The answer to an event stands in the outer buffer, and so does the place that it has to wait for. */
TEST(an_answer_waits_for_its_record)
{
    struct buf b = buf_max(1024);

    open_mqtt();
    CHECK(c.hub.talk->after == 0);
    put_frame(&b, 0x82,
              BYTES("\x32\x26\x00\x1e"
                    "devices/garage/messages/events\x00\x01"
                    "open"));
    CHECK(c.hub.talk->ops->input(c.hub.talk, buf_bytes(&b), WORLD_T0) == b.len);
    CHECK_BYTES(buf_bytes(&c.hub.out), BYTES("\x82\x04\x40\x02\x00\x01"));
    CHECK(c.hub.talk->after > 0);
    buf_free(&b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(what_an_inner_conversation_refuses_waits_without_growing),
      CASE(a_mailbox_is_given_out_as_fast_as_the_peer_reads), CASE(an_answer_waits_for_its_record))
