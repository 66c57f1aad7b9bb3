/* Does the jobs of a hub (service 4.9, 4.10): waits for their time, finds their devices, and goes through them, a slice
 * at a time. All that it knows is in the hub (hub_job.h): after a restart it goes on where the log ends. One thread. */
#pragma once

#include "hub_job.h"

struct waker;
struct job_files;
struct job_runner;

/* The waker is called when a turn is worth it before its time; `files` (transfer.h) are lent, and may be
 * NULL where there are no imports and exports. ERR_MEMORY. */
enum err job_runner_new(struct hub *, struct waker *, const struct job_files *, struct job_runner **out) MUST_CHECK;
/* Open jobs stay as they are in the hub. NULL is fine. */
void job_runner_free(struct job_runner *);
/* Some of what is due. Returns when to call again at the latest: now_ms when there is more to do. */
int64_t job_runner_turn(struct job_runner *, int64_t now_ms);

/* How what is to be done is kept: a condition, and a twin or a method as JSON. */
void job_body_put(struct buf *, struct bytes condition, struct bytes document);
enum err job_body_read(struct bytes body, struct bytes *condition, struct bytes *document) MUST_CHECK;

/* How many lines of an import have failed so far. */
unsigned job_failed_lines(const struct job *);
