#include "disk_io.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int system_open(void *ctx, const char *path, int flags)
{
    (void)ctx;
    return open(path, flags | O_CLOEXEC, 0600);
}

/* RWF_DSYNC saves a call a group; where the file system does not know it, the sync is a call of its own. */
static ssize_t write_some(int fd, const struct iovec *parts, int n, off_t at, bool *needs_sync)
{
    ssize_t done = -1;

    if (!*needs_sync)
        done = pwritev2(fd, parts, n, at, RWF_DSYNC);
    if (done < 0 && (*needs_sync || errno == EOPNOTSUPP || errno == ENOSYS)) {
        *needs_sync = true;
        done = pwritev(fd, parts, n, at);
    }
    return done;
}

static int system_write_synced(void *ctx, int fd, const struct iovec *parts, int n, off_t at)
{
    bool needs_sync = false;

    (void)ctx;
    for (int i = 0; i < n;) {
        struct iovec rest = parts[i];
        ssize_t done = write_some(fd, &parts[i], n - i, at, &needs_sync);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        at += done;
        for (; i < n && (size_t)done >= parts[i].iov_len; i++)
            done -= (ssize_t)parts[i].iov_len;
        if (i == n || done == 0)
            continue;
        /* A short write inside a part: the rest of that part alone. */
        rest = (struct iovec){(uint8_t *)parts[i].iov_base + done, parts[i].iov_len - (size_t)done};
        while (rest.iov_len) {
            done = write_some(fd, &rest, 1, at, &needs_sync);
            if (done < 0 && errno == EINTR)
                continue;
            if (done <= 0)
                return -1;
            at += done;
            rest.iov_base = (uint8_t *)rest.iov_base + done;
            rest.iov_len -= (size_t)done;
        }
        i++;
    }
    return needs_sync ? fdatasync(fd) : 0;
}

static int system_sync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int system_allocate(void *ctx, int fd, off_t size)
{
    int error = posix_fallocate(fd, 0, size);

    (void)ctx;
    errno = error;
    if (error)
        return -1;
    return fsync(fd);
}

static int system_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

static int system_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path);
}

static int system_sync_folder(void *ctx, const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int e = fd < 0 ? -1 : fsync(fd);

    (void)ctx;
    if (fd >= 0)
        close(fd);
    return e;
}

static void system_failed(void *ctx, const char *what, const char *path, int error)
{
    (void)ctx;
    log_event(LOG_ERROR, "disk-failed", KVS("doing", what), KVS("file", path), KVS("reason", strerror(error)),
              KVS("remedy", "what was acknowledged is on disk; check the disk, then start again"));
    log_flush();
    _exit(1);
}

const struct disk_io disk_io_system = {.open = system_open,
                                       .write_synced = system_write_synced,
                                       .sync = system_sync,
                                       .allocate = system_allocate,
                                       .rename = system_rename,
                                       .unlink = system_unlink,
                                       .sync_folder = system_sync_folder,
                                       .failed = system_failed};
