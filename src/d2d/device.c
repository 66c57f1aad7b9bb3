#include "chip.h"
#include "device_row.h"
#include "output.h"
#include "secret.h"

#include "ceilings.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* The registry of the hub that this command is about, and its loop. */
struct session {
    struct d2d_loop *loop;
    struct d2d_registry *registry;
};

static enum status open_registry(struct cli *c, struct session *s)
{
    struct d2d_options options;
    enum status status = cli_who(c, STRING_SERVICE);
    enum d2d_err e;

    *s = (struct session){0};
    if (status)
        return status;
    cli_d2d_options(c, &options);
    if ((e = d2d_loop_new(&s->loop)) || (e = d2d_registry_new(s->loop, &options, &s->registry)))
        return cli_failed("the registry", e, cli_why_not());
    return DONE;
}

static void close_registry(struct session *s)
{
    d2d_registry_free(s->registry);
    d2d_loop_free(s->loop);
}

/* The common part of a device's commands: options, the registry, then `each` for every name given. */
struct job {
    struct cli *cli;
    struct session session;
    struct out out;
    int disabled, secondary, rotate, by_ca, by_key, tpm, replace;
    const char *reason, *thumbprints, *path;
    struct secret secret; /* its connection string, to `path` */
    enum status said;     /* why the last one failed, when that was said */
    enum d2d_err (*each)(struct job *job, const char *id);
};

static enum status run_job(struct job *job, struct cli *c, int n, char **argv,
                           enum d2d_err (*each)(struct job *job, const char *id))
{
    enum status status, first = DONE;

    job->cli = c;
    job->each = each;
    if (!(status = open_registry(c, &job->session))) {
        out_begin(&job->out, c->format, device_columns, "deviceId");
        /* Nothing is done any more that cannot be told. */
        for (int i = 1; i <= n && !cli_interrupted && output_flush(); i++) {
            enum d2d_err e = job->each(job, argv[i]);

            if (e && !job->said &&
                !(job->said = cli_failed_about(A_DEVICE, argv[i], e, d2d_registry_detail(job->session.registry))))
                job->said = FAILED;
            first = first ? first : job->said;
            job->said = DONE;
        }
        status = first;
    }
    close_registry(&job->session);
    return status;
}

/* The file is opened before anything is made. */
static enum status run_with_secret(struct job *job, struct cli *c, int n, char **argv,
                                   enum d2d_err (*each)(struct job *job, const char *id))
{
    enum status status;

    if (job->path && n > 1) {
        complain("--out takes one device: run the command for each device");
        return USAGE;
    }
    if (!(status = secret_open(&job->secret, job->path, job->replace)))
        status = run_job(job, c, n, argv, each);
    secret_close(&job->secret);
    return status;
}

#define AT(field) .offset = offsetof(struct job, field)

static bool is_hash(struct bytes hex)
{
    uint8_t raw[32];
    size_t len;

    return !hex_decode(hex, raw, sizeof raw, &len) && (len == 20 || len == 32);
}

/* Before anything is asked of the hub. */
static enum status check_auth(const struct job *job, const struct command *command)
{
    struct bytes rest = bytes_str(job->thumbprints), first = bytes_cut(&rest, ',');
    char shown[100];

    if (job->by_ca + job->by_key + job->tpm + (job->thumbprints != NULL) > 1)
        return cli_usage(command, "--x509-thumbprint, --x509-ca%s exclude each other: give one",
                         command == &command_device_add ? " and --tpm" : " and --sas");
    if (job->thumbprints && (!is_hash(first) || (rest.at && !is_hash(rest))))
        return cli_usage(command,
                         "--x509-thumbprint must be the SHA-1 or SHA-256 of a certificate, 40 or 64 hexadecimal "
                         "digits, or two of them separated by a comma, not \"%s\"",
                         opt_shown(job->thumbprints, shown));
    return DONE;
}

/* The proof of identity that the options ask for. Without any it stays as it is. */
static enum d2d_err take_auth(const struct job *job, struct d2d_identity *d)
{
    struct bytes rest = bytes_str(job->thumbprints), first;

