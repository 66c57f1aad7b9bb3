/* Certificate chains of devices: does one lead to an authority that the hub knows (device 1.6)? No trust of the system,
 * no revocation lists. A list of certificates is DER, each with a 32-bit big-endian length before it. */
#pragma once

#include "buf.h"
#include "ceilings.h"

enum { CHAIN_WHY_CAP = 160 };

/* The first of `chain` is made out to `name` (its one common name), a client may use it, and it leads to one of
 * `authorities` (at most CAS_MAX) by certificates of the chain: each signed by the next, each allowed to sign, all of
 * them valid now. An authority need not be a root. *until_ms: when the first of them ends. ERR_MALFORMED,
 * ERR_UNAUTHORIZED, ERR_EXPIRED (also: not valid yet), ERR_MEMORY; `why` is for people. */
enum err chain_check(struct bytes chain, struct bytes authorities, struct bytes name, int64_t now_ms, int64_t *until_ms,
                     char why[CHAIN_WHY_CAP]) MUST_CHECK;
