#include "account.h"
#include "backoff.h"
#include "mqtt_talk.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_MESSAGES = 1000, QUEUE_BYTES = 16 * 1024 * 1024, WINDOW = 64, WINDOW_MAX = 1024 };

struct d2d_device {
    struct account account;
    struct device_queue queue;
    struct mqtt_talk mqtt;
    struct link *link;
    struct alarm retry;
    struct backoff backoff;
    struct buf token;
    char id[ID_LEN_MAX + 1], client_id[2 * ID_LEN_MAX + 2], user[HOST_LEN_MAX + 2 * ID_LEN_MAX + 64];
    bool once;
    enum d2d_err ended; /* nothing more will be sent, for this reason */
    struct grave grave;
    void (*connected)(void *ctx, struct d2d_device *);
    void (*disconnected)(void *ctx, struct d2d_device *, enum d2d_err, bool final);
    void *ctx;
};

static void dial(struct d2d_device *d);

static void tell(struct d2d_device *d, struct queued *q, enum d2d_err e)
{
    if (q->sent)
        q->sent(q->ctx, d, e);
    free(q);
}

/* ---- the connection ------------------------------------------------------------------------------------------------ */

static void on_opened(void *ctx)
{
    struct d2d_device *d = ctx;

    backoff_reset(&d->backoff);
    account_say(&d->account, D2D_LOG_INFO, "%s is connected to %s", d->id, d->account.host);
    if (d->connected)
        d->connected(d->ctx, d);
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    tell(ctx, q, e);
}

static void finish(struct d2d_device *d, enum d2d_err why)
{
    struct queued *q;

    d->ended = why;
    while ((q = queue_take(&d->queue)))
        tell(d, q, why);
}

/* These will not do next time either. */
static bool is_hopeless(enum d2d_err why)
{
    return why == D2D_NOT_AUTHORISED || why == D2D_ARGUMENT || why == D2D_NO_MEMORY;
}

static void ended(struct d2d_device *d, enum d2d_err why)
{
    bool final = d->once || is_hopeless(why);

    queue_rewind(&d->queue);
    if (!final) {
        int64_t wait_ms = backoff_next(&d->backoff, loop_random(d->account.loop));

        if (loop_alarm(d->account.loop, &d->retry, loop_now_ms(d->account.loop) + wait_ms))
            final = true;
    }
    if (d->disconnected)
        d->disconnected(d->ctx, d, why, final);
    if (final && !d->mqtt.gone)
        finish(d, why);
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct d2d_device *d = ctx;

    d->link = NULL;
    account_fail(&d->account, err_of(e), "%s", detail);
    ended(d, err_of(e));
}

static void on_ended(void *ctx, enum err why, uint8_t connack)
{
    struct d2d_device *d = ctx;

    d->link = NULL;
    if (why == ERR_EXPIRED) { /* our own token: at once with a fresh one */
        queue_rewind(&d->queue);
        dial(d);
    } else {
        if (connack)
            account_fail(&d->account, err_of(why), "%s refuses %s (CONNACK %d)", d->account.host, d->id, connack);
        else
            account_fail(&d->account, err_of(why), "%s: %s", d->account.host, err_text(why));
        ended(d, err_of(why));
    }
}

/* device 1.3: host/devices/id. The life of a token that we did not make is not ours to renew. */
static enum err fresh_token(struct d2d_device *d)
{
    struct buf resource = buf_max(sizeof d->user);
    int64_t now_ms = loop_now_ms(d->account.loop);
    enum err e;

    buf_printf(&resource, "%s/devices/%s", d->account.host, d->id);
    buf_clear(&d->token);
    e = account_token(&d->account, buf_bytes(&resource), (now_ms + d->account.token_ttl_ms) / 1000, &d->token);
    d->mqtt.renew_ms = d->account.key ? now_ms + d->account.token_ttl_ms / 10 * 8 : INT64_MAX;
    d->mqtt.password = buf_bytes(&d->token);
    buf_free(&resource);
    return e;
}

static void dial(struct d2d_device *d)
{
    const struct dial dial = {.host = d->account.connect,
                              .name = d->account.host,
                              .port = d->account.mqtts_port,
                              .tls = d->account.tls,
                              .timeout_ms = d->account.timeout_ms,
                              .talk = &d->mqtt.talk,
                              .failed = on_failed,
                              .ctx = d};
    enum err e = fresh_token(d);

    if (!e)
        e = link_dial(d->account.loop, &dial, &d->link);
    if (e)
        ended(d, account_fail(&d->account, err_of(e), "%s: %s", d->account.connect, err_text(e)));
}

