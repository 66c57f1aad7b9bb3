/* An attach of a receiver, beside its address: filters and link properties (service 2.4, 2.6, 2.7). */
#pragma once

#include "selector.h"

#include <proton/engine.h>

enum { RECEIVER_NAME_CAP = 65 };

struct amqp_owner {
    bool has_epoch;
    int64_t epoch;
    char name[RECEIVER_NAME_CAP]; /* "nil" when there is none, as the service writes it */
};

/* Reads the selector out of the filter set and puts what is honoured into `echo` (empty when there is nothing).
 * ERR_MALFORMED and the errors of selector_parse(); the complaint says why. */
enum err amqp_filter_read(pn_data_t *set, struct selector *out, pn_data_t *echo, struct complaint *) MUST_CHECK;

/* Properties may be NULL, which is what Proton says when there are none. */
void amqp_owner_read(pn_data_t *properties, struct amqp_owner *out);
