/* bench-load: many MQTT connections over TLS, on a hub or on another server, from one thread. Every message says who
 * sent it, its number and when it was due, so that the other end can count and time what arrives. With a rate, the
 * times are fixed before the run, and waiting is counted from there: a server that stalls is not asked less. */
#include "load.h"

#include "client.h"
#include "text.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

enum { PATIENCE_US = 15000000, OUT_SOFT = 32 * 1024 };

struct load;

struct sender {
    struct talk talk; /* first */
    struct load *load;
    struct net_conn *conn;
    uint32_t index, sent, acked;
    int64_t *due_us; /* a ring as large as the window: servers acknowledge in order (MQTT 4.6) */
    struct device device;
    char topic[256];
    bool ready;
};

struct load {
    struct load_options o;
    struct net_loop *loop;
    struct tls *tls;
    struct sender *senders;
    struct receiving receiving;
    struct hist puback;
    uint8_t *body;
    uint64_t ready, sent, acked;
    int64_t began_us, ends_us;
    bool sending, failed, stopping;
};

static void sender_fails(struct sender *s, enum err why, const char *detail)
{
    if (!s->load->stopping && !s->load->failed)
        fprintf(stderr, "bench-load: %s: %s%s%s\n", s->device.id, err_text(why), detail[0] ? ": " : "", detail);
    talk_end(&s->talk, why);
    s->load->failed = true;
}

/* When the next message of this sender is due; false: not yet, or never. */
static bool due(const struct sender *s, int64_t now_us, int64_t *due_us)
{
    const struct load *l = s->load;
    uint64_t n = s->sent * l->o.connections + s->index;

    *due_us = l->o.rate ? l->began_us + (int64_t)(n * 1000000 / l->o.rate) : now_us;
    return *due_us <= now_us && *due_us < l->ends_us && (!l->o.count || n < l->o.count);
}

static void send_due(struct sender *s)
{
    struct load *l = s->load;
    int64_t now_us = monotonic_us(), due_us;

    while (l->sending && s->ready && !s->talk.over && due(s, now_us, &due_us)) {
        struct buf stamp = {.at = l->body, .cap = STAMP_LEN, .max = STAMP_LEN};
        struct mqtt_publish p = {
            .topic = bytes_str(s->topic), .body = bytes_of(l->body, (size_t)l->o.size), .qos = (uint8_t)l->o.qos};

        if (l->o.qos ? s->sent - s->acked >= l->o.window : s->talk.out->len >= OUT_SOFT)
            return;
        buf_put_u32(&stamp, s->index);
        buf_put_u32(&stamp, s->sent);
        buf_put_u64(&stamp, (uint64_t)due_us);
        if (l->o.qos)
            p.id = (uint16_t)(1 + s->sent % 65535);
        s->due_us[s->sent % l->o.window] = due_us;
        mqtt_put_publish(s->talk.out, &p);
        s->sent++;
        l->sent++;
    }
}

static void acknowledged(struct sender *s, uint16_t id)
{
    struct load *l = s->load;

    if (s->acked == s->sent || id != 1 + s->acked % 65535) {
        sender_fails(s, ERR_PROTOCOL, "an acknowledgement out of order");
        return;
    }
    hist_add(&l->puback, monotonic_us() - s->due_us[s->acked % l->o.window]);
    s->acked++;
    l->acked++;
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct sender *s = (struct sender *)(void *)t;
    size_t total = 0, used;
    struct mqtt_packet p;
    enum mqtt_answer answer;

    (void)now_ms;
    while ((answer = mqtt_decode(bytes_skip(in, total), PACKET_LEN_MAX, &p, &used)) == MQTT_PACKET) {
        total += used;
        if (p.type == MQTT_CONNACK && p.connack.code == MQTT_ACCEPTED) {
            s->ready = true;
            s->load->ready++;
        } else if (p.type == MQTT_PUBACK)
            acknowledged(s, p.id);
        else
            sender_fails(s, ERR_PROTOCOL, p.type == MQTT_CONNACK ? "the connection was refused" : "");
    }
    if (answer != MQTT_MORE)
        sender_fails(s, ERR_PROTOCOL, "no MQTT");
    send_due(s);
    return total;
}

