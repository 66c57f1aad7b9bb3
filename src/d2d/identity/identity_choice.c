#include "connection_string.h"
#include "tpm_slot.h"

#include <stdio.h>
#include <stdlib.h>

static enum status no_context(const struct cli *c)
{
    const char *environment = getenv("D2D_CONTEXT");
    char current[65];

    context_current(current);
    if (c->context_name || current[0]) {
        complain("%s: context \"%s\" does not exist; `d2d context list` shows those that do",
                 c->context_name               ? "--context"
                 : environment && *environment ? "D2D_CONTEXT"
                                               : "the current context",
                 c->context_name ? c->context_name : current);
        return NOT_FOUND;
    }
    complain("no identity is given: give --connection-string-file FILE or D2D_CONNECTION_STRING, or make a "
             "context with\n  d2d context add NAME --connection-string-file FILE --ca-file FILE");
    return USAGE;
}

static enum status load_context(struct cli *c, bool must)
{
    const char *environment = getenv("D2D_CONTEXT");
    enum err e;

    if (!c->context_name && environment && *environment && !context_name_valid(environment)) {
        complain("D2D_CONTEXT is not the name of a context; `d2d context list` shows them");
        return USAGE;
    }
    e = context_load(c->context_name, &c->context);
    c->has_context = e == OK;
    if (!e || (e == ERR_NOT_FOUND && !must && !c->context_name))
        return DONE;
    if (e == ERR_NOT_FOUND)
        return no_context(c);
    complain("the context cannot be used: %s; `d2d context add NAME --replace` makes it again", err_text(e));
    return FAILED;
}

/* Somebody may have written into the file of the context. */
static enum status take_context_string(struct cli *c)
{
    char from[100];

    snprintf(from, sizeof from, "context \"%s\"", c->context.name);
    return connection_string_take(from, bytes_str(c->context.connection_string), c->connection_string);
}

static bool has_field(const char *string, const char *field)
{
    char value[4096];

    return d2d_connection_string_field(string, field, value, sizeof value) == D2D_OK;
}

/* The kind of a connection string, in words. */
static const char *kind_of(const struct cli *c, char out[200])
{
    char name[100];

    if (d2d_connection_string_field(c->connection_string, "DeviceId", name, sizeof name) == D2D_OK)
        snprintf(out, 200, "the device \"%s\"", name);
    else if (has_field(c->connection_string, "Endpoint"))
        snprintf(out, 200, "an Event Hubs-compatible endpoint");
    else if (d2d_connection_string_field(c->connection_string, "SharedAccessKeyName", name, sizeof name) == D2D_OK)
        snprintf(out, 200, "the policy \"%s\"", name);
    else
        snprintf(out, 200, "a hub");
    return out;
}

/* A string of the wrong kind is told apart here, in words, and not by what the hub makes of it. */
static enum status fits(const struct cli *c, enum kind_of_string wanted)
{
    bool device = has_field(c->connection_string, "DeviceId");
    bool endpoint = has_field(c->connection_string, "Endpoint");
    char kind[200];

    if (wanted == STRING_DEVICE && !device)
        complain("this needs a device's connection string (DeviceId=...), but the given one is of %s; give --as "
                 "DEVICE, or another connection string",
                 kind_of(c, kind));
    else if (wanted != STRING_DEVICE && wanted != STRING_ANY && device)
        complain("this needs a service policy's connection string (SharedAccessKeyName=...), but the given one is of "
                 "%s; give another one",
                 kind_of(c, kind));
    else if (wanted == STRING_SERVICE && endpoint)
        complain("this needs a service policy's connection string of the hub (HostName=...), but the given one is of "
                 "%s; give another one",
                 kind_of(c, kind));
    else
        return DONE;
    return USAGE;
}

/* "hub.example", of HostName=hub.example or Endpoint=sb://hub.example:5671/, and the port; 0: none is given. */
static bool host_of(const char *string, char out[300], int *port)
{
    const char *start = out;
    char *colon;

    if (d2d_connection_string_field(string, "HostName", out, 300) != D2D_OK &&
        d2d_connection_string_field(string, "Endpoint", out, 300) != D2D_OK)
        return false;
    if (strncmp(out, "sb://", 5) == 0)
        start += 5;
    memmove(out, start, strlen(start) + 1);
    out[strcspn(out, "/")] = 0;
    colon = out[0] == '[' ? NULL : strchr(out, ':');
    *port = colon ? (int)strtol(colon + 1, NULL, 10) : 0;
    if (colon)
        *colon = 0;
    return true;
}

