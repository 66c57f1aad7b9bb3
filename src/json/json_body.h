/* JSON that somebody else wrote, and JSON that is written into a buffer. */
#pragma once

#include "buf.h"
#include "ceilings.h"

#include <jansson.h>

enum { JSON_WHY_CAP = 128 };

/* NULL: it is none, or has more than about JSON_VALUES_MAX values; `why` says it in half a sentence. `flags` are
 * jansson's. */
json_t *json_body(struct bytes text, size_t flags, char why[JSON_WHY_CAP]);
/* Appends it, without blanks. ERR_MEMORY, also for NULL; whether it fitted says the buffer. */
enum err json_put(const json_t *, struct buf *out) MUST_CHECK;
