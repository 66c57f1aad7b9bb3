#include "device_task.h"

#include "output.h"
#include "tpm_slot.h"

#include <stdio.h>

static enum status open_registry(struct cli *c, struct device_task *task)
{
    struct d2d_options options;
    enum status status = cli_choose_identity(c, STRING_SERVICE);
    enum d2d_err e;

    if (status)
        return status;
    cli_fill_options(c, &options);
    if ((e = d2d_loop_new(&task->loop)) || (e = d2d_registry_new(task->loop, &options, &task->registry)))
        return cli_failed("the registry", e, cli_why_not());
    return DONE;
}

enum status device_task_run(struct device_task *task, struct cli *c, int n, char **argv,
                            enum d2d_err (*each)(struct device_task *task, const char *id))
{
    enum status status, first = DONE;

    task->cli = c;
    task->each = each;
    if (!(status = open_registry(c, task))) {
        out_begin(&task->out, c->format, device_columns, "deviceId");
        /* Nothing is done any more that cannot be told. */
        for (int i = 1; i <= n && !cli_interrupted && output_flush(); i++) {
            enum d2d_err e = task->each(task, argv[i]);

            if (e && !task->said &&
                !(task->said = cli_failed_about(A_DEVICE, argv[i], e, d2d_registry_detail(task->registry))))
                task->said = FAILED;
            first = first ? first : task->said;
            task->said = DONE;
        }
        status = first;
    }
    d2d_registry_free(task->registry);
    d2d_loop_free(task->loop);
    return status;
}

enum status device_task_run_with_secret(struct device_task *task, struct cli *c, int n, char **argv,
                                        enum d2d_err (*each)(struct device_task *task, const char *id))
{
    enum status status;

    if (task->path && n > 1) {
        complain("--out takes one device: run the command for each device");
        return USAGE;
    }
    if (!(status = secret_open(&task->secret, task->path, task->replace)))
        status = device_task_run(task, c, n, argv, each);
    secret_close(&task->secret);
    return status;
}

enum d2d_err device_task_string(const struct device_task *task, const struct d2d_identity *d, const char *key,
                                char out[STRING_CAP])
{
    char host[256];
    enum d2d_err e = d2d_connection_string_field(task->cli->connection_string, "HostName", host, sizeof host);

    if (e)
        return e;
    if (d->auth != D2D_AUTH_KEY)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;x509=true\n", host, d->id);
    else if (task->tpm)
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;Tpm=%u\n", host, d->id, tpm_slot_chosen(task->cli));
    else
        snprintf(out, STRING_CAP, "HostName=%s;DeviceId=%s;SharedAccessKey=%s\n", host, d->id, key);
    return D2D_OK;
}
