/* The SASL layer: how a peer logs in before it opens the connection. */
#pragma once

#include "amqp.h"

void amqp_sasl_start(struct amqp *c);

/* The mechanism TPM; what is not OK ends SASL. */
enum err amqp_tpm_begin(struct amqp *c, struct bytes init) MUST_CHECK;
enum err amqp_tpm_response(struct amqp *c, struct bytes response, bool *proved) MUST_CHECK;
void amqp_tpm_free(struct amqp_tpm *);
