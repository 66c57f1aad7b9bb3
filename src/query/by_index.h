/* The indexes of the hub by which the rows of a condition can be found (hub_index.h): those of the equalities in it. */
#pragma once

#include "condition.h"
#include "hub.h"

struct by_index; /* some of them */

/* NULL: there is none, and *e is OK or ERR_MEMORY. */
struct by_index *by_index_new(const struct condition *, bool modules, enum err *e);
/* NULL is fine. */
void by_index_free(struct by_index *);
/* As hub_index_names() of the one that gives the fewest, of those that are there. */
enum err by_index_names(struct by_index *, struct hub *, struct bytes after, struct buf *names, size_t max,
                        size_t *n) MUST_CHECK;
