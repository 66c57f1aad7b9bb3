#include "cli.h"

#include "text.h"
#include "tpm.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTS_MAX = 40, SHORTS_CAP = 4 * OPTS_MAX };

enum common {
    COMMON_AS = 1000,
    COMMON_STRING_FILE,
    COMMON_CONTEXT,
    COMMON_CA_FILE,
    COMMON_MQTTS,
    COMMON_AMQPS,
    COMMON_HTTPS,
    COMMON_CERT_FILE,
    COMMON_KEY_FILE,
    COMMON_TRANSPORT,
    COMMON_TCTI,
    COMMON_SLOT,
    COMMON_TIMEOUT,
    COMMON_HELP,
    COMMON_QUIET,
    COMMON_OUTPUT,
};

static const struct option common_options[] = {
    {"as", required_argument, NULL, COMMON_AS},
    {"connection-string-file", required_argument, NULL, COMMON_STRING_FILE},
    {"context", required_argument, NULL, COMMON_CONTEXT},
    {"ca-file", required_argument, NULL, COMMON_CA_FILE},
    {"mqtts-port", required_argument, NULL, COMMON_MQTTS},
    {"amqps-port", required_argument, NULL, COMMON_AMQPS},
    {"https-port", required_argument, NULL, COMMON_HTTPS},
    {"cert-file", required_argument, NULL, COMMON_CERT_FILE},
    {"key-file", required_argument, NULL, COMMON_KEY_FILE},
    {"transport", required_argument, NULL, COMMON_TRANSPORT},
    {"tcti", required_argument, NULL, COMMON_TCTI},
    {"slot", required_argument, NULL, COMMON_SLOT},
    {"timeout", required_argument, NULL, COMMON_TIMEOUT},
    {"help", no_argument, NULL, COMMON_HELP},
    {"quiet", no_argument, NULL, COMMON_QUIET},
    {"output", required_argument, NULL, COMMON_OUTPUT},
};
enum { COMMONS = sizeof common_options / sizeof *common_options };

enum status cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "d2d %s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: d2d %s %s\n`d2d %s --help` tells more\n", command->name, command->usage, command->name);
    return USAGE;
}

void cli_help(const struct command *command, const struct opt *opts)
{
    printf("%s\nd2d %s %s\n  %s\n\noptions:\n", command->examples, command->name, command->usage, command->summary);
    for (; opts && opts->name; opts++) {
        char left[64];

        snprintf(left, sizeof left, "%s%s %s", opts->name[1] ? "--" : "-", opts->name,
                 opts->argument ? opts->argument : "");
        printf("  %-32s %s\n", left, opts->help);
    }
    puts(
        "  --as DEVICE                      as this device of the current context's hub\n"
        "  --connection-string-file FILE    as what it says (- is standard input); also D2D_CONNECTION_STRING\n"
        "  --context NAME                   another context than the current one\n"
        "  --ca-file FILE                   the authority that signed the hub's certificate\n"
        "  --cert-file, --key-file FILE     the certificate and key of a device that has no other (x509=true)\n"
        "  --slot N                         as the device whose key is in this slot of the TPM, 0 to 9\n"
        "  --tcti TCTI                      where the TPM is (this computer's); also D2D_TCTI\n"
        "  --transport mqtt|mqtt-ws|amqp|amqp-ws\n"
        "                                   how to reach the hub; -ws goes through the HTTPS port; also D2D_TRANSPORT\n"
        "                                   (`d2d register` knows https too)\n"
        "  --mqtts-port, --amqps-port, --https-port N\n"
        "  --timeout T                      give up after so long (10s, 5m)\n"
        "  -o, --output json|table|tsv|raw  a table on a terminal, JSON in a pipe\n"
        "  -q, --quiet                      no talk on standard error");
}

static bool take_port(const char *text, int *port)
{
    uint64_t n;

    if (!bytes_to_u64(bytes_str(text), &n) || n < 1 || n > 65535)
        return false;
    *port = (int)n;
    return true;
}

static bool take_slot(struct cli *c, const char *text)
{
    uint64_t n;

    if (!bytes_to_u64(bytes_str(text), &n) || n >= TPM_SLOTS)
        return false;
    c->slot = (unsigned)n;
    return c->has_slot = true;
}

