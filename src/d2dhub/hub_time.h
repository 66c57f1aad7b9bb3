/* The hub's time: looks at the system's clock through a guard, tells the hub what came of it, and the log what the
 * operator has to know. */
#pragma once

#include "clock_guard.h"
#include "hub.h"

#include <pthread.h>

struct hub_time {
    pthread_mutex_t lock;
    struct hub *hub; /* NULL: it has not begun */
    struct clock_guard guard;
};

/* Once the hub is open. `wait_ms`: how long a clock that jumped goes on evenly until it is believed. */
void hub_time_begin(struct hub_time *, struct hub *, int64_t wait_ms);
void hub_time_look(struct hub_time *);
/* The operator says that the system's clock is right. */
void hub_time_believe(struct hub_time *);
