/* Carries configurations out (service 4.11): in rounds over all devices and modules each twin becomes what those that
 * target it want. A round begins soon after a configuration has changed, and from time to time while anything changes
 * in the hub, so that whoever comes under a target gets its settings and whoever leaves it loses them. One thread takes
 * the turns; everything that must last is in the hub, so that after a restart a round finds what is left to do. */
#pragma once

#include "configuration.h"

struct configurations;
struct plan;
struct waker;

struct configuration_counts {
    char etag[sizeof((struct doc *)0)->etag]; /* of the configuration that was carried out */
    uint64_t targeted, applied;               /* identities, and those of them on which all of it applies */
    uint64_t succeeded, failed;               /* edge devices, as their agents report */
    uint64_t metrics[CONFIGURATION_METRICS_MAX];
};

/* The waker is called when a turn is worth it before its time. ERR_MEMORY. */
enum err configurations_new(struct hub *, struct waker *, struct configurations **out) MUST_CHECK;
/* NULL is fine. */
void configurations_free(struct configurations *);
/* Some of a round, or nothing. Returns when to call again at the latest: now_ms when there is more to do. */
int64_t configurations_turn(struct configurations *, int64_t now_ms);

/* From any thread. A configuration has changed. */
void configurations_changed(struct configurations *);
/* The counts of the last round. False: there was none with it yet. */
bool configurations_counts(struct configurations *, struct bytes id, struct configuration_counts *out);
/* The plan (plan.h) that is carried out, for who shows twins: to be released. NULL: there was no round yet. */
struct plan *configurations_hold(struct configurations *);
