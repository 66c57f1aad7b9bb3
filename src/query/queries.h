/* Queries that take long run beside the connections: whoever asks puts his query here and is woken when its page is
 * there; one thread takes turns at all of them. */
#pragma once

#include "query_run.h"

struct waker;
struct queries;
struct ticket;

/* The waker is called when there is something to do. ERR_MEMORY. */
enum err queries_new(struct waker *, struct queries **out) MUST_CHECK;
/* All tickets have been given back. NULL is fine. */
void queries_free(struct queries *);

/* The run stays the asker's, who must not touch it until queries_look() says that it has ended. ERR_MEMORY. */
enum err queries_put(struct queries *, struct query_run *, struct waker *, struct ticket **out) MUST_CHECK;
/* ERR_BUSY: not yet; the waker will tell. Else what query_run_turn() said last. */
enum err queries_look(struct ticket *) MUST_CHECK;
/* The run is his own again, and the waker is not called any more. NULL is fine. */
void queries_take_back(struct ticket *);

/* A slice of one of them; false: there is none. One thread. */
bool queries_turn(struct queries *);
