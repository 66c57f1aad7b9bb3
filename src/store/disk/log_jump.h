/* A log whose hub was lost goes on far behind its end: places that the lost hub may have given to later records are
 * left out, so that none is ever given twice. */
#pragma once

#include "err.h"

/* Closes the last file of a log that nobody has open, and makes the one in which the log goes on, `skip` bytes or a
 * little more behind it. On failure `why` names the file and the reason. */
enum err log_jump(const char *folder, uint64_t skip, char why[256]) MUST_CHECK;
