/* Request and response over a pair of links (service 1.7). */
#pragma once

#include "amqp_link.h"
#include "amqp_message.h"

/* A request, and what becomes of it. */
struct amqp_request {
    struct amqp_message message; /* it lies in c->came; the answer is made in c->made */
    pn_delivery_t *delivery;
    struct amqp_link *to; /* where the answer goes */
    int status;
    char text[256];        /* status-description */
    const char *condition; /* error-condition or NULL */
};
/* A link of requests or answers is there: whoever may ask is decided with each request. */
void amqp_request_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o);
/* Something came on a link that takes requests: all of one is given to `asked`, which settles and answers it. */
void amqp_request(struct amqp *c, struct amqp_link *k, pn_delivery_t *d,
                  void (*asked)(struct amqp *, struct amqp_request *));
/* Gives the peer credit for requests while it reads our answers. */
void amqp_request_credit(struct amqp *c, struct amqp_link *k);
/* Settles the request as accepted, which goes before the answer, and begins that in c->made; its sections are up to the
 * kind. */
void amqp_request_accept(struct amqp *c, const struct amqp_request *r);
/* Whose answer it is, with status and description (service 1.7). A body follows. */
void amqp_request_put_status(struct amqp *c, const struct amqp_request *r);
void amqp_request_reject(const struct amqp_request *r, const char *condition, const char *text);
/* The same for an operation that there is not. */
void amqp_request_unsupported(const struct amqp_request *r);
/* A value of the application properties as text; integers too. NO_BYTES when it is not there. */
struct bytes amqp_property(const struct amqp_request *r, const char *name, char number[AMQP_SCALAR_CAP]);
