/* A change makes a new run of a twin. Live and from the log it is the same function. */
#pragma once

#include "twin_run.h"

/* A change of one or more sections, which makes one new version of the twin. */
struct twin_write {
    struct bytes nodes[TWIN_PARTS]; /* as twin_parse() makes them; at == NULL: the section is left alone */
    bool replace;                   /* those that are given become exactly this; else they are patched (RFC 7386) */
    struct bytes by, digest;        /* the configuration that does it, or nothing */
    int64_t wall_ms;
    struct twin_facts after; /* what it is then, but for the sizes */
};

/* Fills in `after`: the next version, and of each section that is given; another etag with tags and desired. */
void twin_write_number(struct twin_write *, struct bytes run);

struct twin_outcome {
    bool idle;                /* it deletes what is not there, and does nothing else */
    enum twin_part too_large; /* with ERR_TOO_LARGE */
};

/* Appends the new run. `limit` (NULL: none): of each section, in bytes. ERR_TOO_LARGE: a section would be over its
 * limit, and longer than it was; ERR_MEMORY. */
enum err twin_apply(struct bytes run, const struct twin_write *, const uint32_t limit[TWIN_PARTS], struct buf *out,
                    struct twin_outcome *) MUST_CHECK;

/* Appends the patch that makes `to` of whoever has `from`: all that is in `to`, and a null for whatever is not in it
 * any more, on every level. */
void twin_catch_up(const struct twin_node *from, const struct twin_node *to, struct buf *nodes);
