#include "new_file.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err failed(enum err e, const char **why, const char *text)
{
    *why = text;
    return e;
}

static enum err look(const struct new_file *f, const char **why)
{
    struct stat st;

    if (lstat(f->path, &st))
        return errno == ENOENT ? OK : failed(ERR_IO, why, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return failed(ERR_REJECTED, why, "this is not an ordinary file; leave out --out to write to standard output");
    if (!f->replace)
        return failed(ERR_EXISTS, why, "this file already exists; --replace overwrites it");
    return OK;
}

enum err new_file_open(struct new_file *f, const char *path, bool replace, const char **why)
{
    enum err e;

    *f = (struct new_file){.path = path, .replace = replace, .fd = -1};
    if ((e = look(f, why)))
        return e;
    if ((size_t)snprintf(f->beside, sizeof f->beside, "%s.XXXXXX", path) >= sizeof f->beside) {
        f->beside[0] = 0;
        return failed(ERR_IO, why, "this path is too long");
    }
    f->fd = mkostemp(f->beside, O_CLOEXEC); /* new, and mode 0600 */
    if (f->fd >= 0)
        return OK;
    f->beside[0] = 0;
    return failed(ERR_IO, why, strerror(errno));
}

enum err new_file_write(struct new_file *f, struct bytes text, const char **why)
{
    return file_write_to(f->fd, text) ? OK : failed(ERR_IO, why, strerror(errno));
}

/* Never over a file that came meanwhile, unless that is wanted. Not every file system knows the flag. */
static bool give_name(const struct new_file *f)
{
    if (f->replace)
        return rename(f->beside, f->path) == 0;
    if (renameat2(AT_FDCWD, f->beside, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    return link(f->beside, f->path) == 0 && unlink(f->beside) == 0;
}

enum err new_file_keep(struct new_file *f, const char **why)
{
    if (!give_name(f))
        return failed(errno == EEXIST ? ERR_EXISTS : ERR_IO, why, strerror(errno));
    f->beside[0] = 0;
    file_sync_folder(f->path);
    return OK;
}

void new_file_close(struct new_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    if (f->beside[0])
        unlink(f->beside);
    f->beside[0] = 0;
}
