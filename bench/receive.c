/* bench-receive: what the hub pays for those who only hear. Receivers that read all events that are there, over AMQP:
 * processor time of the hub for each event that one of them was given. Or devices that are connected and silent, over
 * each transport: memory of the hub a connection. */
#include "bytes.h"
#include "d2d.h"
#include "tally.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 10000, LINE_MAX_LEN = 1024, PATIENCE_US = 60000000 };

struct bench {
    struct d2d_options common;
    const char *devices_file; /* idle devices; NULL: receivers */
    uint64_t clients, events, seconds;
    int server_pid;
    struct d2d_loop *loop;
    uint64_t ready, heard, bytes;
    bool failed;
};

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    struct bench *b = ctx;

    (void)receiver;
    b->heard++;
    b->bytes += event->body_len;
}

static void on_no_receiver(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    struct bench *b = ctx;

    (void) final;
    fprintf(stderr, "bench-receive: %s: %s\n", d2d_err_text(why), d2d_receiver_detail(receiver));
    b->failed = true;
}

static void on_device(void *ctx, struct d2d_device *device)
{
    (void)device;
    ((struct bench *)ctx)->ready++;
}

static void on_no_device(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct bench *b = ctx;

    (void) final;
    fprintf(stderr, "bench-receive: %s: %s\n", d2d_err_text(why), d2d_device_detail(device));
    b->failed = true;
}

/* True when it has come so far in time. */
static bool until(struct bench *b, const uint64_t *count, uint64_t wanted)
{
    int64_t last_us = monotonic_us();
    uint64_t before = *count;

    while (!b->failed && *count < wanted && monotonic_us() - last_us < PATIENCE_US) {
        (void)d2d_loop_run(b->loop, 20);
        if (*count != before) {
            before = *count;
            last_us = monotonic_us();
        }
    }
    return *count >= wanted;
}

static bool receive(struct bench *b, struct d2d_receiver **all)
{
    struct d2d_receiver_options o = {
        D2D_RECEIVER_OPTIONS, .position.from = D2D_FROM_EARLIEST, .credit = 1000, .once = true,
        .event = on_event,    .disconnected = on_no_receiver,     .ctx = b};
    uint64_t cpu_us = process_cpu_us(b->server_pid);
    int64_t began_us = monotonic_us();
    bool fine = true;

    o.common = b->common;
    for (uint64_t i = 0; fine && i < b->clients; i++)
        fine = !d2d_receiver_new(b->loop, &o, &all[i]);
    fine = fine && until(b, &b->heard, b->clients * b->events);
    cpu_us = process_cpu_us(b->server_pid) - cpu_us;
    printf("{\"receivers\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"per_second\":%.0f,\"cpu_us_a_message\":%.3f}\n",
           b->clients, b->heard, b->bytes, (double)b->heard / ((double)(monotonic_us() - began_us) / 1e6),
           (double)cpu_us / (double)(b->heard ? b->heard : 1));
    for (uint64_t i = 0; i < b->clients; i++)
        d2d_receiver_free(all[i]);
    return fine;
}

/* A few at a time, so that the handshakes do not time out behind each other. */
static bool connect_up_to(struct bench *b, FILE *f, struct d2d_device **all, uint64_t from, uint64_t to)
{
    struct d2d_device_options o = {D2D_DEVICE_OPTIONS, .once = true, .connected = on_device,
                                   .disconnected = on_no_device, .ctx = b};
    char line[LINE_MAX_LEN];

    o.common = b->common;
    for (uint64_t i = from; i < to; i++) {
        if (!fgets(line, sizeof line, f))
            return false;
        line[strcspn(line, "\n")] = 0;
        o.common.connection_string = line;
        if (d2d_device_new(b->loop, &o, &all[i]) || (i % 16 == 15 && !until(b, &b->ready, i + 1)))
            return false;
    }
    return until(b, &b->ready, to);
}

/* Memory as it is after a rest, in which what follows a log-in is done. */
static uint64_t rested_rss(struct bench *b)
{
    for (int64_t end_us = monotonic_us() + (int64_t)b->seconds * 1000000; monotonic_us() < end_us;)
        (void)d2d_loop_run(b->loop, 50);
    return process_rss(b->server_pid);
}

/* The first quarter brings into memory what all of them share, program pages too; what the others cost is counted. */
static bool idle(struct bench *b, struct d2d_device **all)
{
    uint64_t first = b->clients / 4, rss;
    FILE *f = fopen(b->devices_file, "r");
    bool fine = f && connect_up_to(b, f, all, 0, first);

    rss = rested_rss(b);
    fine = fine && connect_up_to(b, f, all, first, b->clients);
    printf("{\"connections\":%" PRIu64 ",\"bytes_a_connection\":%.0f}\n", b->clients,
           ((double)rested_rss(b) - (double)rss) / (double)(b->clients - first));
    for (uint64_t i = 0; i < b->clients; i++)
        d2d_device_free(all[i]);
    if (f)
        fclose(f);
    return fine && !b->failed;
}

static bool transport_of(const char *name, enum d2d_transport *out)
{
    static const char *const names[] = {
        [D2D_MQTT] = "mqtt", [D2D_MQTT_WS] = "mqtt-ws", [D2D_AMQP] = "amqp", [D2D_AMQP_WS] = "amqp-ws"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name)) {
            *out = (enum d2d_transport)i;
            return true;
        }
    return false;
}

static bool options_read(struct bench *b, int argc, char **argv)
{
    uint64_t port = 0;
    int got;

    while ((got = getopt(argc, argv, "c:m:a:h:d:s:t:n:e:w:p:")) != -1) {
        bool fine = true;

        switch (got) {
        case 'c':
            b->common.ca_file = optarg;
            break;
        case 'd':
            b->devices_file = optarg;
            break;
        case 's':
            b->common.connection_string = optarg;
            break;
        case 't':
            fine = transport_of(optarg, &b->common.transport);
            break;
        case 'n':
            fine = bytes_to_u64(bytes_str(optarg), &b->clients);
            break;
        case 'e':
            fine = bytes_to_u64(bytes_str(optarg), &b->events);
            break;
        case 'w':
            fine = bytes_to_u64(bytes_str(optarg), &b->seconds);
            break;
        default:
            fine = strchr("mahp", got) && bytes_to_u64(bytes_str(optarg), &port);
            *(got == 'm'   ? &b->common.mqtts_port
              : got == 'a' ? &b->common.amqps_port
              : got == 'h' ? &b->common.https_port
                           : &b->server_pid) = (int)port;
        }
        if (!fine)
            return false;
    }
    return optind == argc && b->clients && b->clients <= CLIENTS_MAX &&
           (b->devices_file || b->common.connection_string);
}

int main(int argc, char **argv)
{
    static struct bench b = {.common = {D2D_OPTIONS, .host = "127.0.0.1"}, .clients = 1, .seconds = 2};
    void **all;
    bool fine;

    if (!options_read(&b, argc, argv)) {
        fputs("usage: bench-receive -c CA -p PID [-m PORT] [-a PORT] [-h PORT] [-n CLIENTS]\n"
              "  -s SERVICE -e EVENTS | -d DEVICES -t mqtt|mqtt-ws|amqp|amqp-ws [-w SECONDS]\n",
              stderr);
        return 2;
    }
    all = calloc((size_t)b.clients, sizeof *all);
    fine = all && !d2d_loop_new(&b.loop) &&
           (b.devices_file ? idle(&b, (struct d2d_device **)all) : receive(&b, (struct d2d_receiver **)all));
    d2d_loop_free(b.loop);
    free(all);
    return !fine;
}
