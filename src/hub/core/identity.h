/* A device in the log and in the checkpoint. */
#pragma once

#include "core.h"

/* When it was active, or came or went, the last time; wall time. */
static inline int64_t identity_seen_ms(const struct identity *i)
{
    return i->device.activity_ms > i->device.connection_ms ? i->device.activity_ms : i->device.connection_ms;
}

void device_encode(struct buf *b, const struct device *d);
enum err device_decode(struct bytes body, struct device *out) MUST_CHECK;
/* `due_ms`: when the first of its letters expires. */
void identity_encode(struct buf *b, const struct identity *i, int64_t due_ms);
enum err identity_decode(struct bytes value, struct identity *out) MUST_CHECK;
