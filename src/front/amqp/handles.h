/* Which handles the peer has attached. */
#pragma once

#include "amqp.h"

/* The frame in c->attach: false, it is not for Proton. */
bool amqp_handles_take(struct amqp *c);
void amqp_handles_free(struct amqp *c);
