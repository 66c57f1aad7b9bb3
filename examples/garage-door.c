/* A garage door on libd2d: it listens to the events of one device, and to nobody else's, moves a door that is drawn as text, and
 * answers that device with a cloud-to-device message, which waits for it if it is away. Put a GPIO call where the drawing is,
 * and it moves a real one.
 *
 * It runs the service role itself, as the classic receiver does: its connection string is that of a policy with the right
 * ServiceConnect, in the file named by --connection-string-file or in D2D_CONNECTION_STRING. */
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
    struct d2d_operator *op; /* who answers */
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

static bool is(const struct d2d_event *event, const char *word)
{
    return event->body_len == strlen(word) && memcmp(event->body, word, event->body_len) == 0;
}

static void on_answered(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id)
{
    (void)ctx;
    (void)message_id;
    if (e)
        fprintf(stderr, "garage-door: no answer: %s (%s)\n", d2d_err_text(e), d2d_operator_detail(op));
}

/* The correlation id says what it is the answer to. */
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
    bool wanted = is(event, "open") || (door->open && !is(event, "close"));

    (void)receiver;
    if (!is(event, "open") && !is(event, "close") && !is(event, "status")) {
        printf("garage-door: %s says something that a door does not understand\n", event->device);
        fflush(stdout);
        return;
    }
    printf("garage-door: %s says \"%.*s\", %" PRId64 " ms after the hub had it on disk\n", event->device,
           (int)event->body_len, (const char *)event->body, now_ms() - event->enqueued_ms);
    if (wanted != door->open) {
        door->open = wanted;
        door->moves++;
        draw(door);
        printf("garage-door: the door is %s (move %u)\n", door->open ? "open" : "shut", door->moves);
        answer(door, event, door->open ? "opened" : "closed");
    } else {
        printf("garage-door: the door is still %s\n", door->open ? "open" : "shut");
        answer(door, event, door->open ? "still open" : "still shut");
    }
    fflush(stdout);
}

static void on_listening(void *ctx, struct d2d_receiver *receiver)
{
    (void)ctx;
    printf("garage-door: listening%s\n",
           d2d_receiver_filtered_by_hub(receiver) ? "; the hub sends only what is meant for me" : "");
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
    fputs("usage: garage-door --from DEVICE [--connection-string-file FILE] [--ca-file FILE] [--amqps-port N]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct door door = {0};
    const char *devices[] = {NULL, NULL};
    char string[4096] = "";
    struct d2d_receiver_options options = {.devices = devices,
                                           .event = on_event,
                                           .listening = on_listening,
                                           .disconnected = on_disconnected,
                                           .ctx = &door};
    struct d2d_operator_options answers = {.disconnected = on_operator_disconnected};
    struct d2d_receiver *receiver = NULL;
    const char *environment = getenv("D2D_CONNECTION_STRING");
    enum d2d_err e;

    options.common.ca_file = getenv("D2D_CA_FILE");
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (!value)
            return usage();
        if (strcmp(argv[i], "--from") == 0)
            devices[0] = value;
        else if (strcmp(argv[i], "--ca-file") == 0)
            options.common.ca_file = value;
        else if (strcmp(argv[i], "--amqps-port") == 0)
            options.common.amqps_port = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--connection-string-file") != 0 || !read_line(value, string, sizeof string))
            return usage();
    }
    if (!string[0] && environment)
        snprintf(string, sizeof string, "%s", environment);
    if (!devices[0] || !string[0])
        return usage();
    options.common.connection_string = string;
    answers.common = options.common;

    if ((e = d2d_loop_new(&loop)) == D2D_OK && (e = d2d_operator_new(loop, &answers, &door.op)) == D2D_OK &&
        (e = d2d_receiver_new(loop, &options, &receiver)) == D2D_OK) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        draw(&door);
        printf("garage-door: the door is shut; I obey %s\n", devices[0]);
        fflush(stdout);
        d2d_loop_run(loop, -1);
    } else {
        fprintf(stderr, "garage-door: %s\n", d2d_err_text(e));
    }
    d2d_receiver_free(receiver);
    d2d_operator_free(door.op);
    d2d_loop_free(loop);
    return e ? 1 : 0;
}
