#include "device.h"

#include "options.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    QUEUE_MESSAGES = 1000,
    QUEUE_BYTES = 16 * 1024 * 1024,
    WINDOW = 64,
    WINDOW_MAX = 1024,
    RECEIVE_WINDOW = C2D_WINDOW,
};

static void dial(struct d2d_device *d);

static void tell(struct d2d_device *d, struct queued *q, enum d2d_err e)
{
    if (q->sent)
        q->sent(q->ctx, d, e);
    free(q);
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

static void on_opened(void *ctx)
{
    struct d2d_device *d = ctx;

    redial_opened(&d->redial);
    account_say(&d->account, D2D_LOG_INFO, "%s is connected to %s", d->id, d->account.host);
    if (d->connected && !d->account.gone)
        d->connected(d->ctx, d);
}

static void on_listening(void *ctx)
{
    struct d2d_device *d = ctx;

    if (d->listening)
        d->listening(d->ctx, d);
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    struct d2d_device *d = ctx;

    if (q->qos && !e)
        redial_worked(&d->redial);
    tell(d, q, e);
}

static void on_c2d(void *ctx, const struct d2d_c2d *message)
{
    struct d2d_device *d = ctx;

    redial_worked(&d->redial);
    d->c2d(d->ctx, d, message);
}

static void on_call(void *ctx, const struct d2d_call *call)
{
    struct d2d_device *d = ctx;

    redial_worked(&d->redial);
    d->call(d->ctx, d, call);
}

static void finish(struct d2d_device *d, enum d2d_err why)
{
    struct queued *q;

    d->ended = why;
    while ((q = queue_take(&d->side.queue)))
        tell(d, q, why);
}

static void ended(struct d2d_device *d, enum d2d_err why)
{
    bool final;

    if (d->account.gone)
        return;
    final = redial_ended(&d->redial, why);
    queue_rewind(&d->side.queue);
    if (d->disconnected)
        d->disconnected(d->ctx, d, why, final);
    if (final && !d->account.gone)
        finish(d, why);
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct d2d_device *d = ctx;

    carrier_ended(&d->carrier);
    ended(d, account_fail(&d->account, err_of(e), "%s", detail));
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct d2d_device *d = ctx;

    carrier_ended(&d->carrier);
    if (why == D2D_OK) {
        queue_rewind(&d->side.queue);
        dial(d);
    } else {
        account_fail(&d->account, why, "%s: %s", d->account.host, detail);
        if (d->account.gone || !inquiry_begin(&d->inquiry, why))
            ended(d, why);
    }
}

static void on_answered(void *ctx, enum d2d_err e)
{
    ended(ctx, e);
}

static enum err put_token(void *ctx, struct buf *out)
{
    struct d2d_device *d = ctx;

    return account_token(&d->account, bytes_str(d->audience), out);
}

/* The life of a token that we did not make is not ours to renew. */
static enum err prepare_mqtt(struct d2d_device *d)
{
    int64_t now_ms = loop_now_ms(d->account.loop), ttl_ms = d->account.token_ttl_ms;
    enum err e = OK;

    buf_clear(&d->token);
    if (!d->account.string.x509)
        e = put_token(d, &d->token);
    d->mqtt.renew_ms = d->account.key ? now_ms + ttl_ms / 10 * 8 : INT64_MAX;
    d->mqtt.password = buf_bytes(&d->token);
    return e;
}

static void dial(struct d2d_device *d)
{
    bool amqp = account_speaks_amqp(&d->account);
    const struct carriage carriage = {.account = &d->account,
                                      .name = d->account.name,
                                      .connect = d->account.connect,
                                      .port = amqp ? d->account.amqps_port : d->account.mqtts_port,
                                      .path = "/$iothub/websocket",
                                      .protocol = amqp ? "AMQPWSB10" : "mqtt",
                                      .talk = amqp ? &d->amqp.amqp.talk : &d->mqtt.talk,
                                      .failed = on_failed,
                                      .ctx = d};
    enum err e = amqp ? OK : prepare_mqtt(d);

    if (!e)
        e = carrier_dial(&d->carrier, &carriage);
    if (e)
        ended(d, account_fail(&d->account, err_of(e), "%s: %s", d->account.connect, err_text(e)));
}

static void on_retry(void *ctx, int64_t now_ms)
{
    struct d2d_device *d = ctx;

    (void)now_ms;
    dial(d);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void device_end(void *of)
{
    struct d2d_device *d = of;

    carrier_close(&d->carrier);
    inquiry_close(&d->inquiry);
    device_amqp_close(&d->amqp);
    account_close(&d->account);
    inbox_close(&d->side.inbox);
    asked_close(&d->side.asked);
    room_close(&d->side.room);
    buf_free(&d->token);
    free(d);
}

/* device 1.3, 2.2: what tokens are for, and the user name. */
static enum d2d_err set_names(struct d2d_device *d)
{
    const struct connstr *s = &d->account.string;
    enum d2d_err e;

    if (d->account.transport == D2D_HTTPS)
        return account_fail(&d->account, D2D_ARGUMENT, "HTTPS is for registering; a device uses MQTT or AMQP");
    if (s->module.len)
        return account_fail(&d->account, D2D_ARGUMENT, "modules are not supported");
    if (!bytes_to_str(s->device, d->id, sizeof d->id))
        return account_fail(&d->account, D2D_ARGUMENT, "the device id is longer than %d characters", ID_LEN_MAX);
    if ((e = account_check_id(&d->account, d->id)))
        return e;
    if (!account_speaks_amqp(&d->account) && strpbrk(d->id, "+#"))
        return account_fail(&d->account, D2D_ARGUMENT,
                            "the device id \"%s\" has a + or #, which topics of MQTT cannot carry: use AMQP for it",
                            d->id);
    /* A d2dhub tells whoever names himself so why it ends a connection. */
    snprintf(d->user, sizeof d->user, "%s/%s/?api-version=2021-04-12&DeviceClientType=d2d%%2F" D2D_VERSION,
             d->account.host, d->id);
    snprintf(d->audience, sizeof d->audience, "%s/devices/%s", d->account.host, d->id);
    return D2D_OK;
}

static enum d2d_err set_side(struct d2d_device *d, const struct d2d_device_options *o)
{
    struct device_side *side = &d->side;
    size_t window = o->window ? o->window : WINDOW, receive = o->receive_window ? o->receive_window : RECEIVE_WINDOW;

    *side = (struct device_side){.id = d->id,
                                 .auto_complete = o->auto_complete,
                                 .window = window < WINDOW_MAX ? window : WINDOW_MAX,
                                 .timeout_ms = d->account.timeout_ms,
                                 .opened = on_opened,
                                 .listening = on_listening,
                                 .done = on_done,
                                 .c2d = on_c2d,
                                 .call = on_call,
                                 .ended = on_ended,
                                 .ctx = d};
    queue_init(&side->queue, o->queue_messages ? o->queue_messages : QUEUE_MESSAGES,
               o->queue_bytes ? o->queue_bytes : QUEUE_BYTES);
    if (o->call && asked_open(&side->asked))
        return D2D_NO_MEMORY;
    if (!o->c2d)
        return D2D_OK;
    if (account_speaks_amqp(&d->account))
        return inbox_open(&side->inbox, receive) ? D2D_NO_MEMORY : D2D_OK;
    /* MQTT has no credit: there the hub's window counts, and only what nobody would send is too much. */
    if (inbox_open(&side->inbox, INBOX_MAX) || room_open(&side->room))
        return D2D_NO_MEMORY;
    return D2D_OK;
}

static enum d2d_err set_talks(struct d2d_device *d)
{
    struct device_amqp *m = &d->amqp;

    d->mqtt.side = &d->side;
    d->mqtt.user = bytes_str(d->user);
    mqtt_talk_init(&d->mqtt);
    m->amqp.host = d->account.host;
    m->amqp.bare = d->account.string.x509;
    m->amqp.seed = loop_random(d->account.loop);
    m->cbs.audience = d->audience;
    m->cbs.token = put_token;
    m->cbs.ctx = d;
    m->cbs.ttl_ms = d->account.token_ttl_ms;
    m->cbs.renews = d->account.key != NULL;
    return device_amqp_init(m, &d->side) ? D2D_NO_MEMORY : D2D_OK;
}

static void set_up(struct d2d_device *d, const struct d2d_device_options *o)
{
    redial_init(&d->redial, &d->account, o->backoff_first_ms, o->backoff_most_ms, o->once, on_retry, d);
    inquiry_init(&d->inquiry, &d->account, on_answered, d);
    d->token = buf_max(SAS_LEN_MAX);
    d->connected = o->connected;
    d->disconnected = o->disconnected;
    d->listening = o->listening;
    d->c2d = o->c2d;
    d->call = o->call;
    d->ctx = o->ctx;
    d->grave = (struct grave){.end = device_end, .of = d};
}

enum d2d_err d2d_device_new(struct d2d_loop *loop, const struct d2d_device_options *given, struct d2d_device **out)
{
    struct d2d_device_options o;
    struct d2d_device *d;
    enum d2d_err e;

    if (!loop || !out)
        return D2D_ARGUMENT;
    loop_begins(loop);
    if ((e = options_take_all(loop, given, &o, sizeof o)))
        return e;
    d = calloc(1, sizeof *d);
    if (!d)
        return loop_ends(loop, D2D_NO_MEMORY);
    if ((e = account_open(&d->account, loop, &o.common, 1u << CONNSTR_DEVICE))) {
        free(d);
        return loop_ends(loop, e);
    }
    set_up(d, &o);
    if (!(e = set_names(d)) && !(e = set_side(d, &o)) && !(e = set_talks(d)) && redial_start(&d->redial))
        e = D2D_NO_MEMORY;
    if (e) {
        device_end(d);
        return loop_ends(loop, e);
    }
    d->account.given = true;
    *out = d;
    return D2D_OK;
}

void d2d_device_free(struct d2d_device *d)
{
    struct d2d_loop *loop;

    if (!d || d->account.gone)
        return;
    loop = d->account.loop;
    loop_enter(loop);
    carrier_drop(&d->carrier); /* with its goodbye, as long as it is still ours */
    d->account.gone = d->side.gone = d->amqp.amqp.gone = true;
    redial_stop(&d->redial);
    inquiry_drop(&d->inquiry);
    finish(d, D2D_CLOSED);
    loop_leave(loop);
    loop_bury(loop, &d->grave);
}

const char *d2d_device_id(const struct d2d_device *d)
{
    return d->id;
}

const char *d2d_device_detail(const struct d2d_device *d)
{
    return d->account.detail;
}
