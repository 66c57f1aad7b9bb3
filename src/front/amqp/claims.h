/* Proofs of the peer: by SASL PLAIN, and by the tokens that it has put on $cbs, each until it expires. */
#pragma once

#include "amqp.h"

/* A token of a policy or a device for this hub, put under this name (NO_BYTES: none). ERR_UNAUTHORIZED, ERR_EXPIRED;
 * ERR_BUSY: too many failures lately. */
enum err amqp_token_check(struct amqp *c, struct bytes token, struct bytes name, struct who *out) MUST_CHECK;
/* Replaces the claim of this audience. ERR_LIMIT: CBS_TOKENS_MAX. */
enum err amqp_claim_put(struct amqp *c, struct bytes audience, const struct who *who) MUST_CHECK;
/* Valid credentials were shown. */
void amqp_proved(struct amqp *c, const struct who *who);
/* True if one of the claims lets read this path ("entity/ConsumerGroups/…", "messages/events"). */
bool amqp_may_listen(const struct amqp *c, struct bytes path);
/* The proof that the peer may act as this device, or NULL. */
const struct who *amqp_claim_of(const struct amqp *c, struct bytes device);
/* Forgets what this device itself signed: its keys have changed. */
void amqp_claims_drop(struct amqp *c, struct bytes device);
/* Forgets what has expired. True when something has. */
bool amqp_claims_expire(struct amqp *c);
void amqp_claims_free(struct amqp *c);
