/* Commands that act as a device. */
#pragma once

#include "cli.h"

/* Opens the device that cli_choose_identity() settled. The options' common part is filled in here; connecting may take
 * connect_ms (0: the library's time). The loop and the device are to be freed in any case. */
enum status cli_open_device(const struct cli *c, struct d2d_device_options *options, int64_t connect_ms,
                            struct d2d_loop **loop, struct d2d_device **out);

/* Settles the identity, connects, calls, and says what failed, about that subject; c->timeout_ms is set. */
typedef enum d2d_err device_call(struct cli *c, struct d2d_device *device, void *ctx);
enum status cli_with_device(struct cli *c, device_call *call, void *ctx, const char *what);
