/* Indexes (service 4.8): the names of identities by the value that stands at one path of their documents. An index is
 * in memory only. The first question for a path is a wish for its index; it is made a slice at a time, and every change
 * keeps it from then on. What it gives is at least what has the value: whoever asks looks at each of them. One thread
 * asks and takes the turns. It is a part of hub.h. */
#pragma once

#include "twin_run.h"

struct hub;

enum { INDEX_OF_STATUS = TWIN_PARTS }; /* it has those that are disabled, by the text of that */

struct index_path {
    bool modules;       /* of modules; else of devices */
    uint8_t section;    /* enum twin_part, or INDEX_OF_STATUS */
    struct bytes names; /* from the section to the value, each with NUL behind it, at most INDEX_PATH_MAX bytes */
};

/* A path with the terms of which one stands there (twin_term.h). */
struct index_way {
    struct index_path path;
    const uint64_t *terms;
    size_t n_terms;
};
enum { INDEX_WAYS_MAX = 8 };

/* Appends the first names behind `after`, at most `max`, in byte order, each with NUL behind it: of those that one of
 * the ways leads to. ERR_NOT_FOUND: one of them has no index, or not yet. ERR_MEMORY. */
enum err hub_index_names(struct hub *, const struct index_way *, size_t n_ways, struct bytes after, struct buf *names,
                         size_t max, size_t *n) MUST_CHECK;
/* How many that are, at most. ERR_NOT_FOUND. */
enum err hub_index_count(struct hub *, const struct index_way *, size_t n_ways, size_t *n) MUST_CHECK;
/* A slice of what was wished for; false: there is nothing to do. */
bool hub_index_turn(struct hub *);
