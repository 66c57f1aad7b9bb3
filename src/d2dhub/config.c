#include "config.h"

#include "text.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum type { TEXT, PORT, COUNT, DURATION, SIZE, LEVEL, FORMAT };

static const struct key {
    const char *name;
    enum type type;
    size_t offset, cap;
    const char *help;
    int64_t least, most; /* of COUNT and DURATION; most 0: any */
} keys[] = {
#define TEXT_KEY(field, help)                                                                       \
    {                                                                                               \
#field, TEXT, offsetof(struct config, field), sizeof((struct config *)0)->field, help, 0, 0 \
    }
#define RANGE_KEY(field, type, least, most, help)                          \
    {                                                                      \
#field, type, offsetof(struct config, field), 0, help, least, most \
    }
#define KEY(field, type, help) RANGE_KEY(field, type, 0, 0, help)
    TEXT_KEY(name, "host name that devices and receivers use"),
    TEXT_KEY(listen, "address to listen on (0.0.0.0)"),
    KEY(mqtts_port, PORT, "MQTT over TLS (8883); 0 is any free one"),
    KEY(amqps_port, PORT, "AMQP over TLS (5671); 0 is any free one"),
    KEY(https_port, PORT, "HTTPS (443); 0 is any free one"),
    RANGE_KEY(loops, COUNT, 0, 64, "event loops, each a thread (0: one a core, at most 8)"),
    {"log_level", LEVEL, offsetof(struct config, log_level), 0, "error, warn, info or debug", 0, 0},
    {"log_format", FORMAT, offsetof(struct config, log_json), 0, "logfmt or json", 0, 0},
    TEXT_KEY(cert_file, "own server certificate, PEM, with its chain"),
    TEXT_KEY(key_file, "its private key, PEM"),
    TEXT_KEY(other_cert_file, "a second one with another kind of key (RSA beside ECDSA)"),
    TEXT_KEY(other_key_file, "its private key, PEM"),
    TEXT_KEY(names, "further names of this hub, with blanks between"),
    TEXT_KEY(linked_hubs_file, "other hubs that devices may be assigned to: a connection string a line"),
    TEXT_KEY(outside_ca_file, "authority of those hubs and of webhooks, PEM (the system's)"),
    {"retention", DURATION, offsetof(struct config, retention_ms), 0, "how long events are kept (1d)", 0, 0},
    KEY(retention_size, SIZE, "how much log is kept (0: no limit)"),
    KEY(segment_size, SIZE, "of a file of the log (64m)"),
    TEXT_KEY(user, "user to become after the ports are open"),
    RANGE_KEY(partitions, COUNT, 0, 64, "1 to 32, fixed when the hub is made (4)"),
    RANGE_KEY(c2d_depth, COUNT, 1, MAILBOX_DEPTH_MAX, "messages that may wait for one device (50)"),
    RANGE_KEY(c2d_ttl, DURATION, C2D_TTL_MIN_MS, C2D_TTL_MAX_MS, "how long one waits that does not say (1h; 1m to 2d)"),
    RANGE_KEY(c2d_deliveries, COUNT, 1, C2D_DELIVERIES_MAX, "how often one is delivered at most (10; 1 to 100)"),
    RANGE_KEY(feedback_ttl, DURATION, C2D_TTL_MIN_MS, C2D_TTL_MAX_MS, "how long feedback waits (1h; 1m to 2d)"),
    RANGE_KEY(feedback_deliveries, COUNT, 1, C2D_DELIVERIES_MAX, "how often it is delivered at most (10; 1 to 100)"),
};
enum { KEYS = sizeof keys / sizeof *keys };

static bool take_number(const char *text, uint64_t most, int *out)
{
    uint64_t n;

    if (!bytes_to_u64(bytes_str(text), &n) || n > most)
        return false;
    *out = (int)n;
    return true;
}

static const char *const levels[] = {"error", "warn", "info", "debug"};

