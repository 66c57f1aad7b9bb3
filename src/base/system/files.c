#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_ = 4200 };

enum err file_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    uint8_t block[4096];
    bool failed;

    if (!f)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    for (size_t n = sizeof block; n == sizeof block;) {
        n = fread(block, 1, sizeof block, f);
        buf_put(out, bytes_of(block, n));
    }
    failed = ferror(f) != 0;
    fclose(f);
    return failed ? ERR_IO : buf_check(out);
}

bool file_write_to(int fd, struct bytes text)
{
    while (text.len) {
        ssize_t n = write(fd, text.at, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = bytes_skip(text, (size_t)n);
    }
    return fsync(fd) == 0;
}

void file_sync_folder(const char *path)
{
    char folder[PATH_MAX_];
    char *slash;
    int fd;

    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    else
        snprintf(folder, sizeof folder, ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

enum err file_write(const char *path, struct bytes text, unsigned mode)
{
    char beside[PATH_MAX_];
    bool written;
    int fd, error;

    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
        return ERR_ARGUMENT;
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return ERR_IO;
    written = fchmod(fd, (mode_t)mode) == 0 && file_write_to(fd, text);
    error = errno; /* the caller tells it */
    if (close(fd) && written) {
        written = false;
        error = errno;
    }
    if (!written || rename(beside, path)) {
        error = written ? errno : error;
        unlink(beside);
        errno = error;
        return ERR_IO;
    }
    file_sync_folder(path);
    return OK;
}

enum err folder_make(const char *path, unsigned mode)
{
    char part[PATH_MAX_];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        if (!bytes_to_str(bytes_of(path, (size_t)(slash - path)), part, sizeof part))
            return ERR_ARGUMENT;
        if (mkdir(part, (mode_t)mode) && errno != EEXIST)
            return ERR_IO;
    }
    return mkdir(path, (mode_t)mode) && errno != EEXIST ? ERR_IO : OK;
}
