/* Messages in and out, and credit. */
#pragma once

#include "amqp_link.h"
#include "amqp_message.h"

/* A delivery of which all is here, out of Proton and into c->came; false: not yet, or it was refused. */
bool amqp_receive(struct amqp *c, struct amqp_link *k, pn_delivery_t *d, size_t max, struct bytes *out);
/* Takes a message apart, which must stay; false: it is not well-formed. */
bool amqp_take_apart(struct bytes all, struct amqp_message *out);
/* Gives a peer that sends credit up to `most` when half of it is used up, as long as it reads what we say. */
void amqp_credit_up_to(struct amqp *c, struct amqp_link *k, int most);
/* The same with the credit that most kinds give. */
void amqp_credit(struct amqp *c, struct amqp_link *k);

/* Credit, room, and a window that the peer keeps open. */
bool amqp_may_send(const struct amqp *c, const struct amqp_link *k);
/* Sends what is in c->made, settled, and lets it out; the error of the buffer, if it has one: then nothing is sent. */
enum err amqp_send_made(struct amqp *c, struct amqp_link *k);
/* The same under this tag, and not settled unless the peer wants that: it says what becomes of it. At most `most` of a
 * link stay so; the oldest are settled before. */
enum err amqp_send_unsettled(struct amqp *c, struct amqp_link *k, struct bytes tag, size_t most);
/* The end of a pull, with why it ended: a peer that drains is told when there is nothing more (ERR_NOT_FOUND). */
enum amqp_pulled amqp_pull_ended(struct amqp_link *k, enum err e);