    if (job->by_ca)
        d->auth = D2D_AUTH_CA;
    if (job->by_key)
        d->auth = D2D_AUTH_KEY;
    if (!job->thumbprints)
        return D2D_OK;
    d->auth = D2D_AUTH_THUMBPRINT;
    first = bytes_cut(&rest, ',');
    return bytes_to_str(first, d->primary_thumbprint, sizeof d->primary_thumbprint) &&
                   bytes_to_str(rest, d->secondary_thumbprint, sizeof d->secondary_thumbprint)
               ? D2D_OK
               : D2D_ARGUMENT;
}

enum { STRING_CAP = 700 };

/* How the device connects, a line: with this key, a certificate, or the TPM. */
static enum d2d_err string_of(const struct job *job, const struct d2d_identity *d, const char *key,
                              char out[STRING_CAP])
{
    char host[256];
    enum d2d_err e = d2d_connection_string_field(job->cli->connection_string, "HostName", host, sizeof host);

    if (e)
        return e;
    if (d->auth != D2D_AUTH_KEY)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;x509=true\n", host, d->id);
    else if (job->tpm)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;Tpm=%u\n", host, d->id, chip_slot(job->cli));
    else
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;SharedAccessKey=%s\n", host, d->id, key);
    return D2D_OK;
}

/* The key goes from the hub into the chip and nowhere else. Without it there the device would be of no use: then it is
 * not made. */
static enum status put_into_chip(struct job *job, struct d2d_identity *d)
{
    char host[256], string[STRING_CAP];
    struct d2d_tpm *t;
    enum status status = chip_open(&t);

    if (status)
        return status;
    if (d2d_connection_string_field(job->cli->connection_string, "HostName", host, sizeof host))
        host[0] = 0;
    snprintf(string, sizeof string, "HostName=%s;DeviceId=%s;SharedAccessKey=%s", host, d->id, d->primary_key);
    if (!(status = chip_provision(t, chip_slot(job->cli), string, job->replace)))
        say("its key is in slot %u of the TPM: HostName=%s;DeviceId=%s;Tpm=%u", chip_slot(job->cli), host, d->id,
            chip_slot(job->cli));
    explicit_bzero(string, sizeof string);
    d2d_tpm_close(t);
    return status;
}

/* A device without room for its key is not made. */
static enum status check_room(const struct job *job)
{
    struct d2d_tpm *t;
    enum status status = job->tpm ? chip_open(&t) : DONE;

    if (job->tpm && !status) {
        status = chip_check_free(t, chip_slot(job->cli), job->replace);
        d2d_tpm_close(t);
    }
    return status;
}

static enum status save_string(struct job *job, const struct d2d_identity *d)
{
    char string[STRING_CAP];
    enum d2d_err e = string_of(job, d, d->primary_key, string);
    enum status status = e ? cli_failed_about(A_DEVICE, d->id, e, "") : secret_put(&job->secret, string);

    explicit_bzero(string, sizeof string);
    if (status)
        advise("the device is registered; `d2d device key %s --out FILE` gives its connection string", d->id);
    return status;
}

static enum d2d_err add_one(struct job *job, const char *id)
{
    struct d2d_identity d = {.enabled = !job->disabled};
    enum d2d_err e = take_auth(job, &d);

    if (e || !bytes_to_str(bytes_str(id), d.id, sizeof d.id))
        return D2D_ARGUMENT;
    if ((job->said = check_room(job)))
        return D2D_FAILED;
    if ((e = d2d_registry_add(job->session.registry, &d)))
        return e;
    if (job->tpm && (job->said = put_into_chip(job, &d))) {
        d2d_registry_remove(job->session.registry, d.id);
        e = D2D_FAILED;
    }
    if (!e && job->path && (job->said = save_string(job, &d)))
        e = D2D_FAILED;
    if (!e)
        out_row(&job->out, device_row(&d));
    explicit_bzero(d.primary_key, sizeof d.primary_key);
    explicit_bzero(d.secondary_key, sizeof d.secondary_key);
    return e;
}

