/* Checkpoints that cannot be opened here: whose they are, and how they get out of the way. */
#include "state_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { ASIDE_MAX = 10000 };

static bool path_in(const char *folder, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

/* A file begins with a page: a page number as long as a word, 8 more bytes of head, then LMDB's magic number. */
int lmdb_state_bits(const char *folder)
{
    static const uint8_t magic[] = {0xDE, 0xC0, 0xEF, 0xBE};
    uint8_t head[20];
    char path[PATH_MAX];
    int fd, bits = 0;

    if (!path_in(folder, "data.mdb", path) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return 0;
    if (pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head)
        bits = memcmp(head + 12, magic, sizeof magic) == 0 ? 32 : memcmp(head + 16, magic, sizeof magic) == 0 ? 64 : 0;
    close(fd);
    return bits;
}

static enum err sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err e = fd < 0 || fsync(fd) ? ERR_IO : OK;

    if (fd >= 0)
        close(fd);
    return e;
}

enum err lmdb_state_set_aside(const char *folder, const char *what, char name[STATE_ASIDE_CAP])
{
    char from[PATH_MAX], to[PATH_MAX];

    name[0] = 0;
    if (!path_in(folder, "lock.mdb", from) || (unlink(from) && errno != ENOENT) || !path_in(folder, "data.mdb", from))
        return ERR_IO;
    /* A file that was set aside before keeps its name: link() does not replace it. */
    for (int n = 1; n < ASIDE_MAX; n++) {
        snprintf(name, STATE_ASIDE_CAP, "data.mdb.%s-%d", what, n);
        if (!path_in(folder, name, to))
            return ERR_IO;
        if (link(from, to) == 0)
            return unlink(from) ? ERR_IO : sync_folder(folder);
        if (errno == ENOENT) {
            name[0] = 0;
            return OK;
        }
        if (errno != EEXIST)
            return rename(from, to) ? ERR_IO : sync_folder(folder); /* a file system without links */
    }
    return ERR_IO;
}
