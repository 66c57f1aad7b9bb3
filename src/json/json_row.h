/* A JSON document as what conditions are about (value.h). Its top names are found in any case. */
#pragma once

#include "buf.h"
#include "value.h"

#include <jansson.h>

/* Lent: the document. NULL is one without members. */
struct row json_row(const json_t *document);
/* A value as it is to a condition; arrays and objects have the JSON as their handle. */
void json_value(const json_t *, struct value *out);
/* Appends it as JSON: what json_value() gave, and what a condition made. ERR_MEMORY. */
enum err json_put_value(const struct value *, struct buf *out) MUST_CHECK;
