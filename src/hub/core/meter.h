/* So much in a time: a meter says when what was taken is made up for. It needs no timer, and a clock that stands still
 * or jumps does it no lasting harm. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* As much as `window_ns` makes up for may be taken at once. */
struct rate {
    _Atomic uint64_t unit_ps; /* what one unit costs, in picoseconds; 0: no limit */
    int64_t window_ns;
};

struct meter {
    int64_t paid_ns; /* when it is made up for */
};

/* `n` in each window; 0: no limit. */
void rate_set(struct rate *r, uint64_t n, int64_t window_ms);
/* True if so much may be taken now: there is room for it, or nothing was taken lately. */
bool meter_lets(const struct meter *m, const struct rate *r, uint64_t n, int64_t now_ms);
void meter_take(struct meter *m, const struct rate *r, uint64_t n, int64_t now_ms);
/* How much of the window is taken, in a thousand. */
unsigned meter_used(const struct meter *m, const struct rate *r, int64_t now_ms);

/* The same for one that several threads share. */
struct shared_meter {
    _Atomic int64_t paid_ns;
};

bool shared_meter_lets(const struct shared_meter *m, const struct rate *r, uint64_t n, int64_t now_ms);
void shared_meter_take(struct shared_meter *m, const struct rate *r, uint64_t n, int64_t now_ms);