bool cli_transport_parse(const char *text, enum d2d_transport *out)
{
    static const char *const names[] = {[D2D_MQTT] = "mqtt",
                                        [D2D_MQTT_WS] = "mqtt-ws",
                                        [D2D_AMQP] = "amqp",
                                        [D2D_AMQP_WS] = "amqp-ws",
                                        [D2D_HTTPS] = "https"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum d2d_transport)i;
            return true;
        }
    }
    return false;
}

/* False when the value is not one. */
static bool take_common(struct cli *c, int which, const char *value)
{
    enum d2d_transport transport;

    switch ((enum common)which) {
    case COMMON_AS:
        c->as = value;
        return true;
    case COMMON_STRING_FILE:
        c->connection_string_file = value;
        return true;
    case COMMON_CONTEXT:
        c->context_name = value;
        return context_name_valid(value);
    case COMMON_CA_FILE:
        c->ca_file = value;
        return true;
    case COMMON_MQTTS:
        return take_port(value, &c->mqtts_port);
    case COMMON_AMQPS:
        return take_port(value, &c->amqps_port);
    case COMMON_HTTPS:
        return take_port(value, &c->https_port);
    case COMMON_CERT_FILE:
        c->cert_file = value;
        return true;
    case COMMON_KEY_FILE:
        c->key_file = value;
        return true;
    case COMMON_TRANSPORT:
        c->transport = value;
        return cli_transport_parse(value, &transport);
    case COMMON_TCTI: /* for whatever opens a TPM, OpenSSL's provider too */
        return *value && !setenv("D2D_TCTI", value, 1);
    case COMMON_SLOT:
        return take_slot(c, value);
    case COMMON_TIMEOUT:
        return duration_parse(bytes_str(value), &c->timeout_ms) == OK && c->timeout_ms > 0;
    case COMMON_OUTPUT:
        return out_format_parse(value, &c->format);
    case COMMON_QUIET:
        out_quiet = true;
        return true;
    case COMMON_HELP:
        return true;
    }
    return false;
}

static bool take_own(const struct opt *opt, const char *value)
{
    if (opt->flag)
        (*opt->flag)++;
    if (opt->value)
        *opt->value = value;
    return !opt->each || opt->each(opt->ctx, value);
}

/* The tables that getopt_long wants. */
struct tables {
    struct option longs[OPTS_MAX + COMMONS + 1];
    char shorts[SHORTS_CAP];
};

static void make_tables(const struct opt *opts, struct tables *t)
{
    size_t n = 0, s = 0;

    t->shorts[s++] = ':';
    for (size_t i = 0; opts && opts[i].name && i < OPTS_MAX; i++) {
        if (opts[i].name[1]) {
            t->longs[n++] =
                (struct option){opts[i].name, opts[i].argument ? required_argument : no_argument, NULL, (int)i};
            continue;
        }
        t->shorts[s++] = opts[i].name[0];
        if (opts[i].argument)
            t->shorts[s++] = ':';
    }
    memcpy(t->shorts + s, "o:qh", sizeof "o:qh");
    memcpy(t->longs + n, common_options, sizeof common_options);
    t->longs[n + COMMONS] = (struct option){0};
}

static const struct opt *short_opt(const struct opt *opts, int letter)
{
    for (; opts && opts->name; opts++)
        if (opts->name[0] == letter && !opts->name[1])
            return opts;
    return NULL;
}

enum status cli_options(struct cli *c, const struct command *command, const struct opt *opts, int argc, char **argv,
                        int *n, bool *stop)
{
    struct tables t;

    make_tables(opts, &t);
    *stop = false;
    opterr = 0;
    optind = 1;
    for (int got; (got = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1;) {
        const struct opt *own = got < OPTS_MAX ? &opts[got] : short_opt(opts, got);
        bool good;

        if (got == '?' || got == ':')
            return cli_usage(command, got == ':' ? "%s wants a value" : "there is no option %s", argv[optind - 1]);
        if (got == 'o' && !own)
            got = COMMON_OUTPUT;
        if (got == 'q' && !own)
            got = COMMON_QUIET;
        if ((got == 'h' && !own) || got == COMMON_HELP) {
            cli_help(command, opts);
            *stop = true;
            return DONE;
        }
        good = own && got < COMMON_AS ? take_own(own, optarg) : take_common(c, got, optarg);
        if (!good)
            return cli_usage(command, "\"%s\" is not a value of %s", optarg ? optarg : "",
                             argv[optind - (optarg ? 2 : 1)]);
    }
    *n = argc - optind;
    memmove(argv + 1, argv + optind, (size_t)*n * sizeof *argv);
    return DONE;
}
