/* Values that are whole in a damaged checkpoint, read without mapping it: those whose checksums fit, wherever they
 * stand. */
#pragma once

#include "err.h"
#include "state_seal.h"

struct salvage {
    /* A whole value; lent. False: enough. */
    bool (*value)(void *ctx, struct bytes key, struct bytes value);
    /* Something is wrong at this byte of the file. `key`: of a value that is lost by it, lent; NO_BYTES: what it costs
     * is not known. */
    void (*damage)(void *ctx, uint64_t offset, const char *what, struct bytes key);
    void *ctx;
    /* Once it is done: */
    bool has_sum;                     /* the record that says what there was is whole: */
    struct state_sum sum;             /* up to which place it is true, and how much there was */
    uint64_t entries, seals, damages; /* what was found */
    bool sealed;                      /* values have checksums; those of before have none, and are taken as they are */
    bool stopped;
};

/* ERR_NOT_FOUND: there is no such file, or nothing in it. OK: however damaged. ERR_MEMORY, ERR_IO. */
enum err state_salvage(const char *path, struct salvage *) MUST_CHECK;
/* All values that were written were found. */
bool state_salvage_is_whole(const struct salvage *);
