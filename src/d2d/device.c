#include "chip.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

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

static const struct column device_columns[] = {{"deviceId", "DEVICE", 24},
                                               {"status", "STATUS", 8},
                                               {"connectionState", "CONNECTION", 12},
                                               {"lastActivityTime", "LAST ACTIVITY", 28},
                                               {"statusReason", "REASON", 0},
                                               {0}};

static const char *const auth_names[] = {
    [D2D_AUTH_KEY] = "key", [D2D_AUTH_THUMBPRINT] = "thumbprint", [D2D_AUTH_CA] = "ca"};

/* Keys stay out of what is printed: `device key` is there for them. */
static json_t *device_row(const struct d2d_identity *d)
{
    json_t *row =
        json_pack("{ss ss ss ss ss ss ss ss ss}", "deviceId", d->id, "status", d->enabled ? "enabled" : "disabled",
                  "statusReason", d->reason, "connectionState", d->connected ? "Connected" : "Disconnected",
                  "connectionStateUpdatedTime", d->connected_since, "lastActivityTime", d->last_activity,
                  "generationId", d->generation, "etag", d->etag, "authentication", auth_names[d->auth]);

    if (row && d->auth == D2D_AUTH_THUMBPRINT)
        json_object_set_new(row, "thumbprints", json_pack("[ss]", d->primary_thumbprint, d->secondary_thumbprint));
    return row;
}

/* What the commands of one device share: options, the registry, then `each` for every name given. */
struct job {
    struct cli *cli;
    struct session session;
    struct out out;
    int disabled, secondary, rotate, by_ca, by_key, tpm;
    const char *reason, *thumbprints;
    enum status said; /* why the last one failed, when that was said */
    enum d2d_err (*each)(struct job *job, const char *id);
};

static enum status run_job(struct job *job, const struct command *command, const struct opt *opts, int argc,
                           char **argv)
{
    enum status status, first = DONE;
    bool stop;
    int n;

    if ((status = cli_options(job->cli, command, opts, argc, argv, &n, &stop)) || stop)
        return status;
    if (n < 1)
        return cli_usage(command, "which device?");
    if (job->tpm && n > 1)
        return cli_usage(command, "a slot of the TPM has room for one device");
    if (!(status = open_registry(job->cli, &job->session))) {
        out_begin(&job->out, job->cli->format, device_columns, "deviceId");
        for (int i = 1; i <= n && !cli_interrupted; i++) {
            enum d2d_err e = job->each(job, argv[i]);

            if (e && !job->said && !(job->said = cli_failed(argv[i], e, d2d_registry_detail(job->session.registry))))
                job->said = FAILED;
            first = first ? first : job->said;
            job->said = DONE;
        }
        status = first;
    }
    close_registry(&job->session);
    return status;
}

/* What the options say of how it proves who it is. Without any it stays as it is. */
static enum d2d_err take_auth(const struct job *job, struct d2d_identity *d)
{
    struct bytes rest = bytes_str(job->thumbprints), first;

    if (job->by_ca + job->by_key + job->tpm + (job->thumbprints != NULL) > 1)
        return D2D_ARGUMENT;
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

/* The key goes from the hub into the chip and nowhere else. Without it there the device would be of no use: then it is not made. */
static enum status put_into_chip(struct job *job, struct d2d_identity *d)
{
    char host[256], string[700];
    struct tpm *t;
    enum status status = chip_open(&t);

    if (status)
        return status;
    if (d2d_connection_string_field(job->cli->connection_string, "HostName", host, sizeof host))
        host[0] = 0;
    snprintf(string, sizeof string, "HostName=%s;DeviceId=%s;SharedAccessKey=%s", host, d->id, d->primary_key);
    if (!(status = chip_provision(t, chip_slot(job->cli), string)))
        say("its key is in slot %u of the TPM: HostName=%s;DeviceId=%s;Tpm=%u", chip_slot(job->cli), host, d->id,
            chip_slot(job->cli));
    explicit_bzero(string, sizeof string);
    tpm_close(t);
    return status;
}

static enum d2d_err add_one(struct job *job, const char *id)
{
    struct d2d_identity d = {.enabled = !job->disabled};
    enum d2d_err e = take_auth(job, &d);

