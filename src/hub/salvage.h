/* Salvage: what a hub needs to go on from a checkpoint of which values are lost, and how these values are called. */
#pragma once

#include "buf.h"
#include "hub.h"
#include "store.h"

extern const struct part salvage_part;

/* A key of the checkpoint: what it holds. */
struct key_facts {
    const char *what;                  /* "a device" */
    bool is_device;                    /* it is an identity itself */
    char device[IDENTITY_LEN_MAX + 1]; /* its name, or that of the device; "": of none */
    int partition;                     /* -1: of none */
    int64_t sequence;                  /* of a message to a device; -1: of none */
};

void key_facts_of(struct bytes key, struct key_facts *out);

/* Records that a hub cannot do without, as a log holds them that is copied. */
struct salvage_seen {
    struct buf birth; /* the body of its record; empty: it is not there */
    uint64_t policies, groups;
};

void salvage_see(struct salvage_seen *, const struct record *);
/* The kind of records that mean nothing. */
uint8_t salvage_filler(void);

/* Facts that are known from elsewhere. */
struct salvage_known {
    const struct salvage_seen *log;
    bool replayed;                 /* all of that log is going to be applied */
    const struct hub_birth *facts; /* as far as files beside the log say it; NULL: they do not */
    const struct policy *said;     /* without the secondary keys */
    size_t n_said;
};

/* Completes a state whose values were taken from a damaged checkpoint: counts, leads to what expires, and of what a hub
 * cannot do without, what is known from elsewhere. `told` hears of everything that is not as it was.
 * ERR_NOT_FOUND: the last was something without which there is no hub. In a transaction of the caller, who knows
 * what was committed before it. */
typedef void salvage_told(void *ctx, const char *what);
enum err hub_salvage(struct state *, const struct salvage_known *, salvage_told *, void *ctx) MUST_CHECK;
/* The number that no partition has reached. */
enum err hub_salvage_next(struct state *, uint64_t *out) MUST_CHECK;
/* Values that say to which log a checkpoint belongs are not of its copy. */
bool key_is_copied(struct bytes key);
