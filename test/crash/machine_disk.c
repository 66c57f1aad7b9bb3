/* The file system below the log: nothing happens but under `files`, and before it does the power may go. */
#include "machine_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char *name_of(int fd, char path[PATH_ROOM])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_ROOM - 1);
    path[n > 0 ? n : 0] = 0;
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

static const char *last_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

static void write_set(struct write *w, int fd, const struct iovec *part, off_t at)
{
    char path[PATH_ROOM];

    snprintf(w->name, sizeof w->name, "%.63s", name_of(fd, path));
    w->at = (uint64_t)at;
    w->len = part->iov_len;
    w->bytes = malloc(w->len);
    w->before = calloc(1, w->len);
    MUST_HOLD(w->bytes && w->before);
    memcpy(w->bytes, part->iov_base, w->len);
    MUST_HOLD(pread(fd, w->before, w->len, at) >= 0);
}

/* Something is about to be done to the disk. */
static void event(struct machine *m, const struct write *w)
{
    if (!m->is_cut && m->countdown && --m->countdown == 0)
        cut_all(m, w ? w : m->waiting);
}

/* ---- the file system of the log -------------------------------------------------------------------------------- */

static void name_changes(struct machine *m, struct name_change n)
{
    if (m->is_cut)
        return;
    MUST_HOLD(m->n_names < CHANGES_OF_NAMES);
    m->names[m->n_names++] = n;
}

static struct name_change change_of(int how, const char *from, const char *to)
{
    struct name_change n = {.how = how};

    snprintf(n.from, sizeof n.from, "%.63s", from);
    snprintf(n.to, sizeof n.to, "%.63s", to);
    return n;
}

static int on_open(void *ctx, const char *path, int flags)
{
    struct machine *m = ctx;
    bool made = (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd;

    pthread_mutex_lock(&m->files);
    if (made)
        event(m, NULL);
    fd = open(path, flags | O_CLOEXEC, 0600);
    if (made)
        name_changes(m, change_of(MADE, last_of(path), ""));
    pthread_mutex_unlock(&m->files);
    return fd;
}

/* Under `files`: the log's own thread waits until it may. */
static void wait_at_gate(struct machine *m, struct write *w)
{
    if (pthread_equal(pthread_self(), m->main) || m->open)
        return;
    m->waits = true;
    m->waiting = w;
    while (!m->open && !m->permits)
        pthread_cond_wait(&m->gate, &m->files);
    m->permits = 0;
    m->waits = false;
    m->waiting = NULL;
}

/* Files that a killed hub had left there do not matter any more. */
static void written_over(struct machine *m, const struct write *w)
{
    for (size_t i = 0; !m->is_cut && i < m->n_unsynced; i++) {
        struct write *u = &m->unsynced[i];

        for (size_t k = 0; !strcmp(u->name, w->name) && k < u->len; k++)
            if (u->at + k >= w->at && u->at + k < w->at + w->len)
                u->bytes[k] = u->before[k] = w->bytes[u->at + k - w->at];
    }
}

static int on_write(void *ctx, int fd, const struct iovec *parts, int n, off_t at)
{
    struct machine *m = ctx;
    struct write w;
    int answer;

    MUST_HOLD(n == 1);
    pthread_mutex_lock(&m->files);
    write_set(&w, fd, parts, at);
    wait_at_gate(m, &w);
    event(m, &w);
    answer = pwrite(fd, w.bytes, w.len, at) == (ssize_t)w.len ? 0 : -1;
    written_over(m, &w);
    write_free(&w);
    pthread_mutex_unlock(&m->files);
    return answer;
}

/* All that was ever written to the file is on disk. */
static void file_synced(struct machine *m, int fd)
{
    char path[PATH_ROOM];
    const char *name = name_of(fd, path);

    if (m->is_cut)
        return;
    for (size_t i = m->n_unsynced; i-- > 0;)
        if (!strcmp(m->unsynced[i].name, name)) {
            write_free(&m->unsynced[i]);
            memmove(&m->unsynced[i], &m->unsynced[i + 1], (--m->n_unsynced - i) * sizeof *m->unsynced);
        }
}

static int on_sync(void *ctx, int fd)
{
    struct machine *m = ctx;

    pthread_mutex_lock(&m->files);
    event(m, NULL);
    file_synced(m, fd);
    pthread_mutex_unlock(&m->files);
    return 0;
}

static int on_allocate(void *ctx, int fd, off_t size)
{
    struct machine *m = ctx;
    int answer;

    pthread_mutex_lock(&m->files);
    event(m, NULL);
    answer = ftruncate(fd, size);
    file_synced(m, fd);
    pthread_mutex_unlock(&m->files);
    return answer;
}

static int on_rename(void *ctx, const char *from, const char *to)
{
    struct machine *m = ctx;
    int answer;

    pthread_mutex_lock(&m->files);
    event(m, NULL);
    answer = rename(from, to);
    name_changes(m, change_of(RENAMED, last_of(from), last_of(to)));
    for (size_t i = 0; !m->is_cut && i < m->n_unsynced; i++)
        if (!strcmp(m->unsynced[i].name, last_of(from)))
            snprintf(m->unsynced[i].name, NAME_CAP, "%.63s", last_of(to));
    pthread_mutex_unlock(&m->files);
    return answer;
}

static int on_unlink(void *ctx, const char *path)
{
    struct machine *m = ctx;
    char stashed[PATH_ROOM], name[NAME_CAP];
    int answer;

    pthread_mutex_lock(&m->files);
    event(m, NULL);
    snprintf(name, sizeof name, "%u", m->stashed++);
    stash_path(m, name, stashed);
    answer = rename(path, stashed);
    name_changes(m, change_of(UNLINKED, last_of(path), name));
    pthread_mutex_unlock(&m->files);
    return answer;
}

static int on_sync_folder(void *ctx, const char *folder)
{
    struct machine *m = ctx;

    (void)folder;
    pthread_mutex_lock(&m->files);
    event(m, NULL);
    if (!m->is_cut)
        names_synced(m);
    pthread_mutex_unlock(&m->files);
    return 0;
}

static void on_failed(void *ctx, const char *what, const char *path, int error)
{
    (void)ctx;
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(error));
    abort();
}

const struct disk_io machine_io = {.open = on_open,
                                   .write_synced = on_write,
                                   .sync = on_sync,
                                   .allocate = on_allocate,
                                   .rename = on_rename,
                                   .unlink = on_unlink,
                                   .sync_folder = on_sync_folder,
                                   .failed = on_failed};
