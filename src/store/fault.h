/* A file that is mapped can be cut short by somebody else, or lie on a sector that the disk cannot read: whoever
 * touches such a page gets SIGBUS, which ends a process. In the regions that are named here it does not. */
#pragma once

#include "bytes.h"

/* Without a file, a page that cannot be read reads as zeros from now on, for as long as the region is mapped: for what
 * has checksums. With one, a line names it, and the process ends: for what nobody can go on without. `file` is lent
 * until the region is dropped. False: there are FAULT_REGIONS_MAX. Drop it before it is unmapped. */
bool fault_region_add(const void *at, size_t len, const char *file) MUST_CHECK;
/* By its address; NULL is fine. */
void fault_region_drop(const void *at);
