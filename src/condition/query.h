/* The query language over devices (service 4.8):
 *
 *   SELECT [TOP n] * | path [AS name], …  FROM devices | devices.modules | devices.jobs  [WHERE condition]
 *
 * Aggregates and GROUP BY are refused. A condition is evaluated as it is read, for each device anew: nothing is
 * allocated. */
#pragma once

#include "buf.h"
#include "ceilings.h"
#include "err.h"

#include <jansson.h>

enum query_from { QUERY_DEVICES, QUERY_MODULES, QUERY_JOBS };

struct query_column {
    struct bytes path; /* as it is written */
    struct bytes name; /* under which it is answered */
    bool named;        /* by AS; else the document's spelling counts */
};

struct query {
    enum query_from from;
    bool all; /* SELECT * */
    uint64_t top;
    struct bytes condition; /* at == NULL: none */
    struct query_column columns[QUERY_COLUMNS_MAX];
    size_t n_columns;
};

enum { QUERY_WHY_CAP = 160 };

/* Views into `text`. ERR_TOO_LARGE, ERR_MALFORMED, ERR_UNSUPPORTED; `why` is a sentence for the one who wrote the
 * query. */
enum err query_parse(struct bytes text, struct query *out, char why[QUERY_WHY_CAP]) MUST_CHECK;
/* The same of another service, which has one source; `*` alone and SELECT * without FROM are all of it, as its samples
 * write. */
enum err query_parse_from(struct bytes text, const char *source, struct query *out, char why[QUERY_WHY_CAP]) MUST_CHECK;
/* Whether the condition is true of this document: not undefined, not null, not 1. */
bool query_selects(const struct query *, const json_t *document);
/* The columns of this document; those that it does not have are left out. NULL: no memory. */
json_t *query_columns(const struct query *, const json_t *document);
