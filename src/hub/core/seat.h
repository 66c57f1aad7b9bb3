/* The seat of an identity. */
#pragma once

#include "core.h"

/* Under the shard's lock: ends the seat of an identity, if somebody sits there: its holder is told why. */
void seat_end(struct hub *h, struct identity *i, enum err why, int64_t now_ms);
