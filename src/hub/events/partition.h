/* The index of a partition. */
#pragma once

#include "core.h"

void partition_init(struct partition_state *p, unsigned number);
void partition_grow(struct partition_state *p, int64_t sequence, uint64_t at, int64_t enqueued_ms);
/* Under its lock: a place at or before the first event with that sequence number, place or time. */
uint64_t partition_seek(const struct partition_state *p, const struct position *position);
void partition_encode(struct buf *b, const struct partition_state *p);
enum err partition_decode(struct bytes value, struct partition_state *p) MUST_CHECK;
/* What cannot be read in the log from `from` on, the checkpoint's place, may have been events: their numbers are not
 * given again. And the last event that there is may be such a one. */
enum err partition_damaged(struct hub *h, struct partition_state *p, uint64_t from) MUST_CHECK;
/* The log may have lost its beginning: what is the oldest event now? */
enum err partition_trimmed(struct hub *h, struct partition_state *p) MUST_CHECK;
enum err event_apply(struct hub *h, const struct record *r) MUST_CHECK;
/* hub.c: all of them, empty. */
enum err partitions_make(struct hub *h) MUST_CHECK;
