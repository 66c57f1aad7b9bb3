/* Opening a log: every frame of every segment is looked at. A log that was cut off in the middle of a write ends in
 * frames that do not fit; they were never acknowledged and are cut. A frame that does not fit anywhere else was
 * acknowledged, and the hub refuses to start on it. What tells them apart: a write begins only after everything before
 * it was synced, and its first frame says that it is one. So if such a frame, or any frame of a later segment, is
 * behind the bad place, the bad place had been on disk; and so had everything below the place of the checkpoint. What
 * is accepted is synced before anything is built on it: a hub that was killed in the middle of a write leaves it in the
 * memory of the kernel only. */
#include "disk.h"

#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int is_segment(const struct dirent *d)
{
    return strlen(d->d_name) == 20 && strspn(d->d_name, "0123456789abcdef") == 16 &&
           strcmp(d->d_name + 16, ".log") == 0;
}

static int is_spare(const struct dirent *d)
{
    return strncmp(d->d_name, "spare-", 6) == 0;
}

static void say_damage(char why[256], const struct segment *s, uint64_t place, const char *what)
{
    snprintf(why, 256, "%.150s: %s at byte %llu", s->path, what, (unsigned long long)(place - s->base));
}

/* The first file that has an id says what it is; files of before have none. */
static bool is_ours(struct disk *d, const struct segment *s)
{
    if (!s->has_id)
        return true;
    if (!d->has_id)
        memcpy(d->id, s->id, STORE_ID);
    d->has_id = true;
    return memcmp(d->id, s->id, STORE_ID) == 0;
}

static enum err open_one(struct disk *d, const char *name, char why[256])
{
    struct segment *s = calloc(1, sizeof *s);
    const struct segment *before = list_empty(&d->segments) ? NULL : segment_of(d->segments.prev);
    enum err e;

    if (!s)
        return ERR_MEMORY;
    s->fd = -1;
    s->base = strtoull(name, NULL, 16);
    disk_segment_path(d, s->base, s->path);
    e = segment_open(&d->io, s);
    if (e)
        say_damage(why, s, s->base, "the head of the file is damaged");
    else if (!is_ours(d, s)) {
        say_damage(why, s, s->base, "the file belongs to another log than the files before it");
        e = ERR_DAMAGED;
    } else if (before && before->base + before->size != s->base) {
        say_damage(why, before, before->base + before->size, "the file that continues here is missing");
        e = ERR_DAMAGED;
    }
    if (e)
        segment_free(s);
    else
        list_add(&d->segments, &s->in);
    return e;
}

static enum err open_all(struct disk *d, char why[256])
{
    struct dirent **found;
    int n = scandir(d->folder, &found, is_segment, alphasort);
    enum err e = n < 0 ? ERR_IO : OK;

