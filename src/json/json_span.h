/* The place of a value in JSON text that has been parsed already, so that it can be passed on as it was written:
 * numbers keep their digits, texts their escapes. */
#pragma once

#include "bytes.h"

/* The value of the member of that name of the object that `text` is; of several the last. NO_BYTES: there is none. The
 * text must be well-formed; names are compared as they are written, without regard to case. */
struct bytes json_span(struct bytes text, struct bytes name);
/* The elements of an array, one at a call: `rest` is the text of the array at first, and is cut. False: that was the
 * last. The text must be well-formed. */
bool json_span_next(struct bytes *rest, struct bytes *out);
