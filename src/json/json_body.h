/* JSON that somebody else wrote, and JSON that is written into a buffer. */
#pragma once

#include "buf.h"
#include "ceilings.h"

#include <jansson.h>

enum { JSON_WHY_CAP = 128 };

/* Flags of what is only passed on: numbers of any length, and U+0000. */
#define JSON_PASSED_ON (JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

/* NULL: it is none, or has more than about JSON_VALUES_MAX values; `why` says it in half a sentence. `flags` are
 * jansson's. */
json_t *json_body(struct bytes text, size_t flags, char why[JSON_WHY_CAP]);
/* Appends it, without blanks; of the texts of a number the shortest. ERR_MEMORY, also for NULL; whether it fitted says
 * the buffer. */
enum err json_put(const json_t *, struct buf *out) MUST_CHECK;
