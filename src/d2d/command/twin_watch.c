/* `twin watch`: a twin each time that it changes. A device hears of its desired properties; an operator asks again and
 * again, because no hub tells him. */
#include "twin_row.h"
#include "with_device.h"

#include "clock.h"
#include "output.h"

#include <poll.h>
#include <string.h>

enum { EVERY_MS = 1000, LOOK_MS = 200 };

struct watching {
    uint64_t most, shown; /* most 0: no limit */
    int64_t every_ms, end_ms;
    const char *id;
    struct out out;
    struct d2d_loop *loop;
    struct d2d_device *device;
    int64_t version; /* that was shown last */
    enum d2d_err why, away;
};

static bool is_enough(const struct watching *w)
{
    return cli_interrupted || w->why || !output_is_open() || (w->most && w->shown >= w->most);
}

static bool is_over(const struct watching *w)
{
    return clock_ms(CLOCK_MONOTONIC) >= w->end_ms;
}

static void show(struct watching *w, json_t *row)
{
    out_row(&w->out, row);
    output_flush();
    w->shown++;
}

/* ---- as an operator -------------------------------------------------------------------------------------------- */

static enum d2d_err look(struct d2d_registry *registry, struct watching *w)
{
    char *text = NULL;
    json_t *twin;
    enum d2d_err e = d2d_twin_get(registry, w->id, &text);

    if (e)
        return e;
    if (!(twin = out_parsed(text)))
        return D2D_FAILED;
    if (w->shown && json_integer_value(json_object_get(twin, "version")) == w->version) {
        json_decref(twin);
        return D2D_OK;
    }
    w->version = json_integer_value(json_object_get(twin, "version"));
    show(w, twin_row(w->out.format, twin));
    return D2D_OK;
}

/* A hub that is away for a while is asked again; one that refuses is not. */
static bool may_come_back(const struct watching *w, enum d2d_err e)
{
    return w->shown && (e == D2D_NO_CONNECTION || e == D2D_TIMED_OUT || e == D2D_OVER_QUOTA || e == D2D_CLOSED);
}

static enum d2d_err poll_twin(struct d2d_registry *registry, void *ctx)
{
    struct watching *w = ctx;
    enum d2d_err e = D2D_OK;

    while (!is_enough(w) && !is_over(w)) {
        int64_t next_ms = clock_ms(CLOCK_MONOTONIC) + (w->every_ms ? w->every_ms : EVERY_MS);

        if ((e = look(registry, w)) && !may_come_back(w, e))
            return cli_interrupted ? D2D_OK : e;
        if (e)
            cli_is_away(&w->away, e, d2d_registry_detail(registry));
        else
            w->away = D2D_OK;
        /* Looks meanwhile whether there is still somebody who reads. */
        while (!is_enough(w) && !is_over(w) && clock_ms(CLOCK_MONOTONIC) < next_ms)
            poll(NULL, 0, LOOK_MS);
    }
    return D2D_OK;
}

/* ---- as the device --------------------------------------------------------------------------------------------- */

static void on_desired(void *ctx, struct d2d_device *device, const struct d2d_desired *d)
{
    struct watching *w = ctx;
    json_t *desired = json_loadb(d->json, d->json_len, 0, NULL), *row;

    if (is_enough(w)) {
        json_decref(desired);
        return;
    }
    row = twin_row_own(d2d_device_id(device), json_object());
    json_object_set_new(row, "version", json_integer(d->version));
    json_object_set_new(row, "whole", json_boolean(d->whole));
    json_object_set_new(row, "desired", desired);
    show(w, row);
    d2d_loop_stop(w->loop);
}

static void on_connected(void *ctx, struct d2d_device *device)
{
    (void)device;
    ((struct watching *)ctx)->away = D2D_OK;
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct watching *w = ctx;

    if (!final) {
        cli_is_away(&w->away, why, d2d_device_detail(device));
        return;
    }
    w->why = why;
    d2d_loop_stop(w->loop);
}

static enum status watch_own(struct cli *c, struct watching *w)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .desired = on_desired, .connected = on_connected,
                                         .disconnected = on_disconnected, .ctx = w};
    enum status status = cli_choose_identity(c, STRING_DEVICE);

    if (status)
        return status;
    status = cli_open_device(c, &options, 0, &w->loop, &w->device);
    while (!status && !is_enough(w) && !is_over(w))
        d2d_loop_run(w->loop, LOOK_MS);
    if (!status && w->why && !cli_interrupted)
        status = cli_failed("the desired properties", w->why, d2d_device_detail(w->device));
    else if (!status && !w->shown && w->away)
        status = cli_failed("the desired properties", w->away, d2d_device_detail(w->device));
    d2d_device_free(w->device);
    cli_loop_free(w->loop);
    return status;
}

static enum status twin_watch(struct cli *c, void *values, int n, char **argv)
{
    static const struct column own_columns[] = {
        {"version", "VERSION", 8}, {"whole", "WHOLE", 6}, {"desired", "DESIRED", 0}, {0}};
    struct watching *w = values;
    enum status status;

    if (!n && w->every_ms)
        return cli_usage(&command_twin_watch, "--every is for a DEVICE; a device is told of its desired properties");
    w->end_ms = c->timeout_ms ? clock_ms(CLOCK_MONOTONIC) + c->timeout_ms : INT64_MAX;
    c->timeout_ms = 0; /* of the command, not of a request */
    w->id = argv[n ? 1 : 0];
    out_begin(&w->out, c->format, n ? twin_columns : own_columns, n ? "properties" : "desired");
    status = n ? cli_with_registry(c, poll_twin, w, strchr(w->id, '/') ? A_MODULE : A_DEVICE, w->id) : watch_own(c, w);
    if (status)
        return status;
    if (cli_interrupted)
        return INTERRUPTED;
    return w->most && w->shown < w->most && output_is_open() ? TIMED_OUT : DONE;
}

static const struct opt options[] = {{"n", "COUNT", "stop after this many", OPT_NUMBER,
                                      .offset = offsetof(struct watching, most), .least = 1, .most = INT64_MAX},
                                     {"every", "T", "ask the hub after this time (1s)", OPT_DURATION,
                                      .offset = offsetof(struct watching, every_ms), .least = 100},
                                     {0}};

const struct command command_twin_watch = {
    {.name = "twin watch",
     .usage = "[DEVICE[/MODULE]] [-n COUNT]",
     .summary = "show a twin each time it changes; without DEVICE, as a device its desired properties",
     .examples = "d2d twin watch garage\n"
                 "d2d twin watch --as garage -n 1\n",
     .options = options,
     .most = 1,
     .first = OPT_DEVICE},
    twin_watch,
    sizeof(struct watching)};
