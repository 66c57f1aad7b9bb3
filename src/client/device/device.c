#include "device.h"

#include "handle.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    QUEUE_MESSAGES = 1000,
    QUEUE_BYTES = 16 * 1024 * 1024,
    WINDOW = 64,
    WINDOW_MAX = 1024,
    RECEIVE_WINDOW = C2D_WINDOW,
};

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

    connection_opened(&d->connection);
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
        connection_worked(&d->connection);
    tell(d, q, e);
}

static void on_c2d(void *ctx, const struct d2d_c2d *message)
{
    struct d2d_device *d = ctx;

    connection_worked(&d->connection);
    d->c2d(d->ctx, d, message);
}

static void on_call(void *ctx, const struct d2d_call *call)
{
    struct d2d_device *d = ctx;

    connection_worked(&d->connection);
    d->call(d->ctx, d, call);
}

static void on_twin_answered(void *ctx, const struct twin_ask *a, const struct twin_answer *answer)
{
    struct d2d_device *d = ctx;
    bool got = !answer->e && a->verb == TWIN_GET;
    struct buf text = buf_max(JSON_TEXT_MAX);

    if (got)
        buf_put(&text, answer->body);
    if (answer->e)
        account_fail(&d->account, answer->e, "the twin: %s", answer->why);
    else
        connection_worked(&d->connection);
    a->done(a->ctx, d, text.bad ? D2D_NO_MEMORY : answer->e, answer->version, got ? buf_str(&text) : NULL, text.len);
    buf_free(&text);
}

static void on_desired(void *ctx, const struct d2d_desired *desired)
{
    struct d2d_device *d = ctx;

    connection_worked(&d->connection);
    d->desired(d->ctx, d, desired);
}

static void on_twin_failed(void *ctx, const char *why)
{
    struct d2d_device *d = ctx;

    account_fail(&d->account, D2D_FAILED, "the desired properties: %s", why);
}

static void finish(struct d2d_device *d, enum d2d_err why)
{
    struct queued *q;

    d->ended = why;
    while ((q = queue_take(&d->side.queue)))
        tell(d, q, why);
    twin_end(&d->side.twin, why);
}

