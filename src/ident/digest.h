/* SHA-256, plain and with a key. They need no memory, so that they cannot fail: nobody is let in, or kept out, because
 * there is none at the moment. */
#pragma once

#include "bytes.h"

void sha256(struct bytes text, uint8_t out[32]);
/* HMAC-SHA256: signatures of tokens, keys derived from group keys. */
void hmac_sha256(struct bytes key, struct bytes text, uint8_t out[32]);