static const struct opt add_options[] = {
    {"disabled", NULL, "add it disabled: it cannot connect until `d2d device enable`", OPT_FLAG, AT(disabled)},
    {"x509-thumbprint", "HEX[,HEX]", "authenticate by a certificate with this thumbprint, or one of two", OPT_TEXT,
     AT(thumbprints)},
    {"x509-ca", NULL, "authenticate by a certificate that a CA of the hub signed (`d2d ca`)", OPT_FLAG, AT(by_ca)},
    {"tpm", NULL, "store its key only in --slot (0) of this computer's TPM", OPT_FLAG, AT(tpm)},
    {"out", "FILE", "write its connection string to this file, readable by you only", OPT_TEXT, AT(path),
     .what = OPT_FILE},
    {"replace", NULL, "overwrite that file; destroy the key in the slot", OPT_FLAG, AT(replace)},
    {0}};

static enum status device_add(struct cli *c, void *values, int n, char **argv)
{
    struct job *job = values;

    enum status status = check_auth(job, &command_device_add);

    if (status)
        return status;
    if (job->tpm && n > 1)
        return cli_usage(&command_device_add, "--tpm: a slot of the TPM holds one device; add them one by one");
    if (c->has_slot && !job->tpm)
        return cli_usage(&command_device_add, "--slot selects the slot for --tpm: give --tpm too");
    return run_with_secret(job, c, n, argv, add_one);
}

const struct command command_device_add = {
    {.name = "device add",
     .usage = "DEVICE...",
     .summary = "register devices, with keys that the hub makes",
     .examples = "d2d device add phone --out phone.cs\n"
                 "d2d device add phone garage-door\n"
                 "d2d device add meter --x509-thumbprint 2FD4E1C67A2D28FCED849EE1BB76E7391B93EB12\n"
                 "d2d device add pump-1 pump-2 --x509-ca\n"
                 "d2d device add garage --tpm\n",
     .options = add_options,
     .least = 1,
     .most = OPT_MANY,
     .first = OPT_ANY},
    device_add,
    sizeof(struct job)};

static enum d2d_err auth_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (e || (e = take_auth(job, &d)) || (e = d2d_registry_update(job->session.registry, &d)))
        return e;
    out_row(&job->out, device_row(&d));
    return D2D_OK;
}

static const struct opt auth_options[] = {
    {"x509-thumbprint", "HEX[,HEX]", "by a certificate with this thumbprint, or one of two", OPT_TEXT, AT(thumbprints)},
    {"x509-ca", NULL, "by a certificate that a CA of the hub signed", OPT_FLAG, AT(by_ca)},
    {"sas", NULL, "by new keys", OPT_FLAG, AT(by_key)},
    {0}};

static enum status device_auth(struct cli *c, void *values, int n, char **argv)
{
    const struct job *job = values;
    enum status status = check_auth(job, &command_device_auth);

    if (status)
        return status;
    if (!job->by_ca && !job->by_key && !job->thumbprints)
        return cli_usage(&command_device_auth, "nothing to change: give --x509-thumbprint, --x509-ca or --sas");
    return run_job(values, c, n, argv, auth_one);
}

const struct command command_device_auth = {{.name = "device auth",
                                             .usage = "DEVICE...",
                                             .summary = "change how devices authenticate",
                                             .examples = "d2d device auth meter --x509-thumbprint OLD,NEW\n",
                                             .options = auth_options,
                                             .least = 1,
                                             .most = OPT_MANY,
                                             .first = OPT_DEVICE,
                                             .rest = OPT_DEVICE},
                                            device_auth,
                                            sizeof(struct job)};

static enum d2d_err show_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (!e)
        out_row(&job->out, device_row(&d));
    return e;
}

static enum status device_show(struct cli *c, void *values, int n, char **argv)
{
    return run_job(values, c, n, argv, show_one);
}

