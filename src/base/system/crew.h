/* Work that several threads share for a moment: each takes what nobody has taken yet. */
#pragma once

#include <stdint.h>

enum { CREW_MAX = 4 };

/* How many threads are of use for so many pieces: no more than there are processors, at least one. */
unsigned crew_size(uint64_t pieces);
/* Calls work(ctx, i) for each i below n, on a thread each, of which the caller's is one, and returns when all of them
 * have. Where threads are scarce, the caller's calls it several times, one after the other: work() waits for no
 * other. */
void crew_run(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx);
