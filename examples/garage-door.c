/* A garage door on libd2d: it moves a door that is drawn as text. Replace the drawing by a GPIO call to
 * move a real door.
 *
 * With --from it is a service: it listens only to the events of one device, and answers that device with a
 * cloud-to-device message, which waits in the device's mailbox until it connects. Its connection string must be of a
 * policy with the right ServiceConnect, in the file named by --connection-string-file or in D2D_CONNECTION_STRING.
 *
 * Without --from it is a device: its direct methods open, close and status move the door and answer whoever calls them,
 * messages to it do the same and are answered by an event, and its twin reports how the door is. With --tpm its key is
 * in a slot of this computer's TPM and never leaves it, and it needs no connection string file. */
#include <d2d.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct door {
    bool open;
    unsigned moves;
    struct d2d_operator *op; /* sends the answers; NULL with --tpm */
};

static struct d2d_loop *loop;

static void on_signal(int number)
{
    (void)number;
    d2d_loop_stop(loop);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void draw(const struct door *door)
{
    static const char *const open[] = {"   ________", "  /________\\", "  |        |", "  |        |", "  |        |"};
    static const char *const shut[] = {"   ________", "  /________\\", "  |========|", "  |========|", "  |========|"};

    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        puts(door->open ? open[i] : shut[i]);
}

static bool is(const void *body, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(body, word, len) == 0;
}

/* Moves the door. Returns the answer, or NULL for an unknown command. */
static const char *obey(struct door *door, const char *who, const void *body, size_t len)
{
    bool open = is(body, len, "open"), close = is(body, len, "close"), wanted = open || (door->open && !close);

    if (!open && !close && !is(body, len, "status")) {
        printf("garage-door: unknown command from %s; use open, close or status\n", who);
        return NULL;
    }
    if (wanted == door->open) {
        printf("garage-door: the door is still %s\n", door->open ? "open" : "shut");
        return door->open ? "still open" : "still shut";
    }
    door->open = wanted;
    door->moves++;
    draw(door);
    printf("garage-door: the door is %s (move %u)\n", door->open ? "open" : "shut", door->moves);
    return door->open ? "opened" : "closed";
}

/* ---- as a service: it receives the events of one device, and answers it ---------------------------------------- */

static void on_answered(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id)
{
    (void)ctx;
    (void)message_id;
    if (e)
        fprintf(stderr, "garage-door: no answer: %s (%s)\n", d2d_err_text(e), d2d_operator_detail(op));
}

/* The correlation id is the id of the message that it answers. */
static void answer(struct door *door, const struct d2d_event *event, const char *text)
{
    struct d2d_message message = {.body = text, .body_len = strlen(text), .ttl_ms = 10 * 60 * 1000};
    enum d2d_err e;

    if (*event->message_id)
        message.correlation_id = event->message_id;
    e = d2d_operator_send(door->op, event->device, &message, on_answered, NULL);
    if (e)
        on_answered(NULL, door->op, e, "");
}

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    struct door *door = ctx;
    const char *said;

    (void)receiver;
    printf("garage-door: %s says \"%.*s\", %" PRId64 " ms after the hub had it on disk\n", event->device,
           (int)event->body_len, (const char *)event->body, now_ms() - event->enqueued_ms);
    if ((said = obey(door, event->device, event->body, event->body_len)))
        answer(door, event, said);
    fflush(stdout);
}

static void on_listening(void *ctx, struct d2d_receiver *receiver)
{
    (void)ctx;
    printf("garage-door: listening%s\n",
           d2d_receiver_filtered_by_hub(receiver) ? "; the hub sends only the events of this device" : "");
    fflush(stdout);
}

static void on_disconnected(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    (void)ctx;
    fprintf(stderr, "garage-door: %s (%s)%s\n", d2d_err_text(why), d2d_receiver_detail(receiver),
            final ? "" : "; trying again");
    if (final)
        d2d_loop_stop(loop);
}

static void on_operator_disconnected(void *ctx, struct d2d_operator *op, enum d2d_err why, bool final)
{
    (void)ctx;
    fprintf(stderr, "garage-door: answers: %s (%s)%s\n", d2d_err_text(why), d2d_operator_detail(op),
            final ? "" : "; trying again");
    if (final)
        d2d_loop_stop(loop);
}

static enum d2d_err run_as_service(struct door *door, const struct d2d_options *common, const char *device)
{
    const char *devices[] = {device, NULL};
    struct d2d_receiver_options options = {.size = sizeof options,
                                           .common = *common,
                                           .devices = devices,
                                           .event = on_event,
                                           .listening = on_listening,
                                           .disconnected = on_disconnected,
                                           .ctx = door};
    struct d2d_operator_options answers = {
        .size = sizeof answers, .common = *common, .disconnected = on_operator_disconnected};
    struct d2d_receiver *receiver = NULL;
    enum d2d_err e;

    if (!(e = d2d_operator_new(loop, &answers, &door->op)) && !(e = d2d_receiver_new(loop, &options, &receiver))) {
        printf("garage-door: the door is shut; it obeys %s\n", device);
        fflush(stdout);
        d2d_loop_run(loop, -1);
    }
    d2d_receiver_free(receiver);
    d2d_operator_free(door->op);
    return e;
}

/* ---- as a device ----------------------------------------------------------------------------------------------- */

static void on_reported(void *ctx, struct d2d_device *device, enum d2d_err e, int64_t version, const char *json,
                        size_t json_len)
{
    (void)ctx, (void)version, (void)json, (void)json_len;
    if (e && e != D2D_CLOSED)
        fprintf(stderr, "garage-door: not reported: %s (%s)\n", d2d_err_text(e), d2d_device_detail(device));
}