const struct command command_device_show = {{.name = "device show",
                                             .usage = "DEVICE...",
                                             .summary = "show devices, without their keys",
                                             .examples = "d2d device show phone\n",
                                             .least = 1,
                                             .most = OPT_MANY,
                                             .first = OPT_DEVICE,
                                             .rest = OPT_DEVICE},
                                            device_show,
                                            sizeof(struct job)};

static enum d2d_err remove_one(struct job *job, const char *id)
{
    enum d2d_err e = d2d_registry_remove(job->session.registry, id);

    if (!e)
        say("device \"%s\" is deleted", id);
    return e;
}

static enum status device_rm(struct cli *c, void *values, int n, char **argv)
{
    return run_job(values, c, n, argv, remove_one);
}

const struct command command_device_rm = {{.name = "device rm",
                                           .usage = "DEVICE...",
                                           .summary = "delete devices",
                                           .examples = "d2d device rm phone\n",
                                           .least = 1,
                                           .most = OPT_MANY,
                                           .first = OPT_DEVICE,
                                           .rest = OPT_DEVICE},
                                          device_rm,
                                          sizeof(struct job)};

static enum d2d_err purge_one(struct job *job, const char *id)
{
    uint64_t n;
    enum d2d_err e = d2d_registry_purge(job->session.registry, id, &n);

    if (!e)
        say("the mailbox of %s is empty now (%llu discarded)", id, (unsigned long long)n);
    return e;
}

static enum status device_purge(struct cli *c, void *values, int n, char **argv)
{
    return run_job(values, c, n, argv, purge_one);
}

const struct command command_device_purge = {{.name = "device purge",
                                              .usage = "DEVICE...",
                                              .summary = "discard the messages that wait for devices",
                                              .examples = "d2d device purge phone\n",
                                              .least = 1,
                                              .most = OPT_MANY,
                                              .first = OPT_DEVICE,
                                              .rest = OPT_DEVICE},
                                             device_purge,
                                             sizeof(struct job)};

static enum d2d_err switch_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (e)
        return e;
    d.enabled = !job->disabled;
    if (!bytes_to_str(bytes_str(job->reason ? job->reason : ""), d.reason, sizeof d.reason))
        return D2D_ARGUMENT;
    if (!(e = d2d_registry_update(job->session.registry, &d)))
        out_row(&job->out, device_row(&d));
    return e;
}

static const struct opt switch_options[] = {
    {"reason", "TEXT", "the reason, shown by `d2d device show`", OPT_TEXT, AT(reason)}, {0}};

static enum status device_enable(struct cli *c, void *values, int n, char **argv)
{
    return run_job(values, c, n, argv, switch_one);
}

static enum status device_disable(struct cli *c, void *values, int n, char **argv)
{
    ((struct job *)values)->disabled = 1;
    return run_job(values, c, n, argv, switch_one);
}

const struct command command_device_enable = {{.name = "device enable",
                                               .usage = "DEVICE...",
                                               .summary = "let devices connect again",
                                               .examples = "d2d device enable phone\n",
                                               .options = switch_options,
                                               .least = 1,
                                               .most = OPT_MANY,
                                               .first = OPT_DEVICE,
                                               .rest = OPT_DEVICE},
                                              device_enable,
                                              sizeof(struct job)};

const struct command command_device_disable = {{.name = "device disable",
                                                .usage = "DEVICE...",
                                                .summary = "disconnect devices, and refuse them from now on",
                                                .examples = "d2d device disable phone --reason lost\n",
                                                .options = switch_options,
                                                .least = 1,
                                                .most = OPT_MANY,
                                                .first = OPT_DEVICE,
                                                .rest = OPT_DEVICE},
                                               device_disable,
                                               sizeof(struct job)};

/* Two new keys, made here: so they can be somewhere before the hub counts on them. */
static enum d2d_err make_keys(struct d2d_identity *d)
{
    char *const keys[] = {d->primary_key, d->secondary_key};
    uint8_t raw[32];

