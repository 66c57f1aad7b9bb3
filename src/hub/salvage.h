/* What a hub needs to go on from a checkpoint of which values are lost, and how these values are called. */
#pragma once

#include "hub.h"

/* What a key of the checkpoint holds. */
struct key_facts {
    const char *what;            /* "a device" */
    char device[ID_LEN_MAX + 1]; /* "": of none */
    int partition;               /* -1: of none */
    int64_t sequence;            /* of a message to a device; -1: of none */
};

void key_facts_of(struct bytes key, struct key_facts *out);

/* What is known from elsewhere. */
struct salvage_known {
    struct bytes birth;           /* the body of its record in the log; NO_BYTES: it is not there */
    bool policies, groups;        /* the log behind the place holds all of these */
    const struct hub_birth *facts; /* as far as files beside the log say it; NULL: they do not */
    const struct policy *said;    /* without the secondary keys */
    size_t n_said;
};

/* Completes a state whose values were taken from a damaged checkpoint: counts, leads to what expires, and of what a hub
 * cannot do without, what is known from elsewhere. `told` hears of everything that is not as it was; with `missing` it
 * is something without which there is no hub, and the answer is ERR_NOT_FOUND. In a transaction of the caller, who knows
 * what was committed before it. */
typedef void salvage_told(void *ctx, bool missing, const char *what);
enum err hub_salvage(struct state *, const struct salvage_known *, salvage_told *, void *ctx) MUST_CHECK;
/* The number that no partition has reached. */
enum err hub_salvage_next(struct state *, uint64_t *out) MUST_CHECK;
/* Values that say to which log a checkpoint belongs are not of its copy. */
bool key_is_copied(struct bytes key);