static void wake(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    send_due((struct sender *)(void *)t);
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    (void)t;
    return now_ms + 60000;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct sender *s = (struct sender *)(void *)t;

    (void)now_ms;
    s->conn = NULL;
    sender_fails(s, why, "");
}

static void start(struct talk *t, int64_t now_ms)
{
    struct sender *s = (struct sender *)(void *)t;

    (void)now_ms;
    if (s->device.user[0])
        device_put_connect(&s->device, t->out);
    else
        mqtt_put_connect(
            t->out, &(struct mqtt_connect){.clean = true, .client_id = bytes_str(s->device.id), .keep_alive_s = 600});
}

static enum err accepted(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms, struct talk **talk)
{
    static const struct talk_ops ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .name = "sender"};
    struct sender *s = ctx;

    (void)peer, (void)now_ms;
    s->conn = conn;
    s->talk = (struct talk){.ops = &ops, .proved = true};
    *talk = &s->talk;
    return OK;
}

static void unreachable(void *ctx, enum err e, const char *detail)
{
    sender_fails(ctx, e, detail);
}

/* The line of the file is this sender's. */
static bool known(struct sender *s, const char *line)
{
    if (device_read(line, false, &s->device))
        return false;
    snprintf(s->topic, sizeof s->topic, "devices/%s/messages/events/", s->device.id);
    return true;
}

static bool senders_make(struct load *l)
{
    FILE *f = l->o.devices_file ? fopen(l->o.devices_file, "r") : NULL;
    char line[1024];
    bool fine = f || !l->o.devices_file;

    for (uint32_t i = 0; fine && i < l->o.connections; i++) {
        struct sender *s = &l->senders[i];

        s->load = l;
        s->index = i;
        fine = (s->due_us = calloc((size_t)l->o.window, sizeof *s->due_us)) != NULL;
        snprintf(s->device.id, sizeof s->device.id, "bench%u", i);
        snprintf(s->topic, sizeof s->topic, "bench/%u", i);
        if (fine && f)
            fine = fgets(line, sizeof line, f) && known(s, line);
    }
    if (f)
        fclose(f);
    if (!fine)
        fprintf(stderr, "bench-load: the file of connection strings has too few, or one that is not a device's\n");
    return fine;
}

/* A few at a time, so that the handshakes do not time out behind each other. */
static bool connect_all(struct load *l)
{
    int64_t began_us = monotonic_us();

    for (uint64_t i = 0; !l->failed && l->ready < l->o.connections;) {
        struct net_connect_options c = {.host = "127.0.0.1",
                                        .port = (int)l->o.port,
                                        .name = "localhost",
                                        .tls = l->tls,
                                        .accept = accepted,
                                        .failed = unreachable,
                                        .timeout_ms = 20000};

        for (; i < l->o.connections && i < l->ready + 32; i++) {
            c.accept_ctx = &l->senders[i];
            if (net_connect(l->loop, &c))
                return false;
        }
        turn(l->loop, 10);
        if (monotonic_us() - began_us > 60000000)
            return false;
    }
    return !l->failed;
}

static void pump(struct load *l)
{
    int64_t due_us, now_us = monotonic_us();

    /* Closed loops of QoS 1 go on by their acknowledgements. */
    for (uint64_t i = 0; i < l->o.connections; i++)
        if (l->senders[i].conn && (!l->o.qos || l->o.rate || !l->senders[i].sent) &&
            due(&l->senders[i], now_us, &due_us))
            net_conn_wake(l->senders[i].conn);
    turn(l->loop, l->o.rate || !l->o.qos ? 1 : 10);
}

static bool all_sent(const struct load *l)
{
    return monotonic_us() >= l->ends_us || (l->o.count && l->sent >= l->o.count);
}

static uint64_t heard(const struct load *l)
{
    return l->acked + l->receiving.n;
}

/* Until everything is acknowledged and delivered, or nothing more comes. */
static void drain(struct load *l)
{
    uint64_t before = heard(l);
    int64_t last_us = monotonic_us();

    while (!l->failed && !l->receiving.failed && monotonic_us() - last_us < PATIENCE_US &&
           ((l->o.qos && l->acked < l->sent) || (!l->o.silent && l->receiving.n < l->sent))) {
        turn(l->loop, 5);
        if (heard(l) != before) {
            before = heard(l);
            last_us = monotonic_us();
        }
    }
}

