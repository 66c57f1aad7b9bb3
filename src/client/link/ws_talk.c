#include "ws_talk.h"

#include "list.h"
#include "text.h"

#include <stdio.h>

enum { KEY_LEN = 16 };

static struct ws_talk *of(struct talk *t)
{
    return LIST_OF(t, struct ws_talk, talk);
}

/* xorshift64*. A mask hides nothing here: TLS does. */
static uint64_t chance(struct ws_talk *w)
{
    w->seed ^= w->seed >> 12;
    w->seed ^= w->seed << 25;
    w->seed ^= w->seed >> 27;
    return w->seed * 0x2545F4914F6CDD1DULL;
}

static void fill(struct ws_talk *w, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(chance(w) >> 56);
}

/* ---- to and fro ------------------------------------------------------------------------------------------------ */

static void end(struct ws_talk *w, enum err why, const char *detail)
{
    snprintf(w->detail, sizeof w->detail, "%s", detail);
    talk_end(&w->talk, why);
}

static void say(struct ws_talk *w, enum wslay_opcode opcode, struct bytes payload)
{
    if (!w->said_bye)
        ws_put_masked(w->talk.out, opcode, payload, (uint32_t)(chance(w) >> 32));
    if (w->talk.out->bad)
        end(w, ERR_MEMORY, err_text(ERR_MEMORY));
}

static void say_close(struct ws_talk *w, unsigned code)
{
    const uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};

    say(w, WSLAY_CONNECTION_CLOSE, bytes_of(payload, sizeof payload));
    w->said_bye = true;
}

/* The inner talk's output becomes a message, unless ours is full: then it stays there, and stops the inner talk. */
static void frame(struct ws_talk *w)
{
    if (!w->said.len)
        return;
    say(w, WSLAY_BINARY_FRAME, buf_bytes(&w->said));
    buf_clear(&w->said);
}

/* To be called after each call of the inner talk. */
static void go_on(struct ws_talk *w)
{
    if (w->gone || w->talk.over)
        return;
    if (w->said.bad) {
        end(w, ERR_MEMORY, err_text(ERR_MEMORY));
        return;
    }
    if (w->inner->over || w->talk.out->len < CONN_OUT_SOFT)
        frame(w);
    if (w->inner->over) {
        say_close(w, WS_NORMAL);
        talk_end(&w->talk, w->inner->why);
    }
}

static void hear(struct ws_talk *w, int64_t now_ms)
{
    size_t used;

    if (!w->heard.len)
        return;
    used = w->inner->ops->input(w->inner, buf_bytes(&w->heard), now_ms);
    if (!w->gone)
        buf_drop(&w->heard, used);
}

static void refuse(struct ws_talk *w)
{
    char text[160];

    snprintf(text, sizeof text, "the frames of the WebSocket are not well-formed: %s", w->in.why);
    say_close(w, w->in.code);
    end(w, ERR_PROTOCOL, text);
}

static size_t unframe(struct ws_talk *w, struct bytes in, int64_t now_ms)
{
    struct bytes rest = in, piece = NO_BYTES;
    enum ws_step step;

    do {
        step = ws_read(&w->in, &rest, &piece);
        if (step == WS_STEP_DATA)
            buf_put(&w->heard, piece);
        else if (step == WS_STEP_PING)
            say(w, WSLAY_PONG, piece);
    } while (!w->talk.over && (step == WS_STEP_DATA || step == WS_STEP_PING));
    if (w->heard.bad) {
        end(w, ERR_TOO_LARGE, err_text(ERR_TOO_LARGE));
        return in.len;
    }
    hear(w, now_ms);
    go_on(w);
    if (w->gone || w->talk.over)
        return in.len;
    if (step == WS_STEP_BAD) {
        refuse(w);
    } else if (step == WS_STEP_CLOSE) {
        say_close(w, w->in.code == WS_NO_CODE ? WS_NORMAL : w->in.code);
        end(w, ERR_CLOSED, err_text(ERR_CLOSED));
    }
    return in.len - rest.len;
}

/* ---- the way in ------------------------------------------------------------------------------------------------ */

static void put_request(struct ws_talk *w)
{
    struct buf *out = w->talk.out, host = buf_max(HOST_LEN_MAX + 8), key = buf_max(sizeof w->key);
    uint8_t raw[KEY_LEN];

    fill(w, raw, sizeof raw);
    buf_put_base64(&key, bytes_of(raw, sizeof raw));
    snprintf(w->key, sizeof w->key, "%s", buf_str(&key));
    buf_puts(&host, w->host);
    if (w->port != 443)
        buf_printf(&host, ":%d", w->port);
    http_put_request(out, "GET", bytes_str(w->path));
    http_put_header(out, "Host", buf_bytes(&host));
    http_put_header(out, "Upgrade", BYTES("websocket"));
    http_put_header(out, "Connection", BYTES("Upgrade"));
    http_put_header(out, "Sec-WebSocket-Version", BYTES("13"));
    http_put_header(out, "Sec-WebSocket-Key", buf_bytes(&key));
    http_put_header(out, "Sec-WebSocket-Protocol", bytes_str(w->protocol));
    http_put_header(out, "User-Agent", BYTES("d2d/" D2D_VERSION));
    http_put_end(out);
    buf_free(&host);
    buf_free(&key);
}

