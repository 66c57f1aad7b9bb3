/* Readers of events, for the rest of the hub. */
#pragma once

#include "core.h"

void readers_of_group_end(struct hub *h, const char *group);
/* Wakes those that wait for what is durable now. */
void readers_grew(struct hub *h);
