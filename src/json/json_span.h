/* The place of a value in JSON text that has been parsed already, so that it can be passed on as it was written:
 * numbers keep their digits, texts their escapes. */
#pragma once

#include "bytes.h"

/* The value of the member of that name of the object that `text` is; of several the last. NO_BYTES: there is none. The
 * text must be well-formed; names are compared as they are written, without regard to case. */
struct bytes json_span(struct bytes text, struct bytes name);
