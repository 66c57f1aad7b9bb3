#include "ceilings.h"
#include "check.h"
#include "text.h"
#include "ws_talk.h"

#include <openssl/evp.h>
#include <stdio.h>

#define T0 1795411500000LL

/* An inner conversation that says what it is told to and notes what it hears; it uses only whole words that end with a
 * dot. */
struct inner {
    struct talk talk;
    char heard[256];
    unsigned starts, ends, byes;
    enum err why;
};

static void inner_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    ((struct inner *)(void *)t)->starts++;
    buf_puts(t->out, "hello");
}

static size_t inner_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct inner *i = (struct inner *)(void *)t;
    size_t used = 0;

    (void)now_ms;
    for (size_t n = 0; n < in.len; n++)
        if (in.at[n] == '.')
            used = n + 1;
    snprintf(i->heard + strlen(i->heard), sizeof i->heard - strlen(i->heard), "%.*s", (int)used, (const char *)in.at);
    return used;
}

static void inner_wake(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    buf_puts(t->out, "more");
}

static int64_t inner_tick(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
    return INT64_MAX;
}

static void inner_close(struct talk *t, enum err why, int64_t now_ms)
{
    struct inner *i = (struct inner *)(void *)t;

    (void)now_ms;
    i->ends++;
    i->why = why;
}

static void inner_bye(struct talk *t)
{
    ((struct inner *)(void *)t)->byes++;
    buf_puts(t->out, "bye");
}

struct ws_world {
    struct inner inner;
    struct ws_talk ws;
    struct buf out;
    unsigned failures;
    enum err failed;
    char detail[200];
};

static struct ws_world w;

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct ws_world *world = ctx;

    world->failures++;
    world->failed = e;
    snprintf(world->detail, sizeof world->detail, "%s", detail);
}

static void connect(void)
{
    w.ws.talk.out = &w.out;
    w.ws.talk.over = false;
    w.ws.talk.ops->start(&w.ws.talk, T0);
}

static void world_open(void)
{
    static const struct talk_ops ops = {.start = inner_start,
                                        .input = inner_input,
                                        .wake = inner_wake,
                                        .tick = inner_tick,
                                        .close = inner_close,
                                        .bye = inner_bye,
                                        .name = "inner"};

    memset(&w, 0, sizeof w);
    w.out = buf_max(CONN_OUT_MAX);
    w.inner.talk.ops = &ops;
    w.ws = (struct ws_talk){.inner = &w.inner.talk,
                            .host = "hub.test",
                            .port = 443,
                            .path = "/$iothub/websocket",
                            .protocol = "mqtt",
                            .timeout_ms = 30000,
                            .seed = 7,
                            .failed = on_failed,
                            .ctx = &w};
    ws_talk_init(&w.ws);
    connect();
}

static void cut(void)
{
    w.ws.talk.ops->close(&w.ws.talk, w.ws.talk.over ? w.ws.talk.why : ERR_CLOSED, T0);
}

static void world_close(void)
{
    ws_talk_close(&w.ws);
    buf_free(&w.out);
}

static void hear(struct bytes in)
{
    struct buf rest = buf_max(CONN_IN_MAX);

    buf_put(&rest, in);
    for (size_t used = 1; used && rest.len && !w.ws.talk.over;) {
        used = w.ws.talk.ops->input(&w.ws.talk, buf_bytes(&rest), T0);
        buf_drop(&rest, used);
    }
    buf_free(&rest);
}

