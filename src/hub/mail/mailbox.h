/* Letters of a device in memory. */
#pragma once

#include "core.h"

/* A C2D message in a mailbox. Its body lies in the log at `at`, and in the checkpoint too when that has seen it. */
struct letter {
    uint64_t sequence, at;
    int64_t enqueued_ms, expiry_ms; /* by the wall clock, as in the record */
    char *message_id;               /* for the feedback, where one is wanted; owned */
    const void *poster;             /* whose feedback it is, as in struct msg; not recorded */
    uint8_t deliveries;
    uint8_t ack;
    bool tried; /* it was locked before and came back without an outcome */
    /* While it is locked: */
    bool locked;
    struct seat *holder; /* NULL: somebody without a seat */
    int64_t until_ms;    /* by the steady clock */
    uint64_t nonce;
};

/* Letters in order of their numbers: at[head] … at[head + n - 1]. */
struct mailbox {
    struct timer due; /* by the wall clock, at the latest when something has to be done; may be too early */
    struct identity *owner;
    struct letter *at;
    size_t head, n, cap;
    size_t busy; /* all before head + busy are locked */
    size_t n_locked;
};

/* All of it under the shard's lock. */
enum err mailbox_of(struct identity *i, struct mailbox **out) MUST_CHECK; /* made when there is none */
/* Room for one more letter, and for its timer. */
enum err mailbox_reserve(struct shard *s, struct mailbox *m, int64_t due_ms) MUST_CHECK;
void mailbox_add(struct mailbox *m, const struct letter *l);
struct letter *mailbox_find(struct mailbox *m, uint64_t sequence);
void mailbox_remove(struct mailbox *m, struct letter *l);
struct letter *mailbox_first_free(struct mailbox *m);
void mailbox_lock(struct mailbox *m, struct letter *l, struct seat *holder, int64_t until_ms, uint64_t nonce);
void mailbox_unlock(struct shard *s, struct mailbox *m, struct letter *l);
/* All that this seat holds is free again. True if there was something. */
bool mailbox_release(struct shard *s, struct mailbox *m, const struct seat *holder);
/* When this letter has to be looked at. */
int64_t letter_due(const struct letter *l, int64_t ahead_ms);
void mailbox_free(struct shard *s, struct identity *i);
/* When the first letter expires; INT64_MAX: there is none. m may be NULL, here and there. */
int64_t mailbox_expiry(const struct mailbox *m);
/* For the checkpoint: each letter as u64 number, u16 length, and its value there. m may be NULL. */
void mailbox_copy(struct buf *b, const struct mailbox *m);
enum err letter_decode(struct bytes value, uint64_t sequence, struct letter *out) MUST_CHECK;
/* A mailbox in one value, as it was before: the next of its letters. ERR_NOT_FOUND: there are no more. */
struct rd mailbox_old_begin(struct bytes value, int64_t *due_ms);
enum err mailbox_old_next(struct rd *r, struct letter *out) MUST_CHECK;
