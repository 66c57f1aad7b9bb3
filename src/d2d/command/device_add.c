/* `device add` and `device auth`: how devices prove who they are. */
#include "device_task.h"
#include "tpm_slot.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define AT(field) .offset = offsetof(struct device_task, field)

static bool is_hash(struct bytes hex)
{
    uint8_t raw[32];
    size_t len;

    return !hex_decode(hex, raw, sizeof raw, &len) && (len == 20 || len == 32);
}

/* Before anything is asked of the hub. */
enum status device_task_check_auth(const struct device_task *task, const struct command *command)
{
    struct bytes rest = bytes_str(task->thumbprints), first = bytes_cut(&rest, ',');
    char shown[100];

    if (task->by_ca + task->by_key + task->tpm + (task->thumbprints != NULL) > 1)
        return cli_usage(command, "--x509-thumbprint, --x509-ca%s exclude each other: give one",
                         command == &command_device_add    ? " and --tpm"
                         : command == &command_device_auth ? " and --sas"
                                                           : "");
    if (task->thumbprints && (!is_hash(first) || (rest.at && !is_hash(rest))))
        return cli_usage(command,
                         "--x509-thumbprint must be the SHA-1 or SHA-256 of a certificate, 40 or 64 hexadecimal "
                         "digits, or two of them separated by a comma, not \"%s\"",
                         opt_shown(task->thumbprints, shown));
    return DONE;
}

/* The proof of identity that the options ask for. Without any it stays as it is. */
static enum d2d_err take_auth(const struct device_task *task, struct d2d_identity *d)
{
    struct bytes rest = bytes_str(task->thumbprints), first;

    if (task->by_ca)
        d->auth = D2D_AUTH_CA;
    if (task->by_key)
        d->auth = D2D_AUTH_KEY;
    if (!task->thumbprints)
        return D2D_OK;
    d->auth = D2D_AUTH_THUMBPRINT;
    first = bytes_cut(&rest, ',');
    return bytes_to_str(first, d->primary_thumbprint, sizeof d->primary_thumbprint) &&
                   bytes_to_str(rest, d->secondary_thumbprint, sizeof d->secondary_thumbprint)
               ? D2D_OK
               : D2D_ARGUMENT;
}

/* The key goes from the hub into the chip and nowhere else. Without it there the device would be of no use: then it is
 * not made. */
static enum status put_into_tpm(struct device_task *task, struct d2d_identity *d)
{
    char host[256], string[STRING_CAP];
    struct d2d_tpm *t;
    enum status status = tpm_slot_open(&t);

    if (status)
        return status;
    if (d2d_connection_string_field(task->cli->connection_string, "HostName", host, sizeof host))
        host[0] = 0;
    snprintf(string, sizeof string, "HostName=%s;DeviceId=%s;SharedAccessKey=%s", host, d->id, d->primary_key);
    if (!(status = tpm_slot_provision(t, tpm_slot_chosen(task->cli), string, task->replace)))
        say("its key is in slot %u of the TPM: HostName=%s;DeviceId=%s;Tpm=%u", tpm_slot_chosen(task->cli), host, d->id,
            tpm_slot_chosen(task->cli));
    explicit_bzero(string, sizeof string);
    d2d_tpm_close(t);
    return status;
}

/* A device without room for its key is not made. */
static enum status check_room(const struct device_task *task)
{
    struct d2d_tpm *t;
    enum status status = task->tpm ? tpm_slot_open(&t) : DONE;

    if (task->tpm && !status) {
        status = tpm_slot_check_free(t, tpm_slot_chosen(task->cli), task->replace);
        d2d_tpm_close(t);
    }
    return status;
}

static enum status save_string(struct device_task *task, const struct d2d_identity *d)
{
    char string[STRING_CAP];
    enum d2d_err e = device_task_string(task, d, d->primary_key, string);
    enum status status =
        e ? cli_failed_about(A_DEVICE, d->id, e, "") : secret_put(&task->secret, device_task_string_row(d, string));

    explicit_bzero(string, sizeof string);
    if (status)
        advise("the %s is registered; `d2d %s key` gives its connection string", task->modules ? "module" : "device",
               task->modules ? "module" : "device");
    return status;
}

enum d2d_err device_add_one(struct device_task *task, const char *id)
{
    struct d2d_identity d = {.enabled = !task->disabled};
    enum d2d_err e = take_auth(task, &d);

    if (e || !device_task_name(id, &d) ||
        !bytes_to_str(bytes_str(task->managed_by ? task->managed_by : ""), d.managed_by, sizeof d.managed_by))
        return D2D_ARGUMENT;
    if ((task->said = check_room(task)))
        return D2D_FAILED;
    if ((e = d2d_registry_add(task->registry, &d)))
        return e;
    if (task->tpm && (task->said = put_into_tpm(task, &d))) {
        d2d_registry_remove(task->registry, d.id);
        e = D2D_FAILED;
    }
    if (!e && task->path && (task->said = save_string(task, &d)))
        e = D2D_FAILED;
    if (!e)
        out_row(&task->out, device_row(&d));
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
    struct device_task *task = values;

    enum status status = device_task_check_auth(task, &command_device_add);

    if (status)
        return status;
    if (task->tpm && n > 1)
        return cli_usage(&command_device_add, "--tpm: a slot of the TPM holds one device; add them one by one");
    if (c->has_slot && !task->tpm)
        return cli_usage(&command_device_add, "--slot selects the slot for --tpm: give --tpm too");
    return device_task_run_with_secret(task, c, n, argv, device_add_one);
}

const struct command command_device_add = {
    {.name = "device add",
     .deed = "was added",
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
    sizeof(struct device_task)};

static enum d2d_err auth_one(struct device_task *task, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(task->registry, id, &d);

    if (e || (e = take_auth(task, &d)) || (e = d2d_registry_update(task->registry, &d)))
        return e;
    out_row(&task->out, device_row(&d));
    return D2D_OK;
}

static const struct opt auth_options[] = {
    {"x509-thumbprint", "HEX[,HEX]", "by a certificate with this thumbprint, or one of two", OPT_TEXT, AT(thumbprints)},
    {"x509-ca", NULL, "by a certificate that a CA of the hub signed", OPT_FLAG, AT(by_ca)},
    {"sas", NULL, "by new keys", OPT_FLAG, AT(by_key)},
    {0}};

static enum status device_auth(struct cli *c, void *values, int n, char **argv)
{
    const struct device_task *task = values;
    enum status status = device_task_check_auth(task, &command_device_auth);

    if (status)
        return status;
    if (!task->by_ca && !task->by_key && !task->thumbprints)
        return cli_usage(&command_device_auth, "nothing to change: give --x509-thumbprint, --x509-ca or --sas");
    return device_task_run(values, c, n, argv, auth_one);
}

const struct command command_device_auth = {{.name = "device auth",
                                             .deed = "was changed",
                                             .usage = "DEVICE...",
                                             .summary = "change how devices authenticate",
                                             .examples = "d2d device auth meter --x509-thumbprint OLD,NEW\n",
                                             .options = auth_options,
                                             .least = 1,
                                             .most = OPT_MANY,
                                             .first = OPT_DEVICE,
                                             .rest = OPT_DEVICE},
                                            device_auth,
                                            sizeof(struct device_task)};