static void on_lost(void *ctx, enum d2d_err why, bool final)
{
    struct d2d_device *d = ctx;

    queue_rewind(&d->side.queue);
    if (d->disconnected)
        d->disconnected(d->ctx, d, why, final);
    if (final && !d->account.gone)
        finish(d, why);
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct d2d_device *d = ctx;

    if (why == D2D_OK) {
        queue_rewind(&d->side.queue);
        connection_again(&d->connection);
    } else {
        connection_ended(&d->connection, why, d->account.host, detail);
    }
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

static enum err prepare(void *ctx, struct carriage *out)
{
    struct d2d_device *d = ctx;
    bool amqp = account_speaks_amqp(&d->account);

    out->name = d->account.name;
    out->connect = d->account.connect;
    out->port = amqp ? d->account.amqps_port : d->account.mqtts_port;
    out->path = "/$iothub/websocket";
    out->protocol = amqp ? "AMQPWSB10" : "mqtt";
    out->talk = amqp ? &d->amqp.amqp.talk : &d->mqtt.talk;
    return amqp ? OK : prepare_mqtt(d);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void device_end(void *of)
{
    struct d2d_device *d = of;

    connection_close(&d->connection);
    device_amqp_close(&d->amqp);
    inbox_close(&d->side.inbox);
    asked_close(&d->side.asked);
    room_close(&d->side.room);
    buf_free(&d->token);
}

/* Filters and topics of MQTT have no way to write these. */
static enum d2d_err check_topic_id(struct d2d_device *d, const char *what, const char *id)
{
    enum d2d_err e = account_check_id(&d->account, id);

    if (e || account_speaks_amqp(&d->account) || !strpbrk(id, "+#"))
        return e;
    return account_fail(&d->account, D2D_ARGUMENT,
                        "the %s id \"%s\" has a + or #, which topics of MQTT cannot carry: use AMQP for it", what, id);
}

static enum d2d_err set_id(struct d2d_device *d)
{
    const struct connstr *s = &d->account.string;
    char device[ID_LEN_MAX + 1], module[ID_LEN_MAX + 1] = "";
    enum d2d_err e;

    if (!bytes_to_str(s->device, device, sizeof device) ||
        (s->module.len && !bytes_to_str(s->module, module, sizeof module)))
        return account_fail(&d->account, D2D_ARGUMENT, "the %s id is longer than %d characters",
                            s->device.len < sizeof device ? "module" : "device", ID_LEN_MAX);
    if ((e = check_topic_id(d, "device", device)) || (module[0] && (e = check_topic_id(d, "module", module))))
        return e;
    snprintf(d->id, sizeof d->id, module[0] ? "%s/%s" : "%s", device, module);
    snprintf(d->path, sizeof d->path, module[0] ? "devices/%s/modules/%s" : "devices/%s", device, module);
    return D2D_OK;
}

/* device 1.3, 2.2: what tokens are for, and the user name. */
static enum d2d_err set_names(struct d2d_device *d)
{
    enum d2d_err e;

    if (d->account.transport == D2D_HTTPS)
        return account_fail(&d->account, D2D_ARGUMENT, "HTTPS is for registering; a device uses MQTT or AMQP");
    if ((e = set_id(d)))
        return e;
    /* A d2dhub tells whoever names himself so why it ends a connection. */
    snprintf(d->user, sizeof d->user, "%s/%s/?api-version=2021-04-12&DeviceClientType=d2d%%2F" D2D_VERSION,
             d->account.host, d->id);
    snprintf(d->audience, sizeof d->audience, "%s/%s", d->account.host, d->path);
    return D2D_OK;
}

static enum d2d_err set_side(struct d2d_device *d, const struct d2d_device_options *o)
{
    struct device_side *side = &d->side;
    size_t window = o->window ? o->window : WINDOW, receive = o->receive_window ? o->receive_window : RECEIVE_WINDOW;

    *side = (struct device_side){.id = d->id,
                                 .path = d->path,
                                 .is_module = d->account.string.module.len > 0,
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
    twin_init(&side->twin, d->account.timeout_ms);
    side->twin.follows = o->desired != NULL;
    side->twin.answered = on_twin_answered;
    side->twin.desired = on_desired;
    side->twin.failed = on_twin_failed;
    side->twin.ctx = d;
    queue_init(&side->queue, o->queue_messages ? o->queue_messages : QUEUE_MESSAGES,
               o->queue_bytes ? o->queue_bytes : QUEUE_BYTES);
    if (o->call && asked_open(&side->asked))
        return D2D_NO_MEMORY;
    if (!o->c2d)
        return D2D_OK;
    if (account_speaks_amqp(&d->account))
        return inbox_open(&side->inbox, receive) ? D2D_NO_MEMORY : D2D_OK;
    /* MQTT has no credit: there the hub's window counts, and only what nobody would send is too much. */
    room_init(&side->room);
    return inbox_open(&side->inbox, INBOX_MAX) ? D2D_NO_MEMORY : D2D_OK;
}

static void set_talks(struct d2d_device *d)
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
    device_amqp_init(m, &d->side);
}

static void set_up(struct d2d_device *d, const struct d2d_device_options *o)
{
    connection_init(&d->connection, &d->account,
                    (struct connection_pace){o->backoff_first_ms, o->backoff_most_ms, o->once});
    d->connection.prepare = prepare;
    d->connection.lost = on_lost;
    d->connection.ctx = d;
    d->token = buf_max(SAS_LEN_MAX);
    d->connected = o->connected;
    d->disconnected = o->disconnected;
    d->listening = o->listening;
    d->c2d = o->c2d;
    d->call = o->call;
    d->desired = o->desired;
    d->ctx = o->ctx;
}

static enum d2d_err device_begin(void *handle, const void *options)
{
    struct d2d_device *d = handle;
    enum d2d_err e;

    set_up(d, options);
    if ((e = set_names(d)) || (e = set_side(d, options)))
        return e;
    set_talks(d);
    return connection_start(&d->connection) ? D2D_NO_MEMORY : D2D_OK;
}

enum d2d_err d2d_device_new(struct d2d_loop *loop, const struct d2d_device_options *options, struct d2d_device **out)
{
    static const struct handle_kind kind = {.size = sizeof(struct d2d_device),
                                            .options_size = sizeof(struct d2d_device_options),
                                            .strings = 1u << CONNSTR_DEVICE,
                                            .begin = device_begin,
                                            .end = device_end};

    return handle_new(&kind, loop, options, out);
}

void d2d_device_free(struct d2d_device *d)
{
    if (!d || d->account.gone)
        return;
    loop_enter(d->account.loop);
    connection_drop(&d->connection); /* with its goodbye, as long as it is still ours */
    d->account.gone = d->side.gone = d->amqp.amqp.gone = true;
    finish(d, D2D_CLOSED);
    loop_leave(d->account.loop);
    handle_bury(&d->account);
}

const char *d2d_device_id(const struct d2d_device *d)
{
    return d->id;
}

const char *d2d_device_detail(const struct d2d_device *d)
{
    return d->account.detail;
}
