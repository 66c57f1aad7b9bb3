/* Carries configurations out (service 4.11): in rounds over all devices and modules each twin becomes what those that
 * target it want. A round begins soon after a configuration has changed, and from time to time while anything changes
 * in the hub, so that whoever comes under a target gets its settings and whoever leaves it loses them. One thread takes
 * the turns; everything that must last is in the hub, so that after a restart a round finds what is left to do. */
#pragma once

#include "configuration.h"

struct configurations;
struct waker;

/* The waker is called when a turn is worth it before its time. ERR_MEMORY. */
enum err configurations_new(struct hub *, struct waker *, struct configurations **out) MUST_CHECK;
/* NULL is fine. */
void configurations_free(struct configurations *);
/* Some of a round, or nothing. Returns when to call again at the latest: now_ms when there is more to do. */
int64_t configurations_turn(struct configurations *, int64_t now_ms);

/* From any thread. A configuration has changed. */
void configurations_changed(struct configurations *);
/* How many identities it targeted in the last round, and on how many of them all of it applies. False: there was none
 * with it yet. */
bool configurations_counts(struct configurations *, struct bytes id, uint64_t *targeted, uint64_t *applied);
