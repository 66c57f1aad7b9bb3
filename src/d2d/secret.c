#include "secret.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status failed(const struct secret *s, enum status status, const char *why)
{
    complain("%s: %s", s->path, why);
    return status;
}

static enum status look(const struct secret *s)
{
    struct stat st;

    if (lstat(s->path, &st))
        return errno == ENOENT ? DONE : failed(s, FAILED, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return failed(s, REFUSED, "this is not an ordinary file; without --out the output is standard output");
    if (!s->replace)
        return failed(s, REFUSED, "this file exists; --replace overwrites it");
    return DONE;
}

enum status secret_open(struct secret *s, const char *path, bool replace)
{
    enum status status;

    *s = (struct secret){.path = path, .replace = replace, .fd = -1};
    if (!path)
        return DONE;
    if ((status = look(s)))
        return status;
    if ((size_t)snprintf(s->beside, sizeof s->beside, "%s.XXXXXX", path) >= sizeof s->beside) {
        s->beside[0] = 0;
        return failed(s, USAGE, "this path is too long");
    }
    s->fd = mkostemp(s->beside, O_CLOEXEC); /* new, and mode 0600 */
    if (s->fd >= 0)
        return DONE;
    s->beside[0] = 0;
    return failed(s, FAILED, strerror(errno));
}

static bool write_all(int fd, struct bytes text)
{
    while (text.len) {
        ssize_t n = write(fd, text.at, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = bytes_skip(text, (size_t)n);
    }
    return fsync(fd) == 0;
}

enum status secret_write(struct secret *s, const char *text)
{
    if (s->path)
        return write_all(s->fd, bytes_str(text)) ? DONE : failed(s, FAILED, strerror(errno));
    if (output_put(bytes_str(text)) && output_wait(-1) == OUTPUT_ARRIVED)
        return DONE;
    return cli_interrupted ? INTERRUPTED : FAILED; /* main() says why */
}

/* Never over a file that came meanwhile, unless that is wanted. Not every file system knows the flag. */
static bool give_name(const struct secret *s)
{
    if (s->replace)
        return rename(s->beside, s->path) == 0;
    if (renameat2(AT_FDCWD, s->beside, AT_FDCWD, s->path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    return link(s->beside, s->path) == 0 && unlink(s->beside) == 0;
}

/* The name is on the disk too. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096] = ".";
    int fd;

    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

enum status secret_keep(struct secret *s)
{
    if (!s->path)
        return DONE;
    if (!give_name(s))
        return failed(s, errno == EEXIST ? REFUSED : FAILED, strerror(errno));
    s->beside[0] = 0;
    sync_folder(s->path);
    say("written to %s, readable by you only", s->path);
    return DONE;
}

void secret_close(struct secret *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->beside[0])
        unlink(s->beside);
    s->beside[0] = 0;
}

enum status secret_put(struct secret *s, const char *text)
{
    enum status status = secret_write(s, text);

    if (!status)
        status = secret_keep(s);
    secret_close(s);
    return status;
}
