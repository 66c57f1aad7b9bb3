/* The queue of feedback: what feedback.c and its part of the checkpoint share. */
#pragma once

#include "core.h"

enum { REC_FEEDBACK_DONE = 20 }; /* that somebody took, or that nobody wanted */

extern const struct part feedback_part;

struct item {
    struct list in; /* feedback.items, as they came */
    uint64_t at;    /* of the record that tells it */
    int64_t ms;     /* by the wall clock; all else is by the steady one */
    enum fate fate;
    uint8_t deliveries;
    /* In the checkpoint. MAYBE_KEPT: one that was cut off took it, so it is written again, and has to go from there. */
    enum { NOT_KEPT, MAYBE_KEPT, BEING_KEPT, KEPT } kept;
    const void *poster;             /* a reader has this waker, and gets it first; NULL: none has */
    int64_t own_until_ms;           /* for so long nobody else gets it */
    struct feedback_reader *reader; /* who has it locked, or NULL */
    uint64_t nonce;
    int64_t until_ms;
    char *device, *generation; /* behind the message id */
    char message_id[];
};

struct feedback {
    struct mutex lock; /* taken under a shard's; only the store's tail is taken under it */
    struct list items;
    struct map by_place;
    struct mutex readers_lock; /* taken under that one, too; nothing is taken under it */
    struct list readers;
    int64_t spent_ms;       /* see may_leave() */
    _Atomic bool undurable; /* there could be a batch, but of what is not durable yet */
    uint64_t done_at;       /* the last record of what was settled */
    uint64_t *gone;         /* places that the checkpoint still has */
    size_t n_gone, gone_cap, n_gone_taken;
    struct feedback_reader *nobody; /* who has locked what was taken without a receiver */
};

static inline struct bytes place_key(const uint64_t *at)
{
    return bytes_of(at, sizeof *at);
}

/* Under the lock. What is there already stays as it is. */
enum err feedback_item_add(struct feedback *f, uint64_t at, const struct feedback_record *r,
                           struct item **out) MUST_CHECK;

/* For the rest of the hub. */
struct keeping;
/* Under a shard's lock: a record whose place is `at`. */
void feedback_add(struct hub *h, uint64_t at, const struct feedback_record *r);

/* feedback_keep.c */
enum err feedback_keep(struct keeping *) MUST_CHECK;
void feedback_kept(struct keeping *, bool done);
enum err feedback_load(struct hub *h) MUST_CHECK;
