/* Real numbers as text. */
#pragma once

#include "buf.h"

/* JSON that was written behind `from`: of the texts of each number the shortest, 0.1 and not 0.10000000000000001. The
 * JSON must be well-formed. */
void buf_shorten_reals(struct buf *b, size_t from);
