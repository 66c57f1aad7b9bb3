#include "state_room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LOCK_ROOM = 64 * 1024, FREE_TABLE = 0, MAIN_TABLE = 1, META_PAGES = 2 };

int lmdb_lock_room(const char *folder)
{
    struct stat facts;
    char path[PATH_MAX];
    int fd, error = 0;

    if (snprintf(path, sizeof path, "%s/lock.mdb", folder) >= (int)sizeof path)
        return ENAMETOOLONG;
    /* Closing a descriptor of it would end the locks that this process may have there. */
    if (!stat(path, &facts) && facts.st_size && (off_t)facts.st_blocks * 512 >= facts.st_size)
        return 0;
    if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return errno;
    /* Its size stays LMDB's. */
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOCK_ROOM) && (errno == ENOSPC || errno == EDQUOT))
        error = errno;
    close(fd);
    return error;
}

static int add_pages(MDB_txn *txn, MDB_dbi table, uint64_t *pages, uint64_t *page_size)
{
    MDB_stat stat;
    int rc = mdb_stat(txn, table, &stat);

    if (rc)
        return rc;
    *pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    *page_size = stat.ms_psize;
    return 0;
}

/* Bytes of pages that hold something; all others are written again, or new. */
static int bytes_in_use(MDB_env *env, const MDB_dbi *tables, unsigned n_tables, uint64_t *out)
{
    uint64_t pages = META_PAGES, page_size = 0;
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

    if (rc)
        return rc;
    if (!(rc = add_pages(txn, FREE_TABLE, &pages, &page_size)))
        rc = add_pages(txn, MAIN_TABLE, &pages, &page_size);
    for (unsigned i = 0; !rc && i < n_tables; i++)
        rc = add_pages(txn, tables[i], &pages, &page_size);
    mdb_txn_abort(txn);
    *out = pages * page_size;
    return rc;
}

/* A change that would fail half-way must not take the rest of the disk. */
static bool has_room(int fd, uint64_t bytes)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

enum err lmdb_room(MDB_env *env, const MDB_dbi *tables, unsigned n_tables, uint64_t bytes)
{
    uint64_t used, allocated, missing;
    struct stat facts;
    mdb_filehandle_t fd;

    if (mdb_env_get_fd(env, &fd) || fstat(fd, &facts) || bytes_in_use(env, tables, n_tables, &used))
        return ERR_IO;
    allocated = (uint64_t)facts.st_blocks * 512;
    if (allocated >= used + bytes)
        return OK;
    missing = used + bytes - allocated;
    if (!has_room(fd, missing))
        return ERR_DISK_FULL;
    if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(allocated + missing)))
        return OK;
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : OK;
}
