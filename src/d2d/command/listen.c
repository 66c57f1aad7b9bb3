#include "cli.h"
#include "exec.h"
#include "message_row.h"
#include "with_device.h"

#include "clock.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TAKEN_MS = 2, /* a reader that is there takes what is written so soon; the loop stands still for it */
    LOOK_MOST_MS = 50,
    IDLE_MS = 500, /* how soon it is seen that nobody reads any more */
};

/* The printed form of a message. */
struct line {
    struct list link;
    uint64_t lock;
    struct buf text;
    struct bytes rest; /* not written yet; NULL: nothing of it is */
};

struct hearing {
    const char *exec;
    int automatic, reject;
    uint64_t most; /* 0: no limit */
    uint64_t seen;
    struct list execs; /* those of --exec that wait; the first one runs */
    struct list lines; /* those that wait to be printed; the first one is being written */
    size_t unsettled;  /* shown, or run, but the hub could not be told */
    int64_t look_ms;   /* when to look again whether the reader has taken the first line */
    struct out out;
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why, away; /* why it ended; why there is no connection now */
    bool listened, over;    /* over: the time is up */
};

static const struct column c2d_columns[] = {{"messageId", "MESSAGE", 12}, {"body", "BODY", 0}, {0}};

static json_t *c2d_row(const struct d2d_c2d *m)
{
    json_t *row = json_object();

    message_row_text(row, "messageId", m->message_id);
    message_row_text(row, "correlationId", m->correlation_id);
    message_row_text(row, "userId", m->user_id);
    message_row_text(row, "contentType", m->content_type);
    message_row_text(row, "contentEncoding", m->content_encoding);
    message_row_text(row, "ack", d2d_ack_text(m->ack));
    message_row_time(row, "enqueuedTime", m->enqueued_ms);
    message_row_time(row, "expiryTime", m->expiry_ms);
    if (m->deliveries)
        json_object_set_new(row, "deliveries", json_integer(m->deliveries));
    message_row_properties(row, m->properties, m->n_properties);
    message_row_body(row, m->body, m->body_len);
    return row;
}

static void line_free(struct line *l)
{
    list_del(&l->link);
    buf_free(&l->text);
    free(l);
}

static bool put_text(struct hearing *h, const struct d2d_c2d *m, struct buf *text)
{
    if (h->out.format != OUT_RAW)
        return out_line(&h->out, c2d_row(m), text);
    buf_put(text, bytes_of(m->body, m->body_len));
    buf_put_u8(text, '\n');
    return !text->bad;
}

/* A copy: it may take its reader long, and the connection is kept alive meanwhile. */
static bool add_line(struct hearing *h, const struct d2d_c2d *m)
{
    struct line *l = calloc(1, sizeof *l);

    if (!l)
        return false;
    l->lock = m->lock;
    l->text = buf_max(OUT_LINE_MAX);
    list_add(&h->lines, &l->link);
    if (put_text(h, m, &l->text))
        return true;
    line_free(l);
    return false;
}

/* A copy: the program runs while others come, and while the connection is kept alive. */
static struct exec *exec_of(struct hearing *h, const struct d2d_c2d *m)
{
    char expiry[ISO_TIME_CAP] = "", deliveries[16];
    const struct variable variables[] = {{"D2D_DEVICE", d2d_device_id(h->device)},
                                         {"D2D_MESSAGE_ID", m->message_id},
                                         {"D2D_CORRELATION_ID", m->correlation_id},
                                         {"D2D_USER_ID", m->user_id},
                                         {"D2D_CONTENT_TYPE", m->content_type},
                                         {"D2D_ACK", d2d_ack_text(m->ack)},
                                         {"D2D_EXPIRY", expiry},
                                         {"D2D_DELIVERIES", deliveries},
                                         {0}};
    struct exec *x;

    if (m->expiry_ms)
        iso_time(m->expiry_ms, expiry);
    snprintf(deliveries, sizeof deliveries, "%u", m->deliveries);
    x = exec_new(&(struct occasion){.variables = variables,
                                    .properties = m->properties,
                                    .n_properties = m->n_properties,
                                    .body = m->body,
                                    .body_len = m->body_len});
    if (x)
        x->lock = m->lock;
    return x;
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
    h->unsettled += e != D2D_OK;
    if (e)
        say("d2d: a message is not settled, and will be delivered again: %s", d2d_device_detail(h->device));
}

