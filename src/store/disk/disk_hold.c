#include "disk_hold.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The hub of the folder holds the whole file by flock(); this is its first byte, by locks of another kind, which do not
 * meet those. It contains a number that whoever copies counts up, and one that the hub counts up when it did not wait,
 * both as this machine writes numbers. */
enum { MOVES_AT = 0, OVERTAKEN_AT = 8, PATH_MAX_ = 4200 };

static int open_file(const char *folder, int flags)
{
    char path[PATH_MAX_];

    if ((size_t)snprintf(path, sizeof path, "%s/lock", folder) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* F_RDLCK, F_WRLCK or F_UNLCK; false, and errno is EAGAIN, where that would have to wait. */
static bool lock_first(int fd, short kind)
{
    struct flock wanted = {.l_type = kind, .l_whence = SEEK_SET, .l_len = 1};

    if (fcntl(fd, F_OFD_SETLK, &wanted) == 0)
        return true;
    if (errno == EACCES)
        errno = EAGAIN;
    return false;
}

static uint64_t read_number(int fd, off_t at)
{
    uint64_t n = 0;

    return pread(fd, &n, sizeof n, at) == (ssize_t)sizeof n ? n : 0;
}

/* A number that is not written is one that does not change: whoever reads it does the safe thing. */
static void write_number(int fd, off_t at, uint64_t n)
{
    if (pwrite(fd, &n, sizeof n, at) != (ssize_t)sizeof n)
        log_event(LOG_DEBUG, "backup-lock-not-written", KVN("offset", at));
}

void trim_gate_open(struct trim_gate *g, const char *folder)
{
    *g = (struct trim_gate){.fd = open_file(folder, O_RDWR | O_CREAT)};
}

bool trim_gate_enter(struct trim_gate *g, bool urgent, int64_t monotonic_ms)
{
    uint64_t moves;

    if (g->fd < 0)
        return true;
    if (lock_first(g->fd, F_WRLCK) || errno != EAGAIN) {
        g->held = false;
        return true;
    }
    moves = read_number(g->fd, MOVES_AT);
    if (!g->held || moves != g->moves)
        g->since_ms = monotonic_ms;
    g->held = true;
    g->moves = moves;
    if (!urgent && monotonic_ms - g->since_ms < HOLD_STILL_MS)
        return false;
    write_number(g->fd, OVERTAKEN_AT, read_number(g->fd, OVERTAKEN_AT) + 1);
    log_event(LOG_WARN, "backup-overtaken",
              KVS("reason", urgent ? "the disk is full" : "the backup has not moved for ten minutes"),
              KVS("remedy", "the backup that runs now fails: start it again"));
    return true;
}

void trim_gate_leave(struct trim_gate *g)
{
    if (g->fd >= 0 && !lock_first(g->fd, F_UNLCK))
        log_event(LOG_DEBUG, "backup-lock-not-released", KVN("error", errno));
}

void trim_gate_close(struct trim_gate *g)
{
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

bool hold_take(struct hold *h, const char *folder)
{
    *h = (struct hold){.fd = open_file(folder, O_RDWR | O_CREAT)};
    if (h->fd < 0 && errno == EROFS) {
        h->fd = open_file(folder, O_RDONLY);
        if (h->fd < 0 && errno == ENOENT)
            return true;
    }
    if (h->fd < 0)
        return false;
    if (!lock_first(h->fd, F_RDLCK)) {
        int error = errno;

        hold_drop(h);
        errno = error;
        return false;
    }
    h->moves = read_number(h->fd, MOVES_AT);
    h->overtaken = read_number(h->fd, OVERTAKEN_AT);
    hold_move(h);
    return true;
}

void hold_move(struct hold *h)
{
    if (h->fd >= 0)
        write_number(h->fd, MOVES_AT, ++h->moves);
}

bool hold_is_kept(const struct hold *h)
{
    return h->fd < 0 || read_number(h->fd, OVERTAKEN_AT) == h->overtaken;
}

void hold_drop(struct hold *h)
{
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
}
