/* How long the log is kept. */
#pragma once

#include "core.h"

enum { AGES = 512 }; /* how many places of the log it is remembered of how old they are */

/* Everything below the place was appended before that time: by the wall clock, but without its jumps. */
struct age {
    uint64_t at;
    int64_t ms;
};

/* Of the checkpoint's caller. */
struct ages {
    struct age at[AGES]; /* oldest first */
    size_t n;
    int64_t step_ms;
    bool resumed; /* they have been looked at since the start */
};

extern const struct part retention_part;

/* The checkpoint is about to hold what is below this place. */
void ages_add(struct hub *h, uint64_t place, int64_t lived_ms);
/* Gives up what is too old or too much, below what the checkpoint holds. */
enum err retain(struct hub *h, int64_t lived_ms) MUST_CHECK;
