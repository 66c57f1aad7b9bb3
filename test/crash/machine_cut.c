#include "machine_inside.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

uint64_t fate(struct machine *m, uint64_t below)
{
    m->fates = m->fates * 6364136223846793005ULL + 1442695040888963407ULL;
    return (m->fates >> 33) % below;
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

void path_to(const struct machine *m, unsigned life, const char *folder, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/%u/%s%s%s", m->base, life, folder, *name ? "/" : "", name);
}

void stash_path(const struct machine *m, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/stash/%.63s", m->base, name);
}

void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(folder);
}

void remove_life(const struct machine *m, unsigned life)
{
    char path[PATH_ROOM];

    path_to(m, life, "log", "", path);
    remove_folder(path);
    path_to(m, life, "state", "", path);
    remove_folder(path);
    snprintf(path, sizeof path, "%s/%u", m->base, life);
    rmdir(path);
}

void make_life(const struct machine *m, unsigned life)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof path, "%s/%u", m->base, life);
    MUST_HOLD(mkdir(path, 0700) == 0);
    path_to(m, life, "log", "", path);
    MUST_HOLD(mkdir(path, 0700) == 0);
    path_to(m, life, "state", "", path);
    MUST_HOLD(mkdir(path, 0700) == 0);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t block[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST_HOLD(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, block, sizeof block)) > 0;)
        MUST_HOLD(write(out, block, (size_t)n) == n);
    close(in);
    close(out);
}

/* To the next life. */
void copy_folder(const struct machine *m, const char *folder)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    DIR *d;

    path_to(m, m->life, folder, "", from);
    MUST_HOLD((d = opendir(from)));
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        MUST_HOLD(strlen(e->d_name) < NAME_CAP);
        path_to(m, m->life, folder, e->d_name, from);
        path_to(m, m->life + 1, folder, e->d_name, to);
        copy_file(from, to);
    }
    closedir(d);
}

static void write_at(const char *path, const uint8_t *bytes, size_t len, uint64_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    MUST_HOLD(fd >= 0 && pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len);
    close(fd);
}

/* ---- what a cut leaves ----------------------------------------------------------------------------------------- */

enum tear { NOTHING, FIRST_SECTORS, FIRST_BYTES, SOME_SECTORS, LAST_SECTORS, ALL, TEARS };

static bool survives(uint64_t dice, enum tear tear, uint64_t limit, uint64_t offset)
{
    switch (tear) {
    case FIRST_SECTORS:
        return offset / SECTOR < limit / SECTOR;
    case FIRST_BYTES:
        return offset < limit;
    case SOME_SECTORS:
        return (dice ^ offset / SECTOR * 0x9E3779B9u) >> 4 & 1;
    case LAST_SECTORS:
        return offset / SECTOR >= limit / SECTOR;
    case ALL:
        return true;
    case NOTHING:
    case TEARS:
        break;
    }
    return false;
}

/* Into the file in the next life goes what is left of the write. */
static void tear_write(struct machine *m, const struct write *w, enum tear tear)
{
    uint64_t limit = w->at + fate(m, w->len), dice = fate(m, 1 << 20);
    uint8_t *left = malloc(w->len);
    char path[PATH_ROOM];

    MUST_HOLD(left);
    for (size_t i = 0; i < w->len; i++)
        left[i] = (survives(dice, tear, limit, w->at + i) ? w->bytes : w->before)[i];
    path_to(m, m->life + 1, "log", w->name, path);
    if (access(path, F_OK) == 0)
        write_at(path, left, w->len, w->at);
    free(left);
}

void write_free(struct write *w)
{
    free(w->bytes);
    free(w->before);
    *w = (struct write){.len = 0};
}

/* The names are as they were at some moment since the folder was synced. */
static void undo_names(struct machine *m)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    size_t kept = (size_t)fate(m, m->n_names + 1);

    for (size_t i = m->n_names; i-- > kept;) {
        const struct name_change *n = &m->names[i];

        path_to(m, m->life + 1, "log", n->from, from);
        path_to(m, m->life + 1, "log", n->to, to);
        if (n->how == MADE)
            unlink(from);
        else if (n->how == RENAMED)
            MUST_HOLD(rename(to, from) == 0);
        else {
            stash_path(m, n->to, to);
            copy_file(to, from);
        }
    }
}

void names_synced(struct machine *m)
{
    char path[PATH_ROOM];

    for (size_t i = 0; i < m->n_names; i++)
        if (m->names[i].how == UNLINKED) {
            stash_path(m, m->names[i].to, path);
            unlink(path);
        }
    m->n_names = 0;
}

static void lose_power(struct machine *m, const struct write *w)
{
    for (size_t i = 0; i < m->n_unsynced; i++) {
        tear_write(m, &m->unsynced[i], (enum tear)fate(m, TEARS));
        write_free(&m->unsynced[i]);
    }
    m->n_unsynced = 0;
    if (w)
        tear_write(m, w, (enum tear)fate(m, TEARS));
    undo_names(m);
    names_synced(m);
}

/* Bytes that the hub gave to the system stay, so far; but it is not on disk yet, and the next hub does not know. */
static void kill_hub(struct machine *m, const struct write *w)
{
    struct write *u = &m->unsynced[m->n_unsynced];

    m->kills++;
    if (!w)
        return;
    MUST_HOLD(m->n_unsynced < WRITES);
    *u = *w;
    u->len = fate(m, 2) ? w->len : 1 + (size_t)fate(m, w->len);
    u->bytes = malloc(u->len);
    u->before = malloc(u->len);
    MUST_HOLD(u->bytes && u->before);
    memcpy(u->bytes, w->bytes, u->len);
    memcpy(u->before, w->before, u->len);
    m->n_unsynced++;
    tear_write(m, u, ALL);
}

/* Under `files`, before what is on its way happened. */
void cut_log(struct machine *m, const struct write *w)
{
    copy_folder(m, "log");
    if (fate(m, 3))
        lose_power(m, w);
    else
        kill_hub(m, w);
    if (m->store && store_durable(m->store) > m->promised)
        m->promised = store_durable(m->store);
    m->is_cut = true;
    m->cuts++;
    m->in_recovery += !m->store;
}

void cut_all(struct machine *m, const struct write *w)
{
    make_life(m, m->life + 1);
    cut_log(m, w);
    copy_folder(m, "state");
}
