/* A front that holds a front: MQTT and AMQP in a WebSocket (device 2.1, 3.1, service 1.8; RFC 6455). */
#include "http_ws.h"

#include "log.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PIECE = 16 * 1024,                   /* the inner front gets what came in pieces of this size, or all there is */
    PIECE_UNPROVED = 4 * 1024,           /* the same of who has not shown who he is */
    HEARD_MAX = CONN_IN_MAX + 2 * PIECE, /* what the inner front waits for the end of, and one more piece */
    KEEP = 64 * 1024,                    /* of buffers that had to be larger once */
};

struct ws {
    struct talk *outer, *inner;
    struct ws_in in;
    struct buf heard; /* for the inner front, and not used yet */
    struct buf said;  /* by it; framed after each of its turns */
    char address[64];
};

/* ---- the handshake --------------------------------------------------------------------------------------------- */

static bool has_word(struct bytes list, struct bytes word, struct bytes *spelled)
{
    while (list.len) {
        struct bytes one = bytes_trim(bytes_cut(&list, ','));

        if (bytes_eq_nocase(one, word)) {
            *spelled = one;
            return true;
        }
    }
    return false;
}

/* True if the word is one of a list between commas, which may be spread over several headers (RFC 6455 11.3.4). */
static bool names(const struct http_head *h, struct bytes header, struct bytes word, struct bytes *spelled)
{
    for (size_t i = 0; i < h->n_headers; i++)
        if (bytes_eq_nocase(h->headers[i].name, header) && has_word(h->headers[i].value, word, spelled))
            return true;
    return false;
}

/* The names of subprotocols; what was offered is echoed as it was spelled. */
static const struct {
    const char *name;
    ws_maker *make;
} protocols[] = {
    {"mqtt", front_mqtt_new},
    {"AMQPWSB10", front_amqp_new},
    {"amqp", front_amqp_new}, /* as it is registered: AMQPNetLite, today's Event Hubs in .NET */
};

enum err http_websocket(struct http_request *r, struct http_answer *a)
{
    struct bytes offered = BYTES("sec-websocket-protocol"), word;

    if (!bytes_eq(r->head->method, BYTES("GET")) || !r->head->upgrade || r->head->has_body ||
        !names(r->head, BYTES("upgrade"), BYTES("websocket"), &word)) {
        a->code = CODE_UPGRADE;
        return http_says(a, ERR_PROTOCOL, "This path serves only a WebSocket");
    }
    if (!bytes_eq(http_header(r->head, BYTES("sec-websocket-version")), BYTES("13"))) {
        a->code = CODE_UPGRADE;
        return http_says(a, ERR_PROTOCOL, "The version of the WebSocket protocol must be 13");
    }
    if (!ws_accept(http_header(r->head, BYTES("sec-websocket-key")), a->accept))
        return http_says(a, ERR_MALFORMED, "Sec-WebSocket-Key is missing or not 16 bytes in base64");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols && !a->upgrade; i++)
        if (names(r->head, offered, bytes_str(protocols[i].name), &a->protocol))
            a->upgrade = protocols[i].make;
    return a->upgrade ? OK : http_says(a, ERR_MALFORMED, "Sec-WebSocket-Protocol must offer mqtt, AMQPWSB10 or amqp");
}

void http_put_upgrade(struct talk *f, const struct http_request *r, const struct http_answer *a)
{
    http_put_status(f->out, 101);
    http_put_date(f->out, hub_wall_ms(r->env->hub, r->now_ms));
    http_put_header(f->out, "Upgrade", BYTES("websocket"));
    http_put_header(f->out, "Connection", BYTES("Upgrade"));
    http_put_header(f->out, "Sec-WebSocket-Accept", bytes_str(a->accept));
    http_put_header(f->out, "Sec-WebSocket-Protocol", a->protocol);
    http_put_end(f->out);
}

/* ---- between the two ------------------------------------------------------------------------------------------- */

/* Gives memory back that was needed once; all of it, of who has not shown who he is. */
static void relax(const struct ws *w, struct buf *b)
{
    buf_clear(b);
    if (b->cap > KEEP || !w->outer->proved)
        buf_free(b);
}

static unsigned close_code(enum err why)
{
    return why ? WS_POLICY : WS_NORMAL;
}

/* After each turn of the inner front: what it said leaves, and waits for what it has to wait for. */
static void pass_on(struct ws *w)
{
    struct talk *f = w->outer;

    f->proved = w->inner->proved;
    front_wait_for(f, w->inner->after);
    w->inner->after = 0;
    if (w->said.bad) {
        talk_end(f, ERR_MEMORY);
        return;
    }
    if (w->said.len) {
        ws_put_stream(f->out, buf_bytes(&w->said));
        relax(w, &w->said);
    }
    if (w->inner->over && !f->over) {
        ws_put_close(f->out, close_code(w->inner->why));
        talk_end(f, w->inner->why);
    }
}

