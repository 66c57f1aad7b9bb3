/* The cost of failed logins (doc/security.md). Credentials are looked at first, so whoever is right gets in, whatever
 * others do from the same address or in the same name. A failure is told at once as long as there were few of them;
 * then it waits for its turn; and when one waits already, the next is refused for load.
 *
 * Two buckets of tokens count: one of the address and the identity together, one of the address alone, for names that
 * are made up. A failure takes a token of each, time gives them back, and who finds none waits for the next one. */
#pragma once

#include "err.h"

#include <stdint.h>

#define LIMITER_PAIR_BURST 10 /* failures in a row of one identity from one address */
#define LIMITER_PAIR_MS 2000  /* a token comes back in this time */
#define LIMITER_ADDRESS_BURST 100
#define LIMITER_ADDRESS_MS 100
#define LIMITER_WAIT_MAX_MS 2000 /* nothing waits longer than that */

/* Lines of the log: of all, from one address, about one identity from one address. */
#define LIMITER_LINES_BURST 1000
#define LIMITER_LINES_MS 100
#define LIMITER_LINES_OF_ADDRESS_BURST 300
#define LIMITER_LINES_OF_ADDRESS_MS 2000
#define LIMITER_LINES_OF_PAIR_BURST 10
#define LIMITER_LINES_OF_PAIR_MS 20000

struct limiter;

/* The seed comes from a random source: peers choose what is hashed. */
enum err limiter_new(uint64_t seed, struct limiter **out) MUST_CHECK;
void limiter_free(struct limiter *);

/* *wait_ms: so long the refusal is to wait. False: too many wait, it is to be refused for load, and counts for nothing.
 * `address` may carry a port, which does not count; of an IPv6 address the network (/64) counts. From any thread. */
bool limiter_failed(struct limiter *, struct bytes address, struct bytes identity, int64_t now_ms,
                    int64_t *wait_ms) MUST_CHECK;

/* Lines of the log are limited too, so that no flood fills the disk: of an address about one identity, of an address,
 * and of all. False: this one is not to be told. *left_out: how many were not, since the last that was. */
bool limiter_may_tell(struct limiter *, struct bytes address, struct bytes about, int64_t now_ms, unsigned *left_out);
