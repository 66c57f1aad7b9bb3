/* A log and a checkpoint in memory, for tests: they can be full, fail and forget. */
#pragma once

#include "state.h"
#include "store.h"

/* Faults of a memory log, on purpose. All zero: it is durable at once. */
struct memory_faults {
    bool manual;         /* durable only grows by memory_store_settle() */
    enum err append;     /* what every append answers, when not OK */
    uint64_t fail_after; /* appends that still work before `append` counts */
    enum room full;      /* a full disk: there is room only for this kind and those after it; 0: it is not full */
};

enum err memory_store_open(struct store **out) MUST_CHECK;
void memory_store_faults(struct store *, const struct memory_faults *);
/* The record at this place cannot be read any more. */
void memory_store_damage(struct store *, uint64_t at);
void memory_store_settle(struct store *, uint64_t below); /* durable grows to this place; UINT64_MAX: all */
/* The rest of the log after a power cut: a new store that holds only what was durable. */
enum err memory_store_crashed(struct store *, struct store **out) MUST_CHECK;

enum err memory_state_open(struct state **out) MUST_CHECK;
void memory_state_room(struct state *, uint64_t bytes); /* state_reserve() finds so much */
/* From now on commits answer ERR_DISK_FULL, after so many that still work; or all work again. */
void memory_state_fails(struct state *, bool fails, uint64_t after);