/* It was not even seen: that is no reason to reject it, and it does not count. */
static void give_back(struct hearing *h, uint64_t lock)
{
    say("d2d: out of memory: a message is not taken, and will be delivered again");
    h->unsettled += d2d_device_abandon(h->device, lock) != D2D_OK;
}

static bool is_enough(const struct hearing *h)
{
    return h->most && h->seen >= h->most;
}

static void on_c2d(void *ctx, struct d2d_device *device, const struct d2d_c2d *m)
{
    struct hearing *h = ctx;
    struct exec *x;

    h->device = device;
    if (cli_interrupted || is_enough(h))
        return; /* not settled: it waits for the next run */
    if (h->exec && (x = exec_of(h, m))) {
        list_add(&h->execs, &x->link);
    } else if (h->exec || !add_line(h, m)) {
        give_back(h, m->lock);
        return;
    }
    h->seen++;
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

/* They come again with the next connection. */
static void forget_what_has_not_begun(struct hearing *h)
{
    LIST_EACH (&h->execs, it) {
        struct exec *x = LIST_OF(it, struct exec, link);

        if (x->child)
            continue;
        list_del(&x->link);
        exec_free(x);
        h->seen--;
    }
    LIST_EACH (&h->lines, it) {
        struct line *l = LIST_OF(it, struct line, link);

        if (l->rest.at)
            continue;
        line_free(l);
        h->seen--;
    }
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct hearing *h = ctx;

    forget_what_has_not_begun(h);
    if (final) {
        h->why = why;
        d2d_loop_stop(h->loop);
        return;
    }
    cli_is_away(&h->away, why, d2d_device_detail(device));
}

/* Nothing more is begun; what runs is waited for. */
static bool is_over(const struct hearing *h)
{
    return cli_interrupted || h->over;
}

static void end_exec(struct hearing *h, struct exec *x, int ended)
{
    if (ended)
        say("d2d: \"%s\" ended with status %d", h->exec, ended);
    if (!h->automatic)
        settle(h, x->lock, ended == 0);
    list_del(&x->link);
    exec_free(x);
}

/* Goes through what waits as far as it goes without waiting; in the end only for the one that runs. */
static void run_execs(struct hearing *h)
{
    while (!list_empty(&h->execs)) {
        struct exec *x = LIST_OF(h->execs.next, struct exec, link);
        int ended = -1;

        if (!x->child) {
            if (is_over(h))
                return;
            if (h->automatic)
                settle(h, x->lock, true);
            if (exec_start(x, h->exec))
                continue;
            say("d2d: \"%s\" cannot be started: %m", h->exec);
        } else if (!exec_ended(x, is_over(h), &ended)) {
            return;
        }
        end_exec(h, x, ended);
    }
}

/* Lines go one by one: a message is settled when its reader has it, and only then the next one is written. */
static void print_lines(struct hearing *h)
{
    while (!list_empty(&h->lines)) {
        struct line *l = LIST_OF(h->lines.next, struct line, link);

        if (!l->rest.at) {
            if (is_over(h))
                return;
            l->rest = buf_bytes(&l->text);
            h->look_ms = 1;
        }
        if (!output_put_some(&l->rest) || l->rest.len || output_wait(TAKEN_MS) != OUTPUT_ARRIVED)
            return;
        settle(h, l->lock, true);
        list_take(&h->lines);
        line_free(l);
    }
}

static bool goes_on(const struct hearing *h)
{
    bool idle = list_empty(&h->execs) && list_empty(&h->lines);

    return !is_over(h) && !h->why && (h->exec || output_is_open()) && !(is_enough(h) && idle);
}

/* How long nothing needs to be looked at that does not stop the loop by itself. */
static int64_t pause_ms(struct hearing *h)
{
    int64_t ms = h->look_ms;

    if (h->exec)
        return INT64_MAX;
    if (list_empty(&h->lines))
        return IDLE_MS;
    h->look_ms = ms * 2 < LOOK_MOST_MS ? ms * 2 : LOOK_MOST_MS;
    return ms;
}

static enum status finish(const struct hearing *h)
{
    size_t n = 0;

    LIST_EACH (&h->execs, it)
        n++;
    LIST_EACH (&h->lines, it)
        n++;
    if (n)
        say("d2d: %zu message%s arrived and %s not %s: the next run gets %s", n, n == 1 ? "" : "s",
            n == 1 ? "is" : "are", h->exec ? "done" : "shown", n == 1 ? "it" : "them");
    if (h->why)
        return cli_failed("the messages", h->why, d2d_device_detail(h->device));
    if (cli_interrupted)
        return INTERRUPTED;
    if (h->over && h->listened && !h->away)
        return TIMED_OUT;
    if (h->over)
        return cli_failed("the messages", h->away ? h->away : D2D_TIMED_OUT, d2d_device_detail(h->device));
    return (h->exec || output_is_open()) && !h->unsettled ? DONE : FAILED;
}

static enum status listen_on(struct cli *c, struct hearing *h)
{
    int64_t end_ms = c->timeout_ms ? clock_ms(CLOCK_MONOTONIC) + c->timeout_ms : INT64_MAX;

    while (goes_on(h)) {
        int64_t left_ms = end_ms == INT64_MAX ? INT64_MAX : end_ms - clock_ms(CLOCK_MONOTONIC), ms = pause_ms(h);

        ms = ms < left_ms ? ms : left_ms;
        h->over = left_ms <= 0;
        if (!h->over)
            d2d_loop_run(h->loop, ms == INT64_MAX ? -1 : ms); /* a message, a program's end and Ctrl-C stop it */
        run_execs(h);
        print_lines(h);
    }
    run_execs(h); /* Ctrl-C may have come just now */
    print_lines(h);
    return finish(h);
}

static enum status start(struct cli *c, struct hearing *h)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .c2d = on_c2d, .listening = on_listening,
                                         .disconnected = on_disconnected, .ctx = h};
    enum status status;

    if (h->automatic && (!h->exec || h->reject))
        return cli_usage(&command_listen,
                         h->exec ? "--auto and --reject exclude each other"
                                 : "--auto completes a message before the CMD of --exec ends: give --exec too");
    if (h->reject && !h->exec)
        return cli_usage(&command_listen, "--reject rejects a message when the CMD of --exec fails: give --exec too");
    if ((status = cli_choose_identity(c, STRING_DEVICE)))
        return status;
    if (h->reject && !cli_speaks_amqp(c))
        return cli_usage(&command_listen, "MQTT cannot reject a message: --transport amqp can");
    options.receive_window = 1; /* what waits here for those before it could lose its lock */
    cli_watch_children();
    if ((status = cli_open_device(c, &options, 0, &h->loop, &h->device)))
        return status;
    out_begin(&h->out, c->format, c2d_columns, "body");
    list_init(&h->lines);
    status = listen_on(c, h);
    LIST_EACH (&h->lines, it)
        line_free(LIST_OF(it, struct line, link));
    return status;
}

