#include "job.h"

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

bool job_begin(struct job *j, const char *command)
{
    struct sigaction action = {.sa_handler = on_stop};

    *j = (struct job){.command = command, .after = "", .hold = {.fd = -1}};
    j->sum = XXH3_createState();
    j->block = malloc(BLOCK);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (j->sum && j->block)
        return true;
    fprintf(stderr, "d2dhub %s: %s\n", command, err_text(ERR_MEMORY));
    job_end(j);
    return false;
}

void job_end(struct job *j)
{
    hold_drop(&j->hold);
    XXH3_freeState(j->sum);
    free(j->block);
    j->sum = NULL;
    j->block = NULL;
}

bool job_fail(struct job *j, const char *path, const char *what)
{
    if (!j->failed)
        fprintf(stderr, "d2dhub %s: %s%s%s%s%s\n", j->command, path, *path ? ": " : "", what, *j->after ? ". " : "",
                j->after);
    j->failed = true;
    return false;
}

bool job_fail_errno(struct job *j, const char *path)
{
    char what[256];

    if (errno == ENOSPC || errno == EDQUOT)
        snprintf(what, sizeof what, "the disk is full: free some space, then start this command again");
    else
        snprintf(what, sizeof what, "%s", strerror(errno));
    return job_fail(j, path, what);
}

bool job_is_interrupted(const struct job *j)
{
    (void)j;
    return stopped != 0;
}

int job_status(const struct job *j, bool done)
{
    (void)j;
    return done ? 0 : stopped ? INTERRUPTED + stopped : 1;
}

bool job_path(struct job *j, const char *folder, const char *name, char out[PATH_CAP])
{
    if (snprintf(out, PATH_CAP, "%s/%s", folder, name) < PATH_CAP)
        return true;
    return job_fail(j, folder, "this path is too long");
}

bool job_folder(struct job *j, const char *path)
{
    return folder_make(path, 0700) ? job_fail_errno(j, path) : true;
}

int job_open_source(struct job *j, const char *path)
{
    int fd, error;

    if (owner_begin(&j->owner))
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    error = errno;
    owner_end(&j->owner);
    errno = error;
    return fd;
}

void sum_begin(struct job *j)
{
    XXH3_128bits_reset(j->sum);
}

void sum_add(struct job *j, struct bytes b)
{
    XXH3_128bits_update(j->sum, b.at, b.len);
}

void sum_text(struct job *j, char out[SUM_HEX + 1])
{
    struct buf text = buf_over(out, SUM_HEX + 1);
    XXH128_canonical_t sum;

    XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(j->sum));
    buf_put_hex(&text, bytes_of(sum.digest, sizeof sum.digest));
    out[SUM_HEX] = 0;
}

/* Fills the block with n bytes of the file. */
static void read_block(struct job *j, int in, uint64_t from, size_t n)
{
    for (size_t len = 0; len < n;) {
        ssize_t got = pread(in, j->block + len, n - len, (off_t)(from + len));
        size_t rest = n - len, page = PAGE - (size_t)((from + len) % PAGE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0) {
            len += (size_t)got;
            continue;
        }
        if (got < 0 && page < rest)
            rest = page;
        memset(j->block + len, 0, rest);
        len += rest;
    }
}

static bool write_block(struct job *j, int out, const char *path, uint64_t at, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(out, j->block + done, n - done, (off_t)(at + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return job_fail_errno(j, path);
        done += (size_t)put;
    }
    return true;
}

bool job_copy(struct job *j, int in, int out, const char *out_path, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t n = to - from < BLOCK ? (size_t)(to - from) : BLOCK;

        if (stopped)
            return job_fail(j, "", "interrupted");
        read_block(j, in, from, n);
        sum_add(j, bytes_of(j->block, n));
        if (out >= 0 && !write_block(j, out, out_path, from, n))
            return false;
        from += n;
        hold_move(&j->hold);
    }
    return true;
}

bool job_finish(struct job *j, int fd, const char *path)
{
    bool synced = fsync(fd) == 0;

    if (!synced)
        job_fail_errno(j, path);
    close(fd);
    return synced;
}

bool job_verify(struct job *j, const char *folder, const struct kept *f, char why[256])
{
    char path[PATH_CAP], sum[SUM_HEX + 1];
    struct stat st;
    bool good = false;
    int fd;

    why[0] = 0;
    if (!job_path(j, folder, f->from, path))
        return false;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &st)) {
        snprintf(why, 256, "%s", errno == ENOENT ? "it is missing" : strerror(errno));
    } else if ((uint64_t)st.st_size < f->bytes) {
        snprintf(why, 256, "it is cut off: %llu of %llu bytes", (unsigned long long)st.st_size,
                 (unsigned long long)f->bytes);
    } else {
        sum_begin(j);
        if (job_copy(j, fd, -1, path, 0, f->bytes)) {
            sum_text(j, sum);
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
