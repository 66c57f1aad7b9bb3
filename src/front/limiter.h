/* Limits failed logins by address and by identity (design 11). A bucket of tokens each: a failure takes one, time gives them
 * back. Who is out of tokens is refused without a look at the credentials.
 *
 * An address that has not failed lately is let through even when the identity is out of tokens. So strangers who guess at a
 * device from elsewhere cannot lock it out, and each new address buys them one guess. */
#pragma once

#include "err.h"

#include <stdint.h>

#define LIMITER_ADDRESS_BURST 30 /* failures of one address in a row: many devices may share it */
#define LIMITER_IDENTITY_BURST 10
#define LIMITER_REFILL_MS 2000 /* a token comes back in this time */

struct limiter;

/* The seed comes from a random source: peers choose what is hashed. */
enum err limiter_new(uint64_t seed, struct limiter **out) MUST_CHECK;
void limiter_free(struct limiter *);

/* `address` may carry a port, which does not count; of an IPv6 address the network (/64) counts. From any thread. */
bool limiter_allows(struct limiter *, struct bytes address, struct bytes identity, int64_t now_ms);
void limiter_failed(struct limiter *, struct bytes address, struct bytes identity, int64_t now_ms);
