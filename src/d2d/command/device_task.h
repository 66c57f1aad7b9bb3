/* What commands about devices share: the registry, then one thing for every name given, each told of by itself. */
#pragma once

#include "device_row.h"
#include "secret.h"

/* The common part of a device's commands: options, the registry, then `each` for every name given. */
struct device_task {
    struct cli *cli;
    struct d2d_loop *loop;
    struct d2d_registry *registry; /* of the hub that the command is about */
    struct out out;
    int disabled, secondary, rotate, by_ca, by_key, tpm, replace;
    const char *reason, *thumbprints, *path;
    struct secret secret; /* its connection string, to `path` */
    enum status said;     /* why the last one failed, when that was said */
    enum d2d_err (*each)(struct device_task *task, const char *id);
};

enum { STRING_CAP = 700 };

/* The exit status of the first device that failed. */
enum status device_task_run(struct device_task *, struct cli *, int n, char **argv,
                            enum d2d_err (*each)(struct device_task *task, const char *id));
/* The same with `secret`: the file is opened before anything is made. */
enum status device_task_run_with_secret(struct device_task *, struct cli *, int n, char **argv,
                                        enum d2d_err (*each)(struct device_task *task, const char *id));
/* How the device connects, a line: with this key, a certificate, or the TPM. */
enum d2d_err device_task_string(const struct device_task *, const struct d2d_identity *, const char *key,
                                char out[STRING_CAP]);
