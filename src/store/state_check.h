/* Whether a checkpoint's file is whole, read without mapping it. */
#pragma once

#include "state_seal.h"

enum { STATE_WHY_CAP = 256 };

/* OK: it is whole; `sum` is its record, `form` the form of its values. ERR_NOT_FOUND: there is none. ERR_DAMAGED: `why`
 * names the first page or key that is not as it was written. ERR_MEMORY, ERR_IO. */
enum err state_check(const char *path, struct state_sum *sum, int *form, char why[STATE_WHY_CAP]) MUST_CHECK;
