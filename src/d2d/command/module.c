/* The modules of devices: identities with twins, methods and events of their own. */
#include "device_task.h"

#include <stdlib.h>

#define AT(field) .offset = offsetof(struct device_task, field)

static enum status module_run(struct cli *c, struct device_task *task, int n, char **argv, device_task_each *each)
{
    task->modules = true;
    return device_task_run_with_secret(task, c, n, argv, each);
}

static enum status module_add(struct cli *c, void *values, int n, char **argv)
{
    enum status status = device_task_check_auth(values, &command_module_add);

    return status ? status : module_run(c, values, n, argv, device_add_one);
}

static const struct opt add_options[] = {
    {"managed-by", "NAME", "what manages it: \"iotEdge\"", OPT_TEXT, AT(managed_by)},
    {"x509-thumbprint", "HEX[,HEX]", "authenticate by a certificate with this thumbprint, or one of two", OPT_TEXT,
     AT(thumbprints)},
    {"x509-ca", NULL, "authenticate by a certificate that a CA of the hub signed (`d2d ca`)", OPT_FLAG, AT(by_ca)},
    {"out", "FILE", "write its connection string to this file, readable by you only", OPT_TEXT, AT(path),
     .what = OPT_FILE},
    {"replace", NULL, "overwrite that file", OPT_FLAG, AT(replace)},
    {0}};

const struct command command_module_add = {{.name = "module add",
                                            .deed = "was added",
                                            .usage = "DEVICE/MODULE...",
                                            .summary = "register modules of devices",
                                            .examples = "d2d module add garage/camera --out camera.cs\n",
                                            .options = add_options,
                                            .least = 1,
                                            .most = OPT_MANY},
                                           module_add,
                                           sizeof(struct device_task)};

static enum status module_show(struct cli *c, void *values, int n, char **argv)
{
    return module_run(c, values, n, argv, device_show_one);
}

const struct command command_module_show = {{.name = "module show",
                                             .usage = "DEVICE/MODULE...",
                                             .summary = "show modules, without their keys",
                                             .examples = "d2d module show garage/camera\n",
                                             .least = 1,
                                             .most = OPT_MANY},
                                            module_show,
                                            sizeof(struct device_task)};

static enum status module_rm(struct cli *c, void *values, int n, char **argv)
{
    return module_run(c, values, n, argv, device_remove_one);
}

const struct command command_module_rm = {{.name = "module rm",
                                           .usage = "DEVICE/MODULE...",
                                           .summary = "delete modules",
                                           .examples = "d2d module rm garage/camera\n",
                                           .least = 1,
                                           .most = OPT_MANY},
                                          module_rm,
                                          sizeof(struct device_task)};

static enum status module_key(struct cli *c, void *values, int n, char **argv)
{
    return module_run(c, values, n, argv, device_key_one);
}

const struct command command_module_key = {{.name = "module key",
                                            .usage = "DEVICE/MODULE...",
                                            .summary = "print the connection strings of modules",
                                            .examples = "d2d module key garage/camera --out camera.cs\n",
                                            .options = device_key_options,
                                            .least = 1,
                                            .most = OPT_MANY},
                                           module_key,
                                           sizeof(struct device_task)};

/* ---- list ------------------------------------------------------------------------------------------------------ */

struct module_list {
    const char *device;
    struct d2d_identity *found;
    size_t n;
};

static enum d2d_err get_modules(struct d2d_registry *registry, void *ctx)
{
    struct module_list *l = ctx;

    return d2d_registry_modules(registry, l->device, &l->found, &l->n);
}

static enum status module_list(struct cli *c, void *values, int n, char **argv)
{
    struct module_list *l = values;
    enum status status;
    struct out out;

    (void)n;
    l->device = argv[1];
    if ((status = cli_with_registry(c, get_modules, l, A_DEVICE, l->device)))
        return status;
    out_begin(&out, c->format, module_columns, "moduleId");
    for (size_t i = 0; i < l->n; i++)
        out_row(&out, device_row(&l->found[i]));
    if (!l->n)
        say("device \"%s\" has no modules; `d2d module add %s/NAME` makes one", l->device, l->device);
    free(l->found);
    return DONE;
}

const struct command command_module_list = {{.name = "module list",
                                             .usage = "DEVICE",
                                             .summary = "list the modules of a device",
                                             .examples = "d2d module list garage\n",
                                             .least = 1,
                                             .most = 1,
                                             .first = OPT_DEVICE},
                                            module_list,
                                            sizeof(struct module_list)};
