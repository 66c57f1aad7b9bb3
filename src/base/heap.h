/* Timers by due time: a binary heap of pointers into the things that wait. */
#pragma once

#include "err.h"

struct timer {
    int64_t due_ms;
    size_t place; /* in the heap, from 1; 0 when not in it */
};

struct heap {
    struct timer **at;
    size_t n, cap;
};

void heap_free(struct heap *h);

/* Puts the timer in or moves it. Only a first put can fail, for memory. */
enum err heap_set(struct heap *h, struct timer *t, int64_t due_ms) MUST_CHECK;
void heap_del(struct heap *h, struct timer *t); /* also when it is not in */

/* The earliest, or NULL; it stays in. */
static inline struct timer *heap_first(const struct heap *h)
{
    return h->n ? h->at[0] : NULL;
}
