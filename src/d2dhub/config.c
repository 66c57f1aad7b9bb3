#include "config.h"

#include "near.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(field) .offset = offsetof(struct config, field)
#define TEXT(field) OPT_BUFFER, AT(field), .most = sizeof((struct config *)0)->field
#define RANGE(type, field, low, high) type, AT(field), .least = (low), .most = (high)

const struct opt config_keys[] = {
    {"name", "HOST", "host name that devices and receivers use", TEXT(name)},
    {"listen", "ADDRESS", "address to listen on (0.0.0.0)", TEXT(listen)},
    {"mqtts-port", "N", "MQTT over TLS (8883); 0: any free port", RANGE(OPT_INT, mqtts_port, 0, 65535)},
    {"amqps-port", "N", "AMQP over TLS (5671); 0: any free port", RANGE(OPT_INT, amqps_port, 0, 65535)},
    {"https-port", "N", "HTTPS, and MQTT and AMQP in WebSockets (443); 0: any free port",
     RANGE(OPT_INT, https_port, 0, 65535)},
    {"loops", "N", "event loops, each a thread (0: one per core, at most 8)", RANGE(OPT_INT, loops, 0, 64)},
    {"log-level", "error|warn|info|debug", "how much is logged, to standard error (info)", OPT_CHOICE, AT(log_level),
     .least = LOG_ERROR},
    {"log-format", "logfmt|json", "form of the log (logfmt)", OPT_CHOICE, AT(log_json)},
    {"cert-file", "FILE", "your own server certificate, PEM, with its chain", TEXT(cert_file), .what = OPT_FILE},
    {"key-file", "FILE", "its private key, PEM", TEXT(key_file), .what = OPT_FILE},
    {"other-cert-file", "FILE", "a second certificate, with another kind of key (RSA beside ECDSA)",
     TEXT(other_cert_file), .what = OPT_FILE},
    {"other-key-file", "FILE", "its private key, PEM", TEXT(other_key_file), .what = OPT_FILE},
    {"names", "NAMES", "further names of this hub, separated by blanks", TEXT(names)},
    {"linked-hubs-file", "FILE", "other hubs that devices may be assigned to: one connection string per line",
     TEXT(linked_hubs_file), .what = OPT_FILE},
    {"outside-ca-file", "FILE", "certificate authority (CA) of those hubs and of webhooks, PEM (the system's)",
     TEXT(outside_ca_file), .what = OPT_FILE},
    {"retention", "T", "how long events are kept (1d)", OPT_DURATION, AT(retention_ms)},
    {"retention-size", "SIZE", "how much of the log is kept (0: at most half of the disk)", OPT_SIZE,
     AT(retention_size)},
    {"segment-size", "SIZE", "size of a file of the log (0: 64m, less on a small disk)", OPT_SIZE, AT(segment_size)},
    {"device-messages-per-second", "N", "messages that one device may send (100000; 0: no limit)",
     RANGE(OPT_INT, device_messages_per_second, 0, INT32_MAX)},
    {"device-bytes-per-day", "SIZE", "how much one device may send in a day (0: a quarter of the log)", OPT_SIZE,
     AT(device_bytes_per_day)},
    {"hub-messages-per-second", "N", "messages that the hub accepts (0: no limit)",
     RANGE(OPT_INT, hub_messages_per_second, 0, INT32_MAX)},
    {"hub-bytes-per-day", "SIZE", "how much the hub accepts in a day (0: no limit)", OPT_SIZE, AT(hub_bytes_per_day)},
    {"clock-wait", "T", "a system clock that jumped is used after this time of steady progress (10m)",
     RANGE(OPT_DURATION, clock_wait, 1000, 86400 * 1000)},
    {"user", "USER", "user to become after the ports are open", TEXT(user)},
    {"partitions", "N", "1 to 32, fixed when the hub is made (4)", RANGE(OPT_INT, partitions, 1, PARTITIONS_MAX)},
    {"c2d-depth", "N", "messages that may wait for one device (50)", RANGE(OPT_INT, c2d_depth, 1, MAILBOX_DEPTH_MAX)},
    {"c2d-ttl", "T", "a message without an expiry time expires after this time (1h; 1m to 2d)",
     RANGE(OPT_DURATION, c2d_ttl, C2D_TTL_MIN_MS, C2D_TTL_MAX_MS)},
    {"c2d-deliveries", "N", "deliveries of a message, at most (10; 1 to 100)",
     RANGE(OPT_INT, c2d_deliveries, 1, C2D_DELIVERIES_MAX)},
    {"twin-size", "N", "bytes of tags, desired or reported properties, at most (32768; 1024 to 65536)",
     RANGE(OPT_INT, twin_size, 1024, TWIN_PART_MAX)},
    {"feedback-ttl", "T", "feedback expires after this time (1h; 1m to 2d)",
     RANGE(OPT_DURATION, feedback_ttl, C2D_TTL_MIN_MS, C2D_TTL_MAX_MS)},
    {"feedback-deliveries", "N", "deliveries of feedback, at most (10; 1 to 100)",
     RANGE(OPT_INT, feedback_deliveries, 1, C2D_DELIVERIES_MAX)},
    {"connections", "N", "connections at once, at most (0: what descriptors and memory allow)",
     RANGE(OPT_INT, connections, 0, CONNECTIONS_MOST)},
    {"connections-per-address", "N", "the same from one address (0: three quarters of them)",
     RANGE(OPT_INT, connections_per_address, 0, CONNECTIONS_MOST)},
    {"unauthenticated", "N", "connections that have not authenticated yet, at most (0: half of all, at most 8192)",
     RANGE(OPT_INT, unauthenticated, 0, CONNECTIONS_MOST)},
    {"unauthenticated-per-address", "N", "the same from one address (0: a quarter of them)",
     RANGE(OPT_INT, unauthenticated_per_address, 0, CONNECTIONS_MOST)},
    {"lifecycle-events", "off|on",
     "the events endpoint tells of devices and modules that are created and deleted (off)", OPT_CHOICE,
     AT(lifecycle_events)},
    {"connection-events", "off|on", "the events endpoint tells of those that connect and disconnect (off)", OPT_CHOICE,
     AT(connection_events)},
    {"twin-events", "off|on", "the events endpoint tells of changes of twins (off)", OPT_CHOICE, AT(twin_events)},
    {"job-events", "off|on", "the events endpoint tells of jobs that are made, begin and end (off)", OPT_CHOICE,
     AT(job_events)},
    {"fault-injection", "off|on",
     "for tests of devices: a message with the properties AzIoTHub_FaultOperation... breaks its own connection (off)",
     OPT_CHOICE, AT(fault_injection)},
    {"memory-limit", "SIZE",
     "memory of this process; near it, new connections are refused (0: the limit of the system)", OPT_SIZE,
     AT(memory_limit)},
    {0}};

