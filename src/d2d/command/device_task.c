#include "device_task.h"

#include "ceilings.h"
#include "output.h"
#include "text.h"
#include "tpm_slot.h"

#include <stdio.h>
#include <string.h>

static const struct column device_strings[] = {
    {"deviceId", "DEVICE", 24}, {"connectionString", "CONNECTION STRING", 0}, {0}};
static const struct column module_strings[] = {
    {"deviceId", "DEVICE", 24}, {"moduleId", "MODULE", 16}, {"connectionString", "CONNECTION STRING", 0}, {0}};

static enum status open_registry(struct cli *c, struct device_task *task)
{
    struct d2d_options options;
    enum status status = cli_choose_identity(c, STRING_SERVICE);
    enum d2d_err e;

    if (status)
        return status;
    cli_fill_options(c, &options);
    if ((e = cli_loop_new(&task->loop)) || (e = d2d_registry_new(task->loop, &options, &task->registry)))
        return cli_failed("the registry", e, cli_why_not());
    return DONE;
}

bool device_task_name(const char *id, struct d2d_identity *out)
{
    struct bytes module = bytes_str(id), device = bytes_cut(&module, '/');

    return bytes_to_str(device, out->id, sizeof out->id) && bytes_to_str(module, out->module, sizeof out->module);
}

/* A module and its device are never taken for each other. */
static enum status check_name(const struct device_task *task, const char *id)
{
    const char *slash = strchr(id, '/');
    size_t len = slash ? (size_t)(slash - id) : strlen(id);
    char shown[100];

    if (task->modules && (!slash || slash == id || !slash[1])) {
        complain("\"%s\" must be DEVICE/MODULE: the device, a slash, and the name of its module", opt_shown(id, shown));
        return USAGE;
    }
    if (!task->modules && slash) {
        complain("\"%s\" is a module, not a device: use `d2d module`", opt_shown(id, shown));
        return USAGE;
    }
    if (len > ID_LEN_MAX || (slash && strlen(slash + 1) > ID_LEN_MAX)) {
        complain("an id must be 1 to %d characters; \"%s\" has %zu", ID_LEN_MAX, opt_shown(id, shown),
                 len > ID_LEN_MAX ? len : strlen(slash + 1));
        return USAGE;
    }
    return DONE;
}

enum status device_task_run(struct device_task *task, struct cli *c, int n, char **argv, device_task_each *each)
{
    bool changes = each != device_show_one && each != device_key_one;
    enum status status, first = DONE;
    int i;

    for (i = 1; i <= n; i++)
        if ((status = check_name(task, argv[i])))
            return status;
    task->cli = c;
    task->each = each;
    if (!(status = open_registry(c, task))) {
        out_begin(&task->out, c->format, task->modules ? module_columns : device_columns,
                  task->modules ? "moduleId" : "deviceId");
        /* Nothing is done any more that cannot be told. */
        for (i = 1; i <= n && !cli_interrupted && output_flush(); i++) {
            enum d2d_err e = task->each(task, argv[i]);

            if (e && !task->said &&
                !(task->said = cli_failed_about(task->modules ? A_MODULE : A_DEVICE, argv[i], e,
                                                d2d_registry_detail(task->registry))))
                task->said = FAILED;
            if (!e)
                cli_done(task->modules ? A_MODULE : A_DEVICE, argv[i]);
            first = first ? first : task->said;
            task->said = DONE;
        }
        if (i <= n && changes && !cli_interrupted)
            complain("nothing was done with the last %d of the %d, from \"%s\" on", n + 1 - i, n, argv[i]);
        status = first;
    }
    d2d_registry_free(task->registry);
    cli_loop_free(task->loop);
    return status;
}

enum status device_task_run_with_secret(struct device_task *task, struct cli *c, int n, char **argv,
                                        device_task_each *each)
{
    enum status status;

    if (task->path && n > 1) {
        complain("--out takes one %s: run the command for each", task->modules ? "module" : "device");
        return USAGE;
    }
    if (!(status = secret_open(&task->secret, task->path, task->replace))) {
        secret_form(&task->secret, c->format, task->modules ? module_strings : device_strings, "connectionString");
        status = device_task_run(task, c, n, argv, each);
    }
    secret_close(&task->secret);
    return status;
}

enum d2d_err device_task_string(const struct device_task *task, const struct d2d_identity *d, const char *key,
                                char out[STRING_CAP])
{
    char host[256], module[sizeof d->module + 16];
    enum d2d_err e = d2d_connection_string_field(task->cli->connection_string, "HostName", host, sizeof host);

    if (e)
        return e;
    snprintf(module, sizeof module, "%s%s", d->module[0] ? ";ModuleId=" : "", d->module);
    if (d->auth != D2D_AUTH_KEY)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s%s;x509=true", host, d->id, module);
    else if (task->tpm)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;Tpm=%u", host, d->id, tpm_slot_chosen(task->cli));
    else
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s%s;SharedAccessKey=%s", host, d->id, module, key);
    return D2D_OK;
}

json_t *device_task_string_row(const struct d2d_identity *d, const char *string)
{
    return d->module[0] ? json_pack("{ss ss ss}", "deviceId", d->id, "moduleId", d->module, "connectionString", string)
                        : json_pack("{ss ss}", "deviceId", d->id, "connectionString", string);
}