/* The context's CA and ports are of the context's hub, and of no other. */
static bool is_of_context(const struct cli *c)
{
    const struct context *context = &c->context;
    char ours[300], its[300];
    int port, its_port;

    return c->has_context && host_of(c->connection_string, ours, &port) &&
           host_of(context->connection_string, its, &its_port) && strcmp(ours, its) == 0 &&
           (!port || port == its_port || port == context->mqtts_port || port == context->amqps_port ||
            port == context->https_port);
}

/* A certificate that is given is meant to be shown. */
static enum status check_certificate(const struct cli *c)
{
    char yes[8];
    bool x509 = d2d_connection_string_field(c->connection_string, "x509", yes, sizeof yes) == D2D_OK;

    if (x509 && (!c->cert_file || !c->key_file))
        complain("%s missing: the device authenticates by certificate (x509=true)",
                 c->cert_file  ? "--key-file is"
                 : c->key_file ? "--cert-file is"
                               : "--cert-file and --key-file are");
    else if (!x509 && (c->cert_file || c->key_file))
        complain("%s is for a device that authenticates by certificate (x509=true), but the connection string has a "
                 "key; leave it out, or use the connection string of such a device",
                 c->cert_file ? "--cert-file" : "--key-file");
    else
        return DONE;
    return USAGE;
}

/* That of the option was looked at; the others are not on the command line. */
static enum status check_ca(const struct cli *c)
{
    const char *environment = getenv("D2D_CA_FILE");
    char name[100], why[OPT_WHY_CAP];

    if (c->ca_file)
        return DONE;
    if (environment && *environment) {
        if (opt_input("D2D_CA_FILE", environment, why) && cli_ca_is_pem("D2D_CA_FILE", environment, why))
            return DONE;
        complain("%s", why);
        return USAGE;
    }
    snprintf(name, sizeof name, "the CA file of context \"%s\"", c->context.name);
    if (!is_of_context(c) || !c->context.ca_file[0] ||
        (opt_input(name, c->context.ca_file, why) && cli_ca_is_pem(name, c->context.ca_file, why)))
        return DONE;
    complain("%s; give --ca-file, or make the context again: `d2d context add %s --replace`", why, c->context.name);
    return USAGE;
}

/* A device of the context's hub: the registry knows its key. */
static enum status as_device(struct cli *c, const char *device)
{
    struct d2d_options options;
    struct d2d_registry *registry = NULL;
    struct d2d_loop *loop = NULL;
    struct d2d_identity identity;
    char host[256];
    enum status status;
    enum d2d_err e;

    if ((status = take_context_string(c)) || (status = fits(c, STRING_SERVICE)) || (status = check_ca(c)))
        return status;
    cli_fill_options(c, &options);
    if ((e = cli_loop_new(&loop)) || (e = d2d_registry_new(loop, &options, &registry)) ||
        (e = d2d_registry_get(registry, device, &identity))) {
        status = cli_failed_about(A_DEVICE, device, e, registry ? d2d_registry_detail(registry) : cli_why_not());
        goto done;
    }
    if (identity.auth == D2D_AUTH_KEY && !identity.primary_key[0]) {
        complain("--as %s: the policy of context \"%s\" cannot read keys of devices; give --connection-string-file",
                 device, c->context.name);
        status = NOT_AUTHORISED;
        goto done;
    }
    if ((e = d2d_connection_string_field(c->context.connection_string, "HostName", host, sizeof host))) {
        status = cli_failed("the connection string of the context", e, "");
        goto done;
    }
    if (identity.auth != D2D_AUTH_KEY)
        snprintf(c->connection_string, sizeof c->connection_string, "HostName=%s;DeviceId=%s;x509=true", host,
                 identity.id);
    else
        snprintf(c->connection_string, sizeof c->connection_string, "HostName=%s;DeviceId=%s;SharedAccessKey=%s", host,
                 identity.id, identity.primary_key);
    status = check_certificate(c);
done:
    d2d_registry_free(registry);
    cli_loop_free(loop);
    explicit_bzero(&identity, sizeof identity);
    return status;
}

/* Said before anything is tried with it. */
static enum status settle_transport(struct cli *c)
{
    const char *environment = getenv("D2D_TRANSPORT");
    const struct opt *o = cli_common;
    char why[OPT_WHY_CAP];