const struct opt config_common[] = {
    {"data", "DIR", "the data folder; also D2DHUB_DATA", TEXT(data), .what = OPT_FOLDER},
    {"output", "text|json", "text for people, or one JSON object per line", OPT_CHOICE, AT(json), .letter = 'o'},
    {"help", NULL, "this help", OPT_FLAG, AT(help), .letter = 'h'},
    {0}};

enum { KEY_NAME_CAP = 40 };

/* The name of a key in the file: "mqtts_port". */
static const char *key_name(const struct opt *o, char *out, size_t cap)
{
    size_t i = 0;

    for (; o->name[i] && i + 1 < cap; i++)
        out[i] = o->name[i] == '-' ? '_' : o->name[i];
    out[i] = 0;
    return out;
}

/* And in the environment: "D2DHUB_MQTTS_PORT". */
static const char *variable_name(const struct opt *o, char out[KEY_NAME_CAP])
{
    size_t n = (size_t)snprintf(out, KEY_NAME_CAP, "D2DHUB_");

    for (const char *at = key_name(o, out + n, KEY_NAME_CAP - n); *at; at++)
        out[at - out] = *at == '_' ? '_' : (char)(*at - ('a' - 'A'));
    return out;
}

struct ini_reading {
    struct config *c;
    char why[OPT_WHY_CAP];
};

static int on_ini(void *ctx, const char *section, const char *name, const char *value)
{
    char key[KEY_NAME_CAP], names[sizeof config_keys / sizeof *config_keys][KEY_NAME_CAP], shown[100];
    struct ini_reading *r = ctx;
    struct near near = {.said = name};

    if (r->why[0])
        return 1;
    if (*section) {
        snprintf(r->why, sizeof r->why, "[%s]: this file has no sections", opt_shown(section, shown));
        return 0;
    }
    for (size_t i = 0; config_keys[i].name; i++) {
        if (strcmp(key_name(&config_keys[i], key, sizeof key), name) == 0)
            return opt_take(&config_keys[i], key, value, r->c, r->why);
        near_look(&near, memcpy(names[i], key, sizeof key));
    }
    snprintf(r->why, sizeof r->why, "there is no key \"%s\"%s%s%s", opt_shown(name, shown),
             near.best ? "; did you mean \"" : "", near.best ? near.best : "", near.best ? "\"?" : "");
    return 0;
}

