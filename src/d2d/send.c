#include "cli.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROPS_CAP = 256, BODY_CAP = 4 * 1024 * 1024 };

struct sending {
    struct d2d_message message;
    struct d2d_property properties[PROPS_CAP];
    char *copies[PROPS_CAP];
    const char *file, *qos, *content_type, *content_encoding, *message_id, *correlation_id, *user_id;
    struct d2d_loop *loop;
    struct d2d_device *device;
    enum d2d_err why;  /* of the first message that was not taken */
    enum d2d_err away; /* why there is no connection now */
    size_t sent;
};

static bool add_property(void *ctx, const char *text)
{
    struct sending *s = ctx;
    size_t n = s->message.n_properties;
    char *copy, *equals;

    if (n == PROPS_CAP || !(copy = strdup(text)))
        return false;
    s->copies[n] = copy;
    equals = strchr(copy, '=');
    if (!equals || equals == copy) {
        free(copy);
        return false;
    }
    *equals = 0;
    s->properties[n] = (struct d2d_property){copy, equals + 1};
    s->message.n_properties++;
    return true;
}

static void on_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    struct sending *s = ctx;

    (void)device;
    if (e && !s->why)
        s->why = e;
    s->sent += e == D2D_OK;
}

/* The hub said that these credentials are no good: waiting longer would not help. */
static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct sending *s = ctx;

    if (final) {
        s->why = why;
        d2d_loop_stop(s->loop);
    } else {
        s->away = why;
        say("d2d: %s (%s); trying again", d2d_err_text(why), d2d_device_detail(device));
    }
}

static void on_connected(void *ctx, struct d2d_device *device)
{
    struct sending *s = ctx;

    (void)device;
    s->away = D2D_OK;
}

static int64_t timeout_of(const struct cli *c)
{
    return c->timeout_ms ? c->timeout_ms : 30000;
}

/* Queues one; when the queue is full, waits for room. */
static enum d2d_err send_one(struct cli *c, struct sending *s, struct bytes body)
{
    enum d2d_qos qos = s->qos && strcmp(s->qos, "0") == 0 ? D2D_AT_MOST_ONCE : D2D_AT_LEAST_ONCE;
    enum d2d_err e;

    s->message.body = body.at;
    s->message.body_len = body.len;
    e = d2d_device_send(s->device, &s->message, qos, on_sent, s);
    if (e != D2D_OVER_QUOTA || d2d_device_pending(s->device) == 0)
        return e;
    if ((e = d2d_device_flush_wait(s->device, timeout_of(c))))
        return s->why ? s->why : e;
    return d2d_device_send(s->device, &s->message, qos, on_sent, s);
}

static enum d2d_err send_lines(struct cli *c, struct sending *s)
{
    char *line = NULL;
    size_t cap = 0;
    enum d2d_err e = D2D_OK;

    for (ssize_t n; !e && !cli_interrupted && (n = getline(&line, &cap, stdin)) >= 0;) {
        size_t len = (size_t)n;

        if (len && line[len - 1] == '\n')
            len--;
        e = send_one(c, s, bytes_of(line, len));
    }
    free(line);
    return e;
}

static enum d2d_err send_file(struct cli *c, struct sending *s)
{
    struct buf body = buf_max(BODY_CAP);
    FILE *f = fopen(s->file, "re");
    enum d2d_err e = D2D_ARGUMENT;
    uint8_t block[65536];

    if (!f) {
        fprintf(stderr, "d2d: %s cannot be read: %m\n", s->file);
        return D2D_ARGUMENT;
    }
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_put(&body, bytes_of(block, n));
    fclose(f);
    if (buf_check(&body) == OK)
        e = send_one(c, s, buf_bytes(&body));
    else
        fprintf(stderr, "d2d: %s is too large for a message\n", s->file);
    buf_free(&body);
    return e;
}

static enum status send_all(struct cli *c, struct sending *s, int n, char **argv)
{
    struct d2d_device_options options = {.connected = on_connected, .disconnected = on_disconnected, .ctx = s};
    enum status status;
    enum d2d_err e;

    if ((status = cli_who(c, STRING_DEVICE)))
        return status;
    cli_d2d_options(c, &options.common);
    if ((e = d2d_loop_new(&s->loop)) || (e = d2d_device_new(s->loop, &options, &s->device)))
        return cli_failed("the connection string", e, "");
    if (s->file)
        e = send_file(c, s);
    else if (strcmp(argv[1], "-") == 0)
        e = send_lines(c, s);
    for (int i = 1; !e && !s->file && strcmp(argv[1], "-") && i <= n; i++)
        e = send_one(c, s, bytes_str(argv[i]));
    if (!e)
        e = d2d_device_flush_wait(s->device, timeout_of(c));
    if (s->why)
        e = s->why;
    if (e == D2D_TIMED_OUT && s->away)
        e = s->away;
    if (e)
        return cli_interrupted ? INTERRUPTED : cli_failed("not sent", e, d2d_device_detail(s->device));
    say("%zu message%s of %s: on the hub's disk", s->sent, s->sent == 1 ? "" : "s", d2d_device_id(s->device));
    return DONE;
}

static enum status send_run(struct cli *c, int argc, char **argv)
{
    struct sending s = {0};
    const struct opt opts[] = {
        {"p", "NAME=VALUE", "a property; may come again and again", NULL, NULL, add_property, &s},
        {"file", "FILE", "the whole file as one message", &s.file, NULL, NULL, NULL},
        {"content-type", "TYPE", "application/json, …", &s.content_type, NULL, NULL, NULL},
        {"content-encoding", "ENCODING", "utf-8, …", &s.content_encoding, NULL, NULL, NULL},
        {"message-id", "ID", "", &s.message_id, NULL, NULL, NULL},
        {"correlation-id", "ID", "", &s.correlation_id, NULL, NULL, NULL},
        {"user-id", "ID", "", &s.user_id, NULL, NULL, NULL},
        {"qos", "0|1", "1 (the default) waits until the hub has it on disk", &s.qos, NULL, NULL, NULL},
        {0}};
    enum status status;
    bool stop;
    int n;

    status = cli_options(c, &command_send, opts, argc, argv, &n, &stop);
    s.message.properties = s.properties;
    s.message.content_type = s.content_type;
    s.message.content_encoding = s.content_encoding;
    s.message.message_id = s.message_id;
    s.message.correlation_id = s.correlation_id;
    s.message.user_id = s.user_id;
    if (status || stop)
        goto done;
    if (s.qos && strcmp(s.qos, "0") && strcmp(s.qos, "1"))
        status = cli_usage(&command_send, "--qos is 0 or 1");
    else if ((n == 0) == (s.file == NULL))
        status = cli_usage(&command_send, "which message?");
    else
        status = send_all(c, &s, n, argv);
done:
    d2d_device_free(s.device);
    d2d_loop_free(s.loop);
    for (size_t i = 0; i < s.message.n_properties; i++)
        free(s.copies[i]);
    return status;
}

const struct command command_send = {"send", "MESSAGE... | - | --file FILE",
                                     "send messages, and wait until the hub has them",
                                     "d2d send --as phone open\n"
                                     "d2d send --connection-string-file phone.cs -p colour=red '{\"door\":\"open\"}'\n"
                                     "journalctl -f | d2d send --as server -\n",
                                     send_run};
