#include "etag.h"

#include "text.h"

#include <stdio.h>

void make_etag(struct hub *h, const char *before, char out[24])
{
    struct buf text = buf_max(32);
    uint32_t number;
    char digits[16];

    hub_random(h, (uint8_t *)&number, sizeof number);
    snprintf(digits, sizeof digits, "%09u", (unsigned)(number % 1000000000));
    buf_put_base64(&text, bytes_str(digits));
    if (bytes_eq(buf_bytes(&text), bytes_str(before))) {
        buf_clear(&text);
        snprintf(digits, sizeof digits, "%09u", (unsigned)((number + 1) % 1000000000));
        buf_put_base64(&text, bytes_str(digits));
    }
    snprintf(out, 24, "%s", buf_str(&text));
    buf_free(&text);
}
