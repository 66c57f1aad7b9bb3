/* Policies in the log and in the checkpoint. */
#pragma once

#include "core.h"

void policies_encode(struct buf *b, const struct hub *h);
enum err policies_decode(struct hub *h, struct bytes value) MUST_CHECK;
enum err policy_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
