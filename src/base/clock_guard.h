/* The time, for whoever writes it down and throws things away by it. The system's clock can be set: by a network time
 * source that is right, or by one that is wrong. A small difference is made up slowly. A larger one is a jump: it is
 * noticed, and believed only when the clock has gone on evenly from there for a while, or when the operator says so. */
#pragma once

#include "bytes.h"

/* wall = steady + ahead_ms. The steady clock never jumps. */
struct clock_guard {
    int64_t ahead_ms;
    int64_t jumped_ms; /* how much of that is jumps that were believed: nothing is older by them */
    int64_t doubt_ms;  /* how far the system's clock is from ours while it is not believed; 0: it is */
    int64_t since_ms;  /* steady: it goes on evenly since then */
    int64_t looked_ms;
    int64_t wait_ms; /* how long it has to */
    bool wrong;      /* it was certainly wrong at the start, so that it is believed sooner once it is not */
    bool late;       /* it was far from the last known time at the start, ahead of it: it is believed, but nothing that
                      * is there already expires by it */
};

enum clock_says {
    CLOCK_GOES_ON,
    CLOCK_JUMPED,   /* a jump, by doubt_ms; it is not believed */
    CLOCK_BACK,     /* the jump took itself back */
    CLOCK_BELIEVED, /* it was, by now */
};

/* `last_ms`: the latest time that was ever written down, 0 if there is none: the clock starts there when the system's
 * is behind that. `wait_ms`: CLOCK_STEADY_MS, or what is configured. */
enum clock_says clock_guard_begin(struct clock_guard *, int64_t steady_ms, int64_t wall_ms, int64_t last_ms,
                                  int64_t wait_ms);
/* To be called every second or so. */
enum clock_says clock_guard_look(struct clock_guard *, int64_t steady_ms, int64_t wall_ms);
/* The operator says that the system's clock is right. CLOCK_GOES_ON: there was no doubt. */
enum clock_says clock_guard_believe(struct clock_guard *, int64_t steady_ms, int64_t wall_ms);
/* When it will be believed if it goes on as it does; only in doubt, or while it is late. */
int64_t clock_guard_due_ms(const struct clock_guard *);
