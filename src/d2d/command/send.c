#include "accepted.h"
#include "cli.h"
#include "send_to.h"
#include "source.h"
#include "with_device.h"

#include <stdio.h>
#include <stdlib.h>

struct sending {
    struct cli *cli;
    struct d2d_message message;
    struct opt_list given; /* NAME=VALUE */
    struct d2d_property properties[OPT_LIST_CAP];
    char *copies[OPT_LIST_CAP];
    const char *to; /* the device that it is for */
    int ack_given;  /* 0, or 1 and the enum d2d_ack */
    int qos_given;  /* 0, or 1 and the enum d2d_qos */
    int until_acked;
    const char *file;
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why;    /* of the first message that was not taken */
    enum d2d_err away;   /* why there is no connection now */
    size_t sent, queued; /* those that the hub has acknowledged, of so many */
    bool connected;      /* at some time: what is not acknowledged may have reached the hub */
    struct accepted accepted;
    char last_id[MESSAGE_ID_CAP]; /* of those that were given none */
};

/* A message that is on its way. */
struct one {
    struct sending *sending;
    const char *id; /* the one that was given, or */
    char made[MESSAGE_ID_CAP];
};

static enum status take_properties(struct sending *s)
{
    for (size_t i = 0; i < s->given.n; i++) {
        char *copy = strdup(s->given.at[i]), *equals = copy ? strchr(copy, '=') : NULL, shown[100];

        s->copies[i] = copy;
        s->message.n_properties = i + 1;
        if (!equals || equals == copy)
            return cli_usage(&command_send, "-p must be NAME=VALUE, not \"%s\"", opt_shown(s->given.at[i], shown));
        *equals = 0;
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->properties[k].name, copy) == 0)
                return cli_usage(&command_send, "-p %s is given twice", opt_shown(copy, shown));
        s->properties[i] = (struct d2d_property){copy, equals + 1};
    }
    s->message.properties = s->properties;
    return DONE;
}

static void on_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    struct one *one = ctx;
    struct sending *s = one->sending;

    if (e && !s->why)
        s->why = e;
    if (!e)
        accepted_put(&s->accepted, one->id, d2d_device_id(device));
    s->sent += e == D2D_OK;
    free(one);
}

/* The hub said that these credentials are no good: waiting longer would not help. */
static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct sending *s = ctx;

    if (final) {
        s->why = why;
        d2d_loop_stop(s->loop);
    } else {
        cli_is_away(&s->away, why, d2d_device_detail(device));
    }
}

static void on_connected(void *ctx, struct d2d_device *device)
{
    struct sending *s = ctx;

    (void)device;
    s->away = D2D_OK;
    s->connected = true;
}

static int64_t timeout_of(const struct cli *c)
{
    return c->timeout_ms ? c->timeout_ms : 30000;
}

/* Queues one; when the queue is full, waits for room. */
static enum d2d_err send_one(void *ctx, struct bytes body)
{
    struct sending *s = ctx;
    struct one *one = malloc(sizeof *one);
    struct d2d_message m = s->message;
    enum d2d_qos qos = s->qos_given ? (enum d2d_qos)(s->qos_given - 1) : D2D_AT_LEAST_ONCE;
    enum d2d_err e;

    if (!one)
        return D2D_NO_MEMORY;
    *one = (struct one){.sending = s, .id = m.message_id};
    if (!one->id) {
        message_id_make(one->made);
        memcpy(s->last_id, one->made, sizeof one->made);
        one->id = m.message_id = one->made;
    }
    m.body = body.at;
    m.body_len = body.len;
    e = d2d_device_send(s->device, &m, qos, on_sent, one);
    if (e == D2D_OVER_QUOTA && d2d_device_pending(s->device)) {
        e = d2d_device_flush_wait(s->device, timeout_of(s->cli));
        e = e ? (s->why ? s->why : e) : d2d_device_send(s->device, &m, qos, on_sent, one);
    }
    s->queued += e == D2D_OK;
    if (e)
        free(one);
    return e;
}

/* Says what is known of the messages that were given to the library. */
static enum status say_unsent(const struct sending *s, enum d2d_err e)
{
    size_t left = s->queued - s->sent;

    if (s->sent)
        complain("%zu of %zu messages of %s: on the hub's disk", s->sent, s->queued, d2d_device_id(s->device));
    if (e == D2D_STOPPED && left)
        complain("interrupted: %zu message%s %s", left, left == 1 ? "" : "s",
                 s->connected ? "may have reached the hub" : "did not leave");
    return cli_failed(left && s->connected ? "sent, but not acknowledged, so the hub may have it" : "not sent", e,
                      d2d_device_detail(s->device));
}

static void say_sent(const struct sending *s)
{
    bool acknowledged = s->qos_given != 1 + D2D_AT_MOST_ONCE;

    const char *id = s->message.message_id ? s->message.message_id : s->last_id;

    say("%zu message%s of %s: %s%s%s", s->sent, s->sent == 1 ? "" : "s", d2d_device_id(s->device),
        acknowledged ? "on the hub's disk" : "sent; with --qos 0 the hub does not acknowledge it",
        s->sent == 1 && s->accepted.quiet ? ", id " : "", s->sent == 1 && s->accepted.quiet ? id : "");
}