    for (int i = 0; i < 2; i++) {
        struct buf text = buf_over(keys[i], sizeof d->primary_key - 1);

        if (getrandom(raw, sizeof raw, 0) != sizeof raw)
            return D2D_FAILED;
        buf_put_base64(&text, bytes_of(raw, sizeof raw));
        keys[i][text.len] = 0;
        if (text.bad)
            return D2D_FAILED;
    }
    explicit_bzero(raw, sizeof raw);
    return D2D_OK;
}

/* The keys change when the new ones are on the disk or with whoever reads them; the file has its name once they count.
 */
/* The keys that were shown get into force. When the answer is lost, the hub is asked which ones count. */
static enum d2d_err commit_keys(struct job *job, struct d2d_identity *d)
{
    struct d2d_registry *registry = job->session.registry;
    struct d2d_identity now = {0};
    enum d2d_err e = d2d_registry_update(registry, d), asked;

    if (!e)
        return D2D_OK;
    asked = d2d_registry_get(registry, d->id, &now);
    if (!asked && strcmp(now.primary_key, d->primary_key) == 0)
        e = D2D_OK;
    else if (!asked)
        complain("the keys of %s are unchanged; the keys just written are not valid", d->id);
    else
        complain("it is not known whether the new keys of %s are valid; `d2d device key %s` prints the valid one",
                 d->id, d->id);
    explicit_bzero(&now, sizeof now);
    return e;
}

static enum d2d_err give_key(struct job *job, struct d2d_identity *d)
{
    char string[STRING_CAP];
    enum d2d_err e;

    if (job->rotate && d->auth == D2D_AUTH_KEY && (e = make_keys(d)))
        return e;
    if (d->auth == D2D_AUTH_KEY && !d->primary_key[0])
        return D2D_NOT_AUTHORISED;
    if ((e = string_of(job, d, job->secondary ? d->secondary_key : d->primary_key, string)))
        return e;
    job->said = secret_write(&job->secret, string);
    explicit_bzero(string, sizeof string);
    if (!job->said && job->rotate)
        job->said = secret_arrived(&job->secret);
    if (job->said)
        return D2D_FAILED;
    if (job->rotate && d->auth == D2D_AUTH_KEY && (e = commit_keys(job, d)))
        return e;
    return (job->said = secret_keep(&job->secret)) ? D2D_FAILED : D2D_OK;
}

static enum d2d_err key_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (!e && d.auth != D2D_AUTH_KEY && (job->rotate || job->secondary)) {
        complain("device \"%s\" has no keys: it authenticates by certificate; `d2d device auth %s --sas` gives it keys",
                 id, id);
        job->said = USAGE;
        return D2D_ARGUMENT;
    }
    if (!e)
        e = give_key(job, &d);
    explicit_bzero(d.primary_key, sizeof d.primary_key);
    explicit_bzero(d.secondary_key, sizeof d.secondary_key);
    return e;
}

static const struct opt key_options[] = {{"secondary", NULL, "with the secondary key", OPT_FLAG, AT(secondary)},
                                         {"rotate", NULL, "make two new keys first", OPT_FLAG, AT(rotate)},
                                         {"out", "FILE",
                                          "write it to this file, readable by you only (standard output)", OPT_TEXT,
                                          AT(path), .what = OPT_FILE},
                                         {"replace", NULL, "overwrite that file", OPT_FLAG, AT(replace)},
                                         {0}};

static enum status device_key(struct cli *c, void *values, int n, char **argv)
{
    return run_with_secret(values, c, n, argv, key_one);
}

const struct command command_device_key = {{.name = "device key",
                                            .usage = "DEVICE...",
                                            .summary = "print the connection strings of devices",
                                            .examples = "d2d device key phone --out phone.cs\n"
                                                        "d2d device key phone --rotate --out phone.cs --replace\n",
                                            .options = key_options,
                                            .least = 1,
                                            .most = OPT_MANY,
                                            .first = OPT_DEVICE,
                                            .rest = OPT_DEVICE},
                                           device_key,
                                           sizeof(struct job)};
