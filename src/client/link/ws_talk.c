#include "ws_talk.h"

#include "list.h"
#include "text.h"
#include "ws.h"

#include <stdio.h>

enum { KEY_LEN = 16, CLOSE_NORMAL = 1000 };

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

/* ---- what wslay asks for --------------------------------------------------------------------------------------- */

static ssize_t on_want(wslay_event_context_ptr frames, uint8_t *buf, size_t len, int flags, void *ctx)
{
    struct ws_talk *w = ctx;
    struct bytes part = bytes_first(w->in, len);

    (void)flags;
    if (!part.len) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, part.at, part.len);
    w->in = bytes_skip(w->in, part.len);
    return (ssize_t)part.len;
}

static ssize_t on_say(wslay_event_context_ptr frames, const uint8_t *data, size_t len, int flags, void *ctx)
{
    struct ws_talk *w = ctx;

    (void)frames;
    (void)flags;
    buf_put(w->talk.out, bytes_of(data, len));
    return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr frames, uint8_t *buf, size_t len, void *ctx)
{
    (void)frames;
    fill(ctx, buf, len);
    return 0;
}

static void on_frame(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_start_arg *f, void *ctx)
{
    struct ws_talk *w = ctx;

    (void)frames;
    if (f->opcode == WSLAY_TEXT_FRAME)
        w->bad = ERR_PROTOCOL;
    w->control = wslay_is_ctrl_frame(f->opcode);
}

static void on_chunk(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_chunk_arg *c, void *ctx)
{
    struct ws_talk *w = ctx;

    (void)frames;
    if (!w->control)
        buf_put(&w->heard, bytes_of(c->data, c->data_length));
}

/* ---- to and fro ------------------------------------------------------------------------------------------------ */

static void end(struct ws_talk *w, enum err why, const char *detail)
{
    snprintf(w->detail, sizeof w->detail, "%s", detail);
    talk_end(&w->talk, why);
}

static void send_frames(struct ws_talk *w)
{
    if (wslay_event_send(w->frames) || w->talk.out->bad)
        end(w, ERR_MEMORY, err_text(ERR_MEMORY));
}

/* What the inner talk has said becomes a message, unless the output is full: then it stays with it, and stops it. */
static void frame(struct ws_talk *w)
{
    struct wslay_event_msg m = {WSLAY_BINARY_FRAME, w->said.at, w->said.len};

    if (!w->said.len)
        return;
    /* Behind a close nothing can be said: that is not our end yet. */
    if (wslay_event_queue_msg(w->frames, &m) == WSLAY_ERR_NOMEM)
        end(w, ERR_MEMORY, err_text(ERR_MEMORY));
    buf_clear(&w->said);
}

/* wslay says control frames first: a close has to wait until all else was said. */
static void send_close(struct ws_talk *w)
{
    wslay_event_queue_close(w->frames, CLOSE_NORMAL, NULL, 0);
    send_frames(w);
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
    send_frames(w);
    if (w->inner->over) {
        send_close(w);
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

static void unframe(struct ws_talk *w, int64_t now_ms)
{
    int failed = wslay_event_recv(w->frames);

    /* wslay reads nothing more behind what it refuses, and behind a close. */
    if (!wslay_event_get_read_enabled(w->frames) && !wslay_event_get_close_received(w->frames))
        w->bad = ERR_PROTOCOL;
    if (failed || w->bad || w->heard.bad) {
        end(w, w->heard.bad ? ERR_TOO_LARGE : ERR_PROTOCOL, "the frames of the WebSocket are not well-formed");
        return;
    }
    hear(w, now_ms);
    go_on(w);
    if (!w->gone && wslay_event_get_close_received(w->frames))
        end(w, ERR_CLOSED, err_text(ERR_CLOSED));
}

/* ---- the way in ------------------------------------------------------------------------------------------------ */

static enum err open_frames(struct ws_talk *w)
{
    static const struct wslay_event_callbacks callbacks = {on_want, on_say, on_mask, on_frame, on_chunk, NULL, NULL};

    wslay_event_context_free(w->frames);
    w->frames = NULL;
    if (wslay_event_context_client_init(&w->frames, &callbacks, w))
        return ERR_MEMORY;
    wslay_event_config_set_no_buffering(w->frames, 1);
    return OK;
}

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
    w->gone = false;
    w->bad = OK;
    w->until_ms = now_ms + w->timeout_ms;
    w->detail[0] = 0;
    buf_clear(&w->said);
    buf_clear(&w->heard);
    http_in_free(&w->answer);
    http_in_init(&w->answer, HTTP_RESPONSES, HTTP_HEAD_MAX);
    put_request(w);
    if (open_frames(w) || t->out->bad)
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
    if (!w->gone && !t->over && w->state == WS_OPEN) {
        w->in = bytes_skip(in, used);
        unframe(w, now_ms);
        return in.len - w->in.len;
    }
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
        send_frames(w);
        send_close(w);
    }
    w->gone = true;
}

void ws_talk_init(struct ws_talk *w)
{
    static const struct talk_ops ops = {start, input, wake, tick, closed, bye};

    w->talk.ops = &ops;
    w->said = buf_max(CONN_OUT_MAX / 2);
    w->heard = buf_max(2 * CONN_IN_MAX);
    http_in_init(&w->answer, HTTP_RESPONSES, HTTP_HEAD_MAX);
}

void ws_talk_close(struct ws_talk *w)
{
    wslay_event_context_free(w->frames);
    w->frames = NULL;
    http_in_free(&w->answer);
    buf_free(&w->said);
    buf_free(&w->heard);
}