/* The twin keeps the last state, for whoever looks while the door is offline. */
static void report(const struct door *door, struct d2d_device *device)
{
    char state[64];
    int len =
        snprintf(state, sizeof state, "{\"door\":\"%s\",\"moves\":%u}", door->open ? "open" : "shut", door->moves);
    enum d2d_err e = d2d_device_report(device, state, (size_t)len, on_reported, NULL);

    if (e)
        on_reported(NULL, device, e, 0, NULL, 0);
}

/* The name of the method is the command. The caller waits for the answer: 200 and how the door is now. */
static void on_call(void *ctx, struct d2d_device *device, const struct d2d_call *call)
{
    struct door *door = ctx;
    const char *said = obey(door, "a caller", call->method, strlen(call->method));
    char payload[64] = "\"use open, close or status\"";

    if (said)
        snprintf(payload, sizeof payload, "{\"door\":\"%s\"}", door->open ? "open" : "shut");
    if (d2d_device_answer(device, call->id, said ? 200 : 404, payload, strlen(payload)))
        fprintf(stderr, "garage-door: not answered: %s\n", d2d_device_detail(device));
    report(door, device);
    fflush(stdout);
}

static void on_message(void *ctx, struct d2d_device *device, const struct d2d_c2d *message)
{
    const char *said = obey(ctx, "the hub", message->body, message->body_len);
    struct d2d_message answer = {.body = said};
    enum d2d_err e;

    if (said) {
        answer.body_len = strlen(said);
        if (*message->message_id)
            answer.correlation_id = message->message_id;
        if ((e = d2d_device_send(device, &answer, D2D_AT_LEAST_ONCE, NULL, NULL)))
            fprintf(stderr, "garage-door: no answer: %s (%s)\n", d2d_err_text(e), d2d_device_detail(device));
        report(ctx, device);
    }
    fflush(stdout);
}

static void on_device_listening(void *ctx, struct d2d_device *device)
{
    printf("garage-door: listening as %s\n", d2d_device_id(device));
    fflush(stdout);
    report(ctx, device);
}

static void on_device_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    (void)ctx;
    fprintf(stderr, "garage-door: %s (%s)%s\n", d2d_err_text(why), d2d_device_detail(device),
            final ? "" : "; trying again");
    if (final)
        d2d_loop_stop(loop);
}

/* slot NULL: its key is in the connection string. D2D_TCTI in the environment selects another TPM. */
static enum d2d_err run_as_device(struct door *door, const struct d2d_options *common, const char *slot)
{
    struct d2d_device_options options = {.size = sizeof options,
                                         .common = *common,
                                         .c2d = on_message,
                                         .auto_complete = true,
                                         .call = on_call,
                                         .listening = on_device_listening,
                                         .disconnected = on_device_disconnected,
                                         .ctx = door};
    struct d2d_device *device = NULL;
    char string[1024], why[200];
    enum d2d_err e;

    if (slot) {
        if ((e = d2d_tpm_string(NULL, (unsigned)strtoul(slot, NULL, 10), string, sizeof string, why))) {
            fprintf(stderr, "garage-door: %s\n", why);
            return e;
        }
        options.common.connection_string = string;
    }
    if (!(e = d2d_device_new(loop, &options, &device))) {
        d2d_loop_run(loop, -1);
        d2d_device_flush_wait(device, 1000);
    }
    d2d_device_free(device);
    return e;
}

/* ---- the command line ------------------------------------------------------------------------------------------ */

/* The first line of a file. */
static bool read_line(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    bool read = f && fgets(out, (int)cap, f);

    if (f)
        fclose(f);
    if (read)
        out[strcspn(out, "\r\n")] = 0;
    return read;
}

static int usage(void)
{
    fputs("usage: garage-door --from DEVICE [--connection-string-file FILE] [--ca-file FILE] [--amqps-port N]\n"
          "       garage-door --connection-string-file FILE [--ca-file FILE] [--mqtts-port N]\n"
          "       garage-door --tpm SLOT [--ca-file FILE] [--mqtts-port N]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct door door = {0};
    struct d2d_options common = {D2D_OPTIONS, .ca_file = getenv("D2D_CA_FILE")};
    const char *environment = getenv("D2D_CONNECTION_STRING"), *from = NULL, *slot = NULL;
    char string[4096] = "";
    enum d2d_err e;

    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (!value)
            return usage();
        if (strcmp(argv[i], "--from") == 0)
            from = value;
        else if (strcmp(argv[i], "--tpm") == 0)
            slot = value;
        else if (strcmp(argv[i], "--ca-file") == 0)
            common.ca_file = value;
        else if (strcmp(argv[i], "--amqps-port") == 0)
            common.amqps_port = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--mqtts-port") == 0)
            common.mqtts_port = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--connection-string-file") != 0 || !read_line(value, string, sizeof string))
            return usage();
    }
    if (!string[0] && environment)
        snprintf(string, sizeof string, "%s", environment);
    if ((from && slot) || (!slot && !string[0]))
        return usage();
    common.connection_string = string;

    if (!(e = d2d_loop_new(&loop))) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        draw(&door);
        e = from ? run_as_service(&door, &common, from) : run_as_device(&door, &common, slot);
    }
    if (e)
        fprintf(stderr, "garage-door: %s\n", d2d_err_text(e));
    d2d_loop_free(loop);
    return e ? 1 : 0;
}
