/* Everything that the hub says on a connection, and that its log hears of the peer. */
#pragma once

#include "amqp.h"

/* Moves what Proton has to say into `out`. */
void amqp_flush(struct amqp *c);
/* Ends the sessions, closes the connection (device 3.9) and ends the conversation. Condition and text may be NULL. */
void amqp_leave(struct amqp *c, enum err why, const char *condition, const char *text);
/* The same for an error, which is logged. */
void amqp_end(struct amqp *c, enum err why, const char *condition, const char *text);
/* Logs a line for the operator: who, what, why. */
void amqp_log_refusal(const struct amqp *c, const char *what, const char *why);
/* "service", "device garage" or "nobody", for the log. */
const char *amqp_who(const struct amqp *c);
/* This is at the other end: told once. */
void amqp_came(struct amqp *c, const char *kind, const char *id);
