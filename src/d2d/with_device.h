/* A thing that a command does as a device. */
#pragma once

#include "cli.h"

/* Settles the identity, connects, calls, and says what failed, about that subject; c->timeout_ms is set. */
typedef enum d2d_err device_call(struct cli *c, struct d2d_device *device, void *ctx);
enum status cli_with_device(struct cli *c, device_call *call, void *ctx, const char *what);
