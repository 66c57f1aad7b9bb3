#include "proton_value.h"

void proton_value_read(pn_data_t *from, struct buf *to)
{
    ssize_t len = from && pn_data_size(from) ? pn_data_encoded_size(from) : 0;
    uint8_t *at = len > 0 ? buf_grow(to, (size_t)len) : NULL;

    if (len < 0 || (at && pn_data_encode(from, (char *)at, (size_t)len) != len))
        to->bad = true;
}

void proton_value_write(pn_data_t *to, struct bytes value)
{
    pn_data_clear(to);
    if (value.len && pn_data_decode(to, (const char *)value.at, value.len) != (ssize_t)value.len)
        pn_data_clear(to); /* it has no memory */
}
