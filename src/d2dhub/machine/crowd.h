/* How many may come: the ceilings on connections, from what is configured, the descriptors and the memory that there
 * are. */
#pragma once

#include "config.h"
#include "net.h"

/* As many descriptors as the system permits. */
void crowd_raise_descriptors(void);
/* Once all files are open that a hub always has, but `to_come` of them; after memory_open(). */
enum err crowd_gate(const struct config *c, unsigned to_come, uint64_t seed, struct net_gate **out) MUST_CHECK;
