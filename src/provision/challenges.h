/* Challenges to TPMs over HTTPS (provisioning 5.2): keys that only the right chip can have read, for a few
 * minutes, in memory only. A device whose challenge is gone begins again. From any thread. */
#pragma once

#include "err.h"
#include "registration.h"
#include "tpm_proof.h"

struct challenges;

enum err challenges_new(struct challenges **out) MUST_CHECK;
void challenges_free(struct challenges *);

/* ERR_BUSY: there are CHALLENGES_OF_ONE for this registration, all of them fresh. Strangers who know its (public) key
 * can have challenges made too, and must not push out the device's own. */
enum err challenges_put(struct challenges *, struct bytes registration, const struct tpm_proof *,
                        int64_t now_ms) MUST_CHECK;
/* The one whose key fits, and its number; 0: none does. */
uint64_t challenges_find(struct challenges *, struct bytes registration,
                         bool (*fits)(const void *ctx, const struct key_bytes *), const void *ctx, int64_t now_ms,
                         struct tpm_proof *out);
/* Its one operation: takes this one, or gives the one that it has (ERR_EXISTS). ERR_EXPIRED: that has ended. */
enum err challenges_bind(struct challenges *, uint64_t number, char operation[OPERATION_CAP]) MUST_CHECK;
/* The operation did not come to be. */
void challenges_unbind(struct challenges *, uint64_t number);
/* The device has been told how the operation ended. */
void challenges_end(struct challenges *, uint64_t number);