static void tell(const struct load *l, double seconds, double drained_s, uint64_t cpu_us)
{
    uint64_t distinct = 0, duplicates = 0, disordered = 0;
    int64_t lost = 0;
    double n = l->sent ? (double)l->sent : 1;

    for (uint64_t i = 0; !l->o.silent && i < l->o.connections; i++) {
        distinct += l->receiving.from[i].distinct;
        duplicates += l->receiving.from[i].duplicates;
        disordered += l->receiving.from[i].disordered;
    }
    if (!l->o.silent)
        lost = (int64_t)(l->sent - distinct);
    printf("{\"connections\":%" PRIu64 ",\"qos\":%" PRIu64 ",\"window\":%" PRIu64 ",\"size\":%" PRIu64
           ",\"rate\":%" PRIu64 ",",
           l->o.connections, l->o.qos, l->o.window, l->o.size, l->o.rate);
    printf("\"seconds\":%.2f,\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"lost\":%" PRId64
           ",",
           seconds, l->sent, l->acked, distinct, lost);
    printf("\"duplicates\":%" PRIu64 ",\"disordered\":%" PRIu64 ",\"per_second\":%.0f,", duplicates, disordered,
           (double)(l->o.qos ? l->acked : l->sent) / seconds);
    printf("\"delivered_per_second\":%.0f,\"cpu_us_a_message\":%.2f,", (double)distinct / drained_s,
           (double)cpu_us / n);
    hist_json(&l->puback, "puback", stdout);
    printf(",");
    hist_json(&l->receiving.delivery, "delivery", stdout);
    printf("}\n");
    fprintf(stderr,
            "%" PRIu64 " x QoS %" PRIu64 ", window %" PRIu64 ": %.0f a second, PUBACK p50 %" PRIu64 " p99 %" PRIu64
            " us, delivery p50 %" PRIu64 " p99 %" PRIu64 " us, lost %" PRId64 "\n",
            l->o.connections, l->o.qos, l->o.window, (double)(l->o.qos ? l->acked : l->sent) / seconds,
            hist_at(&l->puback, 0.5), hist_at(&l->puback, 0.99), hist_at(&l->receiving.delivery, 0.5),
            hist_at(&l->receiving.delivery, 0.99), lost);
}

static bool idle(struct load *l, uint64_t rss_before)
{
    int64_t until_us = monotonic_us() + (int64_t)l->o.seconds * 1000000;

    while (!l->failed && monotonic_us() < until_us)
        turn(l->loop, 50);
    printf("{\"connections\":%" PRIu64 ",\"bytes_a_connection\":%.0f}\n", l->o.connections,
           ((double)process_rss((int)l->o.server_pid) - (double)rss_before) / (double)l->o.connections);
    return !l->failed;
}

static bool measure(struct load *l)
{
    uint64_t cpu_us = process_cpu_us((int)l->o.server_pid);
    double seconds, drained_s;

    l->began_us = monotonic_us();
    l->ends_us = l->began_us + (int64_t)l->o.seconds * 1000000;
    l->sending = true;
    while (!l->failed && !l->receiving.failed && !all_sent(l))
        pump(l);
    l->sending = false;
    seconds = (double)(monotonic_us() - l->began_us) / 1e6;
    drain(l);
    drained_s = (double)(monotonic_us() - l->began_us) / 1e6;
    cpu_us = process_cpu_us((int)l->o.server_pid) - cpu_us;
    l->stopping = true;
    if (!l->o.silent)
        receiving_stop(&l->receiving);
    /* Messages acknowledged while draining count, and so does that time. */
    tell(l, l->o.qos ? drained_s : seconds, drained_s, cpu_us);
    return !l->failed && !l->receiving.failed && (!l->o.qos || l->acked == l->sent) &&
           (l->o.silent || !l->o.qos || l->receiving.n >= l->sent);
}

