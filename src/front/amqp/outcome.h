/* Names of errors, and how deliveries end. */
#pragma once

#include "amqp.h"

const char *amqp_condition(enum err e);
/* The number of device 7.4 of an error, and of a condition that is no error's. */
unsigned amqp_code(enum err e);
unsigned amqp_code_of(const char *condition);
/* Accepted or rejected, and settled. */
void amqp_answer(struct amqp *c, pn_delivery_t *d, enum err e);
/* With another condition than that of the error: devices and services are told of some in different ones. */
void amqp_answer_as(struct amqp *c, pn_delivery_t *d, enum err e, const char *condition);
/* How the peer ended a delivery; false: it has not yet. */
bool amqp_outcome_of(pn_delivery_t *d, enum outcome *how);
/* The hub's answer to that, for a peer that waits for it (rcv-settle-mode second). */
void amqp_confirm(struct amqp *c, pn_delivery_t *d, enum err e);
