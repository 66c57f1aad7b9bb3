/* Direct methods as a part of the hub. */
#pragma once

#include "core.h"

struct calls {
    _Atomic uint64_t opened; /* so many were opened: the last one's id */
    _Atomic size_t bytes;    /* that those hold which are open */
};

extern const struct part call_part;
