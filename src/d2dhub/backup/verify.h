/* Reads a backup. */
#pragma once

#include "errand.h"

/* Everything that the manifest of this folder names is there, as it was written. False: a message each was printed.
 * What the source had lost is no fault of the backup. */
bool verify_all(struct errand *, const char *folder, const struct manifest *) MUST_CHECK;
/* The manifest, or a message about it. */
bool verify_load(struct errand *, const char *folder, struct manifest *) MUST_CHECK;

/* --list and --verify: the exit status. */
int backup_list(const struct config *, const char *folder);
int backup_verify(const struct config *, const char *folder);
