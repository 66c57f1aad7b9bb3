/* Keeps the indexes (hub_index.h) true: every change of an identity is told here, under the shard's lock. */
#pragma once

#include "core.h"

struct twin_index;

/* ERR_MEMORY. */
enum err twin_index_new(struct twin_index **out) MUST_CHECK;
/* NULL is fine. */
void twin_index_free(struct twin_index *);

/* Its twin was `before`, and becomes `after` (twin_run.h); an identity that goes has an empty one. */
void twin_index_turned(struct hub *h, struct shard *s, const struct device *d, struct bytes before, struct bytes after);
/* It is disabled, or is so no more. */
void twin_index_disabled(struct hub *h, struct shard *s, const struct device *d, bool disabled);
/* It goes. */
void twin_index_gone(struct hub *h, struct shard *s, const struct identity *i);
