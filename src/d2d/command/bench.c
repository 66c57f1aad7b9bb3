/* Sends as fast as asked, as one device, and says how long the acknowledgements took. With a rate, each message has its
 * time before the run begins, and its wait is counted from then: a hub that stalls does not get fewer questions. */
#include "cli.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 1000, SIZE = 300, WINDOW = 64 };

struct bench {
    struct d2d_loop *loop;
    struct d2d_device *device;
    uint64_t count, size, window, rate; /* 0: not given */
    uint64_t sent, done;
    int64_t began_us;
    int64_t *took_us; /* by number */
    enum d2d_err why;
};

struct one {
    struct bench *bench;
    uint64_t number;
    int64_t due_us;
};

static void on_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    struct one *one = ctx;
    struct bench *b = one->bench;

    (void)device;
    if (e && !b->why)
        b->why = e;
    b->took_us[one->number] = clock_us(CLOCK_MONOTONIC) - one->due_us;
    b->done++;
    if (b->done == b->count || b->why)
        d2d_loop_stop(b->loop);
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct bench *b = ctx;

    (void)device;
    if (final) {
        b->why = why;
        d2d_loop_stop(b->loop);
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sends the messages that are due by now, as far as the window allows. */
static void send_due(struct bench *b, struct one *ones, const void *body)
{
    while (b->sent < b->count && b->sent - b->done < b->window && !b->why) {
        struct one *one = &ones[b->sent];
        int64_t now = clock_us(CLOCK_MONOTONIC);
        struct d2d_message message = {.body = body, .body_len = (size_t)b->size};
        enum d2d_err e;

        one->due_us = b->rate ? b->began_us + (int64_t)(b->sent * 1000000 / b->rate) : now;
        if (one->due_us > now)
            return;
        e = d2d_device_send(b->device, &message, D2D_AT_LEAST_ONCE, on_sent, one);
        if (e == D2D_OVER_QUOTA)
            return;
        if (e) {
            b->why = e;
            return;
        }
        b->sent++;
    }
}

static enum status report(struct cli *c, struct bench *b)
{
    static const struct column columns[] = {
        {"messages", "MESSAGES", 9}, {"perSecond", "A SECOND", 9}, {"p50Us", "P50 us", 8}, {"p90Us", "P90 us", 8},
        {"p99Us", "P99 us", 8},      {"p999Us", "P99.9 us", 8},    {"maxUs", "MAX us", 0}, {0}};
    int64_t took = clock_us(CLOCK_MONOTONIC) - b->began_us;
    struct out out;

    qsort(b->took_us, (size_t)b->count, sizeof *b->took_us, by_size);
    out_begin(&out, c->format, columns, "perSecond");
    out_row(&out,
            json_pack("{sI sI sI sI sI sI sI sI}", "messages", (json_int_t)b->count, "size", (json_int_t)b->size,
                      "perSecond", (json_int_t)((double)b->count * 1e6 / (double)(took > 0 ? took : 1)), "p50Us",
                      (json_int_t)b->took_us[b->count / 2], "p90Us", (json_int_t)b->took_us[b->count * 9 / 10], "p99Us",
                      (json_int_t)b->took_us[b->count * 99 / 100], "p999Us",
                      (json_int_t)b->took_us[b->count * 999 / 1000], "maxUs", (json_int_t)b->took_us[b->count - 1]));
    return DONE;
}

/* Until all is acknowledged; when nothing is for `patience_ms`, that is the end. */
static void run_on(struct bench *b, struct one *ones, const void *body, int64_t patience_ms)
{
    int64_t heard_us = clock_us(CLOCK_MONOTONIC);

    while (!b->why && b->done < b->count && !cli_interrupted) {
        uint64_t done = b->done;

        send_due(b, ones, body);
        d2d_loop_run(b->loop, b->rate ? 1 : 10);
        if (b->done != done)
            heard_us = clock_us(CLOCK_MONOTONIC);
        else if (clock_us(CLOCK_MONOTONIC) - heard_us > patience_ms * 1000)
            b->why = D2D_TIMED_OUT;
    }
}

static enum status run(struct cli *c, struct bench *b)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .disconnected = on_disconnected, .ctx = b};
    struct one *ones = calloc((size_t)b->count, sizeof *ones);
    void *body = calloc(1, (size_t)b->size + 1);
    enum status status = FAILED;
    enum d2d_err e;

    b->took_us = calloc((size_t)b->count, sizeof *b->took_us);
    if (!ones || !body || !b->took_us)
        goto done;
    cli_fill_options(c, &options.common);
    options.window = (size_t)b->window;
    options.queue_messages = (size_t)b->window + 1;
    options.queue_bytes = (size_t)(b->window + 1) * ((size_t)b->size + 4096);
    if ((e = cli_loop_new(&b->loop)) || (e = d2d_device_new(b->loop, &options, &b->device))) {
        status = cli_failed("the device", e, cli_why_not());
        goto done;
    }
    for (uint64_t i = 0; i < b->count; i++)
        ones[i] = (struct one){.bench = b, .number = i};
    memset(body, 'x', (size_t)b->size);
    /* A message first, so that connecting is not counted. */
    if ((e = d2d_device_send_wait(b->device, &(struct d2d_message){.body = "", .body_len = 0}, 30000)))
        b->why = e;
    b->began_us = clock_us(CLOCK_MONOTONIC);
    run_on(b, ones, body, c->timeout_ms ? c->timeout_ms : 30000);
    status = cli_interrupted ? INTERRUPTED
             : b->why        ? cli_failed("bench", b->why, d2d_device_detail(b->device))
                             : report(c, b);
done:
    d2d_device_free(b->device);
    cli_loop_free(b->loop);
    free(b->took_us);
    free(ones);
    free(body);
    return status;
}

static const struct opt options[] = {{"n", "COUNT", "number of messages (1000)", OPT_NUMBER,
                                      .offset = offsetof(struct bench, count), .least = 1, .most = 10000000},
                                     {"size", "BYTES", "size of each message (300)", OPT_NUMBER,
                                      .offset = offsetof(struct bench, size), .least = 1, .most = 256 * 1024},
                                     {"window", "N", "messages that wait for an acknowledgement at once (64)",
                                      OPT_NUMBER, .offset = offsetof(struct bench, window), .least = 1, .most = 10000},
                                     {"rate", "N", "messages a second (as many as --window allows)", OPT_NUMBER,
                                      .offset = offsetof(struct bench, rate), .least = 1, .most = 1000000},
                                     {0}};

static enum status bench_run(struct cli *c, void *values, int n, char **argv)
{
    struct bench *b = values;
    enum status status = cli_choose_identity(c, STRING_DEVICE);

    (void)n;
    (void)argv;
    b->count = b->count ? b->count : COUNT;
    b->size = b->size ? b->size : SIZE;
    b->window = b->window ? b->window : WINDOW;
    return status ? status : run(c, b);
}

const struct command command_bench = {{.name = "bench",
                                       .usage = "[-n COUNT] [--size BYTES] [--window N] [--rate N]",
                                       .summary = "measure how long acknowledgements take",
                                       .examples = "d2d bench --as phone -n 10000\n",
                                       .options = options},
                                      bench_run,
                                      sizeof(struct bench)};
