#include "device_task.h"
#include "key_file.h"

#include <string.h>

#define AT(field) .offset = offsetof(struct device_task, field)

/* Two new keys, made here: so they can be somewhere before the hub counts on them. */
static enum d2d_err make_keys(struct d2d_identity *d)
{
    return key_make(d->primary_key) && key_make(d->secondary_key) ? D2D_OK : D2D_FAILED;
}

/* The keys that were shown get into force. When the answer is lost, the hub is asked which ones count. */
static enum d2d_err commit_keys(struct device_task *task, struct d2d_identity *d)
{
    struct d2d_registry *registry = task->registry;
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

/* The keys change when the new ones are on the disk or with whoever reads them; the file has its name once they count.
 */
static enum d2d_err give_key(struct device_task *task, struct d2d_identity *d)
{
    char string[STRING_CAP];
    enum d2d_err e;

    if (task->rotate && d->auth == D2D_AUTH_KEY && (e = make_keys(d)))
        return e;
    if (d->auth == D2D_AUTH_KEY && !d->primary_key[0])
        return D2D_NOT_AUTHORISED;
    if ((e = device_task_string(task, d, task->secondary ? d->secondary_key : d->primary_key, string)))
        return e;
    task->said = secret_write(&task->secret, device_task_string_row(d, string));
    explicit_bzero(string, sizeof string);
    if (!task->said && task->rotate)
        task->said = secret_arrived(&task->secret);
    if (task->said)
        return D2D_FAILED;
    if (task->rotate && d->auth == D2D_AUTH_KEY && (e = commit_keys(task, d)))
        return e;
    return (task->said = secret_keep(&task->secret)) ? D2D_FAILED : D2D_OK;
}

enum d2d_err device_key_one(struct device_task *task, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(task->registry, id, &d);

    if (!e && d.auth != D2D_AUTH_KEY && (task->rotate || task->secondary)) {
        complain("%s \"%s\" has no keys: it authenticates by certificate%s", task->modules ? "module" : "device", id,
                 task->modules ? "" : "; `d2d device auth --sas` gives it keys");
        task->said = USAGE;
        return D2D_ARGUMENT;
    }
    if (!e)
        e = give_key(task, &d);
    explicit_bzero(d.primary_key, sizeof d.primary_key);
    explicit_bzero(d.secondary_key, sizeof d.secondary_key);
    return e;
}

const struct opt device_key_options[] = {{"secondary", NULL, "with the secondary key", OPT_FLAG, AT(secondary)},
                                         {"rotate", NULL, "make two new keys first", OPT_FLAG, AT(rotate)},
                                         {"out", "FILE",
                                          "write it to this file, readable by you only (standard output)", OPT_TEXT,
                                          AT(path), .what = OPT_FILE},
                                         {"replace", NULL, "overwrite that file", OPT_FLAG, AT(replace)},
                                         {0}};

static enum status device_key(struct cli *c, void *values, int n, char **argv)
{
    return device_task_run_with_secret(values, c, n, argv, device_key_one);
}

const struct command command_device_key = {{.name = "device key",
                                            .usage = "DEVICE...",
                                            .summary = "print the connection strings of devices",
                                            .examples = "d2d device key phone --out phone.cs\n"
                                                        "d2d device key phone --rotate --out phone.cs --replace\n",
                                            .options = device_key_options,
                                            .least = 1,
                                            .most = OPT_MANY,
                                            .first = OPT_DEVICE,
                                            .rest = OPT_DEVICE},
                                           device_key,
                                           sizeof(struct device_task)};
