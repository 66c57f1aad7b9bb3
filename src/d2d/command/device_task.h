/* The common part of commands about devices: the registry, then one thing for every name given, each told of by
 * itself. */
#pragma once

#include "device_row.h"
#include "secret.h"

/* The common part of a device's commands: options, the registry, then `each` for every name given. */
struct device_task {
    struct cli *cli;
    struct d2d_loop *loop;
    struct d2d_registry *registry; /* of the hub that the command is about */
    struct out out;
    bool modules; /* the names are those of modules: DEVICE/MODULE */
    int disabled, secondary, rotate, by_ca, by_key, tpm, replace;
    const char *reason, *thumbprints, *managed_by, *path;
    struct secret secret; /* its connection string, to `path` */
    enum status said;     /* why the last one failed, when that was said */
    enum d2d_err (*each)(struct device_task *task, const char *id);
};

enum { STRING_CAP = 900 };

typedef enum d2d_err device_task_each(struct device_task *task, const char *id);

/* The exit status of the first device that failed. */
enum status device_task_run(struct device_task *, struct cli *, int n, char **argv, device_task_each *each);
/* The same with `secret`: the file is opened before anything is made. */
enum status device_task_run_with_secret(struct device_task *, struct cli *, int n, char **argv, device_task_each *each);
/* How the device connects: with this key, a certificate, or the TPM. */
enum d2d_err device_task_string(const struct device_task *, const struct d2d_identity *, const char *key,
                                char out[STRING_CAP]);

/* It as a row; takes nothing over. */
json_t *device_task_string_row(const struct d2d_identity *, const char *string);

/* Things done for devices and modules alike: device_add.c, device.c, device_key.c. */
device_task_each device_add_one, device_show_one, device_remove_one, device_key_one;
extern const struct opt device_key_options[];
/* The options about the proof of identity, before anything is asked of the hub. */
enum status device_task_check_auth(const struct device_task *, const struct command *);
/* "phone" or "garage/camera" into an identity. False: it does not fit. */
bool device_task_name(const char *id, struct d2d_identity *out);
