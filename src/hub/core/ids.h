/* The smallest names of some that come in any order: a page of a list. */
#pragma once

#include "hub.h"

struct ids {
    char (*names)[IDENTITY_LEN_MAX + 1]; /* in no order; both owned */
    uint32_t *order;                     /* their places: sorted, without doubles */
    size_t n, max;
};

/* ERR_MEMORY. */
enum err ids_open(struct ids *, size_t max) MUST_CHECK;
void ids_close(struct ids *);
/* False: there are that many smaller ones, so no larger one finds room either. */
bool ids_add(struct ids *, struct bytes id);
/* The ith. */
static inline const char *ids_at(const struct ids *ids, size_t i)
{
    return ids->names[ids->order[i]];
}
/* Appends them, each with NUL behind it. */
void ids_put(const struct ids *ids, struct buf *out);
