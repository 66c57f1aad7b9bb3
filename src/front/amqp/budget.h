/* The cost of a connection, and what it may be. */
#pragma once

#include "amqp.h"
#include "amqp_link.h"

/* The longest frame, and the values in it. */
size_t amqp_frame_most(const struct amqp *c);
unsigned amqp_values_most(const struct amqp *c);
/* The frame in c->attach, of this length, may go to Proton. False: the connection has been ended. */
bool amqp_budget_take(struct amqp *c, size_t len);
size_t amqp_budget_cost(const struct amqp *c, size_t len);
/* The link that this frame attached has its cost; so it has when it was attached again. */
void amqp_budget_link(struct amqp *c, struct amqp_link *k, size_t cost);
/* Sessions that were borrowed are given back: it has shown who it is, or it goes. */
void amqp_budget_return(struct amqp *c);
/* Messages of which the rest is still to come are too much, all links together; `most` for one that has shown who it
 * is. */
bool amqp_too_much_is_coming(const struct amqp *c, size_t most);
/* A transfer came for which there was no credit: its link is detached (AMQP 1.0, 2.8.17). */
bool amqp_over_credit(struct amqp *c, struct amqp_link *k);
