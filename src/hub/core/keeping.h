/* A checkpoint in the making: several transactions, so that what is in memory for it stays small however much there is
 * to write. All but the last leave the place where it was: what they hold is newer than that, and the log behind the
 * place is applied onto it after a crash, which changes nothing in the end. So whatever must not be parted from what it
 * refers to is written between two steps, and each transaction says how many devices the checkpoint holds then. */
#pragma once

#include "core.h"

struct keeping {
    struct hub *hub;
    uint64_t newest;          /* highest place of what is written: durable before it is committed */
    struct hub_counts counts; /* devices in what is written */
    size_t bytes, batch;      /* in the open transaction, and when it is full */
    uint64_t place;           /* up to which it will be true */
    int64_t now_ms;
    struct buf lost; /* letters whose bodies cannot be read: text id, u64 number */
};

enum err keeping_begin(struct keeping *, struct hub *, uint64_t place, int64_t now_ms) MUST_CHECK;
enum err keeping_put(struct keeping *, struct bytes key, struct bytes value) MUST_CHECK;
enum err keeping_del(struct keeping *, struct bytes key) MUST_CHECK;
/* A step: what was written so far may be found without what comes. When it is much, it is committed. */
enum err keeping_step(struct keeping *) MUST_CHECK;
/* Commits the rest, and the place. */
enum err keeping_end(struct keeping *) MUST_CHECK;
/* Drops what is not committed yet. */
void keeping_abort(struct keeping *);
void keeping_free(struct keeping *);

/* Notes that what was copied reaches up to here. */
static inline void keeping_saw(struct keeping *k, uint64_t at)
{
    if (at > k->newest)
        k->newest = at;
}
