#include "device_task.h"

#define AT(field) .offset = offsetof(struct device_task, field)

enum d2d_err device_show_one(struct device_task *task, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(task->registry, id, &d);

    if (!e)
        out_row(&task->out, device_row(&d));
    return e;
}

static enum status device_show(struct cli *c, void *values, int n, char **argv)
{
    return device_task_run(values, c, n, argv, device_show_one);
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
                                            sizeof(struct device_task)};

enum d2d_err device_remove_one(struct device_task *task, const char *id)
{
    enum d2d_err e = d2d_registry_remove(task->registry, id);

    if (!e)
        say("%s \"%s\" is deleted", task->modules ? "module" : "device", id);
    return e;
}

static enum status device_rm(struct cli *c, void *values, int n, char **argv)
{
    return device_task_run(values, c, n, argv, device_remove_one);
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
                                          sizeof(struct device_task)};

static enum d2d_err purge_one(struct device_task *task, const char *id)
{
    uint64_t n;
    enum d2d_err e = d2d_registry_purge(task->registry, id, &n);

    if (!e)
        say("the mailbox of %s is empty now (%llu discarded)", id, (unsigned long long)n);
    return e;
}

static enum status device_purge(struct cli *c, void *values, int n, char **argv)
{
    return device_task_run(values, c, n, argv, purge_one);
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
                                             sizeof(struct device_task)};

static enum d2d_err switch_one(struct device_task *task, const char *id)
{
    struct d2d_identity d;
    enum d2d_err e = d2d_registry_get(task->registry, id, &d);

    if (e)
        return e;
    d.enabled = !task->disabled;
    if (!bytes_to_str(bytes_str(task->reason ? task->reason : ""), d.reason, sizeof d.reason))
        return D2D_ARGUMENT;
    if (!(e = d2d_registry_update(task->registry, &d)))
        out_row(&task->out, device_row(&d));
    return e;
}

static const struct opt switch_options[] = {
    {"reason", "TEXT", "the reason, shown by `d2d device show`", OPT_TEXT, AT(reason)}, {0}};

static enum status device_enable(struct cli *c, void *values, int n, char **argv)
{
    return device_task_run(values, c, n, argv, switch_one);
}

static enum status device_disable(struct cli *c, void *values, int n, char **argv)
{
    ((struct device_task *)values)->disabled = 1;
    return device_task_run(values, c, n, argv, switch_one);
}

const struct command command_device_enable = {{.name = "device enable",
                                               .deed = "was enabled",
                                               .usage = "DEVICE...",
                                               .summary = "let devices connect again",
                                               .examples = "d2d device enable phone\n",
                                               .options = switch_options,
                                               .least = 1,
                                               .most = OPT_MANY,
                                               .first = OPT_DEVICE,
                                               .rest = OPT_DEVICE},
                                              device_enable,
                                              sizeof(struct device_task)};

const struct command command_device_disable = {{.name = "device disable",
                                                .deed = "was disabled",
                                                .usage = "DEVICE...",
                                                .summary = "disconnect devices, and refuse them from now on",
                                                .examples = "d2d device disable phone --reason lost\n",
                                                .options = switch_options,
                                                .least = 1,
                                                .most = OPT_MANY,
                                                .first = OPT_DEVICE,
                                                .rest = OPT_DEVICE},
                                               device_disable,
                                               sizeof(struct device_task)};
