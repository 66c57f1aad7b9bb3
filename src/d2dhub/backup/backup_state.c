/* The parts of a backup that are copied each time: the checkpoint, configuration, certificates. */
#include "backup.h"

#include "bond.h"
#include "state_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 16 << 20 }; /* configuration and keys are small */

struct writing {
    struct backup *backup;
    char path[PATH_CAP];
    int fd;
    uint64_t len;
};

/* A new file of this backup and its line of the manifest, of which the rest is filled in by end_file(). */
static struct kept *begin_file(struct backup *b, const char *name, struct writing *w)
{
    struct kept *f = manifest_add(&b->now);

    *w = (struct writing){.backup = b, .fd = -1};
    if (!f) {
        errand_fail(&b->errand, name, err_text(ERR_MEMORY));
        return NULL;
    }
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->from, sizeof f->from, "%s/%s", b->set, name);
    if (!errand_path(&b->errand, b->to, f->from, w->path))
        return NULL;
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (w->fd < 0) {
        errand_fail_errno(&b->errand, w->path);
        return NULL;
    }
    sum_begin(&b->errand);
    return f;
}

static bool end_file(struct writing *w, struct kept *f)
{
    sum_text(&w->backup->errand, f->sum);
    f->bytes = f->size = w->len;
    f->whole = true;
    w->backup->copied_bytes += w->len;
    return errand_finish(&w->backup->errand, w->fd, w->path);
}

static bool take_part(void *ctx, struct bytes part)
{
    struct writing *w = ctx;

    if (errand_is_interrupted(&w->backup->errand))
        return errand_fail(&w->backup->errand, "", "interrupted");
    sum_add(&w->backup->errand, part);
    w->len += part.len;
    hold_move(&w->backup->errand.hold);
    while (part.len) {
        ssize_t n = write(w->fd, part.at, part.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return errand_fail_errno(&w->backup->errand, w->path);
        part = bytes_skip(part, (size_t)n);
    }
    return true;
}

/* From the copy: what it says is what it will say when it is restored. */
static bool read_place(struct backup *b)
{
    char folder[PATH_CAP], name[64];
    struct state *state;
    enum err e;

    snprintf(name, sizeof name, "%s/state", b->set);
    if (!errand_path(&b->errand, b->to, name, folder))
        return false;
    if ((e = lmdb_state_snapshot(folder, false, &state)))
        return backup_damage(b, "state/data.mdb", 0, 0, err_text(e));
    b->now.place = state_place(state);
    if ((e = bond_get(state, b->now.id, &b->first)) && e != ERR_NOT_FOUND)
        backup_damage(b, "state/data.mdb", 0, 0, "what says to which log it belongs");
    state_close(state);
    return true;
}

bool backup_state(struct backup *b)
{
    char folder[PATH_CAP], why[256];
    struct writing w;
    struct kept *f;
    enum err e;

    config_path(b->config, "state", folder);
    if (!(f = begin_file(b, "state/data.mdb", &w)))
        return false;
    /* LMDB's own lock file is written, too: it stays its owner's. */
    e = owner_begin(&b->errand.owner);
    if (!e) {
        e = lmdb_state_copy(folder, take_part, &w, why);
        owner_end(&b->errand.owner);
    }
    if (b->errand.failed || e) {
        close(w.fd);
        return errand_fail(&b->errand, folder, e == ERR_DENIED ? "this program cannot become its owner" : why);
    }
    return end_file(&w, f) && read_place(b);
}

/* A file that went meanwhile is none. */
static bool copy_one(struct backup *b, const char *name)
{
    char path[PATH_CAP];
    struct writing w;
    struct stat st;
    struct kept *f;
    bool done;
    int fd;

    if (!errand_path(&b->errand, b->config->data, name, path))
        return false;
    if ((fd = errand_open_source(&b->errand, path)) < 0)
        return errno == ENOENT || errno == ELOOP ? true : errand_fail_errno(&b->errand, path);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return true;
    }
    if (st.st_size > FILE_MOST) {
        close(fd);
        return backup_damage(b, name, 0, (uint64_t)st.st_size, "larger than 16 MiB: it is left out");
    }
    done = (f = begin_file(b, name, &w)) != NULL;
    if (done) {
        done = errand_copy(&b->errand, fd, w.fd, w.path, 0, (uint64_t)st.st_size);
        w.len = (uint64_t)st.st_size;
        if (done)
            done = end_file(&w, f);
        else
            close(w.fd);
    }
    close(fd);
    return done;
}

static bool is_wanted(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len < 200 && strcmp(name, "check.tmp") != 0 &&
           (len < 4 || strcmp(name + len - 4, ".new") != 0);
}

/* The files of a folder of the source, not those below it. `prefix` is "" or "tls/". */
static bool copy_folder(struct backup *b, const char *prefix)
{
    char path[PATH_CAP], name[KEPT_NAME_CAP];
    bool done = true;
    DIR *dir = NULL;

    if (!errand_path(&b->errand, b->config->data, prefix, path))
        return false;
    if (!owner_begin(&b->errand.owner)) {
        dir = opendir(path);
        owner_end(&b->errand.owner);
    }
    if (!dir)
        return errno == ENOENT ? true : errand_fail_errno(&b->errand, path);
    for (const struct dirent *d; done && (d = readdir(dir));) {
        if (!is_wanted(d->d_name) || d->d_type == DT_DIR)
            continue;
        snprintf(name, sizeof name, "%s%.200s", prefix, d->d_name);
        done = copy_one(b, name);
    }
    closedir(dir);
    return done;
}

bool backup_rest(struct backup *b)
{
    return copy_folder(b, "") && copy_folder(b, "tls/");
}
