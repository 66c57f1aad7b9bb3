/* Reaches the hub by each protocol with what this command has, and says what to do about what does not work.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column check_columns[] = {
    {"protocol", "PROTOCOL", 10}, {"result", "RESULT", 8}, {"detail", "DETAIL", 0}, {0}};

struct check {
    struct cli *cli;
    struct d2d_loop *loop;
    struct out out;
    enum d2d_err why;
    enum status worst;
};

static void report(struct check *k, const char *protocol, enum d2d_err e, const char *detail)
{
    char text[512];

    if (cli_interrupted) /* it was not tried to its end */
        return;
    snprintf(text, sizeof text, "%s%s%s%s%s", e ? d2d_err_text(e) : "", e && *detail ? ": " : "", e ? detail : "",
             e && *cli_remedy(e, detail) ? "; " : "", cli_remedy(e, detail));
    out_row(&k->out, json_pack("{ss ss ss}", "protocol", protocol, "result", e ? "problem" : "ok", "detail", text));
    if (e && !k->worst)
        k->worst = cli_status(e);
}

static void on_device_connected(void *ctx, struct d2d_device *device)
{
    struct check *k = ctx;

    (void)device;
    k->why = D2D_OK;
    d2d_loop_stop(k->loop);
}

static void on_device_failed(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct check *k = ctx;

    (void)device;
    (void) final;
    k->why = why;
    d2d_loop_stop(k->loop);
}

/* As the transport says: "amqps-ws". */
static const char *protocol_of(const char *protocol, enum d2d_transport transport, char name[16])
{
    bool websocket = transport == D2D_MQTT_WS || transport == D2D_AMQP_WS;

    snprintf(name, 16, "%s%s", protocol, websocket ? "-ws" : "");
    return name;
}

static void check_device(struct check *k)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .once = true, .connected = on_device_connected,
                                         .disconnected = on_device_failed, .ctx = k};
    struct d2d_device *device = NULL;
    char name[16];

    cli_fill_options(k->cli, &options.common);
    k->why = d2d_device_new(k->loop, &options, &device);
    if (!k->why) {
        k->why = D2D_TIMED_OUT;
        d2d_loop_run(k->loop, options.common.timeout_ms ? options.common.timeout_ms : 30000);
    }
    report(k, protocol_of(cli_speaks_amqp(k->cli) ? "amqps" : "mqtts", options.common.transport, name), k->why,
           device ? d2d_device_detail(device) : cli_why_not());
    d2d_device_free(device);
}

static void on_receiver_listening(void *ctx, struct d2d_receiver *receiver)
{
    struct check *k = ctx;

    (void)receiver;
    k->why = D2D_OK;
    d2d_loop_stop(k->loop);
}

static void on_receiver_failed(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    struct check *k = ctx;

    (void)receiver;
    (void) final;
    k->why = why;
    d2d_loop_stop(k->loop);
}

static void ignore_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    (void)ctx;
    (void)receiver;
    (void)event;
}

static void check_receiver(struct check *k)
{
    struct d2d_receiver_options options = {D2D_RECEIVER_OPTIONS,
                                           .once = true,
                                           .event = ignore_event,
                                           .listening = on_receiver_listening,
                                           .disconnected = on_receiver_failed,
                                           .ctx = k};
    struct d2d_receiver *receiver = NULL;
    char name[16];

    cli_fill_options(k->cli, &options.common);
    k->why = d2d_receiver_new(k->loop, &options, &receiver);
    if (!k->why) {
        k->why = D2D_TIMED_OUT;
        d2d_loop_run(k->loop, options.common.timeout_ms ? options.common.timeout_ms : 30000);
    }
    report(k, protocol_of("amqps", options.common.transport, name), k->why,
           receiver ? d2d_receiver_detail(receiver) : cli_why_not());
    d2d_receiver_free(receiver);
}

static void check_https(struct check *k)
{
    struct d2d_registry *registry = NULL;
    struct d2d_identity *found = NULL;
    struct d2d_options options;
    enum d2d_err e;
    size_t n;

    cli_fill_options(k->cli, &options);
    if (!(e = d2d_registry_new(k->loop, &options, &registry)))
        e = d2d_registry_list(registry, 1, &found, &n);
    report(k, "https", e, registry ? d2d_registry_detail(registry) : cli_why_not());
    free(found);
    d2d_registry_free(registry);
}

static enum status check_run(struct cli *c, void *values, int n, char **argv)
{
    struct check k = {.cli = c};
    char field[300];
    enum status status;

    (void)values;
    (void)n;
    (void)argv;
    if ((status = cli_choose_identity(c, STRING_ANY)))
        return status;
    if (cli_loop_new(&k.loop))
        return FAILED;
    out_begin(&k.out, c->format, check_columns, "result");
    if (d2d_connection_string_field(c->connection_string, "DeviceId", field, sizeof field) == D2D_OK) {
        check_device(&k);
    } else {
        if (d2d_connection_string_field(c->connection_string, "Endpoint", field, sizeof field))
            check_https(&k);
        if (!cli_interrupted)
            check_receiver(&k);
        out_row(&k.out, json_pack("{ss ss ss}", "protocol", "mqtts", "result", "skipped", "detail",
                                  "only devices use it: `d2d check --as DEVICE` tests it"));
    }
    cli_loop_free(k.loop);
    return cli_interrupted ? INTERRUPTED : k.worst;
}

const struct command command_check = {{.name = "check",
                                       .usage = "",
                                       .summary = "test each way to connect to the hub, and print what to do",
                                       .examples = "d2d check\nd2d check --as phone\n"},
                                      check_run,
                                      0};
