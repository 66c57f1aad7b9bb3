/* A device as a row of output. */
#pragma once

#include "cli.h"

extern const struct column device_columns[], module_columns[];
/* Keys stay out of what is printed: `device key` is there for them. */
json_t *device_row(const struct d2d_identity *d);