static bool run(struct load *l)
{
    char why[256] = "";
    uint64_t rss = process_rss((int)l->o.server_pid);
    bool fine = false;

    if (tls_client_new(l->o.ca_file, &l->tls, why) || net_loop_open(&(struct net_loop_options){0}, &l->loop)) {
        fprintf(stderr, "bench-load: %s\n", why);
        goto done;
    }
    if (!l->o.silent) {
        int64_t until_us = monotonic_us() + PATIENCE_US;

        if (receiving_start(&l->receiving, &l->o))
            goto done;
        while (!l->receiving.listening && !l->receiving.failed && monotonic_us() < until_us)
            turn(l->loop, 10);
    }
    if ((l->o.silent || l->receiving.listening) && senders_make(l) && connect_all(l))
        fine = l->o.idle ? idle(l, rss) : measure(l);
    if (!l->o.silent && !l->receiving.stop)
        receiving_stop(&l->receiving);
done:
    l->stopping = true;
    if (l->loop) {
        net_loop_stop(l->loop, 100);
        net_loop_run(l->loop);
        net_loop_close(l->loop);
    }
    tls_free(l->tls);
    return fine;
}

static bool options_read(struct load_options *o, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        uint64_t *number;
        bool *flag;
    } known[] = {{"ca-file", &o->ca_file, NULL, NULL},
                 {"devices", &o->devices_file, NULL, NULL},
                 {"service", &o->service, NULL, NULL},
                 {"port", NULL, &o->port, NULL},
                 {"amqps-port", NULL, &o->amqps_port, NULL},
                 {"connections", NULL, &o->connections, NULL},
                 {"qos", NULL, &o->qos, NULL},
                 {"window", NULL, &o->window, NULL},
                 {"size", NULL, &o->size, NULL},
                 {"seconds", NULL, &o->seconds, NULL},
                 {"count", NULL, &o->count, NULL},
                 {"rate", NULL, &o->rate, NULL},
                 {"server-pid", NULL, &o->server_pid, NULL},
                 {"idle", NULL, NULL, &o->idle},
                 {"silent", NULL, NULL, &o->silent}};
    enum { KNOWN = sizeof known / sizeof *known };
    struct option longs[KNOWN + 1] = {0};
    int i, got;

    for (i = 0; i < KNOWN; i++)
        longs[i] = (struct option){known[i].name, known[i].flag ? no_argument : required_argument, NULL, 'A' + i};
    while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (got == '?')
            return false;
        i = got - 'A';
        if (known[i].flag)
            *known[i].flag = true;
        else if (known[i].text)
            *known[i].text = optarg;
        else if (!bytes_to_u64(bytes_str(optarg), known[i].number))
            return false;
    }
    return optind == argc && o->port && o->port < 65536 && o->amqps_port < 65536 && o->connections &&
           o->connections <= CONNECTIONS_MAX && o->qos <= 1 && o->window && o->window < 65536 && o->size >= STAMP_LEN &&
           o->size <= MESSAGE_LEN_MAX && o->seconds && o->seconds <= 3600;
}

int main(int argc, char **argv)
{
    static struct load l = {.o = {.connections = 50, .qos = 1, .window = 64, .size = 256, .seconds = 3}};
    bool fine = false;

    if (!options_read(&l.o, argc, argv)) {
        fputs("usage: bench-load --port N --ca-file FILE [--devices FILE] [--service STRING --amqps-port N] [--silent] "
              "[--idle]\n"
              "  [--connections N] [--qos 0|1] [--window N] [--size N] [--seconds N] [--count N] [--rate N] "
              "[--server-pid PID]\n",
              stderr);
        return 2;
    }
    l.senders = calloc((size_t)l.o.connections, sizeof *l.senders);
    l.body = malloc((size_t)l.o.size);
    if (l.senders && l.body) {
        memset(l.body, 'x', (size_t)l.o.size);
        fine = run(&l);
    }
    for (uint64_t i = 0; l.senders && i < l.o.connections; i++) {
        free(l.senders[i].due_us);
        if (l.receiving.from)
            free(l.receiving.from[i].seen);
    }
    free(l.receiving.from);
    free(l.senders);
    free(l.body);
    return fine ? 0 : 1;
}
