/* bench-login: devices that log in over MQTT and leave again, at a fixed rate, from one thread. The times are fixed
 * before the run, and waiting is counted from there. With --wrong they have keys that are not theirs, and do not wait
 * for the answer to the one before. */
#include "client.h"
#include "tally.h"
#include "text.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

enum { DEVICES_MAX = 1000, LEFT_US = 10000000, TURN_MS = 1 };

struct bench {
    const char *ca_file, *devices_file;
    uint64_t port, rate, seconds, server_pid;
    bool wrong;
    struct device devices[DEVICES_MAX];
    size_t n;
    struct net_loop *loop;
    struct tls *tls;
    struct hist login;
    uint64_t open, let_in, refused, busy, lost;
};

/* An attempt; it is freed when its connection is gone. */
struct attempt {
    struct talk talk; /* first */
    struct bench *bench;
    const struct device *device;
    int64_t due_us;
};

static void gone(struct attempt *a)
{
    a->bench->open--;
    if (!a->talk.over)
        a->bench->lost++;
    free(a);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct attempt *a = (struct attempt *)(void *)t;
    struct mqtt_packet p;
    size_t used;

    (void)now_ms;
    if (t->over || mqtt_decode(in, PACKET_LEN_MAX, &p, &used) != MQTT_PACKET)
        return t->over ? in.len : 0;
    talk_end(t, OK);
    if (p.type != MQTT_CONNACK) {
        a->bench->lost++;
    } else if (p.connack.code == MQTT_ACCEPTED) {
        hist_add(&a->bench->login, monotonic_us() - a->due_us);
        a->bench->let_in++;
    } else if (p.connack.code == MQTT_UNAVAILABLE) {
        a->bench->busy++;
    } else {
        a->bench->refused++;
    }
    return in.len;
}

static void start(struct talk *t, int64_t now_ms)
{
    const struct device *d = ((struct attempt *)(void *)t)->device;

    (void)now_ms;
    device_put_connect(d, t->out);
}

static void wake(struct talk *t, int64_t now_ms)
{
    (void)t, (void)now_ms;
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    (void)t, (void)now_ms;
    return INT64_MAX;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    (void)why, (void)now_ms;
    gone((struct attempt *)(void *)t);
}

static enum err accepted(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms, struct talk **talk)
{
    static const struct talk_ops ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .name = "login"};
    struct attempt *a = ctx;

    (void)conn, (void)peer, (void)now_ms;
    a->talk = (struct talk){.ops = &ops, .proved = true};
    *talk = &a->talk;
    return OK;
}

static void unreachable(void *ctx, enum err e, const char *detail)
{
    (void)e, (void)detail;
    gone(ctx);
}

static bool begin_attempt(struct bench *b, uint64_t i, int64_t due_us)
{
    struct attempt *a = calloc(1, sizeof *a);
    struct net_connect_options options = {.host = "127.0.0.1",
                                          .port = (int)b->port,
                                          .name = "localhost",
                                          .tls = b->tls,
                                          .accept = accepted,
                                          .accept_ctx = a,
                                          .failed = unreachable,
                                          .timeout_ms = 10000};

    if (!a)
        return false;
    *a = (struct attempt){.bench = b, .device = &b->devices[i % b->n], .due_us = due_us};
    b->open++;
    if (!net_connect(b->loop, &options))
        return true;
    gone(a);
    return false;
}

static bool devices_read(struct bench *b)
{
    FILE *f = fopen(b->devices_file, "r");
    char line[1024];
    bool good = f;

    while (good && b->n < DEVICES_MAX && fgets(line, sizeof line, f))
        good = device_read(line, b->wrong, &b->devices[b->n++]) == OK;
    if (f)
        fclose(f);
    return good && b->n;
}

static void run(struct bench *b)
{
    int64_t began_us = monotonic_us(), due_us = began_us, ends_us = began_us + (int64_t)b->seconds * 1000000;
    uint64_t i = 0, cpu_us = process_cpu_us((int)b->server_pid);

    while (due_us < ends_us) {
        for (int64_t now_us = monotonic_us(); due_us <= now_us && due_us < ends_us; i++) {
            if (!begin_attempt(b, i, due_us))
                b->lost++;
            due_us = began_us + (int64_t)((i + 1) * 1000000 / b->rate);
        }
        turn(b->loop, TURN_MS);
    }
    while (b->open && monotonic_us() < ends_us + LEFT_US)
        turn(b->loop, TURN_MS);
    cpu_us = process_cpu_us((int)b->server_pid) - cpu_us;
    printf("{\"tries\":%" PRIu64 ",\"let_in\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"busy\":%" PRIu64
           ",\"lost\":%" PRIu64 ",\"server_cpu_us\":%" PRIu64 ",",
           i, b->let_in, b->refused, b->busy, b->lost + b->open, cpu_us);
    hist_json(&b->login, "login", stdout);
    printf("}\n");
}

static bool options_read(struct bench *b, int argc, char **argv)
{
    static const struct option longs[] = {
        {"ca-file", required_argument, NULL, 'c'}, {"devices", required_argument, NULL, 'd'},
        {"port", required_argument, NULL, 'p'},    {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'}, {"server-pid", required_argument, NULL, 'i'},
        {"wrong", no_argument, NULL, 'w'},         {0}};
    bool good = true;

    for (int got; good && (got = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (got) {
        case 'c':
            b->ca_file = optarg;
            break;
        case 'd':
            b->devices_file = optarg;
            break;
        case 'w':
            b->wrong = true;
            break;
        case 'p':
        case 'r':
        case 's':
        case 'i':
            good = bytes_to_u64(bytes_str(optarg), got == 'p'   ? &b->port
                                                   : got == 'r' ? &b->rate
                                                   : got == 's' ? &b->seconds
                                                                : &b->server_pid);
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc && b->ca_file && b->devices_file && b->port && b->port < 65536 && b->rate &&
           b->seconds;
}

int main(int argc, char **argv)
{
    static struct bench b;
    char why[256] = "";

    if (!options_read(&b, argc, argv)) {
        fputs("usage: bench-login --port N --ca-file FILE --devices FILE --rate N --seconds N [--wrong] [--server-pid "
              "PID]\n",
              stderr);
        return 2;
    }
    if (!devices_read(&b) || tls_client_new(b.ca_file, &b.tls, why) ||
        net_loop_open(&(struct net_loop_options){0}, &b.loop)) {
        fprintf(stderr, "bench-login: %s\n", why[0] ? why : "the devices cannot be read");
        return 1;
    }
    run(&b);
    net_loop_stop(b.loop, 100);
    net_loop_run(b.loop);
    net_loop_close(b.loop);
    tls_free(b.tls);
    return 0;
}
