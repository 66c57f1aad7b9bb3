/* A copy of a log, in another folder, of all that is whole in it. Every record keeps its place. Where damaged ones
 * were there are records of a kind that means nothing, so that the copy is a whole log; where files are missing, the
 * next one says so. */
#pragma once

#include "log_walk.h"

struct log_salvage {
    const char *to;           /* the folder: empty */
    uint8_t filler;           /* the kind of records that mean nothing */
    struct log_visit look;    /* told of every frame, and of all damage */
    bool (*go_on)(void *ctx); /* asked now and then; NULL: yes */
    /* Once it is done: */
    uint64_t first, end, size; /* places of the copy, bytes of its last file; 0: there is nothing in it */
    uint64_t damages;
};

/* ERR_IO: errno tells, and `why` names the file; ERR_DISK_FULL; ERR_CLOSED: go_on() said no. */
enum err log_salvage(struct log_files *, struct log_salvage *, char why[256]) MUST_CHECK;
/* Makes the first file of a log that begins at this base. */
enum err log_begin(const char *folder, uint64_t base, uint64_t size, const uint8_t id[STORE_ID],
                   char why[256]) MUST_CHECK;
