/* Letters of a device in memory. */
#pragma once

#include "core.h"

/* mailbox.c: under the shard's lock */
enum err mailbox_of(struct identity *i, struct mailbox **out) MUST_CHECK; /* made when there is none */
/* Room for one more letter, and for its timer. */
enum err mailbox_reserve(struct shard *s, struct mailbox *m, int64_t due_ms) MUST_CHECK;
void mailbox_add(struct mailbox *m, const struct letter *l);
struct letter *mailbox_find(struct mailbox *m, uint64_t sequence);
void mailbox_remove(struct mailbox *m, struct letter *l);
struct letter *mailbox_first_free(struct mailbox *m);
void mailbox_lock(struct mailbox *m, struct letter *l, struct seat *holder, int64_t until_ms, uint64_t nonce);
void mailbox_unlock(struct shard *s, struct mailbox *m, struct letter *l);
/* What this seat holds is free again. True if there was something. */
bool mailbox_release(struct shard *s, struct mailbox *m, const struct seat *holder);
/* When this letter has to be looked at. */
int64_t letter_due(const struct letter *l, int64_t ahead_ms);
void mailbox_free(struct shard *s, struct identity *i);
/* When the first letter expires; INT64_MAX: there is none. m may be NULL, here and there. */
int64_t mailbox_expiry(const struct mailbox *m);
/* For the checkpoint: each letter as u64 number, u16 length, and its value there. */
void mailbox_copy(struct buf *b, const struct mailbox *m);
enum err letter_decode(struct bytes value, uint64_t sequence, struct letter *out) MUST_CHECK;
/* A mailbox in one value, as it was before: the next of its letters. ERR_NOT_FOUND: there are no more. */
struct rd mailbox_old_begin(struct bytes value, int64_t *due_ms);
enum err mailbox_old_next(struct rd *r, struct letter *out) MUST_CHECK;
