#include "bodies.h"
#include "cli.h"
#include "post.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROPS_CAP = 256 };

struct sending {
    struct cli *cli;
    struct d2d_message message;
    struct d2d_property properties[PROPS_CAP];
    char *copies[PROPS_CAP];
    const char *to, *ack, *ttl; /* of a message to a device */
    int until_acked;
    const char *file, *qos, *content_type, *content_encoding, *message_id, *correlation_id, *user_id;
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why;  /* of the first message that was not taken */
    enum d2d_err away; /* why there is no connection now */
    size_t sent;
};

static bool add_property(void *ctx, const char *text)
{
    struct sending *s = ctx;
    size_t n = s->message.n_properties;
    char *copy, *equals;

    if (n == PROPS_CAP || !(copy = strdup(text)))
        return false;
    s->copies[n] = copy;
    equals = strchr(copy, '=');
    if (!equals || equals == copy) {
        free(copy);
        return false;
    }
    *equals = 0;
    s->properties[n] = (struct d2d_property){copy, equals + 1};
    s->message.n_properties++;
    return true;
}

static void on_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    struct sending *s = ctx;

    (void)device;
    if (e && !s->why)
        s->why = e;
    s->sent += e == D2D_OK;
}

/* The hub said that these credentials are no good: waiting longer would not help. */
static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct sending *s = ctx;

    if (final) {
        s->why = why;
        d2d_loop_stop(s->loop);
    } else {
        s->away = why;
        say("d2d: %s (%s); trying again", d2d_err_text(why), d2d_device_detail(device));
    }
}

static void on_connected(void *ctx, struct d2d_device *device)
{
    struct sending *s = ctx;

    (void)device;
    s->away = D2D_OK;
}

static int64_t timeout_of(const struct cli *c)
{
    return c->timeout_ms ? c->timeout_ms : 30000;
}

/* Queues one; when the queue is full, waits for room. */
static enum d2d_err send_one(void *ctx, struct bytes body)
{
    struct sending *s = ctx;
    enum d2d_qos qos = s->qos && strcmp(s->qos, "0") == 0 ? D2D_AT_MOST_ONCE : D2D_AT_LEAST_ONCE;
    enum d2d_err e;

    s->message.body = body.at;
    s->message.body_len = body.len;
    e = d2d_device_send(s->device, &s->message, qos, on_sent, s);
    if (e != D2D_OVER_QUOTA || d2d_device_pending(s->device) == 0)
        return e;
    if ((e = d2d_device_flush_wait(s->device, timeout_of(s->cli))))
        return s->why ? s->why : e;
    return d2d_device_send(s->device, &s->message, qos, on_sent, s);
}

static enum status send_all(struct cli *c, struct sending *s, const struct bodies *bodies)
{
    struct d2d_device_options options = {.connected = on_connected, .disconnected = on_disconnected, .ctx = s};
    enum status status;
    enum d2d_err e;

    if ((status = cli_who(c, STRING_DEVICE)))
        return status;
    cli_d2d_options(c, &options.common);
    if ((e = cli_loop_new(&s->loop)) || (e = d2d_device_new(s->loop, &options, &s->device)))
        return cli_failed("the connection", e, cli_why_not());
    e = bodies_each(bodies, send_one, s);
    if (!e)
        e = d2d_device_flush_wait(s->device, timeout_of(c));
    if (s->why)
        e = s->why;
    if (e == D2D_TIMED_OUT && s->away)
        e = s->away;
    if (e)
        return cli_interrupted ? INTERRUPTED : cli_failed("not sent", e, d2d_device_detail(s->device));
    say("%zu message%s of %s: on the hub's disk", s->sent, s->sent == 1 ? "" : "s", d2d_device_id(s->device));
    return DONE;
}

/* DONE, or USAGE and what is wrong. */
static enum status check_to_device(struct sending *s, const struct bodies *bodies)
{
    static const char *const acks[] = {"none", "positive", "negative", "full"};

