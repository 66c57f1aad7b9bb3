/* The last memory: address space that is held so that small allocations go on when there is no more (ulimit -v). Proton
 * and other libraries do not survive one that fails. Whoever sees that some was given must begin nothing new. */
#pragma once

#include <stdbool.h>

/* Takes what is missing, if there is room. False: not all is there. One thread at a time. */
bool last_memory_hold(void);
/* Some was given since it was whole. From any thread. */
bool last_memory_given(void);