static void start(struct talk *t, int64_t now_ms)
{
    struct ws_talk *w = of(t);

    w->state = WS_WAIT_ANSWER;
    w->gone = w->said_bye = false;
    w->until_ms = now_ms + w->timeout_ms;
    w->detail[0] = 0;
    buf_clear(&w->said);
    buf_clear(&w->heard);
    http_in_free(&w->answer);
    http_in_init(&w->answer, HTTP_RESPONSES, HTTP_HEAD_MAX);
    put_request(w);
    ws_in_free(&w->in);
    if (ws_in_init(&w->in, WS_OF_SERVER) || t->out->bad)
        end(w, ERR_MEMORY, err_text(ERR_MEMORY));
}

/* RFC 6455 4.1: the answer must have been made for this very request. */
static bool is_answer_to(const char *key, struct bytes accept)
{
    char wanted[WS_ACCEPT_CAP];

    return ws_accept(bytes_str(key), wanted) && bytes_eq(bytes_str(wanted), accept);
}

static void on_answer(struct ws_talk *w, int64_t now_ms)
{
    const struct http_head *h = &w->answer.head;
    char text[120];

    if (h->status != 101) {
        snprintf(text, sizeof text, "the other side does not open a WebSocket (HTTP %d)", h->status);
        end(w, ERR_UNREACHABLE, text);
    } else if (!h->upgrade || !bytes_eq_nocase(http_header(h, BYTES("Upgrade")), BYTES("websocket")) ||
               !is_answer_to(w->key, http_header(h, BYTES("Sec-WebSocket-Accept")))) {
        end(w, ERR_UNREACHABLE, "the answer is not that of a WebSocket");
    } else if (!bytes_eq(http_header(h, BYTES("Sec-WebSocket-Protocol")), bytes_str(w->protocol))) {
        end(w, ERR_UNREACHABLE, "the WebSocket does not speak the protocol that was asked for");
    } else {
        w->state = WS_OPEN;
        w->inner->over = false;
        w->inner->out = &w->said;
        w->inner->ops->start(w->inner, now_ms);
        go_on(w);
    }
}

static size_t read_answer(struct ws_talk *w, struct bytes in, int64_t now_ms)
{
    size_t used = 0;

    switch (http_read(&w->answer, in, &used)) {
    case HTTP_STEP_MORE:
        break;
    case HTTP_STEP_HEAD:
    case HTTP_STEP_MESSAGE:
        on_answer(w, now_ms);
        break;
    case HTTP_STEP_BAD:
        end(w, ERR_UNREACHABLE, "the answer is not HTTP");
        break;
    }
    return used;
}

/* ---- the talk -------------------------------------------------------------------------------------------------- */

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct ws_talk *w = of(t);
    size_t used = 0;

    if (w->state == WS_WAIT_ANSWER)
        used = read_answer(w, in, now_ms);
    if (!w->gone && !t->over && w->state == WS_OPEN)
        used += unframe(w, bytes_skip(in, used), now_ms);
    return used;
}

static void wake(struct talk *t, int64_t now_ms)
{
    struct ws_talk *w = of(t);

    if (t->over || w->state != WS_OPEN)
        return;
    w->inner->ops->wake(w->inner, now_ms);
    go_on(w);
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct ws_talk *w = of(t);
    int64_t next_ms;

    if (t->over)
        return INT64_MAX;
    if (w->state == WS_WAIT_ANSWER) {
        if (now_ms < w->until_ms)
            return w->until_ms;
        end(w, ERR_TIMEOUT, err_text(ERR_TIMEOUT));
        return INT64_MAX;
    }
    go_on(w); /* the output may have room again */
    if (w->gone || t->over)
        return INT64_MAX;
    next_ms = w->inner->ops->tick(w->inner, now_ms);
    go_on(w);
    return next_ms;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct ws_talk *w = of(t);

    if (w->state == WS_OPEN)
        w->inner->ops->close(w->inner, why, now_ms);
    else
        w->failed(w->ctx, why == ERR_CLOSED ? ERR_UNREACHABLE : why, w->detail[0] ? w->detail : err_text(why));
}

static void bye(struct talk *t)
{
    struct ws_talk *w = of(t);

    if (w->state == WS_OPEN) {
        if (!w->inner->over && w->inner->ops->bye)
            w->inner->ops->bye(w->inner);
        frame(w);
        say_close(w, WS_NORMAL);
    }
    w->gone = true;
}

void ws_talk_init(struct ws_talk *w)
{
    static const struct talk_ops ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .bye = bye, .name = "websocket"};

    w->talk.ops = &ops;
    w->said = buf_max(CONN_OUT_MAX / 2);
    w->heard = buf_max(2 * CONN_IN_MAX);
    http_in_init(&w->answer, HTTP_RESPONSES, HTTP_HEAD_MAX);
}

void ws_talk_close(struct ws_talk *w)
{
    ws_in_free(&w->in);
    http_in_free(&w->answer);
    buf_free(&w->said);
    buf_free(&w->heard);
}
