/* Values that Proton keeps decoded, and lends in no other form: properties and filters of links, particulars of errors.
 * They are read as the bytes that they came in, and written as the bytes that they go out in (amqp_value.h,
 * sections.h). */
#pragma once

#include "buf.h"

#include <proton/codec.h>

/* Appends the value as bytes; nothing where there is none. */
void proton_value_read(pn_data_t *from, struct buf *to);
/* Replaces the value by that of these bytes, or by nothing. */
void proton_value_write(pn_data_t *to, struct bytes value);
