/* Consumer groups in the log and in the checkpoint. */
#pragma once

#include "core.h"

bool group_is_there(const struct hub *h, struct bytes name); /* under `cold` */
void cold_encode_groups(struct buf *b, const struct hub *h);
enum err groups_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