    for (int i = 0; i < n; i++) {
        if (!e)
            e = open_one(d, found[i]->d_name, why);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    return e;
}

/* What an earlier life had ready: the space of the reserve, for a disk that is full now. */
static void adopt_spares(struct disk *d)
{
    struct dirent **found;
    int n = scandir(d->folder, &found, is_spare, alphasort);

    for (int i = 0; i < n; i++) {
        char path[SEGMENT_PATH_CAP];

        snprintf(path, sizeof path, "%s/%.50s", d->folder, found[i]->d_name);
        if (!disk_spare_adopt(d, found[i]->d_name))
            d->io.unlink(d->io.ctx, path);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

struct scan {
    uint64_t end; /* behind the last frame that fits */
    bool closed;  /* there is a FRAME_END */
    bool any;
};

static void scan(const struct segment *s, struct scan *out)
{
    struct frame f;

    *out = (struct scan){.end = s->base + SEGMENT_HEAD};
    while (!out->closed && frame_at(s, out->end, &f)) {
        out->any = true;
        out->end = f.next;
        out->closed = (f.flags & FRAME_END) != 0;
    }
}

/* Behind the end of what fits: a frame that begins a write means damage; others are left over from the torn write.
 * Gives the end of the last one, or 0 when there are none. */
static bool look_behind(const struct segment *s, uint64_t end, uint64_t *leftover)
{
    struct frame f;

    *leftover = 0;
    for (uint64_t place = end; place + FRAME_HEAD <= s->base + s->size; place += 8) {
        if (!frame_at(s, place, &f))
            continue;
        if (f.flags & FRAME_FIRST)
            return false;
        *leftover = f.next;
    }
    return true;
}

/* Later writes must not bring a leftover back to life by ending just before it. */
static enum err wipe(struct disk *d, const struct segment *s, uint64_t from, uint64_t to)
{
    static uint8_t zeros[64 * 1024];

    for (uint64_t at = from; at < to;) {
        struct iovec part = {zeros, to - at < sizeof zeros ? (size_t)(to - at) : sizeof zeros};

        if (d->io.write_synced(d->io.ctx, s->fd, &part, 1, (off_t)(at - s->base)))
            return ERR_IO;
        at += part.iov_len;
    }
    return OK;
}

static enum err cut(struct disk *d, const struct segment *s, uint64_t end, char why[256])
{
    uint64_t leftover;

    if (end < d->known) {
        snprintf(why, 256,
                 "%.110s: nothing valid at byte %llu, but the checkpoint is valid up to place %llu: what lies between "
                 "them is damaged or missing",
                 s->path, (unsigned long long)(end - s->base), (unsigned long long)d->known);
        return ERR_DAMAGED;
    }
    if (!look_behind(s, end, &leftover)) {
        say_damage(why, s, end, "an acknowledged record is damaged");
        return ERR_DAMAGED;
    }
    if (leftover || frame_claims(s, end))
        log_event(LOG_WARN, "log-cut", KVS("file", s->path), KVN("offset", end - s->base),
                  KVS("reason", "the last write was cut off; nothing of it had been acknowledged"));
    return leftover ? wipe(d, s, end, leftover) : OK;
}

/* The segments from the first to the one that is appended to. An empty one behind it was made ahead. */
static enum err scan_all(struct disk *d, char why[256])
{
    struct segment *open = NULL; /* the first that is not closed */
    uint64_t end = 0;

    LIST_EACH (&d->segments, it) {
        struct segment *s = segment_of(it);
        struct scan found;
        bool after_open = open != NULL;

        if (!segment_map(s)) {
            snprintf(why, 256, "%.150s: its %llu bytes cannot be mapped", s->path, (unsigned long long)s->size);
            return ERR_MEMORY;
        }
        scan(s, &found);
        segment_unmap(s);
        if (after_open && found.any) {
            say_damage(why, open, end, "an acknowledged record is damaged");
            return ERR_DAMAGED;
        }
        if (after_open)
            continue;
        if (!found.closed)
            open = s;
        d->last = s;
        end = found.end;
        if (found.closed)
            end = s->base + s->size + SEGMENT_HEAD;
    }
    d->end = end;
    return OK;
}

/* Behind the open segment at most one may stand, empty: it was made ahead. */
static enum err settle_last(struct disk *d, char why[256])
{
    struct list *behind = d->last->in.next;
    bool open = d->end < d->last->base + d->last->size;
    enum err e = OK;

    if (behind != &d->segments) {
        d->next = segment_of(behind);
        list_del(behind);
        if (d->last->in.next != &d->segments) {
            say_damage(why, d->next, d->next->base, "an empty file is in the middle of the log");
            return ERR_DAMAGED;
        }
    }
    if (!open)
        return OK;
    if (!segment_map(d->last))
        return ERR_MEMORY;
    e = cut(d, d->last, d->end, why);
    segment_unmap(d->last);
    return e;
}

/* Only the last write may not be on disk: it ends in the segment that is appended to, or closed the one before. */
static enum err sync_end(struct disk *d, char why[256])
{
    const struct segment *last = d->last;
    const struct segment *before = last->in.prev == &d->segments ? NULL : segment_of(last->in.prev);

    if ((before && d->io.sync(d->io.ctx, before->fd)) || d->io.sync(d->io.ctx, last->fd)) {
        snprintf(why, 256, "%.150s: cannot be synced: %.80s", last->path, strerror(errno));
        return ERR_IO;
    }
    return OK;
}

enum err disk_recover(struct disk *d, char why[256])
{
    enum err e;

    adopt_spares(d);
    if ((e = open_all(d, why)))
        return e;
    if (list_empty(&d->segments))
        return OK;
    if ((e = scan_all(d, why)))
        return e;
    return (e = settle_last(d, why)) ? e : sync_end(d, why);
}
