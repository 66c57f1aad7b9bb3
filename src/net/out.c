#include "conn.h"

#include <assert.h>

enum { CHUNK = 64 * 1024 /* plain text that is encrypted before it is written */ };

size_t conn_pending(const struct net_conn *c)
{
    return c->sealed.len - c->sealed_left + c->open.len + c->sending.len + c->unsent.len;
}

static void on_written(uv_write_t *request, int status);

/* `sending` goes to libuv, which tells when the socket has taken it. */
static void send_queued(struct net_conn *c)
{
    uv_buf_t bytes = uv_buf_init((char *)c->sending.at, (unsigned)c->sending.len);

    assert(c->sending.len > 0);
    count(&c->loop->counters.writes, 1);
    if (uv_write(&c->request.write, (uv_stream_t *)&c->tcp, &bytes, 1, on_written) < 0)
        conn_abort(c, ERR_CLOSED);
}

static void on_written(uv_write_t *request, int status)
{
    struct net_conn *c = request->handle->data;
    struct buf done = c->sending;

    if (c->state == CONN_GONE)
        return;
    if (status < 0) {
        conn_abort(c, ERR_CLOSED);
        return;
    }
    count(&c->loop->counters.bytes_out, done.len);
    buf_clear(&done);
    c->sending = c->unsent;
    c->unsent = done;
    if (c->sending.len)
        send_queued(c);
    conn_touch(c);
}

/* Behind what libuv has already. */
static void queue(struct net_conn *c, struct bytes rest)
{
    bool idle = c->sending.len == 0;
    struct buf *b = idle ? &c->sending : &c->unsent;

    assert(!idle || c->unsent.len == 0);
    buf_put(b, rest);
    if (buf_check(b))
        conn_abort(c, ERR_LIMIT);
    else if (idle)
        send_queued(c);
}

void conn_flush(struct net_conn *c)
{
    struct buf *wire = &c->loop->wire;
    struct bytes rest = buf_bytes(wire);
    int n = 0;

    if (rest.len && c->state != CONN_GONE) {
        if (c->sending.len == 0) {
            uv_buf_t bytes = uv_buf_init((char *)wire->at, (unsigned)wire->len);

            n = uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
            count(&c->loop->counters.writes, 1);
        }
        if (n > 0) {
            count(&c->loop->counters.bytes_out, (uint64_t)n);
            assert((size_t)n <= rest.len);
            rest = bytes_skip(rest, (size_t)n);
        }
        if (n < 0 && n != UV_EAGAIN)
            conn_abort(c, ERR_CLOSED);
        else if (rest.len)
            queue(c, rest);
    }
    buf_clear(wire);
}

/* The open half becomes the sealed one. Its place is final now, so it cannot be made to wait for ever by what is said
 * after it. */
static void seal(struct net_conn *c)
{
    struct buf empty = c->sealed;

    assert(c->sealed_left == c->sealed.len && c->open.len > 0);
    buf_clear(&empty);
    c->sealed = c->open;
    c->open = empty;
    c->sealed_left = 0;
    c->sealed_after = c->open_after;
    c->open_after = 0;
}

/* Part of the sealed half that may leave now; none when there is nothing or it waits for the store. */
static struct bytes next_out(struct net_conn *c)
{
    assert(c->sealed_left <= c->sealed.len);
    if (c->sealed.len == c->sealed_left) {
        if (c->open.len == 0)
            return NO_BYTES;
        seal(c);
    }
    if (c->sealed_after && c->sealed_after >= c->loop->durable) {
        if (list_alone(&c->waiting))
            list_add(&c->loop->waiting, &c->waiting);
        return NO_BYTES;
    }
    return bytes_first(bytes_skip(buf_bytes(&c->sealed), c->sealed_left), CHUNK);
}

void conn_push(struct net_conn *c)
{
    struct bytes now;

    /* Output that the socket does not take is not encrypted yet: it waits as plain text, in buffers that have a
     * ceiling. */
    while (c->state != CONN_GONE && c->sending.len == 0) {
        while (c->loop->wire.len < CHUNK && (now = next_out(c)).len) {
            if (tls_conn_write(&c->tls, now)) {
                conn_abort(c, ERR_TLS);
                return;
            }
            c->sealed_left += now.len;
            assert(c->sealed_left <= c->sealed.len);
            if (c->sealed_left == c->sealed.len) {
                buf_clear(&c->sealed);
                c->sealed_left = 0;
            }
        }
        if (c->loop->wire.len == 0)
            return;
        conn_flush(c);
    }
}
