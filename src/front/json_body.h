/* JSON that somebody else wrote. */
#pragma once

#include "bytes.h"
#include "limits.h"

#include <jansson.h>

enum { JSON_WHY_CAP = 128 };

/* NULL: it is none, or has more than about JSON_VALUES_MAX values; `why` says it in half a sentence. `flags` are jansson's. */
json_t *json_body(struct bytes text, size_t flags, char why[JSON_WHY_CAP]);