/* A server's answer to the request at hand. */
static struct bytes answer(const char *status, const char *protocol)
{
    static char text[512];
    char joined[128];
    uint8_t sha1[20];
    struct buf accept = buf_max(64);
    int len = snprintf(joined, sizeof joined, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", w.ws.key);

    CHECK(EVP_Digest(joined, (size_t)len, sha1, NULL, EVP_sha1(), NULL));
    buf_put_base64(&accept, bytes_of(sha1, sizeof sha1));
    snprintf(text, sizeof text,
             "HTTP/1.1 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
             "Sec-WebSocket-Protocol: %s\r\n\r\n",
             status, buf_str(&accept), protocol);
    buf_free(&accept);
    return bytes_str(text);
}

static void accept_connection(void)
{
    world_open();
    buf_clear(&w.out);
    hear(answer("101 Switching Protocols", "mqtt"));
    CHECK(w.inner.starts == 1);
}

/* The frames so far, unmasked: "2:hello " is a binary message; each must be masked and whole. */
static const char *said(void)
{
    static char text[512];
    struct bytes in = buf_bytes(&w.out);
    size_t n = 0;

    text[0] = 0;
    while (in.len >= 6) {
        size_t len = in.at[1] & 0x7F;

        CHECK(in.at[0] & 0x80 && in.at[1] & 0x80 && len < 126 && in.len >= 6 + len);
        n += (size_t)snprintf(text + n, sizeof text - n, "%d:", in.at[0] & 15);
        for (size_t i = 0; i < len; i++)
            text[n++] = (char)(in.at[6 + i] ^ in.at[2 + i % 4]);
        text[n++] = ' ';
        text[n] = 0;
        in = bytes_skip(in, 6 + len);
    }
    CHECK(!in.len);
    buf_clear(&w.out);
    return text;
}

TEST(the_request_asks_for_the_protocol)
{
    world_open();
    CHECK(bytes_starts(buf_bytes(&w.out), BYTES("GET /$iothub/websocket HTTP/1.1\r\nHost: hub.test\r\n")));
    CHECK(bytes_find_bytes(buf_bytes(&w.out), BYTES("Sec-WebSocket-Protocol: mqtt\r\n")) < w.out.len);
    CHECK(bytes_find_bytes(buf_bytes(&w.out), BYTES("Sec-WebSocket-Version: 13\r\n")) < w.out.len);
    CHECK(strlen(w.ws.key) == 24);
    world_close();
}

TEST(the_inner_talk_begins_with_the_answer_and_is_framed)
{
    accept_connection();
    assert_string_equal(said(), "2:hello ");
    w.ws.talk.ops->wake(&w.ws.talk, T0);
    assert_string_equal(said(), "2:more ");
    world_close();
}

TEST(what_is_cut_anywhere_is_heard_all_the_same)
{
    struct bytes frames = BYTES("\x82\x03"
                                "one"
                                "\x02\x02.t"
                                "\x89\x01p"
                                "\x00\x01w"
                                "\x80\x02o.");
    struct buf all = buf_max(1000), heard = buf_max(1000);

    for (size_t slice = 1; slice < 40; slice++) {
        world_open();
        buf_clear(&w.out);
        buf_clear(&all);
        buf_clear(&heard);
        buf_put(&all, answer("101 Switching Protocols", "mqtt"));
        buf_put(&all, frames);
        for (size_t at = 0; at < all.len; at += slice) {
            buf_put(&heard, bytes_first(bytes_skip(buf_bytes(&all), at), slice));
            buf_drop(&heard, w.ws.talk.ops->input(&w.ws.talk, buf_bytes(&heard), T0));
        }
        CHECK(!heard.len && !w.ws.talk.over);
        assert_string_equal(w.inner.heard, "one.two.");
        assert_string_equal(said(), "2:hello 10:p ");
        world_close();
    }
    buf_free(&all);
    buf_free(&heard);
}

static void check_refused(struct bytes in)
{
    hear(in);
    CHECK(w.ws.talk.over && !w.inner.starts);
    cut();
    CHECK(w.failures == 1 && !w.inner.ends);
    CHECK_ERR(w.failed, ERR_UNREACHABLE);
    CHECK(w.detail[0]);
    world_close();
}

TEST(an_answer_that_is_no_websocket_is_refused)
{
    world_open();
    check_refused(answer("101 Switching Protocols", "AMQPWSB10"));
    world_open();
    check_refused(answer("404 Not Found", "mqtt"));
    world_open();
    check_refused(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    world_open();
    check_refused(BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"));
    world_open();
    check_refused(BYTES("220 smtp.example ready\r\n\r\n"));
}

TEST(silence_and_an_end_before_the_answer_are_failures)
{
    world_open();
    CHECK(w.ws.talk.ops->tick(&w.ws.talk, T0 + 29999) == T0 + 30000);
    w.ws.talk.ops->tick(&w.ws.talk, T0 + 30000);
    CHECK(w.ws.talk.over);
    cut();
    CHECK_ERR(w.failed, ERR_TIMEOUT);
    world_close();
    world_open();
    cut();
    CHECK_ERR(w.failed, ERR_UNREACHABLE);
    world_close();
}

static void check_broken(struct bytes in)
{
    accept_connection();
    hear(in);
    CHECK(w.ws.talk.over && w.ws.talk.why == ERR_PROTOCOL);
    cut();
    CHECK(w.inner.ends == 1 && w.inner.why == ERR_PROTOCOL && !w.failures);
    world_close();
}

TEST(frames_that_may_not_be_end_it)
{
    check_broken(BYTES("\x81\x02hi")); /* text */
    check_broken(BYTES("\x82\x82"
                       "abcd"
                       "\1\2"));       /* masked by a server */
    check_broken(BYTES("\xC2\x02hi")); /* a reserved bit */
    check_broken(BYTES("\x83\x02hi")); /* an unknown kind */
    check_broken(BYTES("\x80\x02hi")); /* it goes on with nothing */
    check_broken(BYTES("\x09\x01p"));  /* a ping in pieces */
}

TEST(a_close_of_the_other_side_comes_behind_what_it_said)
{
    accept_connection();
    buf_clear(&w.out);
    hear(BYTES("\x82\x04last\x82\x01.\x88\x02\x03\xE8"));
    CHECK(w.ws.talk.over && w.ws.talk.why == ERR_CLOSED);
    assert_string_equal(w.inner.heard, "last.");
    CHECK(w.out.len >= 6 && (w.out.at[0] & 15) == 8);
    cut();
    CHECK(w.inner.ends == 1);
    world_close();
}

TEST(the_end_of_the_inner_talk_is_the_end)
{
    accept_connection();
    buf_clear(&w.out);
    talk_end(&w.inner.talk, ERR_EXPIRED);
    w.ws.talk.ops->wake(&w.ws.talk, T0);
    CHECK(w.ws.talk.over && w.ws.talk.why == ERR_EXPIRED);
    CHECK(strncmp(said(), "2:more 8:", 9) == 0);
    world_close();
}

TEST(a_goodbye_is_framed_and_closes)
{
    accept_connection();
    buf_clear(&w.out);
    w.ws.talk.ops->bye(&w.ws.talk);
    CHECK(w.inner.byes == 1);
    CHECK(strncmp(said(), "2:bye 8:", 8) == 0);
    world_close();
}

TEST(a_full_output_keeps_what_the_inner_talk_says_back)
{
    accept_connection();
    buf_clear(&w.out);
    CHECK(buf_grow(&w.out, CONN_OUT_SOFT));
    w.ws.talk.ops->wake(&w.ws.talk, T0);
    CHECK(w.out.len == CONN_OUT_SOFT && w.ws.said.len == 4);
    buf_clear(&w.out);
    w.ws.talk.ops->tick(&w.ws.talk, T0);
    assert_string_equal(said(), "2:more ");
    world_close();
}

TEST(it_can_be_opened_again)
{
    accept_connection();
    hear(BYTES("\x82\x02ha"));
    cut();
    w.inner.heard[0] = 0;
    buf_clear(&w.out);
    connect();
    buf_clear(&w.out);
    hear(answer("101 Switching Protocols", "mqtt"));
    CHECK(w.inner.starts == 2);
    assert_string_equal(said(), "2:hello ");
    hear(BYTES("\x82\x02lo\x82\x01."));
    assert_string_equal(w.inner.heard, "lo.");
    world_close();
}

TESTS(RUN(the_request_asks_for_the_protocol), RUN(the_inner_talk_begins_with_the_answer_and_is_framed),
      RUN(what_is_cut_anywhere_is_heard_all_the_same), RUN(an_answer_that_is_no_websocket_is_refused),
      RUN(silence_and_an_end_before_the_answer_are_failures), RUN(frames_that_may_not_be_end_it),
      RUN(a_close_of_the_other_side_comes_behind_what_it_said), RUN(the_end_of_the_inner_talk_is_the_end),
      RUN(a_goodbye_is_framed_and_closes), RUN(a_full_output_keeps_what_the_inner_talk_says_back),
      RUN(it_can_be_opened_again))