    if (!s->to && (s->ack || s->ttl || s->until_acked))
        return cli_usage(&command_send, "--ack, --ttl and --until-acked are for messages --to a device");
    if (s->to && s->qos)
        return cli_usage(&command_send, "--qos is for messages of a device");
    if (s->ttl && (duration_parse(bytes_str(s->ttl), &s->message.ttl_ms) || s->message.ttl_ms <= 0))
        return cli_usage(&command_send, "--ttl is a duration (10m)");
    s->message.ack = s->until_acked ? D2D_ACK_FULL : D2D_ACK_NONE;
    for (unsigned i = 0; s->ack && i < sizeof acks / sizeof *acks; i++) {
        if (strcmp(s->ack, acks[i]) == 0) {
            s->message.ack = (enum d2d_ack)i;
            s->ack = NULL;
        }
    }
    if (s->ack)
        return cli_usage(&command_send, "--ack is none, positive, negative or full");
    if (s->until_acked && s->message.ack != D2D_ACK_FULL)
        return cli_usage(&command_send, "--until-acked needs --ack full, which is its default");
    if (s->until_acked && s->message_id && (bodies->n > 1 || bodies_are_lines(bodies)))
        return cli_usage(&command_send, "--until-acked knows a message by its id: leave out --message-id, or send one");
    return DONE;
}

static enum status send_checked(struct cli *c, struct sending *s, const struct bodies *bodies)
{
    enum status status = check_to_device(s, bodies);

    if (status)
        return status;
    if (s->qos && strcmp(s->qos, "0") && strcmp(s->qos, "1"))
        return cli_usage(&command_send, "--qos is 0 or 1");
    if ((bodies->n == 0) == (s->file == NULL))
        return cli_usage(&command_send, "which message?");
    if (!s->to)
        return send_all(c, s, bodies);
    return post(
        c, &(struct posting){.to = s->to, .message = s->message, .bodies = *bodies, .until_acked = s->until_acked > 0});
}

static enum status send_run(struct cli *c, int argc, char **argv)
{
    struct sending s = {.cli = c};
    const struct opt opts[] = {
        {"to", "DEVICE", "as an operator, to this device; without it as a device, to the hub", &s.to, NULL, NULL, NULL},
        {"ack", "MODE", "none, positive, negative, full: which ends to be told of (--to)", &s.ack, NULL, NULL, NULL},
        {"ttl", "T", "it is dead after this time (1h; --to)", &s.ttl, NULL, NULL, NULL},
        {"until-acked", NULL, "wait until the device has settled it, and say how (--to)", NULL, &s.until_acked, NULL,
         NULL},
        {"p", "NAME=VALUE", "a property; may come again and again", NULL, NULL, add_property, &s},
        {"file", "FILE", "the whole file as one message", &s.file, NULL, NULL, NULL},
        {"content-type", "TYPE", "application/json, …", &s.content_type, NULL, NULL, NULL},
        {"content-encoding", "ENCODING", "utf-8, …", &s.content_encoding, NULL, NULL, NULL},
        {"message-id", "ID", "", &s.message_id, NULL, NULL, NULL},
        {"correlation-id", "ID", "", &s.correlation_id, NULL, NULL, NULL},
        {"user-id", "ID", "", &s.user_id, NULL, NULL, NULL},
        {"qos", "0|1", "1 (the default) waits until the hub has it on disk", &s.qos, NULL, NULL, NULL},
        {0}};
    enum status status;
    bool stop;
    int n;

    status = cli_options(c, &command_send, opts, argc, argv, &n, &stop);
    s.message.properties = s.properties;
    s.message.content_type = s.content_type;
    s.message.content_encoding = s.content_encoding;
    s.message.message_id = s.message_id;
    s.message.correlation_id = s.correlation_id;
    s.message.user_id = s.user_id;
    if (!status && !stop)
        status = send_checked(c, &s, &(struct bodies){.file = s.file, .n = n, .argv = argv});
    d2d_device_free(s.device);
    cli_loop_free(s.loop);
    for (size_t i = 0; i < s.message.n_properties; i++)
        free(s.copies[i]);
    return status;
}

const struct command command_send = {"send", "[--to DEVICE] MESSAGE... | - | --file FILE",
                                     "send messages, and wait until the hub has them",
                                     "d2d send --as phone open\n"
                                     "d2d send --to garage -p colour=red --ttl 10m open\n"
                                     "d2d send --to garage --until-acked open && echo it is open\n"
                                     "d2d send --connection-string-file phone.cs -p colour=red '{\"door\":\"open\"}'\n"
                                     "journalctl -f | d2d send --as server -\n",
                                     send_run};