static void on_retry(void *ctx, int64_t now_ms)
{
    struct d2d_device *d = ctx;

    (void)now_ms;
    dial(d);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void device_end(void *of)
{
    struct d2d_device *d = of;

    account_close(&d->account);
    buf_free(&d->token);
    free(d);
}

/* device 2.2: the client id and the user name. */
static enum d2d_err set_names(struct d2d_device *d)
{
    const struct connstr *s = &d->account.string;

    if (s->module.len)
        return account_fail(&d->account, D2D_ARGUMENT, "modules are not supported");
    if (!bytes_to_str(s->device, d->id, sizeof d->id))
        return account_fail(&d->account, D2D_ARGUMENT, "the device id is too long");
    snprintf(d->user, sizeof d->user, "%s/%s/?api-version=2021-04-12", d->account.host, d->id);
    d->mqtt.client_id = bytes_str(d->id);
    d->mqtt.user = bytes_str(d->user);
    return D2D_OK;
}

static void set_up(struct d2d_device *d, const struct d2d_device_options *o)
{
    size_t window = o->window ? o->window : WINDOW;

    queue_init(&d->queue, o->queue_messages ? o->queue_messages : QUEUE_MESSAGES,
               o->queue_bytes ? o->queue_bytes : QUEUE_BYTES);
    mqtt_talk_init(&d->mqtt);
    d->mqtt.queue = &d->queue;
    d->mqtt.window = window < WINDOW_MAX ? window : WINDOW_MAX;
    d->mqtt.timeout_ms = d->account.timeout_ms;
    d->mqtt.opened = on_opened;
    d->mqtt.done = on_done;
    d->mqtt.ended = on_ended;
    d->mqtt.ctx = d;
    d->retry = (struct alarm){.run = on_retry, .ctx = d};
    d->backoff = backoff_of(o->backoff_first_ms, o->backoff_most_ms);
    d->token = buf_max(SAS_LEN_MAX);
    d->once = o->once;
    d->connected = o->connected;
    d->disconnected = o->disconnected;
    d->ctx = o->ctx;
    d->grave = (struct grave){.end = device_end, .of = d};
}

enum d2d_err d2d_device_new(struct d2d_loop *loop, const struct d2d_device_options *o, struct d2d_device **out)
{
    struct d2d_device *d;
    enum d2d_err e;

    if (!loop || !o || !out)
        return D2D_ARGUMENT;
    d = calloc(1, sizeof *d);
    if (!d)
        return D2D_NO_MEMORY;
    if ((e = account_open(&d->account, loop, &o->common, 1u << CONNSTR_DEVICE))) {
        free(d);
        return e;
    }
    set_up(d, o);
    e = set_names(d);
    /* In the first turn, so that no callback comes before the caller has its handle. */
    if (!e && loop_alarm(loop, &d->retry, loop_now_ms(loop)))
        e = D2D_NO_MEMORY;
    if (e) {
        device_end(d);
        return e;
    }
    *out = d;
    return D2D_OK;
}

void d2d_device_free(struct d2d_device *d)
{
    struct buf *out;

    if (!d || d->mqtt.gone)
        return;
    d->mqtt.gone = true;
    loop_no_alarm(d->account.loop, &d->retry);
    if ((out = link_out(d->link)) && d->mqtt.state != MQTT_WAIT_CONNACK)
        mqtt_talk_goodbye(out);
    link_drop(d->link);
    d->link = NULL;
    finish(d, D2D_CLOSED);
    loop_bury(d->account.loop, &d->grave);
}

const char *d2d_device_id(const struct d2d_device *d)
{
    return d->id;
}

const char *d2d_device_detail(const struct d2d_device *d)
{
    return d->account.detail;
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

enum d2d_err d2d_device_send(struct d2d_device *d, const struct d2d_message *m, enum d2d_qos qos, d2d_sent *sent,
                             void *ctx)
{
    enum err e;

    if (!d || !m || (qos != D2D_AT_MOST_ONCE && qos != D2D_AT_LEAST_ONCE))
        return D2D_ARGUMENT;
    if (d->ended)
        return d->ended;
    if ((e = queue_put(&d->queue, d->id, m, (uint8_t)qos, sent, ctx)))
        return account_fail(&d->account, err_of(e), "the message: %s", err_text(e));
    link_wake(d->link);
    return D2D_OK;
}

size_t d2d_device_pending(const struct d2d_device *d)
{
    return d->queue.n;
}

struct waiting {
    struct d2d_device *device;
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
    struct waiting w = {.device = d};
    enum d2d_err e = d2d_device_send(d, m, D2D_AT_LEAST_ONCE, on_waited, &w);

    if (e)
        return e;
    if ((e = loop_until(d->account.loop, is_done, &w, timeout_ms))) {
        queue_forget(&d->queue, &w); /* it stays in the queue; nobody waits for it any more */
        return e;
    }
    return w.e;
}

static bool is_flushed(void *ctx)
{
    const struct waiting *w = ctx;

    return !w->device->queue.n || w->device->ended;
}

enum d2d_err d2d_device_flush_wait(struct d2d_device *d, int64_t timeout_ms)
{
    struct waiting w = {.device = d};
    enum d2d_err e;

    if (!d)
        return D2D_ARGUMENT;
    e = loop_until(d->account.loop, is_flushed, &w, timeout_ms);
    return e ? e : d->ended;
}
