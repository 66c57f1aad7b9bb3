/* How long the log is kept. */
#pragma once

#include "core.h"

void ages_encode(struct buf *b, const struct hub *h);
enum err ages_decode(struct hub *h, struct bytes value) MUST_CHECK;
/* The checkpoint is about to hold what is below this place. */
void ages_add(struct hub *h, uint64_t place, int64_t lived_ms);
/* Gives up what is too old or too much, below what the checkpoint holds. */
enum err retain(struct hub *h, int64_t lived_ms) MUST_CHECK;
