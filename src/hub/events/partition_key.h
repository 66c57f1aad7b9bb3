/* Which partition a device has. */
#pragma once

#include "core.h"

/* partition_key.c: for a hub with n partitions; the step before that, for tests */
unsigned partition_by_id(struct bytes device, unsigned n);
unsigned partition_logical(struct bytes device);
