/* The checkpoint, for the rest of the hub. */
#pragma once

#include "core.h"

void put_birth(struct buf *b, const struct hub_birth *birth);
enum err birth_decode(struct bytes body, struct hub_birth *out) MUST_CHECK;
enum err checkpoint_load(struct hub *h) MUST_CHECK;