static int load_file(struct config *c, struct buf *said)
{
    struct ini_reading r = {.c = c};
    int line = ini_parse(c->file, on_ini, &r);

    if (line == 0 || (line < 0 && errno == ENOENT))
        return 0;
    if (line < 0)
        buf_printf(said, "d2dhub: %s cannot be read: %m%s\n", c->file,
                   errno == EACCES ? "; this hub belongs to another user: use sudo, or --data for a hub of your own"
                                   : "");
    else
        buf_printf(said, "d2dhub: %s:%d: %s\n", c->file, line, r.why[0] ? r.why : "this is not \"key = value\"");
    return 2;
}

static int load_environment(struct config *c, struct buf *said)
{
    for (const struct opt *o = config_keys; o->name; o++) {
        char name[KEY_NAME_CAP], why[OPT_WHY_CAP];
        const char *value = getenv(variable_name(o, name));

        if (value && !opt_take(o, name, value, c, why)) {
            buf_printf(said, "d2dhub: %s\n", why);
            return 2;
        }
    }
    return 0;
}

static bool default_data(struct config *c)
{
    const char *given = getenv("D2DHUB_DATA"), *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n;

    c->data_given = given && *given;
    if (c->data_given)
        n = snprintf(c->data, sizeof c->data, "%s", given);
    else if (geteuid() == 0)
        n = snprintf(c->data, sizeof c->data, SERVICE_DATA);
    else if (share && *share)
        n = snprintf(c->data, sizeof c->data, "%s/d2dhub", share);
    else
        n = snprintf(c->data, sizeof c->data, "%s/.local/share/d2dhub", home ? home : "");
    return n > 0 && (size_t)n < sizeof c->data;
}

/* Clients in other folders read the paths that init writes down. */
static bool make_absolute(struct config *c)
{
    char here[PATH_CAP], given[PATH_CAP];

    if (c->data[0] == '/')
        return true;
    memcpy(given, c->data, sizeof given);
    return getcwd(here, sizeof here) && snprintf(c->data, sizeof c->data, "%s/%s", here, given) < PATH_CAP;
}

/* --data and --help, before anything else is read. */
static bool take_first(struct config *c, const struct opt_line *line, char why[OPT_WHY_CAP])
{
    for (size_t i = 0; i < line->n_given; i++) {
        const struct opt_given *g = &line->given[i];

        if (g->opt->offset == offsetof(struct config, data) && !*g->text)
            return opt_apply(line, why);
        c->data_given |= g->opt->offset == offsetof(struct config, data);
        if (g->opt->offset == offsetof(struct config, help) || g->opt->offset == offsetof(struct config, data))
            (void)opt_take(g->opt, g->opt->name, g->text, c, why);
    }
    return true;
}

/* "hub.example." is the host "hub.example". */
static void drop_last_dot(char *name)
{
    size_t len = strlen(name);

    if (len > 1 && name[len - 1] == '.')
        name[len - 1] = 0;
}

/* The names of --also come after those of the key. */
static bool add_names(struct config *c, char why[OPT_WHY_CAP])
{
    for (size_t i = 0; i < c->also.n; i++) {
        size_t len = strlen(c->names), cap = sizeof c->names - len;

        if ((size_t)snprintf(c->names + len, cap, "%s%s", len ? " " : "", c->also.at[i]) < cap)
            continue;
        snprintf(why, OPT_WHY_CAP, "--also: the names are longer than %zu bytes", sizeof c->names - 1);
        return false;
    }
    return true;
}

