/* The results of the metrics that configurations have of their own (service 4.11): how many rows their queries have. */
#pragma once

#include "plan.h"

struct query_run;

struct metrics {
    struct plan *plan; /* lent */
    size_t at, query;  /* the one that is being counted, and which of its queries */
    struct query_run *run;
    struct complaint why;
};

void metrics_open(struct metrics *, struct plan *);
void metrics_close(struct metrics *);
/* A slice. False: all of them are in the plan. */
bool metrics_turn(struct metrics *);