    if (c->transport)
        return DONE;
    while (o->offset != offsetof(struct cli, transport))
        o++;
    if (!environment || !*environment)
        c->transport = 1 + D2D_MQTT;
    else if (!opt_take(o, "D2D_TRANSPORT", environment, c, why)) {
        complain("%s", why);
        return USAGE;
    }
    return DONE;
}

/* Two identities on one command line: one of them would be passed over. */
static enum status check_one(const struct cli *c, bool of_device)
{
    const char *first = c->as ? "--as" : c->connection_string_file ? "--connection-string-file" : NULL;
    const char *second = c->as && c->connection_string_file  ? "--connection-string-file"
                         : first && c->has_slot && of_device ? "--slot"
                                                             : NULL;

    if (!second)
        return DONE;
    complain("%s and %s exclude each other: each is an identity; give one of them", first, second);
    return USAGE;
}

enum status cli_choose_identity(struct cli *c, enum kind_of_string wanted)
{
    const char *environment = getenv("D2D_CONNECTION_STRING");
    bool given = c->connection_string_file || (environment && *environment);
    enum status status = settle_transport(c);

    if (status || (status = check_one(c, wanted == STRING_DEVICE || wanted == STRING_ANY)) ||
        (status = load_context(c, (!given && !c->has_slot) || c->as)))
        return status;
    if (c->has_slot && (wanted == STRING_DEVICE || wanted == STRING_ANY))
        return tpm_slot_string(c->slot, c->connection_string, sizeof c->connection_string);
    if (c->as) {
        if (wanted == STRING_DEVICE || wanted == STRING_ANY)
            return as_device(c, c->as);
        complain("--as: a device cannot do this, only a policy of the hub; leave it out");
        return USAGE;
    }
    if (c->connection_string_file)
        status = connection_string_read(c->connection_string_file, c->connection_string);
    else if (given)
        status = connection_string_take("D2D_CONNECTION_STRING", bytes_str(environment), c->connection_string);
    else
        status = take_context_string(c);
    if (status || (status = fits(c, wanted)))
        return status;
    return (status = check_certificate(c)) ? status : check_ca(c);
}

enum status cli_service(struct cli *c, const char *host)
{
    enum status status = settle_transport(c);

    if (status || (status = load_context(c, false)))
        return status;
    if (strchr(host, ';') ||
        (size_t)snprintf(c->connection_string, sizeof c->connection_string, "HostName=%s", host) > 300) {
        complain("--service must be a host name, not \"%s\"", host);
        return USAGE;
    }
    return DONE;
}

static char why_not[400];

static void on_log(void *ctx, enum d2d_log_level level, const char *line)
{
    (void)ctx;
    if (level <= D2D_LOG_WARN)
        snprintf(why_not, sizeof why_not, "%s", line);
}

const char *cli_why_not(void)
{
    return why_not;
}

static enum d2d_transport transport_of(const struct cli *c)
{
    return c->transport ? (enum d2d_transport)(c->transport - 1) : D2D_MQTT;
}

bool cli_speaks_amqp(const struct cli *c)
{
    return transport_of(c) == D2D_AMQP || transport_of(c) == D2D_AMQP_WS;
}

static const char *first_given(const char *a, const char *b, const char *c)
{
    return a && *a ? a : b && *b ? b : c && *c ? c : NULL;
}

static int port_of(int given, int of_context)
{
    return given ? given : of_context;
}

void cli_fill_options(const struct cli *c, struct d2d_options *out)
{
    static const struct context nothing;
    const struct context *context = is_of_context(c) ? &c->context : &nothing;

    *out = (struct d2d_options){D2D_OPTIONS,
                                .connection_string = c->connection_string,
                                .transport = transport_of(c),
                                .ca_file = first_given(c->ca_file, getenv("D2D_CA_FILE"), context->ca_file),
                                .host = first_given(c->address, context->address, NULL),
                                .mqtts_port = port_of(c->mqtts_port, context->mqtts_port),
                                .amqps_port = port_of(c->amqps_port, context->amqps_port),
                                .https_port = port_of(c->https_port, context->https_port),
                                .cert_file = c->cert_file,
                                .key_file = c->key_file,
                                .timeout_ms = c->timeout_ms,
                                .log = on_log};
    why_not[0] = 0;
}