    if (e || !bytes_to_str(bytes_str(id), d.id, sizeof d.id))
        return D2D_ARGUMENT;
    if ((e = d2d_registry_add(job->session.registry, &d)))
        return e;
    if (job->tpm && (job->said = put_into_chip(job, &d))) {
        d2d_registry_remove(job->session.registry, d.id);
        e = D2D_FAILED;
    }
    if (!e)
        out_row(&job->out, device_row(&d));
    explicit_bzero(d.primary_key, sizeof d.primary_key);
    explicit_bzero(d.secondary_key, sizeof d.secondary_key);
    return e;
}

static enum status device_add(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = add_one};
    const struct opt opts[] = {
        {"disabled", NULL, "not able to connect yet", NULL, &job.disabled, NULL, NULL},
        {"x509-thumbprint", "HEX[,HEX]", "it shows a certificate with one of these", &job.thumbprints, NULL, NULL,
         NULL},
        {"x509-ca", NULL, "it shows one that a CA of the hub has signed (`d2d ca`)", NULL, &job.by_ca, NULL, NULL},
        {"tpm", NULL, "its key goes into --slot (0) of this computer's TPM, and nowhere else", NULL, &job.tpm, NULL,
         NULL},
        {0}};

    return run_job(&job, &command_device_add, opts, argc, argv);
}

const struct command command_device_add = {"device add", "DEVICE...", "register devices, with keys that the hub makes",
                                           "d2d device add phone garage-door\nd2d device add meter --x509-thumbprint "
                                           "2FD4E1C67A2D28FCED849EE1BB76E7391B93EB12\n"
                                           "d2d device add pump-1 pump-2 --x509-ca\n"
                                           "d2d device add garage --tpm\n",
                                           device_add};

static enum d2d_err auth_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (e || (e = take_auth(job, &d)) || (e = d2d_registry_update(job->session.registry, &d)))
        return e;
    out_row(&job->out, device_row(&d));
    return D2D_OK;
}

static enum status device_auth(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = auth_one};
    const struct opt opts[] = {
        {"x509-thumbprint", "HEX[,HEX]", "by a certificate with one of these", &job.thumbprints, NULL, NULL, NULL},
        {"x509-ca", NULL, "by one that a CA of the hub has signed", NULL, &job.by_ca, NULL, NULL},
        {"sas", NULL, "by new keys", NULL, &job.by_key, NULL, NULL},
        {0}};

    return run_job(&job, &command_device_auth, opts, argc, argv);
}

const struct command command_device_auth = {"device auth", "DEVICE...", "change how devices prove who they are",
                                            "d2d device auth meter --x509-thumbprint OLD,NEW\n", device_auth};

static enum d2d_err show_one(struct job *job, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(job->session.registry, id, &d);

    if (!e)
        out_row(&job->out, device_row(&d));
    return e;
}

static enum status device_show(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = show_one};

    return run_job(&job, &command_device_show, NULL, argc, argv);
}

const struct command command_device_show = {"device show", "DEVICE...", "what the hub knows of devices",
                                            "d2d device show phone\n", device_show};

static enum d2d_err remove_one(struct job *job, const char *id)
{
    enum d2d_err e = d2d_registry_remove(job->session.registry, id);

    if (!e)
        say("%s is gone", id);
    return e;
}

static enum status device_rm(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = remove_one};

    return run_job(&job, &command_device_rm, NULL, argc, argv);
}

const struct command command_device_rm = {"device rm", "DEVICE...", "delete devices", "d2d device rm phone\n",
                                          device_rm};

static enum d2d_err purge_one(struct job *job, const char *id)
{
    uint64_t n;
    enum d2d_err e = d2d_registry_purge(job->session.registry, id, &n);

    if (!e)
        say("the mailbox of %s is empty now (%llu thrown away)", id, (unsigned long long)n);
    return e;
}

static enum status device_purge(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = purge_one};

    return run_job(&job, &command_device_purge, NULL, argc, argv);
}

