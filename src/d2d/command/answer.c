#include "cli.h"
#include "exec.h"
#include "with_device.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Statuses of answers: SDKs give these numbers for the same. */
enum { GOOD = 200, PROGRAM_FAILED = 500, NO_SUCH_METHOD = 501, ANSWER_MAX = 128 * 1024 };

struct answering {
    const char *exec, *method;
    uint64_t most, answered;
    struct list execs; /* the first one runs */
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why, away;
    bool listened;
};

static void give(struct answering *h, uint64_t id, int status, struct bytes payload)
{
    if (d2d_device_answer(h->device, id, status, payload.at, payload.len))
        say("d2d: a call is not answered: %s", d2d_device_detail(h->device));
}

static void on_call(void *ctx, struct d2d_device *device, const struct d2d_call *call)
{
    struct answering *h = ctx;
    const struct variable variables[] = {{"D2D_DEVICE", d2d_device_id(device)}, {"D2D_METHOD", call->method}, {0}};
    struct exec *x;

    h->device = device;
    if (strcmp(call->method, h->method)) {
        give(h, call->id, NO_SUCH_METHOD, NO_BYTES);
        return;
    }
    x = exec_new(&(struct occasion){.variables = variables, .body = call->payload, .body_len = call->payload_len});
    if (!x) {
        give(h, call->id, PROGRAM_FAILED, NO_BYTES);
        return;
    }
    x->lock = call->id;
    x->keeps = true;
    list_add(&h->execs, &x->link);
    d2d_loop_stop(h->loop);
}

static void on_listening(void *ctx, struct d2d_device *device)
{
    struct answering *h = ctx;

    h->away = D2D_OK;
    if (!h->listened)
        say("listening as %s", d2d_device_id(device));
    h->listened = true;
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct answering *h = ctx;

    if (!final) {
        cli_is_away(&h->away, why, d2d_device_detail(device));
        return;
    }
    h->why = why;
    d2d_loop_stop(h->loop);
}

/* The output of the program: JSON as it is, nothing as nothing, and everything else as a text. */
static bool put_payload(const struct exec *x, struct buf *out)
{
    struct buf printed = buf_max(ANSWER_MAX);
    struct bytes text;
    json_t *root;
    bool good;

    good = exec_output(x, &printed);
    text = bytes_trim(buf_bytes(&printed));
    /* Whole numbers of any length, and U+0000: they only pass through. */
    size_t flags = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL;
    root = text.len ? json_loadb((const char *)text.at, text.len, flags, NULL) : NULL;
    if (root)
        buf_put(out, text);
    else if (text.len)
        buf_put_json(out, text);
    json_decref(root);
    buf_free(&printed);
    return good && !out->bad;
}

static void end_exec(struct answering *h, struct exec *x, int ended)
{
    struct buf payload = buf_max(ANSWER_MAX);

    if (ended)
        say("d2d: \"%s\" ended with status %d", h->exec, ended);
    if (x->output >= 0 && !put_payload(x, &payload)) {
        say("d2d: what \"%s\" printed is more than %d bytes, or not UTF-8", h->exec, ANSWER_MAX);
        buf_clear(&payload);
        ended = -1;
    }
    give(h, x->lock, ended ? PROGRAM_FAILED : GOOD, payload.bad ? NO_BYTES : buf_bytes(&payload));
    h->answered++;
    buf_free(&payload);
    list_del(&x->link);
    exec_free(x);
}

static void run_execs(struct answering *h)
{
    while (!list_empty(&h->execs)) {
        struct exec *x = LIST_OF(h->execs.next, struct exec, link);
        int ended = -1;

        if (!x->child) {
            if (cli_interrupted)
                return;
            if (exec_start(x, h->exec))
                continue;
            say("d2d: \"%s\" cannot be started: %m", h->exec);
        } else if (!exec_ended(x, cli_interrupted != 0, &ended)) {
            return;
        }
        end_exec(h, x, ended);
    }
}

static bool goes_on(const struct answering *h)
{
    return !cli_interrupted && !h->why && !(h->most && h->answered >= h->most);
}

static enum status answer_calls(struct cli *c, struct answering *h)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .call = on_call, .listening = on_listening,
                                         .disconnected = on_disconnected, .ctx = h};
    enum status status = cli_choose_identity(c, STRING_DEVICE);

    cli_watch_children();
    if (status || (status = cli_open_device(c, &options, 0, &h->loop, &h->device)))
        return status;
    while (goes_on(h)) {
        if (d2d_loop_run(h->loop, c->timeout_ms ? c->timeout_ms : -1) == D2D_TIMED_OUT)
            return h->listened ? TIMED_OUT : cli_failed("the calls", D2D_TIMED_OUT, d2d_device_detail(h->device));
        run_execs(h);
    }
    run_execs(h);
    d2d_device_flush_wait(h->device, 1000); /* the last answer leaves */
    if (h->why)
        return cli_failed("the calls", h->why, d2d_device_detail(h->device));
    return cli_interrupted ? INTERRUPTED : DONE;
}

static enum status answer_run(struct cli *c, void *values, int n, char **argv)
{
    struct answering *h = values;
    enum status status;

    (void)n;
    h->method = argv[1];
    list_init(&h->execs);
    if (!h->exec)
        return cli_usage(&command_answer, "--exec is missing: the CMD that answers");
    status = answer_calls(c, h);
    LIST_EACH (&h->execs, it)
        exec_free(LIST_OF(it, struct exec, link));
    d2d_device_free(h->device);
    cli_loop_free(h->loop);
    return status;
}

static const struct opt options[] = {{"n", "COUNT", "stop after this many", OPT_NUMBER,
                                      .offset = offsetof(struct answering, most), .least = 1, .most = INT64_MAX},
                                     {"exec", "CMD",
                                      "run CMD for each call: payload on stdin; what it prints is the answer", OPT_TEXT,
                                      .offset = offsetof(struct answering, exec)},
                                     {0}};

const struct command command_answer = {{.name = "answer",
                                        .usage = "METHOD --exec CMD [-n COUNT]",
                                        .summary = "answer a direct method as a device",
                                        .examples = "d2d answer open --as garage --exec ./open-door.sh\n",
                                        .options = options,
                                        .least = 1,
                                        .most = 1},
                                       answer_run,
                                       sizeof(struct answering)};
