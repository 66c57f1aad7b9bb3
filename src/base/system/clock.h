/* The clocks of the machine, for those who may ask: net, the disk engine and the programs. Everything else is given its
 * time (architecture, rule 7). */
#pragma once

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC for durations, CLOCK_REALTIME for what others read. */
int64_t clock_ms(clockid_t clock);
int64_t clock_us(clockid_t clock);
