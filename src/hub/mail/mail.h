/* C2D messages as a part of the hub. */
#pragma once

#include "core.h"

struct mail {
    struct mutex lock;    /* the innermost but for the store's own */
    struct list awaiting; /* seats whose next message is not durable yet */
    _Atomic uint64_t n_awaiting;
    _Atomic uint64_t lost; /* messages whose bodies could not be read */
};

extern const struct part mail_part;
