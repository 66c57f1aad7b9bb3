/* The members of an object, brought into the order of their keys. */
#pragma once

#include "twin_run.h"

/* Sorts those from `from` to the end of the buffer. False: two have the same key, which is *twice then (lent by
 * the buffer), or there is no memory (the buffer is bad). */
bool nodes_sort(struct buf *nodes, size_t from, struct bytes *twice);
