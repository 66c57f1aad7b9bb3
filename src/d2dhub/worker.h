/* A thread for what takes long: queries and the jobs of the hub. While connections are served it works shortly and then
 * rests for longer, so that they are served as if it were not there; else it does not rest. */
#pragma once

#include "hub.h"
#include "served.h"

struct configurations;
struct job_files;
struct queries;
struct worker;

/* The files of imports and exports are lent. ERR_MEMORY. */
enum err worker_new(struct hub *, const struct job_files *, struct worker **out) MUST_CHECK;
/* ERR_INTERNAL: a thread cannot be made. */
enum err worker_start(struct worker *, const struct served *) MUST_CHECK;
/* The queue for queries. Lent. */
struct queries *worker_queries(struct worker *);
/* The one that carries configurations out. Lent. */
struct configurations *worker_configurations(struct worker *);
/* Ends the thread; nobody asks any more. NULL is fine. */
void worker_free(struct worker *);