int config_load(struct config *c, const struct opt_command *command, int argc, char **argv, struct buf *said)
{
    char why[OPT_WHY_CAP];
    struct opt_line line;
    int status;

    *c = (struct config){.mqtts_port = 8883,
                         .amqps_port = 5671,
                         .https_port = 443,
                         .log_level = LOG_INFO,
                         .retention_ms = RETENTION_DEFAULT_MS,
                         .device_messages_per_second = DEVICE_MESSAGES_DEFAULT,
                         .partitions = PARTITIONS_DEFAULT,
                         .c2d_depth = MAILBOX_DEPTH_DEFAULT,
                         .clock_wait = CLOCK_STEADY_MS,
                         .c2d_ttl = C2D_TTL_DEFAULT_MS,
                         .c2d_deliveries = C2D_DELIVERIES_DEFAULT,
                         .twin_size = TWIN_PART_DEFAULT,
                         .feedback_ttl = FEEDBACK_TTL_DEFAULT_MS,
                         .feedback_deliveries = FEEDBACK_DELIVERIES_DEFAULT};
    memcpy(c->listen, "0.0.0.0", sizeof "0.0.0.0");
    if (!opt_scan_command(&d2dhub, command, c, c, argc, argv, &line, why)) {
        opt_put_misuse(&d2dhub, command, why, said);
        return 2;
    }
    if (!default_data(c)) {
        buf_puts(said, "d2dhub: D2DHUB_DATA, XDG_DATA_HOME or HOME is longer than a path may be\n");
        return 2;
    }
    if (!take_first(c, &line, why)) {
        opt_put_misuse(&d2dhub, command, why, said);
        return 2;
    }
    if (c->help)
        return 0;
    if (!opt_count(command, &line, argv, why)) {
        opt_put_misuse(&d2dhub, command, why, said);
        return 2;
    }
    if (!make_absolute(c)) {
        buf_printf(said, "d2dhub: --data %s: the absolute path of this folder cannot be found: %m\n", c->data);
        return 2;
    }
    snprintf(c->file, sizeof c->file, "%s/d2dhub.ini", c->data);
    if ((status = load_file(c, said)) || (status = load_environment(c, said)))
        return status;
    if (opt_apply(&line, why) && make_absolute(c) && add_names(c, why)) {
        drop_last_dot(c->name);
        return 0;
    }
    opt_put_misuse(&d2dhub, command, why, said);
    return 2;
}

void config_path(const struct config *c, const char *below, char out[PATH_CAP])
{
    if (snprintf(out, PATH_CAP, "%s/%s", c->data, below) >= PATH_CAP)
        out[0] = 0;
}

size_t config_names(const struct config *c, char text[VALUE_CAP], const char *out[NAMES_CAP + 1])
{
    size_t n = 0;
    char *rest = NULL;

    memcpy(text, c->names, VALUE_CAP);
    for (char *name = strtok_r(text, " \t,", &rest); name && n < NAMES_CAP; name = strtok_r(NULL, " \t,", &rest))
        out[n++] = name;
    out[n] = NULL;
    return n;
}

void config_entity(const struct config *c, char out[HOST_LEN_MAX + 1])
{
    size_t n = 0;

    for (; c->name[n] && c->name[n] != '.'; n++)
        out[n] = c->name[n] >= 'A' && c->name[n] <= 'Z' ? (char)(c->name[n] + ('a' - 'A')) : c->name[n];
    out[n] = 0;
}

/* A value in the form in which it is read. */
static void write_key(FILE *f, const struct config *c, const struct opt *o)
{
    const void *field = (const char *)c + o->offset;
    char key[KEY_NAME_CAP], duration[32];
    struct bytes words = bytes_str(o->argument), word = NO_BYTES;

    fprintf(f, "%s = ", key_name(o, key, sizeof key));
    switch (o->type) {
    case OPT_BUFFER:
        fprintf(f, "%s\n", (const char *)field);
        break;
    case OPT_INT:
        fprintf(f, "%d\n", *(const int *)field);
        break;
    case OPT_DURATION:
        fprintf(f, "%s\n", opt_duration(*(const int64_t *)field, duration));
        break;
    case OPT_SIZE:
        fprintf(f, "%llu\n", (unsigned long long)*(const uint64_t *)field);
        break;
    case OPT_CHOICE:
        for (int i = (int)o->least; i <= *(const int *)field; i++)
            word = bytes_cut(&words, '|');
        fprintf(f, "%.*s\n", BYTES_ARG(word));
        break;
    case OPT_FLAG:
    case OPT_TEXT:
    case OPT_INPUT:
    case OPT_LIST:
    case OPT_NUMBER:
        assert(false); /* no key is of that type */
    }
}

enum err config_write(const struct config *c)
{
    FILE *f = fopen(c->file, "we");
    bool failed;

    if (!f)
        return ERR_IO;
    fputs("; A hub of d2d. Every key is also an option (--mqtts-port) and an environment variable "
          "(D2DHUB_MQTTS_PORT);\n; `d2dhub run --help` lists them. After a change: restart, or SIGHUP for certificates "
          "and the log.\n",
          f);
    for (const struct opt *o = config_keys; o->name; o++)
        if (o->type != OPT_BUFFER || *((const char *)c + o->offset))
            write_key(f, c, o);
    failed = ferror(f) != 0;
    return fclose(f) || failed ? ERR_IO : OK;
}
