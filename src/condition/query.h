/* The query language (service 4.8):
 *
 *   SELECT [TOP n] * | element, …  FROM devices | devices.modules | devices.jobs
 *       [WHERE condition]  [GROUP BY path, …]
 *   element  path [AS name] | COUNT() | AVG(path) | SUM(path) | MIN(path) | MAX(path) [AS name]
 *
 * It becomes a plan: whoever has the rows goes through them, asks query_selects(), and writes what query_columns()
 * gives (or all of the row: `all`); where the query groups, query_group.h counts them first. */
#pragma once

#include "condition.h"

enum query_from { QUERY_DEVICES, QUERY_MODULES, QUERY_JOBS };

enum query_how { QUERY_PATH, QUERY_COUNT, QUERY_AVG, QUERY_SUM, QUERY_MIN, QUERY_MAX };

struct query_column {
    enum query_how how;
    const struct path *path; /* NULL: of COUNT */
    struct bytes name;       /* under which it is answered */
    bool named;              /* by AS; else a path has the row's own spelling */
};

struct query {
    enum query_from from;
    bool all;    /* SELECT * */
    bool groups; /* aggregates or GROUP BY: a row of the answer stands for many */
    bool has_condition;
    uint64_t top; /* UINT64_MAX: all */
    struct query_column columns[QUERY_COLUMNS_MAX];
    size_t n_columns;
    const struct path *group_by[QUERY_GROUP_PATHS_MAX];
    size_t n_group_by;
    struct condition *program; /* without steps when there is no condition; its paths are those of the columns, too */
};

/* ERR_TOO_LARGE, ERR_MALFORMED, ERR_UNSUPPORTED, ERR_MEMORY. query_close() in any case. */
enum err query_open(struct query *, struct bytes text, struct complaint *) MUST_CHECK;
/* The same of another service, which has one source; `*` alone and SELECT * without FROM are all of it, as its samples
 * write. */
enum err query_open_from(struct query *, struct bytes text, const char *source, struct complaint *) MUST_CHECK;
void query_close(struct query *);

/* A condition that stands alone, without its query: its paths become those of the members that they mean (service 4.8).
 */
void query_names(struct condition *, enum query_from);

/* True if the condition is true of this row: not undefined, not null, not 1. */
bool query_selects(const struct query *, const struct row *);

/* A column of an answer. `value` is lent; arrays and objects are the row's. */
typedef enum err query_put(void *ctx, struct bytes name, const struct value *);
/* The columns of this row; those that it does not have are left out, and of several with one name the last counts. */
enum err query_columns(const struct query *, const struct row *, query_put *, void *ctx) MUST_CHECK;
