/* The parts of a message as members of an output row. */
#pragma once

#include "d2d.h"

#include <jansson.h>

void message_row_text(json_t *row, const char *key, const char *text); /* nothing when it is empty */
void message_row_time(json_t *row, const char *key, int64_t unix_ms);  /* nothing when it is 0 */
void message_row_properties(json_t *row, const struct d2d_property *properties, size_t n);
/* "body"; text stays text, anything else is base64 and says so in "bodyEncoding". */
void message_row_body(json_t *row, const void *body, size_t len);
