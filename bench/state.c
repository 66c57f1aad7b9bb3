/* bench-state: messages, reported patches or direct methods through a hub, or lines to a server that sends them back,
 * from one thread. It tells how many were answered in a second, how long each took, and what the processor of the
 * server had to do. */
#include "state.h"

#include "connstr.h"
#include "opt.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_US = 15000000, AT_ONCE = 32, ASKED_MAX = 512 };

/* The token of a service, from a connection string in a file. */
static bool callers_token(struct state *s)
{
    struct buf token = buf_max(sizeof s->token - 1);
    uint8_t key[KEY_LEN_MAX];
    struct connstr c;
    char line[1024];
    size_t key_len;
    FILE *f = fopen(s->owner_file, "r");
    bool good = f && fgets(line, sizeof line, f) && connstr_parse(bytes_trim(bytes_str(line)), &c) == OK &&
                base64_decode(c.key, key, sizeof key, &key_len) == OK &&
                sas_make(c.host, c.key_name, time(NULL) + 3600, bytes_of(key, key_len), &token) == OK;

    if (good)
        snprintf(s->token, sizeof s->token, "%s", buf_str(&token));
    if (f)
        fclose(f);
    buf_free(&token);
    return good;
}

static bool devices_read(struct state *s)
{
    FILE *f = fopen(s->devices_file, "r");
    char line[1024];
    bool good = f;

    for (uint64_t i = 0; good && i < s->ends; i++)
        good = fgets(line, sizeof line, f) && device_read(line, false, &s->all[i].device) == OK;
    if (f)
        fclose(f);
    return good;
}

static uint64_t connections(const struct state *s)
{
    return s->kind == KIND_CALL ? 2 * s->ends : s->ends;
}

static bool ends_make(struct state *s)
{
    s->all = calloc((size_t)connections(s), sizeof *s->all);
    s->body = malloc((size_t)s->size);
    if (!s->all || !s->body)
        return false;
    memset(s->body, 'x', (size_t)s->size);
    s->callers = s->all + s->ends;
    for (uint64_t i = 0; i < connections(s); i++) {
        s->all[i].state = s;
        if (!(s->all[i].asked_us = calloc((size_t)s->window, sizeof *s->all[i].asked_us)))
            return false;
    }
    if (s->kind == KIND_ECHO)
        return true;
    if (!devices_read(s)) {
        fprintf(stderr, "bench-state: the file of connection strings has too few, or one that is not a device's\n");
        return false;
    }
    for (uint64_t i = 0; s->kind == KIND_CALL && i < s->ends; i++)
        s->callers[i].device = s->all[i].device;
    return s->kind != KIND_CALL || callers_token(s);
}

static bool connect_all(struct state *s)
{
    int64_t until_us = monotonic_us() + 4 * (int64_t)PATIENCE_US;

    for (uint64_t i = 0; !s->failed && s->ready < connections(s) && monotonic_us() < until_us;) {
        for (; i < connections(s) && i < s->ready + AT_ONCE; i++)
            if (!end_connect(&s->all[i]))
                return false;
        turn(s->loop, 10);
    }
    return s->ready == connections(s);
}

/* Until everything is answered, or nothing more comes. */
static void drain(struct state *s)
{
    uint64_t before = s->answered;
    int64_t last_us = monotonic_us();

    while (!s->failed && s->answered < s->asked && monotonic_us() - last_us < PATIENCE_US) {
        turn(s->loop, 5);
        if (s->answered != before) {
            before = s->answered;
            last_us = monotonic_us();
        }
    }
}

static bool measure(struct state *s)
{
    uint64_t cpu_us = process_cpu_us((int)s->server_pid);
    int64_t began_us = monotonic_us(), ends_us = began_us + (int64_t)s->seconds * 1000000;
    double seconds;

    s->running = true;
    for (uint64_t i = 0; i < connections(s); i++)
        s->all[i].talk.waker->wake(s->all[i].talk.waker);
    while (!s->failed && monotonic_us() < ends_us)
        turn(s->loop, 10);
    s->running = false;
    drain(s);
    seconds = (double)(monotonic_us() - began_us) / 1e6;
    cpu_us = process_cpu_us((int)s->server_pid) - cpu_us;
    s->stopping = true;
    printf("{\"ends\":%" PRIu64 ",\"window\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"per_second\":%.0f,\"cpu_us\":%.2f,",
           s->ends, s->window, s->answered, (double)s->answered / seconds,
           (double)cpu_us / (double)(s->answered ? s->answered : 1));
    hist_json(&s->took, "took", stdout);
    printf("}\n");
    return !s->failed && s->answered == s->asked && s->answered;
}

static bool run(struct state *s)
{
    char why[256] = "";
    bool good = false;

    if (tls_client_new(s->ca_file, &s->tls, why) || net_loop_open(&(struct net_loop_options){0}, &s->loop))
        fprintf(stderr, "bench-state: %s\n", why);
    else if (ends_make(s) && connect_all(s))
        good = measure(s);
    s->stopping = true;
    if (s->loop) {
        net_loop_stop(s->loop, 100);
        net_loop_run(s->loop);
        net_loop_close(s->loop);
    }
    tls_free(s->tls);
    for (uint64_t i = 0; s->all && i < connections(s); i++) {
        http_in_free(&s->all[i].in);
        free(s->all[i].asked_us);
    }
    free(s->all);
    free(s->body);
    return good;
}

#define AT(member) .offset = offsetof(struct state, member)
#define NUMBER(name_, member, most_, help_)                                                                      \
    {                                                                                                            \
        .name = name_, .argument = "N", .help = help_, .type = OPT_NUMBER, AT(member), .least = 1, .most = most_ \
    }
#define FILE_NAME(name_, member, help_)                                                 \
    {                                                                                   \
        .name = name_, .argument = "FILE", .help = help_, .type = OPT_INPUT, AT(member) \
    }

static const struct opt options[] = {
    {.name = "kind", .argument = "echo|message|report|call", .help = "what is asked", .type = OPT_CHOICE, AT(kind)},
    FILE_NAME("ca-file", ca_file, "certificate authority (CA) of the server"),
    FILE_NAME("devices", devices_file, "connection strings, a line each"),
    FILE_NAME("owner", owner_file, "connection string of who calls"),
    NUMBER("port", port, 65535, "of MQTT, or of the server that sends back"),
    NUMBER("https-port", https_port, 65535, "of who calls"),
    NUMBER("ends", ends, ENDS_MAX, "connections that ask (50)"),
    NUMBER("window", window, WINDOW_MAX, "asked at once by each (1)"),
    NUMBER("size", size, ASKED_MAX, "bytes asked (100)"),
    NUMBER("seconds", seconds, 3600, "how long (3)"),
    NUMBER("server-pid", server_pid, INT32_MAX, "whose processor time is told"),
    {0}};

int main(int argc, char **argv)
{
    static struct state s = {.ends = 50, .window = 1, .size = 100, .seconds = 3};
    const struct opt_table table = {options, &s, true};
    static struct opt_line line;
    char why[OPT_WHY_CAP];

    if (!opt_scan(&table, 1, argc, argv, &line, why) || !opt_apply(&line, why) || line.n_args || !s.port ||
        (s.kind == KIND_CALL && s.window > 1)) {
        fprintf(stderr, "bench-state: %s\n", why);
        return 2;
    }
    return run(&s) ? 0 : 1;
}
