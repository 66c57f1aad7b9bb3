/* A device registers with a provisioning service, and learns which hub is its own. */
#include "key_file.h"
#include "secret.h"
#include "tpm_slot.h"

#include <stdio.h>
#include <stdlib.h>

enum { STRING_CAP = 1024 };

struct register_values {
    const char *service, *scope, *id, *key_file, *group_key_file, *payload, *out;
    char host[256], its_scope[80], key[KEY_CAP];
    int tpm, replace;
    struct secret secret;
    struct d2d_registration got;
};

static enum status take_key(struct register_values *v)
{
    char group[KEY_CAP];
    enum status status;
    enum d2d_err e;

    if (!v->group_key_file)
        return v->key_file ? key_file_read(v->key_file, v->key, NULL) : DONE;
    if ((status = key_file_read(v->group_key_file, group, NULL)))
        return status;
    if ((e = d2d_derive_key(group, v->id, v->key, sizeof v->key)))
        status = cli_failed(v->id, e, "");
    explicit_bzero(group, sizeof group);
    return status;
}

/* The hub of the context is its own provisioning service, and knows its scope. */
static enum status ask_scope(struct cli *c, struct register_values *v)
{
    struct d2d_options options;
    struct d2d_registry *registry = NULL;
    struct d2d_loop *loop = NULL;
    const char *scope;
    char *text = NULL;
    enum status status = DONE;
    enum d2d_err e;
    json_t *hub;

    cli_fill_options(c, &options);
    if ((e = cli_loop_new(&loop)) || (e = d2d_registry_new(loop, &options, &registry)) ||
        (e = d2d_registry_status(registry, &text)))
        status = cli_failed("the id scope of the hub", e, registry ? d2d_registry_detail(registry) : cli_why_not());
    if (!status && (hub = out_parsed(text))) {
        scope = json_string_value(json_object_get(hub, "scope_id"));
        snprintf(v->its_scope, sizeof v->its_scope, "%s", scope ? scope : "");
        v->scope = v->its_scope;
        json_decref(hub);
    }
    d2d_registry_free(registry);
    cli_loop_free(loop);
    if (!status && !v->its_scope[0]) {
        complain("the hub does not report its id scope; give --scope");
        status = FAILED;
    }
    return status;
}

static enum status find_service(struct cli *c, struct register_values *v)
{
    enum status status;

    if (v->service)
        return cli_service(c, v->service);
    if ((status = cli_choose_identity(c, STRING_SERVICE)))
        return status;
    if (d2d_connection_string_field(c->connection_string, "HostName", v->host, sizeof v->host)) {
        return cli_usage(&command_register, "--service is missing: the context has no hub to register with");
    }
    v->service = v->host;
    return v->scope ? DONE : ask_scope(c, v);
}

static enum status ask(struct cli *c, struct register_values *v)
{
    struct d2d_register_options options = {D2D_REGISTER_OPTIONS,
                                           .service = v->service,
                                           .scope = v->scope,
                                           .registration = v->id,
                                           .key = v->key[0] ? v->key : NULL,
                                           .tpm = v->tpm,
                                           .tpm_slot = tpm_slot_chosen(c),
                                           .payload = v->payload};
    struct d2d_loop *loop;
    enum d2d_err e = cli_loop_new(&loop);

    if (e)
        return cli_failed("registering", e, "");
    cli_fill_options(c, &options.common);
    options.common.log = NULL; /* what fails is told once, below */
    e = d2d_register(loop, &options, &v->got);
    cli_loop_free(loop);
    return e ? cli_failed(v->got.registration[0] ? v->got.registration : "registering", e, v->got.error) : DONE;
}

static const struct column columns[] = {{"registrationId", "REGISTRATION", 24},
                                        {"deviceId", "DEVICE", 24},
                                        {"assignedHub", "HUB", 24},
                                        {"connectionString", "CONNECTION STRING", 0},
                                        {0}};

static enum status show(const struct cli *c, struct register_values *v)
{
    const struct d2d_registration *got = &v->got;
    char text[STRING_CAP], slot[16];
    enum status status;

    snprintf(slot, sizeof slot, "%u", tpm_slot_chosen(c));
    snprintf(text, sizeof text, "HostName=%s;DeviceId=%s;%s%s", got->hub, got->device,
             v->tpm      ? "Tpm="
             : v->key[0] ? "SharedAccessKey="
                         : "x509=true",
             v->tpm ? slot : v->key);

    say("%s is registered as device %s of %s%s%s%s", got->registration, got->device, got->hub,
        got->substatus[0] ? " (" : "", got->substatus, got->substatus[0] ? ")" : "");
    if (got->payload[0])
        say("the service says: %s", got->payload);
    cli_done(A_DEVICE, got->device);
    secret_form(&v->secret, c->format, columns, "connectionString");
    status = secret_put(&v->secret,
                        json_pack("{ss ss ss ss ss}", "registrationId", got->registration, "deviceId", got->device,
                                  "assignedHub", got->hub, "substatus", got->substatus, "connectionString", text));
    explicit_bzero(text, sizeof text);
    return status;
}

