#include "device.h"

#include "outgoing.h"

/* ---- sending --------------------------------------------------------------------------------------------------- */

static enum err put(struct d2d_device *d, const struct d2d_message *m, enum d2d_qos qos, struct queued **out,
                    char why[OUTGOING_WHY_CAP])
{
    struct buf head = buf_max(TOPIC_LEN_MAX), body = buf_max(AMQP_MESSAGE_MAX);
    struct bytes plain = bytes_of(m->body, m->body_len);
    enum err e = outgoing_check(m, MESSAGE_LEN_MAX, why);

    if (!e && account_speaks_amqp(&d->account))
        e = outgoing_amqp(NULL, m, 0, &body);
    else if (!e)
        e = outgoing_topic(d->path, m, &head);
    if (!e)
        e = queue_put(&d->side.queue, buf_bytes(&head), body.len ? buf_bytes(&body) : plain, (uint8_t)qos, out);
    buf_free(&head);
    buf_free(&body);
    return e;
}

enum d2d_err d2d_device_send(struct d2d_device *d, const struct d2d_message *m, enum d2d_qos qos, d2d_sent *sent,
                             void *ctx)
{
    char why[OUTGOING_WHY_CAP];
    struct queued *q;
    enum err e;

    if (!d || !m || (qos != D2D_AT_MOST_ONCE && qos != D2D_AT_LEAST_ONCE))
        return D2D_ARGUMENT;
    if (d->ended)
        return d->ended;
    if ((e = put(d, m, qos, &q, why)))
        return account_fail(&d->account, err_of(e), "the message: %s", *why ? why : err_text(e));
    q->sent = sent;
    q->ctx = ctx;
    connection_wake(&d->connection);
    return D2D_OK;
}

size_t d2d_device_pending(const struct d2d_device *d)
{
    return d->side.queue.n;
}

struct waiting {
    bool done;
    enum d2d_err e;
};

static void on_waited(void *ctx, struct d2d_device *d, enum d2d_err e)
{
    struct waiting *w = ctx;

    (void)d;
    w->done = true;
    w->e = e;
}

static bool is_done(void *ctx)
{
    return ((struct waiting *)ctx)->done;
}

enum d2d_err d2d_device_send_wait(struct d2d_device *d, const struct d2d_message *m, int64_t timeout_ms)
{
    struct waiting w = {.done = false};
    enum d2d_err e;

    if (!d)
        return D2D_ARGUMENT;
    if ((e = account_may_wait(&d->account)) || (e = d2d_device_send(d, m, D2D_AT_LEAST_ONCE, on_waited, &w)))
        return e;
    if ((e = loop_until(d->account.loop, is_done, &w, timeout_ms))) {
        queue_forget(&d->side.queue, &w); /* it stays in the queue; nobody waits for it any more */
        return e;
    }
    return w.e;
}

static bool is_flushed(void *ctx)
{
    const struct d2d_device *d = ctx;

    return !d->side.queue.n || d->ended;
}

enum d2d_err d2d_device_flush_wait(struct d2d_device *d, int64_t timeout_ms)
{
    enum d2d_err e;

    if (!d)
        return D2D_ARGUMENT;
    if ((e = account_may_wait(&d->account)))
        return e;
    e = loop_until(d->account.loop, is_flushed, d, timeout_ms);
    return e ? e : d->ended;
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static enum d2d_err settle(struct d2d_device *d, uint64_t lock, enum settlement how)
{
    enum err e;

    if (!d)
        return D2D_ARGUMENT;
    if (account_speaks_amqp(&d->account))
        e = device_amqp_settle(&d->amqp, lock, how);
    else
        e = mqtt_talk_settle(&d->mqtt, lock, how, loop_now_ms(d->account.loop));
    if (e)
        return account_fail(&d->account, err_of(e), "the message: %s", err_text(e));
    connection_wake(&d->connection);
    return D2D_OK;
}

enum d2d_err d2d_device_complete(struct d2d_device *d, uint64_t lock)
{
    return settle(d, lock, SETTLE_COMPLETE);
}

enum d2d_err d2d_device_abandon(struct d2d_device *d, uint64_t lock)
{
    return settle(d, lock, SETTLE_ABANDON);
}

enum d2d_err d2d_device_reject(struct d2d_device *d, uint64_t lock)
{
    return settle(d, lock, SETTLE_REJECT);
}

/* ---- direct methods -------------------------------------------------------------------------------------------- */

enum d2d_err d2d_device_answer(struct d2d_device *d, uint64_t id, int status, const void *payload, size_t len)
{
    struct bytes text = bytes_of(payload, payload ? len : 0);
    struct asked a;
    enum err e;

    if (!d)
        return D2D_ARGUMENT;
    if (text.len > CALL_PAYLOAD_MAX)
        e = ERR_TOO_LARGE;
    else if (!asked_take(&d->side.asked, id, &a))
        return account_fail(&d->account, D2D_EXPIRED,
                            "the answer: this connection has no such call, or it is already answered");
    else if (account_speaks_amqp(&d->account))
        e = device_amqp_answer(&d->amqp, &a, status, text);
    else
        e = mqtt_call_answer(&d->mqtt, &a, status, text);
    if (e)
        return account_fail(&d->account, err_of(e), "the answer: %s", err_text(e));
    connection_wake(&d->connection);
    return D2D_OK;
}

size_t d2d_device_unsettled(const struct d2d_device *d)
{
    return d->side.inbox.n - d->side.inbox.abandoned;
}
