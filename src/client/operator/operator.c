#include "connection.h"
#include "handle.h"
#include "operator_talk.h"
#include "outgoing.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_MESSAGES = 1000, QUEUE_BYTES = 16 * 1024 * 1024, WINDOW = 64, WINDOW_MAX = 1024 };
enum { MESSAGE_ID_CAP = 37 };

struct d2d_operator {
    struct account account;
    struct operator_talk talk;
    struct device_queue queue;
    struct connection connection;
    enum d2d_err ended; /* nothing more will be sent, for this reason */
    bool (*feedback)(void *ctx, struct d2d_operator *, const struct d2d_feedback *, size_t n);
    void (*connected)(void *ctx, struct d2d_operator *);
    void (*disconnected)(void *ctx, struct d2d_operator *, enum d2d_err, bool final);
    void *ctx;
};

static void tell(struct d2d_operator *o, struct queued *q, enum d2d_err e)
{
    if (q->posted)
        q->posted(q->ctx, o, e, (const char *)q->bytes);
    free(q);
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

static void on_opened(void *ctx)
{
    struct d2d_operator *o = ctx;

    connection_opened(&o->connection);
    account_say(&o->account, D2D_LOG_INFO, "connected to %s", o->account.host);
    if (o->connected && !o->account.gone)
        o->connected(o->ctx, o);
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e, const char *why)
{
    struct d2d_operator *o = ctx;

    if (e)
        account_fail(&o->account, e, "%s", why);
    else
        connection_worked(&o->connection);
    tell(o, q, e);
}

static bool on_feedback(void *ctx, const struct d2d_feedback *batch, size_t n)
{
    struct d2d_operator *o = ctx;

    connection_worked(&o->connection);
    return o->feedback(o->ctx, o, batch, n);
}

static void finish(struct d2d_operator *o, enum d2d_err why)
{
    struct queued *q;

    o->ended = why;
    while ((q = queue_take(&o->queue)))
        tell(o, q, why);
}

static void on_lost(void *ctx, enum d2d_err why, bool final)
{
    struct d2d_operator *o = ctx;

    queue_rewind(&o->queue);
    if (o->disconnected)
        o->disconnected(o->ctx, o, why, final);
    if (final && !o->account.gone)
        finish(o, why);
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct d2d_operator *o = ctx;

    connection_ended(&o->connection, why, o->account.host, detail);
}

static enum err put_token(void *ctx, struct buf *out)
{
    struct d2d_operator *o = ctx;

    return account_token(&o->account, bytes_str(o->account.host), out);
}

static enum err prepare(void *ctx, struct carriage *out)
{
    struct d2d_operator *o = ctx;

    out->name = o->account.name;
    out->connect = o->account.connect;
    out->port = o->account.amqps_port;
    out->path = "/$iothub/websocket";
    out->protocol = "AMQPWSB10";
    out->talk = &o->talk.amqp.talk;
    return OK;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void operator_end(void *of)
{
    struct d2d_operator *o = of;

    connection_close(&o->connection);
    operator_talk_close(&o->talk);
}

static void set_up(struct d2d_operator *o, const struct d2d_operator_options *p)
{
    size_t window = p->window ? p->window : WINDOW;

    queue_init(&o->queue, p->queue_messages ? p->queue_messages : QUEUE_MESSAGES,
               p->queue_bytes ? p->queue_bytes : QUEUE_BYTES);
    o->talk = (struct operator_talk){
        .amqp = {.host = o->account.host, .timeout_ms = o->account.timeout_ms, .seed = loop_random(o->account.loop)},
        .cbs = {.audience = o->account.host,
                .token = put_token,
                .ctx = o,
                .ttl_ms = o->account.token_ttl_ms,
                .renews = o->account.key != NULL},
        .sender = {.queue = &o->queue, .window = window < WINDOW_MAX ? window : WINDOW_MAX, .done = on_done, .ctx = o},
        .opened = on_opened,
        .feedback = p->feedback ? on_feedback : NULL,
        .ended = on_ended,
        .ctx = o};
    connection_init(&o->connection, &o->account,
                    (struct connection_pace){p->backoff_first_ms, p->backoff_most_ms, p->once});
    o->connection.prepare = prepare;
    o->connection.lost = on_lost;
    o->connection.ctx = o;
    o->feedback = p->feedback;
    o->connected = p->connected;
    o->disconnected = p->disconnected;
    o->ctx = p->ctx;
}

static enum d2d_err operator_begin(void *handle, const void *options)
{
    struct d2d_operator *o = handle;

    set_up(o, options);
    operator_talk_init(&o->talk);
    return connection_start(&o->connection) ? D2D_NO_MEMORY : D2D_OK;
}

enum d2d_err d2d_operator_new(struct d2d_loop *loop, const struct d2d_operator_options *options,
                              struct d2d_operator **out)
{
    static const struct handle_kind kind = {.size = sizeof(struct d2d_operator),
                                            .options_size = sizeof(struct d2d_operator_options),
                                            .strings = 1u << CONNSTR_SERVICE,
                                            .begin = operator_begin,
                                            .end = operator_end};

    return handle_new(&kind, loop, options, out);
}

void d2d_operator_free(struct d2d_operator *o)
{
    if (!o || o->account.gone)
        return;
    loop_enter(o->account.loop);
    connection_drop(&o->connection);
    o->account.gone = o->talk.amqp.gone = true;
    finish(o, D2D_CLOSED);
    loop_leave(o->account.loop);
    handle_bury(&o->account);
}

const char *d2d_operator_detail(const struct d2d_operator *o)
{
    return o->account.detail;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* Feedback names its message by the id (device 5). */
static void new_id(struct d2d_operator *o, char out[MESSAGE_ID_CAP])
{
    uint64_t a = loop_random(o->account.loop), b = loop_random(o->account.loop);

    snprintf(out, MESSAGE_ID_CAP, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xFFFF),
             (unsigned)(a & 0xFFF), (unsigned)(b >> 48 & 0x3FFF) | 0x8000, (unsigned long long)b & 0xFFFFFFFFFFFFULL);
}

static enum err put(struct d2d_operator *o, const char *device, const struct d2d_message *m, struct queued **out,
                    char why[OUTGOING_WHY_CAP])
{
    struct buf to = buf_max(3 * ID_LEN_MAX + 64), body = buf_max(AMQP_MESSAGE_MAX);
    struct d2d_message named = *m;
    char id[MESSAGE_ID_CAP] = "";
    enum err e = outgoing_check(m, C2D_LEN_MAX, why);

    if (!m->message_id && m->ack != D2D_ACK_NONE) {
        new_id(o, id);
        named.message_id = id;
    }
    buf_puts(&to, "/devices/");
    buf_put_percent(&to, bytes_str(device));
    buf_puts(&to, "/messages/devicebound");
    if (!e)
        e = buf_check(&to);
    if (!e)
        e = outgoing_amqp(buf_str(&to), &named, net_wall_ms(), &body);
    if (!e) {
        struct bytes head = bytes_str(named.message_id ? named.message_id : "");

        head.len++; /* with its NUL */
        e = queue_put(&o->queue, head, buf_bytes(&body), 1, out);
    }
    buf_free(&to);
    buf_free(&body);
    return e;
}

enum d2d_err d2d_operator_send(struct d2d_operator *o, const char *device, const struct d2d_message *m,
                               d2d_posted *posted, void *ctx)
{
    char why[OUTGOING_WHY_CAP];
    struct queued *q;
    enum d2d_err not_an_id;
    enum err e;

    if (!o || !device || !m)
        return D2D_ARGUMENT;
    if (o->ended)
        return o->ended;
    if ((not_an_id = account_check_id(&o->account, device)))
        return not_an_id;
    if ((e = put(o, device, m, &q, why)))
        return account_fail(&o->account, err_of(e), "the message: %s", *why ? why : err_text(e));
    q->posted = posted;
    q->ctx = ctx;
    connection_wake(&o->connection);
    return D2D_OK;
}

struct waiting {
    bool done;
    enum d2d_err e;
};

static void on_waited(void *ctx, struct d2d_operator *o, enum d2d_err e, const char *message_id)
{
    struct waiting *w = ctx;

    (void)o;
    (void)message_id;
    w->done = true;
    w->e = e;
}

static bool is_done(void *ctx)
{
    return ((struct waiting *)ctx)->done;
}

enum d2d_err d2d_operator_send_wait(struct d2d_operator *o, const char *device, const struct d2d_message *m,
                                    int64_t timeout_ms)
{
    struct waiting w = {.done = false};
    enum d2d_err e;

    if (!o)
        return D2D_ARGUMENT;
    if ((e = account_may_wait(&o->account)) || (e = d2d_operator_send(o, device, m, on_waited, &w)))
        return e;
    if ((e = loop_until(o->account.loop, is_done, &w, timeout_ms))) {
        queue_forget(&o->queue, &w); /* it stays in the queue; nobody waits for it any more */
        return e;
    }
    return w.e;
}

size_t d2d_operator_pending(const struct d2d_operator *o)
{
    return o->queue.n;
}
