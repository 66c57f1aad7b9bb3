/* The birth of the hub: what is fixed for ever. Without it in the checkpoint, that is none. */
#pragma once

#include "core.h"

enum { REC_BIRTH = 1 };

extern const struct part birth_part;

void put_birth(struct buf *b, const struct hub_birth *birth);
enum err birth_decode(struct bytes body, struct hub_birth *out) MUST_CHECK;
/* Completes what is wanted. */
void birth_make(struct hub *h, struct hub_birth *wanted, int64_t now_ms);
/* Into a hub that has none: its record is on disk when it returns. */
enum err birth_give(struct hub *h, const struct hub_birth *birth) MUST_CHECK;