/* The result of registering has somewhere to go. */
static enum status check_room(const struct cli *c, struct register_values *v)
{
    struct d2d_tpm *t;
    enum status status = secret_open(&v->secret, v->out, v->replace);

    if (status || !v->tpm || (status = tpm_slot_open(&t)))
        return status;
    status = tpm_slot_check_free(t, tpm_slot_chosen(c), v->replace);
    d2d_tpm_close(t);
    return status;
}

static bool is_json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    json_decref(value);
    return value != NULL;
}

static enum status check(const struct cli *c, const struct register_values *v)
{
    if (v->payload && !is_json(v->payload))
        return cli_usage(&command_register, "--payload must be a JSON text");
    if (c->has_slot && !v->tpm)
        return cli_usage(&command_register, "--slot selects the slot for --tpm: give --tpm too");
    if (v->service && !v->scope)
        return cli_usage(&command_register, "--service needs --scope, the id scope of that service");
    if (c->as)
        return cli_usage(&command_register, "--as: a device that registers has no identity yet; leave it out");
    if (v->tpm) {
        if (v->key_file || v->group_key_file || c->cert_file)
            return cli_usage(&command_register,
                             "--tpm excludes --key-file, --group-key-file and --cert-file; give one of them");
        return DONE;
    }
    if (c->cert_file) {
        if (!v->key_file || v->group_key_file)
            return cli_usage(&command_register,
                             "--cert-file needs --key-file with its key, and excludes --group-key-file");
        return DONE;
    }
    if (!v->key_file == !v->group_key_file)
        return cli_usage(&command_register, v->key_file
                                                ? "--key-file and --group-key-file exclude each other"
                                                : "--key-file is missing (or --group-key-file, --tpm, or --cert-file "
                                                  "with --key-file): the credentials of the device");
    if (!v->id)
        return cli_usage(&command_register, "--id is missing: the registration id of the device");
    return DONE;
}

static const struct opt options[] = {
    {"service", "HOST", "the provisioning service (the hub of the context)", OPT_TEXT,
     .offset = offsetof(struct register_values, service)},
    {"scope", "ID", "its id scope", OPT_TEXT, .offset = offsetof(struct register_values, scope)},
    {"id", "ID", "the registration id; with a certificate: its common name", OPT_TEXT,
     .offset = offsetof(struct register_values, id)},
    {"key-file", "FILE", "the device's key in base64; with --cert-file: the certificate's", OPT_INPUT,
     .offset = offsetof(struct register_values, key_file), .what = OPT_FILE},
    {"group-key-file", "FILE", "the key of an enrollment group, from which the device's is derived", OPT_INPUT,
     .offset = offsetof(struct register_values, group_key_file), .what = OPT_FILE},
    {"tpm", NULL, "by the TPM, over https or amqp; the device's key is stored in --slot (0)", OPT_FLAG,
     .offset = offsetof(struct register_values, tpm)},
    {"payload", "JSON", "JSON for the webhook that chooses the hub", OPT_TEXT,
     .offset = offsetof(struct register_values, payload)},
    {"out", "FILE", "write the connection string to this file, readable by you only", OPT_TEXT,
     .offset = offsetof(struct register_values, out), .what = OPT_FILE},
    {"replace", NULL, "overwrite that file; destroy the key in the slot", OPT_FLAG,
     .offset = offsetof(struct register_values, replace)},
    {0}};

static enum status register_run(struct cli *c, void *values, int n, char **argv)
{
    const char *cert_file = c->cert_file;
    struct register_values *v = values;
    enum status status = check(c, v);

    (void)n;
    (void)argv;
    if (status)
        return status;
    if (!c->cert_file && !v->tpm)
        status = take_key(v);
    if (v->tpm && !c->transport && !getenv("D2D_TRANSPORT"))
        c->transport = 1 + D2D_HTTPS; /* MQTT cannot do it */
    /* The context finds the service; the certificate is for the device that registers. */
    c->cert_file = NULL;
    if (!status && !(status = check_room(c, v)) && !(status = find_service(c, v))) {
        c->cert_file = cert_file;
        c->key_file = v->key_file;
        status = ask(c, v);
    }
    if (!status)
        status = show(c, v);
    secret_close(&v->secret);
    explicit_bzero(v->key, sizeof v->key);
    return status;
}

const struct command command_register = {
    {.name = "register",
     .deed = "was registered",
     .usage = "[--service HOST --scope ID] [--id ID] --key-file FILE|--tpm [--out FILE]",
     .summary = "register a device, and get its connection string",
     .examples = "d2d register --id pump-1 --key-file pump-1.key --out pump-1.cs\n"
                 "d2d register --id pump-2 --group-key-file pumps.key --out pump-2.cs\n"
                 "d2d register --cert-file pump-3/cert.pem --key-file pump-3/key.pem --transport amqp --out pump-3.cs\n"
                 "d2d register --tpm --slot 0\n"
                 "d2d register --service global.azure-devices-provisioning.net --scope 0ne00000001 --id pump-1 "
                 "--key-file pump-1.key\n",
     .options = options},
    register_run,
    sizeof(struct register_values)};
