#include "errand.h"

#include "files.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, PAGE = 4096, INTERRUPTED = 128 };

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    stopped = number;
}

bool errand_begin(struct errand *errand, const char *command)
{
    struct sigaction action = {.sa_handler = on_stop};

    *errand = (struct errand){.command = command, .after = "", .hold = {.fd = -1}};
    errand->sum = XXH3_createState();
    errand->block = malloc(BLOCK);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (errand->sum && errand->block)
        return true;
    fprintf(stderr, "d2dhub %s: %s\n", command, err_text(ERR_MEMORY));
    errand_end(errand);
    return false;
}

void errand_end(struct errand *errand)
{
    hold_drop(&errand->hold);
    XXH3_freeState(errand->sum);
    free(errand->block);
    errand->sum = NULL;
    errand->block = NULL;
}

bool errand_fail(struct errand *errand, const char *path, const char *what)
{
    if (!errand->failed)
        fprintf(stderr, "d2dhub %s: %s%s%s%s%s\n", errand->command, path, *path ? ": " : "", what,
                *errand->after ? ". " : "", errand->after);
    errand->failed = true;
    return false;
}

bool errand_fail_errno(struct errand *errand, const char *path)
{
    char what[256];

    if (errno == ENOSPC || errno == EDQUOT)
        snprintf(what, sizeof what, "the disk is full: free some space, then start this command again");
    else
        snprintf(what, sizeof what, "%s", strerror(errno));
    return errand_fail(errand, path, what);
}

bool errand_is_interrupted(const struct errand *errand)
{
    (void)errand;
    return stopped != 0;
}

int errand_status(const struct errand *errand, bool done)
{
    (void)errand;
    return done ? 0 : stopped ? INTERRUPTED + stopped : 1;
}

bool errand_path(struct errand *errand, const char *folder, const char *name, char out[PATH_CAP])
{
    if (snprintf(out, PATH_CAP, "%s/%s", folder, name) < PATH_CAP)
        return true;
    return errand_fail(errand, folder, "this path is too long");
}

bool errand_folder(struct errand *errand, const char *path)
{
    return folder_make(path, 0700) ? errand_fail_errno(errand, path) : true;
}

int errand_open_source(struct errand *errand, const char *path)
{
    int fd, error;

    if (owner_begin(&errand->owner))
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    error = errno;
    owner_end(&errand->owner);
    errno = error;
    return fd;
}

void sum_begin(struct errand *errand)
{
    XXH3_128bits_reset(errand->sum);
}

void sum_add(struct errand *errand, struct bytes b)
{
    XXH3_128bits_update(errand->sum, b.at, b.len);
}

void sum_text(struct errand *errand, char out[SUM_HEX + 1])
{
    struct buf text = buf_over(out, SUM_HEX + 1);
    XXH128_canonical_t sum;

    XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(errand->sum));
    buf_put_hex(&text, bytes_of(sum.digest, sizeof sum.digest));
    out[SUM_HEX] = 0;
}

/* Fills the block with n bytes of the file. */
static void read_block(struct errand *errand, int in, uint64_t from, size_t n)
{
    for (size_t len = 0; len < n;) {
        ssize_t got = pread(in, errand->block + len, n - len, (off_t)(from + len));
        size_t rest = n - len, page = PAGE - (size_t)((from + len) % PAGE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0) {
            len += (size_t)got;
            continue;
        }
        if (got < 0 && page < rest)
            rest = page;
        memset(errand->block + len, 0, rest);
        len += rest;
    }
}

static bool write_block(struct errand *errand, int out, const char *path, uint64_t at, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(out, errand->block + done, n - done, (off_t)(at + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return errand_fail_errno(errand, path);
        done += (size_t)put;
    }
    return true;
}

bool errand_copy(struct errand *errand, int in, int out, const char *out_path, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t n = to - from < BLOCK ? (size_t)(to - from) : BLOCK;

        if (stopped)
            return errand_fail(errand, "", "interrupted");
        read_block(errand, in, from, n);
        sum_add(errand, bytes_of(errand->block, n));
        if (out >= 0 && !write_block(errand, out, out_path, from, n))
            return false;
        from += n;
        hold_move(&errand->hold);
    }
    return true;
}

bool errand_finish(struct errand *errand, int fd, const char *path)
{
    bool synced = fsync(fd) == 0;

    if (!synced)
        errand_fail_errno(errand, path);
    close(fd);
    return synced;
}

bool errand_verify(struct errand *errand, const char *folder, const struct kept *f, char why[256])
{
    char path[PATH_CAP], sum[SUM_HEX + 1];
    struct stat st;
    bool good = false;
    int fd;

    why[0] = 0;
    if (!errand_path(errand, folder, f->from, path))
        return false;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &st)) {
        snprintf(why, 256, "%s", errno == ENOENT ? "it is missing" : strerror(errno));
    } else if ((uint64_t)st.st_size < f->bytes) {
        snprintf(why, 256, "it is cut off: %llu of %llu bytes", (unsigned long long)st.st_size,
                 (unsigned long long)f->bytes);
    } else {
        sum_begin(errand);
        if (errand_copy(errand, fd, -1, path, 0, f->bytes)) {
            sum_text(errand, sum);
            good = strcmp(sum, f->sum) == 0;
            if (!good)
                snprintf(why, 256, "its checksum is not the one that it was written with");
        }
    }
    if (fd >= 0)
        close(fd);
    return good;
}

void damage_print(const struct config *c, const struct kept_damage *d)
{
    struct buf line = buf_max(16 * 1024);

    if (c->json) {
        buf_puts(&line, "{\"event\":\"damage\",\"file\":");
        buf_put_json(&line, bytes_str(d->file));
        buf_printf(&line, ",\"offset\":%llu,\"length\":%llu,\"what\":", (unsigned long long)d->offset,
                   (unsigned long long)d->length);
        buf_put_json(&line, bytes_str(d->what));
        buf_puts(&line, "}");
    } else {
        buf_printf(&line, "damaged  %s", d->file);
        if (d->length)
            buf_printf(&line, ", byte %llu (%llu bytes)", (unsigned long long)d->offset, (unsigned long long)d->length);
        buf_printf(&line, ": %s", d->what);
    }
    puts(buf_str(&line));
    buf_free(&line);
}

static void remove_below(int folder)
{
    DIR *dir = fdopendir(folder);

    if (!dir) {
        close(folder);
        return;
    }
    for (const struct dirent *d; (d = readdir(dir));) {
        int below;

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        below = openat(folder, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            remove_below(below);
        unlinkat(folder, d->d_name, below >= 0 ? AT_REMOVEDIR : 0);
    }
    closedir(dir);
}

void remove_all(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return;
    remove_below(fd);
    rmdir(path);
}
