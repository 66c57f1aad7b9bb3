/* Counts while a load runs: latencies in a histogram of fixed size, and who has delivered what. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { HIST_SUB = 64, HIST_POWERS = 36 };

/* Microseconds, exact to 1/64 of the value. */
struct hist {
    uint64_t counts[HIST_SUB * HIST_POWERS];
    uint64_t n, most;
};

void hist_add(struct hist *h, int64_t us);
uint64_t hist_at(const struct hist *h, double share); /* 0.99: the value that 99 % do not exceed */
void hist_json(const struct hist *h, const char *name, FILE *to);

/* The messages of one sender as they arrive: each number from 0 on is expected once and in order. */
struct arrivals {
    uint8_t *seen; /* a bit a number */
    uint32_t cap, next;
    uint64_t distinct, duplicates, disordered;
};

bool arrivals_note(struct arrivals *a, uint32_t number); /* false: no memory */

int64_t monotonic_us(void);
/* Processor time of a process in microseconds and its resident memory in bytes; 0 when it is not there. */
uint64_t process_cpu_us(int pid);
uint64_t process_rss(int pid);
