/* A device in the log and in the checkpoint. */
#pragma once

#include "core.h"

void device_encode(struct buf *b, const struct device *d);
enum err device_decode(struct bytes body, struct device *out) MUST_CHECK;
/* `due_ms`: when the first of its letters expires. */
void identity_encode(struct buf *b, const struct identity *i, int64_t due_ms);
enum err identity_decode(struct bytes value, struct identity *out) MUST_CHECK;
