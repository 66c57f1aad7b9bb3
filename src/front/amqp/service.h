/* Services: they live by claims on paths. */
#pragma once

#include "amqp_link.h"

/* False: the link was refused, for no claim covers its address. */
bool amqp_service_may(struct amqp *c, struct amqp_link *k, const struct amqp_opening *, const char *claim);
/* Detaches the link when no claim covers this path any more. */
void amqp_service_recheck(struct amqp *c, struct amqp_link *k, const char *path);
