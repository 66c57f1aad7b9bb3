#include "with_device.h"

enum { TIMEOUT_MS = 30000 };

/* Why it did not come to an answer: more than that the time is over. */
struct trial {
    struct d2d_loop *loop;
    enum d2d_err why;
    char detail[400];
};

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct trial *t = ctx;

    t->why = why;
    snprintf(t->detail, sizeof t->detail, "%s", d2d_device_detail(device));
    if (final)
        d2d_loop_stop(t->loop);
}

static void on_connected(void *ctx, struct d2d_device *device)
{
    struct trial *t = ctx;

    (void)device;
    t->why = D2D_OK;
}

enum status cli_open_device(const struct cli *c, struct d2d_device_options *options, int64_t connect_ms,
                            struct d2d_loop **loop, struct d2d_device **out)
{
    enum d2d_err e;

    cli_fill_options(c, &options->common);
    options->common.timeout_ms = connect_ms;
    if ((e = cli_loop_new(loop)) || (e = d2d_device_new(*loop, options, out)))
        return cli_failed("the connection", e, cli_why_not());
    return DONE;
}

enum status cli_with_device(struct cli *c, device_call *call, void *ctx, const char *what)
{
    struct trial t = {.why = D2D_OK};
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .connected = on_connected, .disconnected = on_disconnected,
                                         .ctx = &t};
    struct d2d_device *device = NULL;
    enum status status = cli_choose_identity(c, STRING_DEVICE);
    enum d2d_err e;

    if (status)
        return status;
    c->timeout_ms = c->timeout_ms ? c->timeout_ms : TIMEOUT_MS;
    if ((status = cli_open_device(c, &options, 0, &t.loop, &device)))
        goto done;
    if ((e = call(c, device, ctx)) && cli_interrupted)
        status = INTERRUPTED;
    else if ((e == D2D_STOPPED || e == D2D_TIMED_OUT) && t.why)
        status = cli_failed(what, t.why, t.detail);
    else if (e)
        status = cli_failed(what, e, d2d_device_detail(device));
done:
    d2d_device_free(device);
    cli_loop_free(t.loop);
    return status;
}
