/* A twin as a row: for machines as the hub has it, for people without what the hub notes about each value. */
#pragma once

#include "cli.h"

extern const struct column twin_columns[];
/* Of an operator's twin. Takes `twin` over. */
json_t *twin_row(enum out_format format, json_t *twin);
/* Of a device's own: {"desired":…,"reported":…}. Takes `twin` over. */
json_t *twin_row_own(const char *id, json_t *twin);
