#include "deep.h"

#include "bond.h"
#include "data.h"
#include "errand.h"
#include "log_walk.h"
#include "state_check.h"
#include "state_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE "state/data.mdb"

/* The checkpoint's state, from the process that read it. */
struct checkpoint {
    enum err e;
    uint64_t place, first, values, bytes;
};

struct deep {
    const struct config *config;
    struct checkpoint kept;
    uint64_t records, bytes;
    size_t damages;
};

static void damage(struct deep *d, const char *file, uint64_t offset, uint64_t length, const char *what)
{
    struct kept_damage found = {.offset = offset, .length = length};

    snprintf(found.file, sizeof found.file, "%s", file);
    snprintf(found.what, sizeof found.what, "%s", what);
    damage_print(d->config, &found);
    d->damages++;
}

/* ---- the checkpoint --------------------------------------------------------------------------------------------- */

static bool count_value(void *ctx, struct bytes key, struct bytes value)
{
    struct checkpoint *c = ctx;

    c->values++;
    c->bytes += key.len + value.len;
    return true;
}

static void read_checkpoint(const char *folder, struct checkpoint *out)
{
    uint8_t id[STORE_ID];
    struct state *state;

    *out = (struct checkpoint){.first = UINT64_MAX};
    if ((out->e = lmdb_state_snapshot(folder, true, &state)))
        return;
    out->place = state_place(state);
    out->e = bond_get(state, id, &out->first);
    if (out->e == ERR_NOT_FOUND)
        out->e = OK;
    if (!out->e)
        out->e = state_each(state, NO_BYTES, NO_BYTES, count_value, out);
    state_close(state);
}

/* All pages and values of the file, read without LMDB. Of a running hub only to name what was found in its snapshot:
 * the file changes meanwhile. */
static bool look_at_pages(struct deep *d)
{
    char path[PATH_CAP], why[STATE_WHY_CAP] = "";
    struct state_sum sum;
    int form;

    config_path(d->config, STATE, path);
    if (state_check(path, &sum, &form, why) != ERR_DAMAGED)
        return true;
    damage(d, STATE, 0, 0, why);
    return false;
}

/* In a process of its own: a damaged file may end the one that reads it. NULL, or what is wrong. */
static const char *read_values(struct deep *d, char why[80])
{
    char folder[PATH_CAP];
    int ends[2], status = 0;
    ssize_t n = 0;
    pid_t child;

    config_path(d->config, "state", folder);
    fflush(stdout);
    if (pipe(ends) || (child = fork()) < 0)
        return strerror(errno);
    if (child == 0) {
        struct checkpoint read;

        read_checkpoint(folder, &read);
        _exit(write(ends[1], &read, sizeof read) != (ssize_t)sizeof read);
    }
    close(ends[1]);
    while ((n = read(ends[0], &d->kept, sizeof d->kept)) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (n == (ssize_t)sizeof d->kept)
        return d->kept.e ? err_text(d->kept.e) : NULL;
    snprintf(why, 80, "it cannot be read: reading ended with signal %d", WTERMSIG(status));
    d->kept = (struct checkpoint){.first = UINT64_MAX};
    return why;
}

static void look_at_checkpoint(struct deep *d, bool running)
{
    bool named = !running && !look_at_pages(d);
    char why[80];
    const char *wrong = read_values(d, why);

    if (wrong && !named && (!running || look_at_pages(d)))
        damage(d, STATE, 0, 0, wrong);
}

/* ---- the log ---------------------------------------------------------------------------------------------------- */

static bool count_record(void *ctx, const struct log_file *file, const struct frame *f)
{
    struct deep *d = ctx;

    (void)file;
    d->records++;
    d->bytes += f->next - f->place;
    return true;
}

static void tell_damage(void *ctx, const struct log_damage *found)
{
    char name[64];

    snprintf(name, sizeof name, "log/%.48s", found->file->name);
    damage(ctx, name, found->from > found->file->base ? found->from - found->file->base : 0, found->to - found->from,
           found->what);
}

static void look_at_log(struct deep *d)
{
    struct log_visit v = {d, count_record, tell_damage};
    char folder[PATH_CAP], why[256] = "";
    struct log_files l;
    uint64_t end;
    enum err e;

    config_path(d->config, "log", folder);
    if ((e = log_files_list(folder, d->kept.place, &l, why))) {
        damage(d, "log", 0, 0, why[0] ? why : err_text(e));
        return;
    }
    log_files_look(&l, &v);
    for (size_t i = 0; i < l.used; i++)
        if ((e = log_file_walk(&l, i, &v)))
            damage(d, "log", 0, 0, e == ERR_IO ? strerror(errno) : err_text(e));
    end = log_files_end(&l);
    if (end < d->kept.place)
        damage(d, "log", 0, d->kept.place - end, "its end is missing: the checkpoint has seen more of it");
    if (d->kept.first != UINT64_MAX && l.n && l.at[0].base + SEGMENT_HEAD > d->kept.first)
        damage(d, "log", 0, l.at[0].base + SEGMENT_HEAD - d->kept.first, "its oldest files are missing");
    log_files_free(&l);
}

/* Files that a running hub trims meanwhile would be missed. */
static bool hold_log(const struct config *c, struct hold *h)
{
    char folder[PATH_CAP];

    config_path(c, "log", folder);
    for (int i = 0; i < 3000; i++) {
        if (hold_take(h, folder))
            return true;
        if (errno != EAGAIN)
            return false;
        usleep(10000);
    }
    return false;
}

static bool is_running(const struct config *c)
{
    char path[PATH_CAP];
    int fd;
    bool held;

    config_path(c, "log/lock", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return held;
}

static void say_result(const struct deep *d)
{
    if (d->config->json)
        printf("{\"event\":\"checked\",\"records\":%llu,\"bytes\":%llu,\"values\":%llu,\"damages\":%zu}\n",
               (unsigned long long)d->records, (unsigned long long)d->bytes, (unsigned long long)d->kept.values,
               d->damages);
    else
        printf("%s  %llu records (%llu KiB) in the log, %llu values in the checkpoint%s\n",
               d->damages ? "problem" : "ok     ", (unsigned long long)d->records, (unsigned long long)d->bytes / 1024,
               (unsigned long long)d->kept.values,
               d->damages ? ": check the disk; `d2dhub repair` saves what is whole" : "");
}

int check_deep(const struct config *c)
{
    struct deep d = {.config = c};
    struct hold hold;

    if (!data_exists(c)) {
        fprintf(stderr, "d2dhub check: there is no hub in %s; --data names its folder\n", c->data);
        return 4;
    }
    if (!hold_log(c, &hold)) {
        fprintf(stderr, "d2dhub check: %s/log: %s\n", c->data, strerror(errno));
        return 1;
    }
    look_at_checkpoint(&d, is_running(c));
    look_at_log(&d);
    hold_drop(&hold);
    say_result(&d);
    return d.damages != 0;
}
