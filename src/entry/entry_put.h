/* An identity and its twin as a line of an export (service 4.10), which an import takes back. */
#pragma once

#include "hub.h"

/* Appends it without the end of the line. `run`: as hub_twin_copy() gives it. Without keys, those who authenticate by
 * key have no authentication; thumbprints are no secret, and stay. */
void entry_put(struct buf *, const struct device *, struct bytes run, bool keys);
