/* The common room of peers that have not shown who they are: sessions of AMQP above those that each may have. From any
 * thread. */
#pragma once

#include "ceilings.h"

#include <stdatomic.h>
#include <stdbool.h>

struct strangers {
    atomic_uint borrowed;
};

/* False: AMQP_SESSIONS_BORROWED are. */
static inline bool strangers_borrow(struct strangers *s)
{
    if (atomic_fetch_add(&s->borrowed, 1) < AMQP_SESSIONS_BORROWED)
        return true;
    atomic_fetch_sub(&s->borrowed, 1);
    return false;
}

static inline void strangers_return(struct strangers *s, unsigned n)
{
    atomic_fetch_sub(&s->borrowed, n);
}
