/* A query on its way (service 4.8): its page is made a slice at a time. */
#pragma once

#include "buf.h"
#include "query.h"

struct configured_by;
struct hub;
struct query_run;

/* `configurations` (twin_document.h) may be NULL, else it outlives the run. `continuation` is what another page gave,
 * or empty. ERR_ARGUMENT, ERR_MEMORY: `why` is a sentence. */
enum err query_run_new(struct hub *, const struct configured_by *configurations, struct bytes text, size_t most,
                       struct bytes continuation, struct complaint *why, struct query_run **out) MUST_CHECK;
/* From its first turn on no rows are written: one page counts all of them. */
void query_run_count(struct query_run *);
/* Of a complete page: how many rows it and those before it have. */
uint64_t query_run_counted(const struct query_run *);
/* NULL is fine. */
void query_run_free(struct query_run *);
/* True if it takes no longer than a request for what it names: it is about a few devices, or a page of all. */
bool query_run_is_short(const struct query_run *);
/* Some of it; *end: the page is complete. ERR_ARGUMENT: too many groups. */
enum err query_run_turn(struct query_run *, bool *end) MUST_CHECK;

/* Of a complete page; lent. The array, what its rows are, and how to go on: empty when there are no more. */
struct bytes query_run_rows(const struct query_run *);
const char *query_run_type(const struct query_run *);
struct bytes query_run_continuation(const struct query_run *);
