#include "blobs.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FREE_MIN = 16 << 20 }; /* bytes that stay free for the hub itself */

static bool path_of(const struct blobs *b, const char *container, const char *blob, char out[PATH_CAP])
{
    return (size_t)snprintf(out, PATH_CAP, "%s/%s/%s", b->folder, container, blob) < PATH_CAP;
}

static enum err failed(void)
{
    return errno == ENOENT ? ERR_NOT_FOUND : errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

/* An ordinary file of that name, and nothing that leads elsewhere. */
static enum err open_file(const struct blobs *b, const char *container, const char *blob, int flags, int *out)
{
    char path[PATH_CAP];
    struct stat st;

    if (!path_of(b, container, blob, path))
        return ERR_IO;
    if ((*out = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600)) < 0)
        return failed();
    if (!fstat(*out, &st) && S_ISREG(st.st_mode))
        return OK;
    close(*out);
    return ERR_IO;
}

static enum err read_some(void *ctx, const char *container, const char *blob, uint64_t at, uint8_t *out, size_t cap,
                          size_t *n)
{
    ssize_t got;
    int fd;
    enum err e = open_file(ctx, container, blob, O_RDONLY, &fd);

    if (e)
        return e;
    while ((got = pread(fd, out, cap, (off_t)at)) < 0 && errno == EINTR)
        ;
    e = got < 0 ? ERR_IO : OK;
    *n = got < 0 ? 0 : (size_t)got;
    close(fd);
    return e;
}

static enum err size_of(void *ctx, const char *container, const char *blob, uint64_t *out)
{
    struct stat st;
    int fd;
    enum err e = open_file(ctx, container, blob, O_RDONLY, &fd);

    if (e)
        return e;
    if (fstat(fd, &st))
        e = ERR_IO;
    else
        *out = (uint64_t)st.st_size;
    close(fd);
    return e;
}

static enum err write_at(int fd, uint64_t at, struct bytes text)
{
    struct statvfs fs;

    if (text.len && !fstatvfs(fd, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize < FREE_MIN + text.len)
        return ERR_DISK_FULL;
    if (ftruncate(fd, (off_t)at))
        return failed();
    while (text.len) {
        ssize_t n = pwrite(fd, text.at, text.len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed();
        at += (uint64_t)n;
        text = bytes_skip(text, (size_t)n);
    }
    return OK;
}

static enum err make_folder(const struct blobs *b, const char *container)
{
    char path[PATH_CAP];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", b->folder, container) >= sizeof path)
        return ERR_IO;
    return folder_make(path, 0700) ? failed() : OK;
}

static enum err write_some(void *ctx, const char *container, const char *blob, uint64_t at, struct bytes text,
                           bool synced)
{
    enum err e = at ? OK : make_folder(ctx, container);
    int fd;

    if (e || (e = open_file(ctx, container, blob, O_WRONLY | O_CREAT, &fd)))
        return e;
    e = write_at(fd, at, text);
    if (!e && synced && fsync(fd))
        e = failed();
    close(fd);
    return e;
}

static enum err keep(void *ctx, const char *container, const char *beside, const char *blob)
{
    char from[PATH_CAP], to[PATH_CAP];
    int fd;
    enum err e = open_file(ctx, container, beside, O_WRONLY, &fd);

    if (e)
        return e;
    if (fsync(fd))
        e = failed();
    close(fd);
    if (e || !path_of(ctx, container, beside, from) || !path_of(ctx, container, blob, to))
        return e ? e : ERR_IO;
    if (rename(from, to))
        return failed();
    file_sync_folder(to);
    return OK;
}

static void drop(void *ctx, const char *container, const char *blob)
{
    char path[PATH_CAP];

    if (path_of(ctx, container, blob, path))
        unlink(path);
}

void blobs_in(struct blobs *b, const struct config *c)
{
    snprintf(b->folder, sizeof b->folder, "%.*s/blobs", (int)(sizeof b->folder - 8), c->data);
    b->files = (struct job_files){
        .read = read_some, .size = size_of, .write = write_some, .keep = keep, .drop = drop, .ctx = b};
}
