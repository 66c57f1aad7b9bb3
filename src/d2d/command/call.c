#include "cli.h"

#include "clock.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* For jansson: whole numbers of any length, and U+0000, which payloads may have. */
#define ANY_NUMBER (JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

struct calling {
    int64_t wait_ms, response_ms;
    const char *device;
    struct d2d_question question;
    int status;
    char *payload;
    int64_t took_ms;
    enum status ended; /* the device did not answer, and that was said */
};

static const struct column columns[] = {{"status", "STATUS", 8}, {"payload", "PAYLOAD", 0}, {0}};

/* The hub was reached, and tells what became of the call. */
static enum status no_answer(const struct calling *k, enum d2d_err e)
{
    if (e == D2D_NO_CONNECTION) {
        complain("device \"%s\" is not connected, or does not listen to direct methods", k->device);
        advise("--wait T waits for it");
    } else if (e == D2D_CLOSED) {
        complain("the connection of device \"%s\" ended before it answered", k->device);
    } else {
        complain("device \"%s\" did not answer in time", k->device);
        advise("--response-timeout T waits longer");
    }
    return cli_status(e);
}

static enum d2d_err make_call(struct d2d_registry *registry, void *ctx)
{
    struct calling *k = ctx;
    int64_t began_ms = clock_ms(CLOCK_MONOTONIC);
    enum d2d_err e = d2d_registry_call(registry, k->device, &k->question, &k->status, &k->payload);
    bool told = strncmp(d2d_registry_detail(registry), "HTTP ", 5) == 0;

    k->took_ms = clock_ms(CLOCK_MONOTONIC) - began_ms;
    if (!told || (e != D2D_NO_CONNECTION && e != D2D_CLOSED && e != D2D_TIMED_OUT))
        return e;
    k->ended = no_answer(k, e);
    return D2D_OK;
}

static unsigned whole_seconds(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

static bool is_json(const char *text)
{
    json_t *root = json_loads(text, JSON_DECODE_ANY | ANY_NUMBER, NULL);

    json_decref(root);
    return root != NULL;
}

static void print(const struct calling *k, enum out_format format)
{
    json_t *payload = json_loads(k->payload, JSON_DECODE_ANY, NULL), *row = json_object();
    struct out out;

    if (!payload)
        payload = json_loads(k->payload, JSON_DECODE_ANY | ANY_NUMBER, NULL);
    json_object_set_new(row, "status", json_integer(k->status));
    json_object_set_new(row, "payload", payload ? payload : json_null());
    out_begin(&out, format, columns, "payload");
    out_row(&out, row);
}

static enum status call_run(struct cli *c, void *values, int n, char **argv)
{
    struct calling *k = values;
    const char *payload = n > 2 ? argv[3] : NULL;
    enum status status;

    if (payload && !is_json(payload))
        return cli_usage(&command_call,
                         "JSON must be well-formed, not \"%.60s\": a text needs quotes, as in '\"%.60s\"'", payload,
                         payload);
    if (!output_is_given())
        return FAILED; /* main() says why; an answer that cannot be shown is not asked for */
    k->device = argv[1];
    k->question =
        (struct d2d_question){D2D_QUESTION, .method = argv[2], .payload = payload,

                              .connect_s = whole_seconds(k->wait_ms), .response_s = whole_seconds(k->response_ms)};
    if ((status = cli_with_registry(c, make_call, k, strchr(argv[1], '/') ? A_MODULE : A_DEVICE, argv[1])) ||
        (status = k->ended))
        return status;
    print(k, c->format);
    say("answered after %lld ms", (long long)k->took_ms);
    free(k->payload);
    if (k->status >= 200 && k->status < 300)
        return DONE;
    say("d2d: device \"%s\" answered with status %d", k->device, k->status);
    return REFUSED;
}

static const struct opt options[] = {{"wait", "T", "wait this long for a device that is not connected (not at all)",
                                      OPT_DURATION, .offset = offsetof(struct calling, wait_ms), .most = 300000},
                                     {"response-timeout", "T", "wait this long for its answer (30s)", OPT_DURATION,
                                      .offset = offsetof(struct calling, response_ms), .least = 5000, .most = 300000},
                                     {0}};

const struct command command_call = {{.name = "call",
                                      .deed = "was called",
                                      .usage = "DEVICE[/MODULE] METHOD [JSON]",
                                      .summary = "call a direct method of a device, and print its answer",
                                      .examples = "d2d call garage open\n"
                                                  "d2d call garage open '{\"how\":\"slowly\"}' --wait 20s\n",
                                      .options = options,
                                      .least = 2,
                                      .most = 3,
                                      .first = OPT_DEVICE},
                                     call_run,
                                     sizeof(struct calling)};
