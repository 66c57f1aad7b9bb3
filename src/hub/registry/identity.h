/* A device in the log and in the checkpoint. */
#pragma once

#include "core.h"

/* identity.c: an identity in the log and in the checkpoint */
void device_encode(struct buf *b, const struct device *d);
enum err device_decode(struct bytes body, struct device *out) MUST_CHECK;
void identity_encode(struct buf *b, const struct identity *i);
enum err identity_decode(struct bytes value, struct identity *out) MUST_CHECK;
