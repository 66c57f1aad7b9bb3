/* Goes through the devices of jobs (service 4.9), those of the first job first, as rows of a condition and as JSON. */
#pragma once

#include "buf.h"
#include "condition.h"

#include <jansson.h>

struct hub;

struct job_rows {
    struct hub *hub;
    const struct condition *condition; /* NULL: all */
    uint64_t serial;                   /* the job */
    uint32_t row;                      /* and the first of its devices that was not seen yet */
    bool end;
    struct buf text, room;
};

/* Receives a row that is selected, as JSON. */
typedef enum err job_row_found(void *ctx, struct bytes json, bool *enough);

void job_rows_open(struct job_rows *, struct hub *, const struct condition *);
void job_rows_close(struct job_rows *);
/* A slice. */
enum err job_rows_turn(struct job_rows *, job_row_found *, void *ctx) MUST_CHECK;
