/* A batch of feedback as JSON (service 3.2). */
#pragma once

#include "d2d.h"
#include "err.h"

#include <jansson.h>

enum { FEEDBACK_RECORDS_MAX = 256 }; /* a hub puts 64 into a batch */

struct feedback_batch {
    struct d2d_feedback at[FEEDBACK_RECORDS_MAX];
    size_t n;
    json_t *json; /* which the texts are in */
};

/* ERR_MALFORMED: it is none. What a record does not say is "". */
enum err feedback_read(struct bytes body, struct feedback_batch *out) MUST_CHECK;
void feedback_batch_free(struct feedback_batch *);
