/* Goes through all devices or all modules, or those that a condition selects, in the order of their names, a slice at a
 * time, so that whoever does it can serve others in between. It is not a moment of the hub: what changes meanwhile is
 * seen as it was or as it is, and what is there all the time is seen exactly once. */
#pragma once

#include "condition.h"
#include "twin_document.h"

struct by_index;
struct twin_walk;

struct scan {
    struct hub *hub;
    bool modules;
    const struct condition *condition; /* NULL: all */
    struct by_index *indexes;          /* by which its rows are found; NULL: none. Owned */
    struct bytes *ids;                 /* of the only devices that it can select, sorted; NULL: any. Owned */
    size_t n_ids;
    size_t slice, turn;                         /* identities that are listed, and looked at, in one go */
    const struct configured_by *configurations; /* NULL, or set by whoever opened it */
    bool exact;                                 /* what is only known of identities in memory is asked for, too */
    struct twin_walk *walk;                     /* owned */
    struct buf names;
    struct bytes rest;                /* of the names: those that come next */
    bool last;                        /* there are none behind these */
    char after[IDENTITY_LEN_MAX + 1]; /* the last one that was seen; set it to go on behind one */
    bool end;                         /* there is none behind it, or somebody had enough */
};

/* Receives an identity that is selected. False: it is not wanted any more, and was not seen. */
typedef enum err scan_found(void *ctx, const struct twin_document *, const struct row *, bool *enough);

/* The condition must outlive it, and nobody else may use it meanwhile: its paths learn where they lead to. ERR_MEMORY.
 */
enum err scan_open(struct scan *, struct hub *, bool modules, struct condition *) MUST_CHECK;
void scan_close(struct scan *);
/* A slice. What scan_found() says, or ERR_MEMORY. */
enum err scan_turn(struct scan *, scan_found *, void *ctx) MUST_CHECK;
