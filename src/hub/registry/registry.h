/* Identities in memory, and the records that change them. */
#pragma once

#include "core.h"

/* Another one than `before`. */
void make_etag(struct hub *h, const char *before, char out[24]);
/* Under the shard's lock: it is out of the map. NULL is fine. */
void identity_free(struct shard *s, struct identity *i);
/* Nobody uses it, and the checkpoint knows all of it. */
bool identity_may_go(const struct hub *h, const struct identity *i);
struct shard *shard_of(struct hub *h, struct bytes id);
/* Under the shard's lock. The identity of that id, from memory or the checkpoint; ERR_NOT_FOUND also for a deleted one.
 */
enum err identity_get(struct hub *h, struct shard *s, struct bytes id, struct identity **out) MUST_CHECK;
enum err device_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
enum err device_gone_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
enum err session_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
/* Ends the seat of an identity: its holder is told why. Under the shard's lock. */
void seat_end(struct hub *h, struct identity *i, enum err why, int64_t now_ms);
