/* Identities in memory. All of it under the shard's lock. */
#pragma once

#include "core.h"

/* The identity of that id, from memory or the checkpoint; ERR_NOT_FOUND also for a deleted one. */
enum err identity_get(struct hub *h, struct shard *s, struct bytes id, struct identity **out) MUST_CHECK;
/* The same, or one that is not there yet (`gone`), so that what follows cannot fail. */
enum err identity_make(struct hub *h, struct shard *s, struct bytes id, struct identity **out) MUST_CHECK;
/* What was made for a record that could not be appended goes again. */
void identity_unmake(struct shard *s, struct identity *i);
/* It is out of the map. NULL is fine. */
void identity_free(struct shard *s, struct identity *i);
/* Nobody uses it, and the checkpoint knows all of it. */
bool identity_may_go(const struct hub *h, const struct identity *i);
/* Of its value in the checkpoint. */
struct bytes identity_key(char out[STATE_KEY_MAX], struct bytes id);
