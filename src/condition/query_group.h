/* The groups of a query with aggregates: every row that it selects is added, and then they are read in the order of
 * what they are grouped by. */
#pragma once

#include "query.h"

struct query_groups;

/* The query must outlive it. */
enum err query_groups_new(const struct query *, struct query_groups **out) MUST_CHECK;
void query_groups_free(struct query_groups *);
/* ERR_LIMIT: QUERY_GROUPS_MAX or QUERY_GROUP_BYTES_MAX. */
enum err query_groups_add(struct query_groups *, const struct row *) MUST_CHECK;
/* How many there are; without GROUP BY it is one, also of nothing. To be called once, when all rows are added. */
size_t query_groups_end(struct query_groups *);
/* The columns of one of them; an aggregate of no number at all is left out. */
enum err query_groups_put(const struct query_groups *, size_t which, query_put *, void *ctx) MUST_CHECK;
