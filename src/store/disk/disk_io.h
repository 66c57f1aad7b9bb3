/* The few calls that the disk engine makes of the file system, so that tests can tear, drop and keep what was not
 * synced. Paths are whole. Each answers as the system call does: -1 and errno. Reading goes through mmap of the same
 * files. */
#pragma once

#include "bytes.h"

#include <sys/types.h>
#include <sys/uio.h>

struct disk_io {
    void *ctx;
    int (*open)(void *ctx, const char *path, int flags);
    /* Everything, at this offset; on disk when it returns. */
    int (*write_synced)(void *ctx, int fd, const struct iovec *parts, int n, off_t at);
    /* Everything written to it is on disk when it returns. */
    int (*sync)(void *ctx, int fd);
    /* Reserves the space, so that writing cannot run out of it. */
    int (*allocate)(void *ctx, int fd, off_t size);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
    /* Everything created, renamed or unlinked in the folder is on disk when it returns. */
    int (*sync_folder)(void *ctx, const char *folder);
    /* A write or a sync failed: nothing is known any more about what is on disk, and a second try would tell nothing.
     * Does not return in a program. */
    void (*failed)(void *ctx, const char *what, const char *path, int error);
};

extern const struct disk_io disk_io_system;
