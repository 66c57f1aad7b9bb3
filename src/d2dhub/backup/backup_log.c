/* The log of a backup. What was written there once is never changed, so that a file of the log that grew is a file of
 * the backup that grows: the backup before, which ends earlier in it, stays whole. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_damage(void *ctx, const struct log_damage *d)
{
    struct backup *b = ctx;
    char name[KEPT_NAME_CAP];

    snprintf(name, sizeof name, "log/%s", d->file->name);
    backup_damage(b, name, d->from > d->file->base ? d->from - d->file->base : 0, d->to - d->from, d->what);
}

static bool had_damage(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->n_damage; i++)
        if (strcmp(m->damage[i].file, name) == 0)
            return true;
    return false;
}

/* The copy of before begins as the file does: head, id and base are the same, and it has not become shorter. */
static bool is_copy_of(struct backup *b, const struct kept *before, const struct log_file *f)
{
    uint8_t head[SEGMENT_HEAD];
    char path[PATH_CAP];
    struct stat st;
    bool same;
    int fd;

    if (!f->has_head || before->size != f->size || !errand_path(&b->errand, b->to, before->from, path) ||
        (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    same = fstat(fd, &st) == 0 && (uint64_t)st.st_size >= before->bytes &&
           pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && memcmp(head, f->head, sizeof head) == 0;
    close(fd);
    return same;
}

/* The bytes that the copy of before has are still those of the file. After a power cut they may not be: what was read
 * before it was on disk is written otherwise then. */
static bool begins_as(struct backup *b, const struct kept *before, int in)
{
    char sum[SUM_HEX + 1];

    sum_begin(&b->errand);
    if (!errand_copy(&b->errand, in, -1, "", 0, before->bytes))
        return false;
    sum_text(&b->errand, sum);
    return strcmp(sum, before->sum) == 0;
}

/* The file into which the copy goes. *from: as many bytes are there already, and in the sum. */
static int open_copy(struct backup *b, const struct log_file *at, const struct kept *before, struct kept *f, int in,
                     uint64_t *from)
{
    bool grows = before && before->bytes <= f->bytes && is_copy_of(b, before, at) && begins_as(b, before, in);
    char path[PATH_CAP];
    int fd;

    *from = 0;
    if (grows) {
        memcpy(f->from, before->from, sizeof f->from);
        *from = before->bytes;
    } else {
        sum_begin(&b->errand);
        snprintf(f->from, sizeof f->from, before ? "%.60s-%llu" : "%.60s", f->name, (unsigned long long)b->now.set);
    }
    if (b->errand.failed || !errand_path(&b->errand, b->to, f->from, path))
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && ftruncate(fd, (off_t)*from) == 0)
        return fd;
    errand_fail_errno(&b->errand, path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static void count_damage(void *ctx, const struct log_damage *d)
{
    (void)d;
    ++*(size_t *)ctx;
}

/* The copy is what was read. */
static bool is_good_copy(struct backup *b, const struct log_files *l, size_t i, const struct kept *f, size_t damages)
{
    struct log_file copy = l->at[i];
    struct log_files there = {
        .at = &copy, .n = 1, .used = 1, .known = l->at[i].closed ? copy.base + copy.size : copy.end};
    size_t n = 0;
    struct log_visit v = {.ctx = &n, .damage = count_damage};
    char why[KEPT_NAME_CAP];

    snprintf(there.folder, sizeof there.folder, "%.3900s/log", b->to);
    snprintf(copy.name, sizeof copy.name, "%.40s", f->from + strlen("log/"));
    if (log_file_walk(&there, 0, &v))
        return errand_fail_errno(&b->errand, there.folder);
    if (n == damages && copy.frames == l->at[i].frames && copy.end == l->at[i].end)
        return true;
    snprintf(why, sizeof why, "%.100s: the copy is not what was read; check the disk of the backup", f->from);
    return errand_fail(&b->errand, b->to, why);
}

/* As the owner of the folder. */
static bool walk_source(struct backup *b, struct log_files *l, size_t i)
{
    struct log_visit v = {.ctx = b, .damage = on_damage};
    enum err e = owner_begin(&b->errand.owner);

    if (!e) {
        e = log_file_walk(l, i, &v);
        owner_end(&b->errand.owner);
    }
    return e ? errand_fail(&b->errand, l->at[i].name, e == ERR_IO ? strerror(errno) : err_text(e)) : true;
}

static bool copy_file(struct backup *b, const struct log_files *l, size_t i, const struct kept *before, struct kept *f,
                      size_t damages)
{
    char path[PATH_CAP], source[PATH_CAP];
    uint64_t from;
    bool done;
    int in, out;

    if (!errand_path(&b->errand, l->folder, l->at[i].name, source))
        return false;
    if ((in = errand_open_source(&b->errand, source)) < 0)
        return errand_fail_errno(&b->errand, source);
    out = open_copy(b, &l->at[i], before, f, in, &from);
    done = out >= 0 && errand_path(&b->errand, b->to, f->from, path) &&
           errand_copy(&b->errand, in, out, path, from, f->bytes);
    close(in);
    sum_text(&b->errand, f->sum);
    if (!done) {
        if (out >= 0)
            close(out);
        return false;
    }
    b->copied++;
    b->copied_bytes += f->bytes - from;
    return errand_finish(&b->errand, out, path) && is_good_copy(b, l, i, f, damages);
}

static bool backup_file(struct backup *b, struct log_files *l, size_t i)
{
    size_t damages = b->now.n_damage;
    struct log_file *at = &l->at[i];
    const struct kept *before;
    struct kept *f;

    if (!(f = manifest_add(&b->now)))
        return errand_fail(&b->errand, at->name, err_text(ERR_MEMORY));
    snprintf(f->name, sizeof f->name, "log/%s", at->name);
    f->size = at->size;
    before = manifest_find(&b->before, f->name);
    if (before && before->whole && !had_damage(&b->before, f->name) && is_copy_of(b, before, at)) {
        *f = *before;
        at->closed = true;
        at->end = at->base + at->size;
        b->kept++;
        return true;
    }
    if (!walk_source(b, l, i))
        return false;
    f->bytes = at->closed ? at->size : at->end - at->base;
    /* Something behind it was written, so that it is on disk, and will never be written again. */
    f->whole = at->closed && i + 1 < l->used;
    return copy_file(b, l, i, before, f, b->now.n_damage - damages);
}

/* Records that are missing at the ends are not missed in any file. */
static void look_at_ends(struct backup *b, const struct log_files *l)
{
    uint64_t begin = l->n ? l->at[0].base : 0;

    if (b->first != UINT64_MAX && begin + SEGMENT_HEAD > b->first)
        backup_damage(b, "log", 0, begin + SEGMENT_HEAD - b->first, "its oldest files are missing");
    if (b->now.end < b->now.place)
        backup_damage(b, "log", 0, b->now.place - b->now.end, "its end is missing");
}

bool backup_log(struct backup *b)
{
    struct log_visit v = {.ctx = b, .damage = on_damage};
    char folder[PATH_CAP], why[256] = "";
    struct log_files l;
    bool done = true;
    enum err e;

    config_path(b->config, "log", folder);
    if (!(e = owner_begin(&b->errand.owner))) {
        e = log_files_list(folder, b->now.place, &l, why);
        owner_end(&b->errand.owner);
    }
    if (e)
        return errand_fail(&b->errand, why[0] ? "" : folder, why[0] ? why : err_text(e));
    log_files_look(&l, &v);
    if (log_files_id(&l))
        memcpy(b->now.id, log_files_id(&l), STORE_ID);
    for (size_t i = 0; done && i < l.used; i++)
        done = backup_file(b, &l, i);
    b->now.end = log_files_end(&l);
    if (done)
        look_at_ends(b, &l);
    log_files_free(&l);
    return done;
}