static enum status send_all(struct cli *c, struct sending *s, const struct source *source)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .connected = on_connected, .disconnected = on_disconnected,
                                         .ctx = s};
    enum status status;
    enum d2d_err e;

    if ((status = cli_choose_identity(c, STRING_DEVICE)))
        return status;
    accepted_begin(&s->accepted, c->format);
    if ((status = cli_open_device(c, &options, c->timeout_ms, &s->loop, &s->device)))
        return status;
    e = source_each(source, &(struct taker){s->loop, &s->why, send_one, s});
    if (!e && !s->queued && !s->why && !cli_interrupted)
        return source_was_empty();
    if (!e)
        e = d2d_device_flush_wait(s->device, timeout_of(c));
    if (s->why)
        e = s->why;
    if (e == D2D_TIMED_OUT && s->away)
        e = s->away;
    if (cli_interrupted)
        e = D2D_STOPPED;
    if (e)
        return say_unsent(s, e);
    say_sent(s);
    return DONE;
}

/* DONE, or USAGE and what is wrong. */
static enum status check_to_device(struct sending *s, const struct source *source)
{
    if (!s->to && (s->ack_given || s->message.ttl_ms || s->until_acked))
        return cli_usage(&command_send, "%s is for messages to a device: give --to DEVICE too",
                         s->ack_given        ? "--ack"
                         : s->message.ttl_ms ? "--ttl"
                                             : "--until-acked");
    if (s->to && s->qos_given)
        return cli_usage(&command_send, "--qos is for messages of a device: leave out --to, or --qos");
    if (s->ack_given)
        s->message.ack = (enum d2d_ack)(s->ack_given - 1);
    else if (s->until_acked)
        s->message.ack = D2D_ACK_FULL;
    if (s->until_acked && s->message.ack != D2D_ACK_FULL)
        return cli_usage(&command_send, "--until-acked needs --ack full, which is its default");
    if (s->message.message_id && (source->n > 1 || source_is_lines(source)))
        return cli_usage(&command_send, "--message-id names one message: leave it out, or send one");
    return DONE;
}

static enum status send_checked(struct cli *c, struct sending *s, const struct source *source)
{
    enum status status = check_to_device(s, source);

    if (status || (status = take_properties(s)))
        return status;
    if (!source->n && !s->file)
        return cli_usage(&command_send, "MESSAGE is missing; - takes messages from standard input, a line each");
    if (source->n && s->file)
        return cli_usage(&command_send, "--file and a MESSAGE exclude each other");
    if (!s->to)
        return send_all(c, s, source);
    return send_to_device(
        c, &(struct send_to){.to = s->to, .message = s->message, .source = *source, .until_acked = s->until_acked > 0});
}

#define AT(field) .offset = offsetof(struct sending, field)

static const struct opt options[] = {
    {"to", "DEVICE", "send to this device, as an operator; without it: to the hub, as a device", OPT_TEXT, AT(to),
     .what = OPT_DEVICE},
    {"ack", "none|positive|negative|full", "outcomes for which the hub sends feedback (--to)", OPT_CHOICE,
     AT(ack_given), .least = 1},
    {"ttl", "T", "the message expires after this time (1h; --to)", OPT_DURATION, AT(message.ttl_ms), .least = 1000},
    {"until-acked", NULL, "wait until the device has settled it, and print the outcome (--to)", OPT_FLAG,
     AT(until_acked)},
    {"p", "NAME=VALUE", "a property; may be given several times", OPT_LIST, AT(given)},
    {"file", "FILE", "send the whole file as one message", OPT_INPUT, AT(file), .what = OPT_FILE},
    {"content-type", "TYPE", "content type, such as application/json", OPT_TEXT, AT(message.content_type)},
    {"content-encoding", "ENCODING", "content encoding, such as utf-8", OPT_TEXT, AT(message.content_encoding)},
    {"message-id", "ID", "message id (a new one)", OPT_TEXT, AT(message.message_id)},
    {"correlation-id", "ID", "correlation id, for the receiver", OPT_TEXT, AT(message.correlation_id)},
    {"user-id", "ID", "user id, for the receiver", OPT_TEXT, AT(message.user_id)},
    {"qos", "0|1", "1 (the default) waits until the hub has it on disk", OPT_CHOICE, AT(qos_given), .least = 1},
    {0}};

static enum status send_run(struct cli *c, void *values, int n, char **argv)
{
    struct sending *s = values;
    enum status status;

    s->cli = c;
    status = send_checked(c, s, &(struct source){.file = s->file, .n = n, .argv = argv});
    d2d_device_free(s->device);
    cli_loop_free(s->loop);
    for (size_t i = 0; i < s->message.n_properties; i++)
        free(s->copies[i]);
    return status;
}

const struct command command_send = {
    {.name = "send",
     .deed = "was accepted by the hub",
     .usage = "[--to DEVICE] MESSAGE... | - | --file FILE",
     .summary = "send messages, and wait until the hub has them",
     .examples = "d2d send --as phone open\n"
                 "d2d send --to garage -p colour=red --ttl 10m open\n"
                 "d2d send --to garage --until-acked open && echo it is open\n"
                 "d2d send --connection-string-file phone.cs -p colour=red '{\"door\":\"open\"}'\n"
                 "journalctl -f | d2d send --as server -\n",
     .options = options,
     .most = OPT_MANY,
     .words = true},
    send_run,
    sizeof(struct sending)};
