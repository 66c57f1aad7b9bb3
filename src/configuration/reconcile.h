/* Brings a twin to what configurations want of it, by changes (service 4.11). For each place the first
 * claim wins; a null there removes what stands at it. What a configuration has written, and no claim of it covers any
 * more, goes, in one change with what the first claim writes that writes something; each other one makes its own. */
#pragma once

#include "configuration.h"

struct claim {
    struct configuration *by;
    json_t *settings; /* lent */
    /* Found out by reconcile(): */
    json_t *won;   /* the places that it has, as a tree; owned until then */
    json_t *patch; /* what is not there yet of them; owned until then */
    bool applied;  /* it has all of them, and the twin is as it wants it */
};

/* True if all of this tree (desired.h) stands in what is desired, written by that configuration. */
bool reconciled(struct bytes run, json_t *wish, struct bytes by);
/* Claims in the order of their rank. ERR_MEMORY; what cannot be changed for another reason is not applied. *done: the
 * twin is as far as it can be; false: there is something left for the next round. */
enum err reconcile(struct hub *, struct bytes name, struct bytes run, struct claim *, size_t n, int64_t now_ms,
                   bool *done) MUST_CHECK;
/* True: what failed so may be done in a moment. */
bool reconcile_passes(enum err);
