/* Near misses: the word that was meant. */
#pragma once

#include "bytes.h"

/* Letters put in, left out, changed, or two neighbours exchanged: each counts 1. */
size_t near_distance(const char *a, const char *b);

/* The nearest of the words that were looked at, as far as it is near: one mistake in each three letters. */
struct near {
    const char *said, *best;
    size_t distance;
};

void near_look(struct near *n, const char *word);
