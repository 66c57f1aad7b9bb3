/* A checkpoint and a log belong together: the checkpoint holds the log's id, its own place in it, and how far the
 * beginning of the log may have been trimmed. What was copied at two times, emptied, or mixed up with another hub's
 * does not fit, and numbers that were given once would be given again. */
#pragma once

#include "state.h"
#include "store.h"

enum { BOND_WHY_CAP = 256 };

/* OK: they fit; also those of before that hold no bond. ERR_DAMAGED: `why` says how they do not, with both sides.
 * Neither is changed. */
enum err bond_check(struct state *, struct store *, char why[BOND_WHY_CAP]) MUST_CHECK;
/* The id of the log to which a checkpoint belongs, and the oldest place at which that may begin. ERR_NOT_FOUND: it is
 * of before, and knows neither. */
enum err bond_get(struct state *, uint8_t id[STORE_ID], uint64_t *first) MUST_CHECK;
/* The same of the value with the key "bond", wherever it was found. */
enum err bond_decode(struct bytes value, uint8_t id[STORE_ID], uint64_t *first) MUST_CHECK;
/* Writes what bond_check() will look for: this log, whose oldest place is `first` at most. On disk when it returns. A
 * writer's call: outside of state_begin() and state_commit(). */
enum err bond_keep(struct state *, struct store *, uint64_t first) MUST_CHECK;
