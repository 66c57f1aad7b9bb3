#include "cli.h"
#include "row.h"
#include "run.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct hearing {
    const char *exec;
    int automatic, reject;
    uint64_t most; /* 0: no limit */
    uint64_t seen;
    struct list jobs; /* those of --exec that wait; the first one runs */
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

/* A copy: the program runs while others come, and while the connection is kept alive. */
static struct job *job_of(struct hearing *h, const struct d2d_c2d *m)
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
    struct job *j;

    if (m->expiry_ms)
        iso_time(m->expiry_ms, expiry);
    snprintf(deliveries, sizeof deliveries, "%u", m->deliveries);
    j = job_new(&(struct occasion){.variables = variables,
                                   .properties = m->properties,
                                   .n_properties = m->n_properties,
                                   .body = m->body,
                                   .body_len = m->body_len});
    if (j)
        j->lock = m->lock;
    return j;
}

static void settle(struct hearing *h, uint64_t lock, bool good)
{
    enum d2d_err e;

    if (good)
        e = d2d_device_complete(h->device, lock);
    else if (h->reject)
        e = d2d_device_reject(h->device, lock);
    else
        e = d2d_device_abandon(h->device, lock);
    if (e)
        say("d2d: a message is not settled, and comes again: %s", d2d_device_detail(h->device));
}

static bool is_enough(const struct hearing *h)
{
    return h->most && h->seen >= h->most;
}

static void on_c2d(void *ctx, struct d2d_device *device, const struct d2d_c2d *m)
{
    struct hearing *h = ctx;
    struct job *j;

    h->device = device;
    if (cli_interrupted || is_enough(h))
        return; /* not settled: it waits for the next run */
    h->seen++;
    if (!h->exec) {
        print(h, m);
        settle(h, m->lock, true);
    } else if ((j = job_of(h, m))) {
        list_add(&h->jobs, &j->link);
        if (h->automatic)
            settle(h, m->lock, true);
    } else {
        settle(h, m->lock, false);
    }
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

static void end_job(struct hearing *h, struct job *j, int ended)
{
    if (ended)
        say("d2d: \"%s\" ended with %d", h->exec, ended);
    if (!h->automatic)
        settle(h, j->lock, ended == 0);
    list_del(&j->link);
    job_free(j);
}

/* Goes through what waits as far as it goes without waiting; after Ctrl-C only for the one that runs. */
static void work(struct hearing *h)
{
    while (!list_empty(&h->jobs)) {
        struct job *j = LIST_OF(h->jobs.next, struct job, link);
        int ended = -1;

        if (!j->child && cli_interrupted)
            return;
        if (!j->child && !job_start(j, h->exec))
            say("d2d: \"%s\" cannot be started: %m", h->exec);
        else if (!job_ended(j, cli_interrupted, &ended))
            return;
        end_job(h, j, ended);
    }
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum status listen_on(struct cli *c, struct hearing *h)
{
    int64_t end_ms = c->timeout_ms ? monotonic_ms() + c->timeout_ms : INT64_MAX;

    while (!cli_interrupted && !h->why && !(is_enough(h) && list_empty(&h->jobs))) {
        int64_t left_ms = end_ms == INT64_MAX ? -1 : end_ms - monotonic_ms();

        if (end_ms != INT64_MAX && left_ms <= 0)
            return h->listened && !h->away
                       ? TIMED_OUT
                       : cli_failed("the messages", h->away ? h->away : D2D_TIMED_OUT, d2d_device_detail(h->device));
        d2d_loop_run(h->loop, left_ms); /* a message, the end of a program and Ctrl-C stop it */
        work(h);
    }
    work(h); /* Ctrl-C may have come just now */
    if (h->why)
        return cli_failed("the messages", h->why, d2d_device_detail(h->device));
    return cli_interrupted ? INTERRUPTED : DONE;
}

static enum status start(struct cli *c, struct hearing *h)
{
    struct d2d_device_options options = {
        .c2d = on_c2d, .listening = on_listening, .disconnected = on_disconnected, .ctx = h};
    enum status status;
    enum d2d_err e;

    if (h->reject && !h->exec)
        return cli_usage(&command_listen, "--reject says what to do when the CMD of --exec fails: give --exec too");
    if ((status = cli_who(c, STRING_DEVICE)))
        return status;
    cli_d2d_options(c, &options.common);
    options.common.timeout_ms = 0; /* of the command, not of a connection */
    if (h->reject && options.common.transport != D2D_AMQP && options.common.transport != D2D_AMQP_WS)
        return cli_usage(&command_listen, "MQTT cannot reject a message: --transport amqp can");
    cli_watch_children();
    if ((e = cli_loop_new(&h->loop)) || (e = d2d_device_new(h->loop, &options, &h->device)))
        return cli_failed("the connection", e, cli_why_not());
    out_begin(&h->out, c->format, c2d_columns, "body");
    return listen_on(c, h);
}

static const struct opt options[] = {
    {"n", "COUNT", "stop after so many", OPT_NUMBER, .offset = offsetof(struct hearing, most), .least = 1,
     .most = INT64_MAX},
    {"exec", "CMD", "run this for each: body on stdin, properties in the environment; complete when it ends with 0",
     OPT_TEXT, .offset = offsetof(struct hearing, exec)},
    {"reject", NULL, "reject a message for which CMD fails, instead of having it come again (AMQP)", OPT_FLAG,
     .offset = offsetof(struct hearing, reject)},
    {"auto", NULL, "complete each at once, whatever CMD does with it", OPT_FLAG,
     .offset = offsetof(struct hearing, automatic)},
    {0}};

static enum status listen_run(struct cli *c, void *values, int n, char **argv)
{
    struct hearing *h = values;
    enum status status;

    (void)n;
    (void)argv;
    list_init(&h->jobs);
    status = start(c, h);
    LIST_EACH (&h->jobs, it)
        job_free(LIST_OF(it, struct job, link));
    d2d_device_free(h->device);
    cli_loop_free(h->loop);
    return status;
}

const struct command command_listen = {{.name = "listen",
                                        .usage = "[--exec CMD] [-n COUNT]",
                                        .summary = "print what is sent to a device, as it comes",
                                        .examples = "d2d listen --as garage\n"
                                                    "d2d listen --connection-string-file garage.cs --exec "
                                                    "./open-door.sh\n"
                                                    "d2d listen --as garage --transport amqp-ws -n 1 -o raw\n",
                                        .options = options},
                                       listen_run,
                                       sizeof(struct hearing)};
