/* Devices that register (provisioning 1.5). */
#pragma once

#include "amqp.h"
#include "dps.h"

/* By the token of SASL (with SASL TPM, signed with the key of its proof), or without one by the certificate of the
 * connection. */
enum err amqp_dps_login(struct amqp *c, struct bytes scope, struct bytes id, struct bytes token,
                        const struct tpm_proof *) MUST_CHECK;
void amqp_dps_free(struct registrant *);
