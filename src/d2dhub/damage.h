/* Ranges of the log that cannot be read: told line by line, each range once. */
#pragma once

#include "config.h"
#include "store.h"

enum { DAMAGE_TEXT_CAP = PATH_CAP + 512 };

/* Into the log: all ranges that are known now, and from now on each that a reader meets. `c` is lent for the life of
 * the store. */
void damage_tell(const struct config *c, struct store *);
/* The i-th range in one sentence: file, offset, length, what it was. False: there are not so many. */
bool damage_text(const struct config *c, struct store *, size_t i, char out[DAMAGE_TEXT_CAP]);
