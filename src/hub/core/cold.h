/* Values that are few and change seldom: a part keeps all of it in one value of the checkpoint. */
#pragma once

#include "keeping.h"

struct cold {
    bool known; /* under `cold`, as is what it is about: the checkpoint has it as it is */
    bool taken; /* of the checkpoint's caller: it is being written */
    uint64_t changed_at;
};

/* Under `cold`, or before there are other threads: a record at this place changed it. */
void cold_changed(struct cold *, uint64_t at);
/* Writes what `encode`, called under `cold`, gives, at most `max` bytes, if it is not known. */
enum err cold_keep(struct keeping *, struct cold *, struct bytes key, size_t max,
                   void (*encode)(struct buf *, const struct hub *)) MUST_CHECK;
/* The checkpoint came to its end, or did not. */
void cold_kept(struct hub *, struct cold *, bool done);
/* At the start: reads the value into the part. Without a birth the checkpoint is none, and nothing is read.
 * ERR_NOT_FOUND: it has no such value. */
enum err cold_load(struct hub *, struct cold *, struct bytes key, size_t max,
                   enum err (*decode)(struct hub *, struct bytes)) MUST_CHECK;
