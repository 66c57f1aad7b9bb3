/* CA certificates in the log and in the checkpoint. */
#pragma once

#include "core.h"

enum { CAS_VALUE_MAX = CAS_ROOM * (CA_LEN_MAX + 256) };
enum err ca_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
void cas_encode(struct buf *b, const struct hub *h); /* under `cold` */
enum err cas_decode(struct hub *h, struct bytes value) MUST_CHECK;
