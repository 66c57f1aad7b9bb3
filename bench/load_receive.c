#include "load.h"

#include "client.h"
#include "d2d.h"

#include <stdlib.h>

struct subscriber {
    struct talk talk; /* first */
    struct receiving *r;
};

static void note(struct receiving *r, struct bytes body)
{
    struct rd rd = rd_over(body);
    uint32_t from = rd_u32(&rd), number = rd_u32(&rd);
    int64_t due_us = (int64_t)rd_u64(&rd);

    if (rd.bad || from >= r->options->connections || !arrivals_note(&r->from[from], number)) {
        r->failed = true;
        return;
    }
    hist_add(&r->delivery, monotonic_us() - due_us);
    r->n++;
}

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    (void)receiver;
    if (bytes_starts(bytes_str(event->device), BYTES("bench"))) /* others may be there too */
        note(ctx, bytes_of(event->body, event->body_len));
}

static void on_listening(void *ctx, struct d2d_receiver *receiver)
{
    struct receiving *r = ctx;

    (void)receiver;
    r->listening = true;
}

static void on_gone(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    struct receiving *r = ctx;

    (void) final;
    fprintf(stderr, "bench-load: receiver: %s: %s\n", d2d_err_text(why), d2d_receiver_detail(receiver));
    r->failed = true;
}

static void receive_amqp(struct receiving *r)
{
    const struct load_options *o = r->options;
    struct d2d_receiver_options options = {D2D_RECEIVER_OPTIONS,
                                           .common.connection_string = o->service,
                                           .common.ca_file = o->ca_file,
                                           .common.host = "127.0.0.1",
                                           .common.amqps_port = (int)o->amqps_port,
                                           .credit = 1000,
                                           .once = true,
                                           .event = on_event,
                                           .listening = on_listening,
                                           .disconnected = on_gone,
                                           .ctx = r};
    struct d2d_loop *loop = NULL;
    struct d2d_receiver *receiver = NULL;

    if (d2d_loop_new(&loop) || d2d_receiver_new(loop, &options, &receiver))
        r->failed = true;
    while (!r->stop && !r->failed)
        (void)d2d_loop_run(loop, 20);
    d2d_receiver_free(receiver);
    d2d_loop_free(loop);
}

static void end(struct subscriber *s, enum err why)
{
    talk_end(&s->talk, why);
    s->r->failed = true;
}

static struct subscriber *of(struct talk *t)
{
    return (struct subscriber *)(void *)t;
}

static void subscriber_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    mqtt_put_connect(t->out, &(struct mqtt_connect){.clean = true, .client_id = BYTES("bench-subscriber")});
}

static size_t subscriber_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct subscriber *s = of(t);
    size_t total = 0, used;
    struct mqtt_packet p;
    enum mqtt_answer answer;

    (void)now_ms;
    while ((answer = mqtt_decode(bytes_skip(in, total), PACKET_LEN_MAX, &p, &used)) == MQTT_PACKET) {
        total += used;
        if (p.type == MQTT_CONNACK && p.connack.code == MQTT_ACCEPTED)
            mqtt_put_subscribe(t->out, 1, BYTES("bench/#"), 1);
        else if (p.type == MQTT_SUBACK)
            s->r->listening = true;
        else if (p.type == MQTT_PUBLISH) {
            note(s->r, p.publish.body);
            if (p.publish.qos)
                mqtt_put_ack(t->out, MQTT_PUBACK, p.publish.id);
        } else
            end(s, ERR_PROTOCOL);
    }
    if (answer != MQTT_MORE)
        end(s, ERR_PROTOCOL);
    return total;
}

static void subscriber_wake(struct talk *t, int64_t now_ms)
{
    (void)t, (void)now_ms;
}

static int64_t subscriber_tick(struct talk *t, int64_t now_ms)
{
    (void)t;
    return now_ms + 60000;
}

static void subscriber_close(struct talk *t, enum err why, int64_t now_ms)
{
    struct subscriber *s = of(t);

    (void)now_ms;
    if (!s->r->stop)
        end(s, why);
}

static enum err subscriber_accept(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                                  struct talk **talk)
{
    static const struct talk_ops ops = {.start = subscriber_start,
                                        .input = subscriber_input,
                                        .wake = subscriber_wake,
                                        .tick = subscriber_tick,
                                        .close = subscriber_close,
                                        .name = "subscriber"};
    struct subscriber *s = ctx;

    (void)conn, (void)peer, (void)now_ms;
    s->talk = (struct talk){.ops = &ops, .proved = true};
    *talk = &s->talk;
    return OK;
}

static void subscriber_failed(void *ctx, enum err e, const char *detail)
{
    struct subscriber *s = ctx;

    fprintf(stderr, "bench-load: subscriber: %s: %s\n", err_text(e), detail);
    end(s, e);
}

static void receive_mqtt(struct receiving *r)
{
    struct subscriber s = {.r = r};
    struct net_loop *loop = NULL;
    struct tls *tls = NULL;
    char why[256];
    struct net_connect_options options = {.host = "127.0.0.1",
                                          .port = (int)r->options->port,
                                          .name = "localhost",
                                          .accept = subscriber_accept,
                                          .accept_ctx = &s,
                                          .failed = subscriber_failed,
                                          .timeout_ms = 10000};

    if (tls_client_new(r->options->ca_file, &tls, why) || net_loop_open(&(struct net_loop_options){0}, &loop))
        r->failed = true;
    options.tls = tls;
    if (!r->failed && net_connect(loop, &options))
        r->failed = true;
    while (!r->stop && !r->failed)
        turn(loop, 20);
    if (loop) {
        net_loop_stop(loop, 100);
        net_loop_run(loop);
        net_loop_close(loop);
    }
    tls_free(tls);
}

static void *receive(void *ctx)
{
    struct receiving *r = ctx;

    if (r->options->service)
        receive_amqp(r);
    else
        receive_mqtt(r);
    return NULL;
}

enum err receiving_start(struct receiving *r, const struct load_options *o)
{
    r->options = o;
    r->from = calloc((size_t)o->connections, sizeof *r->from);
    if (!r->from || pthread_create(&r->thread, NULL, receive, r)) {
        free(r->from);
        r->from = NULL;
        return ERR_MEMORY;
    }
    return OK;
}

void receiving_stop(struct receiving *r)
{
    r->stop = true;
    pthread_join(r->thread, NULL);
}
