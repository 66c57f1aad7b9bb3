/* An attach of a receiver, beside its address: filters and link properties (service 2.4, 2.6, 2.7). */
#pragma once

#include "amqp_value.h"
#include "selector.h"

enum { RECEIVER_NAME_CAP = 65 };

struct amqp_owner {
    bool has_epoch;
    int64_t epoch;
    char name[RECEIVER_NAME_CAP]; /* "nil" when there is none, as the service writes it */
};

/* Reads the selector out of the filter set and appends what is honoured of it to `echo`: nothing, when there is none.
 * ERR_MALFORMED and the errors of selector_parse(); the complaint says why. */
enum err amqp_filter_read(const struct amqp_value *set, struct selector *out, struct buf *echo,
                          struct complaint *) MUST_CHECK;

void amqp_owner_read(const struct amqp_value *properties, struct amqp_owner *out);
