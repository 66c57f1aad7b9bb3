/* The configurations that there are at a moment, by rank, the highest first. The one thread that carries them out makes
 * it; whoever holds it reads it from any thread. */
#pragma once

#include "configuration.h"
#include "twin_document.h"

#include <stdatomic.h>

struct plan {
    _Atomic unsigned holders;
    struct hub *hub;
    struct configured_by told; /* the status that each has for a twin, as twins show it */
    size_t n;
    struct configuration at[CONFIGURATIONS_ROOM];
};

/* Read from the documents of the hub; held once. ERR_DAMAGED, ERR_MEMORY. */
enum err plan_new(struct hub *, struct plan **out) MUST_CHECK;
void plan_hold(struct plan *);
/* NULL is fine. */
void plan_release(struct plan *);

/* Whether the modules of its manifest are there, each with all that is desired of it by this configuration. */
bool plan_has_manifest(struct hub *, const struct configuration *, const struct device *edge);
/* True if the configuration is not deleted and its target condition holds. */
bool plan_targets(const struct configuration *, const struct twin_document *);
