#include "conn.h"

#include "gate.h"
#include "log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEEP_AFTER = 8 /* turns in a row after which a connection counts as busy */ };

static int64_t or_default(int64_t option, int64_t otherwise)
{
    return option ? option : otherwise;
}

static void on_due(struct due *due, int64_t now_ms);

static void ring(struct waker *waker)
{
    net_conn_wake(LIST_OF(waker, struct net_conn, waker));
}

enum err conn_new(struct net_loop *l, net_accept *accept, void *accept_ctx, struct net_conn **out)
{
    struct net_conn *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_MEMORY;
    c->due.run = on_due;
    c->waker.wake = ring;
    if (loop_at(l, &c->due, INT64_MAX)) {
        free(c);
        return ERR_MEMORY;
    }
    uv_tcp_init(&l->uv, &c->tcp); /* cannot fail: it makes no socket yet */
    c->tcp.data = c;
    c->loop = l;
    c->accept = accept;
    c->accept_ctx = accept_ctx;
    c->in = buf_max(CONN_IN_UNPROVED);
    c->open = c->sealed = c->sending = c->unsent = buf_max(CONN_OUT_MAX);
    list_add(&l->conns, &c->all);
    count(&l->counters.connections, 1);
    *out = c;
    return OK;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct net_conn *c = handle->data;

    assert(c->state == CONN_GONE);
    list_del(&c->all);
    heap_del(&c->loop->timers, &c->due.timer);
    count(&c->loop->counters.connections, (uint64_t)-1);
    if (c->place)
        gate_leave(c->gate, c->place, c->proved);
    buf_free(&c->in);
    buf_free(&c->open);
    buf_free(&c->sealed);
    buf_free(&c->sending);
    buf_free(&c->unsent);
    c->state = CONN_FREED;
    if (!atomic_load(&c->woken))
        free(c);
}

