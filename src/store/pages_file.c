#include "pages_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_file(void *ctx, uint64_t at, uint8_t *to, size_t len)
{
    const struct pages_file *f = ctx;

    while (len) {
        ssize_t n = pread(f->fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (uint64_t)n;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

enum err pages_file_open(const char *path, struct pages_file *out)
{
    struct stat st;
    int error;

    *out = (struct pages_file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (out->fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(out->fd, &st)) {
        error = errno;
        close(out->fd);
        errno = error;
        return ERR_IO;
    }
    out->is_file = S_ISREG(st.st_mode);
    out->source = (struct pages_source){.read = read_file, .ctx = out, .size = (uint64_t)st.st_size};
    return OK;
}

void pages_file_close(struct pages_file *f)
{
    close(f->fd);
}
