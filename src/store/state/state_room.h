/* The room of the checkpoint's files on the disk, so that a disk that others fill does not stop it. */
#pragma once

#include "err.h"

#include <lmdb.h>

/* LMDB maps lock.mdb and writes to it: on a full disk that would end the process. Its room is made before. 0, or errno.
 */
int lmdb_lock_room(const char *folder);
/* Makes the room in data.mdb that is not in use at least so large. ERR_DISK_FULL: it is smaller, and there is no more;
 * where the file system cannot reserve any, OK. Not while the map may grow. */
enum err lmdb_room(MDB_env *env, const MDB_dbi *tables, unsigned n_tables, uint64_t bytes) MUST_CHECK;