static void gone(struct net_conn *c)
{
    assert(c->state < CONN_GONE);
    c->state = CONN_GONE;
    list_del(&c->dirty);
    list_del(&c->waiting);
    list_del(&c->warm);
    loop_move(c->loop, &c->due, INT64_MAX);
    tls_conn_close(&c->tls);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* It may free itself. */
static void close_talk(struct net_conn *c, enum err why)
{
    struct talk *t = c->talk;

    c->talk = NULL;
    assert(c->state != CONN_OPEN);
    if (t)
        t->ops->close(t, why, net_loop_now_ms(c->loop));
}

static void abort_because(struct net_conn *c, enum err why, const char *detail)
{
    enum conn_state was = c->state;
    struct attempt *attempt = c->attempt;

    if (was == CONN_GONE)
        return;
    c->attempt = NULL;
    gone(c);
    if (was == CONN_OPEN)
        close_talk(c, why);
    if (attempt)
        attempt_lost(attempt, why, detail);
}

void conn_abort(struct net_conn *c, enum err why)
{
    abort_because(c, why, err_text(why));
}

/* No talk (any more): what was said leaves, within bounds. */
static void leaving(struct net_conn *c)
{
    int64_t now_ms = net_loop_now_ms(c->loop);

    assert(c->state <= CONN_LEAVING);
    c->state = CONN_LEAVING;
    loop_move(c->loop, &c->due, c->held_ms ? c->held_ms : now_ms + or_default(c->loop->options.flush_ms, FLUSH_MS));
    conn_touch(c);
}

void conn_leave(struct net_conn *c, enum err why)
{
    if (c->state != CONN_OPEN)
        return;
    leaving(c);
    close_talk(c, why);
    if (buf_check(&c->open))
        conn_abort(c, ERR_LIMIT);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct net_conn *c = request->handle->data;

    if (status < 0 || c->heard_end)
        conn_abort(c, ERR_CLOSED);
}

/* All has left: says so in TLS and in TCP. Closing the socket at once could destroy what the peer has not read yet, so
 * its end is awaited for a moment. */
static void say_goodbye(struct net_conn *c)
{
    assert(c->state == CONN_LEAVING && conn_pending(c) == 0);
    tls_conn_end(&c->tls);
    conn_flush(c);
    if (c->state == CONN_GONE || c->sending.len)
        return;
    c->state = CONN_LINGERING;
    loop_move(c->loop, &c->due, net_loop_now_ms(c->loop) + or_default(c->loop->options.linger_ms, LINGER_MS));
    if (uv_shutdown(&c->request.shutdown, (uv_stream_t *)&c->tcp, on_shutdown) < 0 || conn_read_on(c) < 0)
        conn_abort(c, ERR_CLOSED);
}

/* ---- the talk -------------------------------------------------------------------------------------------------- */

void conn_touch(struct net_conn *c)
{
    struct net_loop *l = c->loop;
    int64_t now_ms = net_loop_now_ms(l);

    assert(c->state < CONN_FREED);
    if (!list_alone(&c->dirty))
        return;
    list_add(&l->dirty, &c->dirty);
    if (list_alone(&c->warm))
        c->uses = 0;
    else if (c->uses < KEEP_AFTER && ++c->uses == KEEP_AFTER)
        tls_conn_keep_buffers(&c->tls, true);
    if (list_empty(&l->warm))
        loop_move(l, &l->sweep, now_ms + or_default(l->options.warm_ms, WARM_MS));
    list_del(&c->warm);
    list_add(&l->warm, &c->warm);
    c->used_ms = now_ms;
}

void conn_cool(struct net_conn *c)
{
    list_del(&c->warm);
    buf_shrink(&c->in, 0);
    buf_shrink(&c->open, 0);
    buf_shrink(&c->sealed, 0);
    buf_shrink(&c->unsent, 0);
    if (c->sending.len == 0)
        buf_shrink(&c->sending, 0);
    tls_conn_keep_buffers(&c->tls, false);
}

/* The time is over, or was none. */
static bool is_held(struct net_conn *c)
{
    if (c->held_ms && net_loop_now_ms(c->loop) >= c->held_ms)
        c->held_ms = 0;
    return c->held_ms;
}

/* From now on it may cost more. */
static void prove(struct net_conn *c)
{
    assert(!c->proved);
    c->proved = true;
    c->in.max = CONN_IN_MAX + READ_CAP + PLAIN_CAP;
    if (c->place)
        gate_proved(c->gate, c->place);
}

static bool is_pressed(const struct net_conn *c)
{
    return conn_pending(c) >= (c->proved ? CONN_OUT_SOFT : CONN_OUT_UNPROVED);
}

/* After every call of the talk: what has its output to wait for, is it over? */
static void ask(struct net_conn *c)
{
    struct talk *t = c->talk;

    conn_touch(c);
    if (!t) {
        conn_leave(c, ERR_CLOSED);
        return;
    }
    assert(t->out == &c->open);
    if (!c->proved && t->proved)
        prove(c);
    if (t->after > c->open_after)
        c->open_after = t->after;
    if (t->held_ms > c->held_ms)
        c->held_ms = t->held_ms;
    t->after = 0;
    t->held_ms = 0;
    c->stalled = t->stalled;
    /* Half an answer must not be sent. */
    if (buf_check(&c->open))
        conn_abort(c, ERR_LIMIT);
    else if (t->over)
        conn_leave(c, t->why);
    else if (is_held(c) || is_pressed(c))
        c->full = true;
}

void net_conn_drop(struct net_conn *c)
{
    c->talk = NULL;
    net_conn_wake(c);
}

/* Returns how much of it was used. */
static size_t deliver(struct net_conn *c, struct bytes in)
{
    size_t all = in.len, used;

    while (in.len && c->state == CONN_OPEN && !c->full) {
        used = c->talk ? c->talk->ops->input(c->talk, in, net_loop_now_ms(c->loop)) : in.len;
        assert(used <= in.len);
        in = bytes_skip(in, used);
        ask(c);
        if (used == 0)
            break;
    }
    return all - in.len;
}

void conn_feed_again(struct net_conn *c)
{
    buf_drop(&c->in, deliver(c, buf_bytes(&c->in)));
}

/* The peer is through with us, or what it sends is not TLS any more. */
static void input_ended(struct net_conn *c, enum err why)
{
    conn_flush(c);
    conn_leave(c, why);
}

/* Decrypts all that was fed. It goes to the talk as it stands in the loop's buffer; only what the talk leaves over is
 * kept. */
static void take_input(struct net_conn *c)
{
    struct net_loop *l = c->loop;
    size_t n = PLAIN_CAP;
    enum err e = OK;

    while (!e && n == PLAIN_CAP && c->state == CONN_OPEN) {
        e = tls_conn_read(&c->tls, l->plain, PLAIN_CAP, &n);
        if (c->in.len) {
            buf_put(&c->in, bytes_of(l->plain, n));
            conn_feed_again(c);
        } else {
            buf_put(&c->in, bytes_skip(bytes_of(l->plain, n), deliver(c, bytes_of(l->plain, n))));
        }
        if (buf_check(&c->in) || (c->in.len > CONN_IN_MAX && !c->full && !c->stalled))
            conn_leave(c, ERR_TOO_LARGE);
    }
    if (e)
        input_ended(c, e);
}

/* ---- the handshake --------------------------------------------------------------------------------------------- */

static void opened(struct net_conn *c)
{
    struct peer peer = {.address = ""};
    enum err e;

    assert(c->state == CONN_SHAKING);
    conn_address(c, peer.address, sizeof peer.address);
    if ((e = tls_conn_peer(&c->tls, &peer)) && c->attempt) {
        abort_because(c, e, err_text(e)); /* a client waits for an answer */
        return;
    }
    if (c->attempt)
        attempt_open(c->attempt);
    c->attempt = NULL;
    if (!e)
        e = c->accept(c->accept_ctx, c, &peer, net_loop_now_ms(c->loop), &c->talk);
    if (e) {
        count(&c->loop->counters.refused, 1);
        leaving(c);
        return;
    }
    count(&c->loop->counters.accepted, 1);
    c->state = CONN_OPEN;
    c->unproved_until_ms = net_loop_now_ms(c->loop) + UNPROVED_MS;
    loop_move(c->loop, &c->due, INT64_MAX);
    assert(c->talk && c->talk->ops);
    c->talk->out = &c->open;
    c->talk->waker = &c->waker;
    if (c->talk->ops->start)
        c->talk->ops->start(c->talk, net_loop_now_ms(c->loop));
    ask(c);
}

static void handshake_failed(struct net_conn *c, enum err why, const char *reason)
{
    struct peer peer;

    count(&c->loop->counters.handshakes_failed, 1);
    assert(c->state == CONN_SHAKING);
    if (c->attempt) {
        abort_because(c, why, reason);
        return;
    }
    if (log_wants(LOG_INFO) && loop_may_log(c->loop)) {
        conn_address(c, peer.address, sizeof peer.address);
        log_event(LOG_INFO, "tls-refused", KVS("peer", peer.address), KVS("reason", reason));
    }
    /* The alert still leaves. */
    if (why == ERR_TLS)
        leaving(c);
    else
        conn_abort(c, why);
}

static void shake(struct net_conn *c)
{
    char reason[400] = "";
    bool done;
    enum err e = tls_conn_handshake(&c->tls, &done);

    if (e)
        e = tls_conn_why(&c->tls, reason, sizeof reason);
    conn_flush(c);
    if (c->state != CONN_SHAKING)
        return;
    if (e)
        handshake_failed(c, e, reason);
    else if (done)
        opened(c);
}

/* ---- the socket ------------------------------------------------------------------------------------------------ */

/* Enough of its input waits for room already. */
static bool is_choked(const struct net_conn *c)
{
    return c->stalled && c->in.len >= CONN_IN_SOFT;
}

static void read_off(struct net_conn *c)
{
    if (!c->paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->paused = true;
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct net_conn *c = handle->data;

    (void)wanted;
    *out = uv_buf_init((char *)c->loop->read, c->proved ? READ_CAP : READ_UNPROVED);
}

static void on_end(struct net_conn *c, ssize_t status)
{
    if (status != UV_EOF) {
        conn_abort(c, ERR_CLOSED);
        return;
    }
    c->heard_end = true;
    c->paused = true;
    if (c->state == CONN_SHAKING)
        handshake_failed(c, ERR_CLOSED, err_text(ERR_CLOSED));
    else if (c->state == CONN_LINGERING)
        conn_abort(c, ERR_CLOSED);
    else
        conn_leave(c, ERR_CLOSED);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct net_conn *c = stream->data;

    if (n == 0 || c->state == CONN_GONE)
        return;
    if (n < 0) {
        on_end(c, n);
        return;
    }
    count(&c->loop->counters.reads, 1);
    count(&c->loop->counters.bytes_in, (uint64_t)n);
    /* Nobody listens to a peer that is being closed. */
    if (c->state != CONN_SHAKING && c->state != CONN_OPEN)
        return;
    tls_conn_feed(&c->tls, bytes_of(buf->base, (size_t)n), net_loop_now_ms(c->loop));
    if (c->state == CONN_SHAKING)
        shake(c);
    if (c->state == CONN_OPEN)
        take_input(c);
    conn_flush(c);
    /* Now and not when the turn is settled: libuv reads on while there is something. */
    if ((c->full || is_choked(c)) && c->state == CONN_OPEN)
        read_off(c);
}

int conn_read_on(struct net_conn *c)
{
    c->paused = c->heard_end;
    return c->heard_end ? 0 : uv_read_start((uv_stream_t *)&c->tcp, lend_buffer, on_read);
}

void conn_shake(struct net_conn *c, struct tls *tls, const char *name)
{
    struct net_loop *l = c->loop;

    assert(c->state == CONN_CONNECTING);
    c->state = CONN_SHAKING;
    loop_move(l, &c->due, net_loop_now_ms(l) + or_default(l->options.handshake_ms, HANDSHAKE_MS));
    uv_tcp_nodelay(&c->tcp, 1);
    if (tls_conn_open(&c->tls, tls, name, &l->wire)) {
        conn_abort(c, ERR_MEMORY);
        return;
    }
    if (conn_read_on(c) < 0) {
        conn_abort(c, ERR_CLOSED);
        return;
    }
    tls_conn_feed(&c->tls, NO_BYTES, net_loop_now_ms(l));
    if (!tls->server)
        shake(c);
}

/* ---- once a turn ----------------------------------------------------------------------------------------------- */

static void on_due(struct due *due, int64_t now_ms)
{
    struct net_conn *c = LIST_OF(due, struct net_conn, due);

    (void)now_ms;
    switch (c->state) {
    case CONN_OPEN: /* the talk's tick is called when it is settled */
        conn_touch(c);
        break;
    case CONN_SHAKING:
        handshake_failed(c, ERR_TIMEOUT, "the TLS handshake took too long");
        break;
    case CONN_CONNECTING:
        abort_because(c, ERR_TIMEOUT, "there was no answer");
        break;
    case CONN_LEAVING:
        if (c->held_ms) { /* from now on what is still to leave has its time */
            c->held_ms = 0;
            leaving(c);
            break;
        }
        conn_abort(c, ERR_TIMEOUT);
        break;
    case CONN_LINGERING:
        conn_abort(c, ERR_TIMEOUT);
        break;
    case CONN_GONE:
    case CONN_FREED:
        break;
    }
}

static void tick(struct net_conn *c)
{
    int64_t now_ms = net_loop_now_ms(c->loop);
    int64_t next_ms = c->talk ? c->talk->ops->tick(c->talk, now_ms) : INT64_MAX;

    ask(c);
    if (c->held_ms && c->held_ms < next_ms)
        next_ms = c->held_ms;
    if (!c->proved && c->unproved_until_ms < next_ms)
        next_ms = c->unproved_until_ms;
    if (!c->proved && now_ms >= c->unproved_until_ms)
        conn_leave(c, ERR_TIMEOUT);
    if (c->state == CONN_OPEN)
        loop_move(c->loop, &c->due, next_ms > now_ms ? next_ms : now_ms + 1);
}

/* A peer that does not take its output is not read until it does, one that is held not until it is let go, and one
 * whose input waits for room not until there is some. */
static void mind_pressure(struct net_conn *c)
{
    bool full = is_held(c) || is_pressed(c), was_full = c->full;

    c->full = full;
    if (was_full && !full)
        conn_feed_again(c);
    if (c->state != CONN_OPEN)
        return;
    if (c->full || is_choked(c))
        read_off(c);
    else if (c->paused && conn_read_on(c) < 0)
        conn_abort(c, ERR_CLOSED);
    if (was_full && !full && c->state == CONN_OPEN)
        net_conn_wake(c);
}

void conn_settle(struct net_conn *c)
{
    if (c->state == CONN_OPEN)
        tick(c);
    list_del(&c->dirty);
    if (c->state != CONN_OPEN && c->state != CONN_LEAVING)
        return;
    if (!is_held(c))
        conn_push(c);
    if (c->state == CONN_OPEN)
        mind_pressure(c);
    else if (c->state == CONN_LEAVING && conn_pending(c) == 0)
        say_goodbye(c);
}

/* ---- wakes ----------------------------------------------------------------------------------------------------- */

void conn_take_woken(struct net_conn *c)
{
    atomic_store(&c->woken, false);
    if (c->state == CONN_FREED) {
        free(c);
    } else if (c->state == CONN_OPEN) {
        if (c->talk)
            c->talk->ops->wake(c->talk, net_loop_now_ms(c->loop));
        ask(c);
        if (c->in.len && !is_held(c)) /* the talk may have been at work, and have let what came wait */
            conn_feed_again(c);
    }
}

void net_conn_wake(struct net_conn *c)
{
    struct net_loop *l = c->loop;
    struct net_conn *below;

    if (atomic_exchange(&c->woken, true))
        return;
    below = atomic_load(&l->woken);
    do {
        c->next_woken = below;
    } while (!atomic_compare_exchange_weak(&l->woken, &below, c));
    /* The first one rings the bell, unless the loop is just up and will look before it waits. */
    if (!below && !loop_is_turning(l))
        loop_again(l);
}

struct buf *net_conn_out(struct net_conn *c)
{
    return &c->open;
}
