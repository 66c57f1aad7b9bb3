#include "cli.h"
#include "row.h"
#include "run.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

struct hearing {
    const char *exec, *count;
    int automatic, reject;
    uint64_t most; /* 0: no limit */
    uint64_t seen;
    struct out out;
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why, away; /* why it ended; why there is no connection now */
    bool listened;
};

static const struct column c2d_columns[] = {{"messageId", "MESSAGE", 12}, {"body", "BODY", 0}, {0}};

static json_t *c2d_row(const struct d2d_c2d *m)
{
    json_t *row = json_object();

    row_text(row, "messageId", m->message_id);
    row_text(row, "correlationId", m->correlation_id);
    row_text(row, "userId", m->user_id);
    row_text(row, "contentType", m->content_type);
    row_text(row, "contentEncoding", m->content_encoding);
    row_text(row, "ack", m->ack);
    row_time(row, "enqueuedTime", m->enqueued_ms);
    row_time(row, "expiryTime", m->expiry_ms);
    if (m->deliveries)
        json_object_set_new(row, "deliveries", json_integer(m->deliveries));
    row_properties(row, m->properties, m->n_properties);
    row_body(row, m->body, m->body_len);
    return row;
}

static void print(struct hearing *h, const struct d2d_c2d *m)
{
    if (h->out.format != OUT_RAW) {
        out_row(&h->out, c2d_row(m));
        return;
    }
    fwrite(m->body, 1, m->body_len, stdout);
    putchar('\n');
    fflush(stdout);
}

static int run_for_c2d(struct hearing *h, const struct d2d_c2d *m)
{
    char expiry[ISO_TIME_CAP] = "", deliveries[16];
    const struct variable variables[] = {{"D2D_DEVICE", d2d_device_id(h->device)},
                                         {"D2D_MESSAGE_ID", m->message_id},
                                         {"D2D_CORRELATION_ID", m->correlation_id},
                                         {"D2D_USER_ID", m->user_id},
                                         {"D2D_CONTENT_TYPE", m->content_type},
                                         {"D2D_ACK", m->ack},
                                         {"D2D_EXPIRY", expiry},
                                         {"D2D_DELIVERIES", deliveries},
                                         {0}};

    if (m->expiry_ms)
        iso_time(m->expiry_ms, expiry);
    snprintf(deliveries, sizeof deliveries, "%u", m->deliveries);
    return run_program(h->exec, &(struct occasion){.variables = variables,
                                                   .properties = m->properties,
                                                   .n_properties = m->n_properties,
                                                   .body = m->body,
                                                   .body_len = m->body_len});
}

static void settle(struct hearing *h, const struct d2d_c2d *m, int ended)
{
    enum d2d_err e;

    if (ended == 0)
        e = d2d_device_complete(h->device, m->lock);
    else if (h->reject)
        e = d2d_device_reject(h->device, m->lock);
    else
        e = d2d_device_abandon(h->device, m->lock);
    if (e)
        say("d2d: the message %s is not settled: %s", m->message_id, d2d_err_text(e));
}

static void on_c2d(void *ctx, struct d2d_device *device, const struct d2d_c2d *m)
{
    struct hearing *h = ctx;
    int ended = 0;

    if (cli_interrupted || (h->most && h->seen >= h->most))
        return; /* not settled: it waits for the next run */
    h->seen++;
    h->device = device;
    if (h->automatic)
        settle(h, m, 0);
    if (h->exec && (ended = run_for_c2d(h, m)) != 0)
        say("d2d: \"%s\" ended with %d for the message %s", h->exec, ended, m->message_id);
    if (!h->exec)
        print(h, m);
    if (!h->automatic)
        settle(h, m, ended);
    if (h->most && h->seen >= h->most)
        d2d_loop_stop(h->loop);
}

static void on_listening(void *ctx, struct d2d_device *device)
{
    struct hearing *h = ctx;

    h->away = D2D_OK;
    if (!h->listened)
        say("listening as %s", d2d_device_id(device));
    h->listened = true;
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct hearing *h = ctx;

    if (final) {
        h->why = why;
        d2d_loop_stop(h->loop);
        return;
    }
    h->away = why;
    say("d2d: %s (%s); trying again", d2d_err_text(why), d2d_device_detail(device));
}

static enum status listen_on(struct cli *c, struct hearing *h)
{
    enum d2d_err e = d2d_loop_run(h->loop, c->timeout_ms ? c->timeout_ms : -1);

    if (h->why)
        return cli_failed("the messages", h->why, d2d_device_detail(h->device));
    if (cli_interrupted)
        return INTERRUPTED;
    if (e == D2D_TIMED_OUT)
        return h->listened && !h->away
                   ? TIMED_OUT
                   : cli_failed("the messages", h->away ? h->away : D2D_TIMED_OUT, d2d_device_detail(h->device));
    return DONE;
}

static enum status start(struct cli *c, struct hearing *h)
{
    struct d2d_device_options options = {
        .c2d = on_c2d, .listening = on_listening, .disconnected = on_disconnected, .ctx = h};
    enum status status;
    enum d2d_err e;

    if (h->count && (!bytes_to_u64(bytes_str(h->count), &h->most) || h->most == 0))
        return cli_usage(&command_listen, "-n is how many messages to wait for");
    if (h->reject && !h->exec)
        return cli_usage(&command_listen, "--reject says what to do when the CMD of --exec fails");
    if ((status = cli_who(c, STRING_DEVICE)))
        return status;
    cli_d2d_options(c, &options.common);
    options.common.timeout_ms = 0; /* of the command, not of a connection */
    if (h->reject && options.common.transport != D2D_AMQP && options.common.transport != D2D_AMQP_WS)
        return cli_usage(&command_listen, "MQTT cannot reject a message: --transport amqp can");
    if ((e = cli_loop_new(&h->loop)) || (e = d2d_device_new(h->loop, &options, &h->device)))
        return cli_failed("the connection string", e, "");
    out_begin(&h->out, c->format, c2d_columns, "body");
    return listen_on(c, h);
}

static enum status listen_run(struct cli *c, int argc, char **argv)
{
    struct hearing h = {0};
    const struct opt opts[] = {
        {"n", "COUNT", "stop after so many", &h.count, NULL, NULL, NULL},
        {"exec", "CMD", "run this for each: body on stdin, properties in the environment; complete when it ends with 0",
         &h.exec, NULL, NULL, NULL},
        {"reject", NULL, "reject a message for which CMD fails, instead of having it come again (AMQP)", NULL,
         &h.reject, NULL, NULL},
        {"auto", NULL, "complete each at once, whatever CMD does with it", NULL, &h.automatic, NULL, NULL},
        {0}};
    enum status status;
    bool stop;
    int n;

    if ((status = cli_options(c, &command_listen, opts, argc, argv, &n, &stop)) || stop)
        return status;
    status = n ? cli_usage(&command_listen, "\"%s\" is one argument too many", argv[1]) : start(c, &h);
    d2d_device_free(h.device);
    cli_loop_free(h.loop);
    return status;
}

const struct command command_listen = {"listen", "[--exec CMD] [-n COUNT]", "what is sent to a device, as it comes",
                                       "d2d listen --as garage\n"
                                       "d2d listen --connection-string-file garage.cs --exec ./open-door.sh\n"
                                       "d2d listen --as garage --transport amqp-ws -n 1 -o raw\n",
                                       listen_run};
