/* The desire of a content for one twin (service 4.11): {"properties.desired": {…}} is all of it,
 * {"properties.desired.a.b": value} the value at a.b; both become one tree. */
#pragma once

#include "bytes.h"
#include "err.h"

#include <jansson.h>

/* Puts one setting into the tree. ERR_ARGUMENT: this is not such a path, or something stands in its way. */
enum err desired_put(json_t *tree, const char *key, json_t *value) MUST_CHECK;
/* The tree of all settings; *whole: one of them is all of it. `bad` is the last key, lent by the settings. */
enum err desired_read(json_t *settings, json_t **out, bool *whole, const char **bad) MUST_CHECK;
