/* A configuration as clients read it (service 4.11): what an answer shows, and a line of an export. */
#pragma once

#include "configurations.h"

/* Appends its JSON. `counts` of the last round, or NULL: there was none with it. ERR_DAMAGED: the document. */
enum err configuration_show(struct buf *, const struct doc *, struct bytes body,
                            const struct configuration_counts *counts) MUST_CHECK;