static const struct opt options[] = {
    {"n", "COUNT", "stop after this many", OPT_NUMBER, .offset = offsetof(struct hearing, most), .least = 1,
     .most = INT64_MAX},
    {"exec", "CMD", "run CMD for each message: body on stdin, properties in the environment", OPT_TEXT,
     .offset = offsetof(struct hearing, exec)},
    {"reject", NULL, "reject a message for which CMD fails, instead of having it delivered again (AMQP)", OPT_FLAG,
     .offset = offsetof(struct hearing, reject)},
    {"auto", NULL, "complete each message at once, whatever the exit status of CMD", OPT_FLAG,
     .offset = offsetof(struct hearing, automatic)},
    {0}};

static enum status listen_run(struct cli *c, void *values, int n, char **argv)
{
    struct hearing *h = values;
    enum status status;

    (void)n;
    (void)argv;
    list_init(&h->execs);
    status = start(c, h);
    LIST_EACH (&h->execs, it)
        exec_free(LIST_OF(it, struct exec, link));
    d2d_device_free(h->device);
    cli_loop_free(h->loop);
    return status;
}

const struct command command_listen = {{.name = "listen",
                                        .usage = "[--exec CMD] [-n COUNT]",
                                        .summary = "print what is sent to a device, as it arrives",
                                        .examples = "d2d listen --as garage\n"
                                                    "d2d listen --connection-string-file garage.cs --exec "
                                                    "./open-door.sh\n"
                                                    "d2d listen --as garage --transport amqp-ws -n 1 -o raw\n",
                                        .options = options},
                                       listen_run,
                                       sizeof(struct hearing)};