const struct command command_device_purge = {"device purge", "DEVICE...", "throw away what waits for devices",
                                             "d2d device purge phone\n", device_purge};

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

static enum status device_switch(struct cli *c, const struct command *command, int disabled, int argc, char **argv)
{
    struct job job = {.cli = c, .each = switch_one, .disabled = disabled};
    const struct opt opts[] = {{"reason", "TEXT", "why, for whoever looks later", &job.reason, NULL, NULL, NULL}, {0}};

    return run_job(&job, command, opts, argc, argv);
}

static enum status device_enable(struct cli *c, int argc, char **argv)
{
    return device_switch(c, &command_device_enable, 0, argc, argv);
}

static enum status device_disable(struct cli *c, int argc, char **argv)
{
    return device_switch(c, &command_device_disable, 1, argc, argv);
}

const struct command command_device_enable = {"device enable", "DEVICE...", "let devices connect again",
                                              "d2d device enable phone\n", device_enable};
const struct command command_device_disable = {"device disable", "DEVICE...", "throw devices out and keep them out",
                                               "d2d device disable phone --reason lost\n", device_disable};

static enum d2d_err key_one(struct job *job, const char *id)
{
    const char *hub = job->cli->connection_string;
    struct d2d_identity d;
    char host[256];
    enum d2d_err e;

    if ((e = d2d_registry_get(job->session.registry, id, &d)) ||
        (e = d2d_connection_string_field(hub, "HostName", host, sizeof host)))
        return e;
    if (d.auth != D2D_AUTH_KEY) {
        printf("HostName=%s;DeviceId=%s;x509=true\n", host, d.id);
        return D2D_OK;
    }
    if (job->rotate) {
        d.primary_key[0] = d.secondary_key[0] = 0;
        if ((e = d2d_registry_update(job->session.registry, &d)))
            return e;
    }
    if (!d.primary_key[0])
        return D2D_NOT_AUTHORISED;
    printf("HostName=%s;DeviceId=%s;SharedAccessKey=%s\n", host, d.id,
           job->secondary ? d.secondary_key : d.primary_key);
    return D2D_OK;
}

static enum status device_key(struct cli *c, int argc, char **argv)
{
    struct job job = {.cli = c, .each = key_one};
    const struct opt opts[] = {{"secondary", NULL, "with the second key", NULL, &job.secondary, NULL, NULL},
                               {"rotate", NULL, "make two new keys first", NULL, &job.rotate, NULL, NULL},
                               {0}};

    return run_job(&job, &command_device_key, opts, argc, argv);
}

const struct command command_device_key = {"device key", "DEVICE", "the connection string of a device",
                                           "d2d device key phone > phone.cs\n", device_key};

static enum status device_list(struct cli *c, int argc, char **argv)
{
    const char *top = NULL;
    const struct opt opts[] = {{"top", "N", "at most so many (1000)", &top, NULL, NULL, NULL}, {0}};
    struct session session = {0};
    struct d2d_identity *found = NULL;
    uint64_t most = 1000;
    size_t count = 0;
    enum status status;
    struct out out;
    enum d2d_err e;
    bool stop;
    int n;

    if ((status = cli_options(c, &command_device_list, opts, argc, argv, &n, &stop)) || stop)
        return status;
    if (n > 0 || (top && (!bytes_to_u64(bytes_str(top), &most) || most < 1 || most > 1000)))
        return cli_usage(&command_device_list, "it takes no arguments, and --top 1 to 1000");
    if ((status = open_registry(c, &session)))
        goto done;
    if ((e = d2d_registry_list(session.registry, (size_t)most, &found, &count))) {
        status = cli_failed("the list of devices", e, d2d_registry_detail(session.registry));
        goto done;
    }
    out_begin(&out, c->format, device_columns, "deviceId");
    for (size_t i = 0; i < count; i++)
        out_row(&out, device_row(&found[i]));
    if (count == 0)
        say("there are no devices yet; `d2d device add NAME` makes one");
done:
    free(found);
    close_registry(&session);
    return status;
}

const struct command command_device_list = {"device list", "[--top N]", "the devices, by id", "d2d device list\n",
                                            device_list};