static bool take_level(const char *text, enum log_level *out)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(text, levels[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool take(struct config *c, const struct key *k, const char *value)
{
    void *field = (char *)c + k->offset;

    switch (k->type) {
    case TEXT:
        return bytes_to_str(bytes_str(value), field, k->cap);
    case PORT:
        return take_number(value, 65535, field);
    case COUNT:
        return take_number(value, (uint64_t)k->most, field) && *(int *)field >= k->least;
    case DURATION:
        return duration_parse(bytes_str(value), field) == OK &&
               (!k->most || (*(int64_t *)field >= k->least && *(int64_t *)field <= k->most));
    case SIZE:
        return size_parse(bytes_str(value), field) == OK;
    case LEVEL:
        return take_level(value, field);
    case FORMAT:
        *(bool *)field = strcmp(value, "json") == 0;
        return *(bool *)field || strcmp(value, "logfmt") == 0;
    }
    return false;
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

struct ini_reading {
    struct config *c;
    char why[VALUE_CAP];
};

static int on_ini(void *ctx, const char *section, const char *name, const char *value)
{
    struct ini_reading *r = ctx;
    const struct key *k = find_key(name);

    if (r->why[0])
        return 1;
    if (*section)
        snprintf(r->why, sizeof r->why, "there are no sections: [%s]", section);
    else if (!k)
        snprintf(r->why, sizeof r->why, "there is no key \"%s\"", name);
    else if (!take(r->c, k, value))
        snprintf(r->why, sizeof r->why, "\"%s\" is not a value of %s", value, name);
    return r->why[0] == 0;
}

static int load_file(struct config *c)
{
    struct ini_reading r = {.c = c};
    int line = ini_parse(c->file, on_ini, &r);

    if (line == 0 || (line < 0 && errno == ENOENT))
        return 0;
    if (line < 0)
        fprintf(stderr, "d2dhub: %s cannot be read: %m\n", c->file);
    else
        fprintf(stderr, "d2dhub: %s:%d: %s\n", c->file, line, r.why[0] ? r.why : "this is not \"key = value\"");
    return 2;
}

static int load_environment(struct config *c)
{
    for (size_t i = 0; i < KEYS; i++) {
        char name[64] = "D2DHUB_";
        const char *value;

        for (size_t k = 0; keys[i].name[k]; k++) {
            name[7 + k] = keys[i].name[k] == '_' ? '_' : (char)(keys[i].name[k] - ('a' - 'A'));
            name[8 + k] = 0;
        }
        value = getenv(name);
        if (value && !take(c, &keys[i], value)) {
            fprintf(stderr, "d2dhub: %s: \"%s\" is not a value of it\n", name, value);
            return 2;
        }
    }
    return 0;
}

enum flag { FLAG_DATA = 1000, FLAG_GROUP, FLAG_NO_CONTEXT, FLAG_HELP, FLAG_OUTPUT, FLAG_ALSO };

void config_help(const char *examples)
{
    fputs(examples, stdout);
    puts("\noptions (each is also a key of d2dhub.ini and, as D2DHUB_…, of the environment):");
    for (size_t i = 0; i < KEYS; i++) {
        char name[40];

        snprintf(name, sizeof name, "%s", keys[i].name);
        for (char *at = name; *at; at++)
            *at = *at == '_' ? '-' : *at;
        printf("  --%-18s %s\n", name, keys[i].help);
    }
    puts("  --data DIR           the data folder (D2DHUB_DATA)\n"
         "  -o json              one JSON object a line");
}

static bool add_name(struct config *c, const char *name)
{
    size_t len = strlen(c->names);

    return (size_t)snprintf(c->names + len, sizeof c->names - len, "%s%s", len ? " " : "", name) <
           sizeof c->names - len;
}

/* The tables of getopt_long, made from the keys. */
struct flags {
    char names[KEYS][40];
    struct option longs[KEYS + 8];
};

static void make_flags(struct flags *f)
{
    static const struct option more[] = {{"data", required_argument, NULL, FLAG_DATA},
                                         {"group", required_argument, NULL, FLAG_GROUP},
                                         {"also", required_argument, NULL, FLAG_ALSO},
                                         {"no-context", no_argument, NULL, FLAG_NO_CONTEXT},
                                         {"help", no_argument, NULL, FLAG_HELP},
                                         {"output", required_argument, NULL, FLAG_OUTPUT},
                                         {0}};

    for (size_t i = 0; i < KEYS; i++) {
        snprintf(f->names[i], sizeof f->names[i], "%s", keys[i].name);
        for (char *at = f->names[i]; *at; at++)
            *at = *at == '_' ? '-' : *at;
        f->longs[i] = (struct option){f->names[i], required_argument, NULL, (int)i};
    }
    memcpy(f->longs + KEYS, more, sizeof more);
}

static bool take_flag(struct config *c, int flag, const char *value)
{
    switch (flag) {
    case FLAG_DATA:
        return bytes_to_str(bytes_str(value), c->data, sizeof c->data);
    case FLAG_GROUP:
        if (c->n_groups == NAMES_CAP)
            return false;
        c->groups[c->n_groups++] = value;
        return true;
    case FLAG_ALSO:
        return add_name(c, value);
    case FLAG_NO_CONTEXT:
        c->no_context = true;
        return true;
    case FLAG_OUTPUT:
    case 'o':
        c->json = strcmp(value, "json") == 0;
        return c->json || strcmp(value, "text") == 0;
    case FLAG_HELP:
    case 'h':
        c->help = true;
        return true;
    default:
        return flag >= 0 && flag < (int)KEYS && take(c, &keys[flag], value);
    }
}

/* Goes over the flags twice: for the data folder before the file is read, for everything else after. */
static int load_flags(struct config *c, int argc, char **argv, bool only_data)
{
    struct flags f;

    make_flags(&f);
    opterr = 0;
    optind = 0;
    for (int got; (got = getopt_long(argc, argv, ":o:h", f.longs, NULL)) != -1;) {
        if (got == '?' || got == ':') {
            fprintf(stderr, "d2dhub %s: %s %s; `d2dhub %s --help` tells more\n", argv[0],
                    got == ':' ? "a value is missing behind" : "there is no option", argv[optind - 1], argv[0]);
            return 2;
        }
        if (only_data && got != FLAG_DATA && got != FLAG_HELP && got != 'h')
            continue;
        if (!only_data && got == FLAG_DATA)
            continue;
        if (!take_flag(c, got, optarg)) {
            fprintf(stderr, "d2dhub %s: \"%s\" is not a value of %s\n", argv[0], optarg, argv[optind - 2]);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "d2dhub %s: \"%s\" is one argument too many\n", argv[0], argv[optind]);
        return 2;
    }
    return 0;
}

static bool default_data(struct config *c)
{
    const char *given = getenv("D2DHUB_DATA"), *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n;

    if (given && *given)
        n = snprintf(c->data, sizeof c->data, "%s", given);
    else if (geteuid() == 0)
        n = snprintf(c->data, sizeof c->data, "/var/lib/d2dhub");
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

int config_load(struct config *c, int argc, char **argv)
{
    int status;

    *c = (struct config){.mqtts_port = 8883,
                         .amqps_port = 5671,
                         .https_port = 443,
                         .log_level = LOG_INFO,
                         .retention_ms = RETENTION_DEFAULT_MS,
                         .segment_size = 64 << 20,
                         .partitions = PARTITIONS_DEFAULT,
                         .c2d_depth = MAILBOX_DEPTH_DEFAULT,
                         .c2d_ttl = C2D_TTL_DEFAULT_MS,
                         .c2d_deliveries = C2D_DELIVERIES_DEFAULT,
                         .feedback_ttl = FEEDBACK_TTL_DEFAULT_MS,
                         .feedback_deliveries = FEEDBACK_DELIVERIES_DEFAULT};
    memcpy(c->listen, "0.0.0.0", sizeof "0.0.0.0");
    if (!default_data(c) || load_flags(c, argc, argv, true))
        return 2;
    if (c->help)
        return 0;
    if (!make_absolute(c)) {
        fprintf(stderr, "d2dhub %s: --data %s: this folder has no path: %m\n", argv[0], c->data);
        return 2;
    }
    snprintf(c->file, sizeof c->file, "%s/d2dhub.ini", c->data);
    if ((status = load_file(c)) || (status = load_environment(c)))
        return status;
    return load_flags(c, argc, argv, false);
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
static void write_key(FILE *f, const struct config *c, const struct key *k)
{
    const void *field = (const char *)c + k->offset;

    fprintf(f, "%s = ", k->name);
    switch (k->type) {
    case TEXT:
        fprintf(f, "%s\n", (const char *)field);
        break;
    case PORT:
    case COUNT:
        fprintf(f, "%d\n", *(const int *)field);
        break;
    case DURATION:
        fprintf(f, "%lldms\n", (long long)*(const int64_t *)field);
        break;
    case SIZE:
        fprintf(f, "%llu\n", (unsigned long long)*(const uint64_t *)field);
        break;
    case LEVEL:
        fprintf(f, "%s\n", levels[*(const enum log_level *)field]);
        break;
    case FORMAT:
        fprintf(f, "%s\n", *(const bool *)field ? "json" : "logfmt");
        break;
    }
}

enum err config_write(const struct config *c)
{
    FILE *f = fopen(c->file, "we");
    bool failed;

    if (!f)
        return ERR_IO;
    fputs("; A hub of d2d. Every key is also an option (--mqtts-port) and a variable (D2DHUB_MQTTS_PORT);\n"
          "; `d2dhub run --help` lists them. After a change: restart, or SIGHUP for certificates and the log.\n",
          f);
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].type != TEXT || *((const char *)c + keys[i].offset))
            write_key(f, c, &keys[i]);
    failed = ferror(f) != 0;
    return fclose(f) || failed ? ERR_IO : OK;
}