/* False: it took nothing although all of the room is used up. */
static bool feed(struct ws *w, int64_t now_ms)
{
    size_t used;

    if (!w->heard.len || w->outer->over)
        return true;
    used = w->inner->ops->input(w->inner, buf_bytes(&w->heard), now_ms);
    assert(used <= w->heard.len);
    buf_drop(&w->heard, used);
    w->outer->stalled = w->inner->stalled;
    if (!w->heard.len)
        relax(w, &w->heard);
    pass_on(w);
    return used || w->heard.len + PIECE <= HEARD_MAX;
}

static void refuse(struct ws *w, unsigned code, const char *why)
{
    log_event(LOG_WARN, "websocket-refused", KVS("peer", w->address), KVN("code", code), KVS("detail", why));
    ws_put_close(w->outer->out, code);
    talk_end(w->outer, ERR_PROTOCOL);
}

static void on_step(struct ws *w, enum ws_step step, struct bytes piece, int64_t now_ms)
{
    bool fed = true;

    if (step == WS_STEP_DATA)
        buf_put(&w->heard, piece);
    if (step != WS_STEP_DATA || w->heard.len >= (w->outer->proved ? PIECE : PIECE_UNPROVED))
        fed = feed(w, now_ms);
    if (w->outer->over)
        return;
    if (!fed || w->heard.bad) {
        refuse(w, WS_TOO_BIG, "too many messages are unfinished");
    } else if (step == WS_STEP_PING) {
        ws_put_head(w->outer->out, WSLAY_PONG, piece.len);
        buf_put(w->outer->out, piece);
    } else if (step == WS_STEP_CLOSE) {
        ws_put_close(w->outer->out, w->in.code);
        talk_end(w->outer, OK);
    } else if (step == WS_STEP_BAD) {
        refuse(w, w->in.code, w->in.why);
    }
}

/* The inner front waits for room, and enough waits for it. */
static bool is_choked(const struct ws *w)
{
    return w->inner->stalled && w->heard.len >= CONN_IN_SOFT;
}

/* A step in what came. Of a peer that has not shown who it is a little at a time, so that little waits to be used. */
static enum ws_step read_step(struct ws *w, struct bytes *rest, struct bytes *piece)
{
    struct bytes part = w->outer->proved ? *rest : bytes_first(*rest, PIECE_UNPROVED);
    size_t given = part.len;
    enum ws_step step = ws_read(&w->in, &part, piece);

    assert(part.len <= given);
    *rest = bytes_skip(*rest, given - part.len);
    return step;
}

/* Nothing is taken, not even a ping, while the peer does not read. What the inner front had no room for comes first:
 * else there would be a piece more of it each time. */
size_t ws_input(struct ws *w, struct bytes in, int64_t now_ms)
{
    struct bytes rest = in, piece = NO_BYTES;
    bool more = true;

    if (front_has_room(w->outer))
        feed(w, now_ms);
    while (more && !w->outer->over && front_has_room(w->outer) && !is_choked(w)) {
        enum ws_step step = read_step(w, &rest, &piece);

        on_step(w, step, piece, now_ms);
        more = step != WS_STEP_MORE || rest.len;
    }
    return w->outer->over ? in.len : in.len - rest.len;
}

void ws_wake(struct ws *w, int64_t now_ms)
{
    ws_input(w, NO_BYTES, now_ms);
    if (w->outer->over || !front_has_room(w->outer))
        return;
    w->inner->ops->wake(w->inner, now_ms);
    pass_on(w);
}

int64_t ws_tick(struct ws *w, int64_t now_ms)
{
    assert(w->inner && w->outer);
    int64_t due_ms = w->inner->ops->tick(w->inner, now_ms);

    pass_on(w);
    return due_ms;
}

enum err ws_open(struct talk *outer, const struct front_env *env, const struct peer *peer, ws_maker *make,
                 int64_t now_ms, struct ws **out)
{
    struct ws *w = calloc(1, sizeof *w);
    struct peer inner = *peer;
    enum err e;

    if (!w)
        return ERR_MEMORY;
    inner.websocket = true;
    if ((e = ws_in_init(&w->in, WS_OF_CLIENT)) || (e = make(env, &inner, now_ms, &w->inner))) {
        ws_in_free(&w->in);
        free(w);
        return e;
    }
    assert(outer->out);
    w->outer = outer;
    w->heard = buf_max(HEARD_MAX);
    w->said = buf_max(CONN_OUT_MAX - CONN_OUT_SOFT - 16);
    w->inner->out = &w->said;
    w->inner->waker = outer->waker;
    memcpy(w->address, peer->address, sizeof w->address);
    *out = w;
    return OK;
}

void ws_close(struct ws *w, enum err why, int64_t now_ms)
{
    w->inner->ops->close(w->inner, why, now_ms);
    ws_in_free(&w->in);
    buf_free(&w->heard);
    buf_free(&w->said);
    free(w);
}
