/* Making segments ahead and giving them back. Some of those that are ready are the reserve: when the disk is full, what
 * keeps the hub going is written there. Their space is on the disk already, also after a restart. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void disk_segment_path(const struct disk *d, uint64_t base, char out[SEGMENT_PATH_CAP])
{
    snprintf(out, SEGMENT_PATH_CAP, "%s/%016llx.log", d->folder, (unsigned long long)base);
}

static void spare_path(struct disk *d, char out[SEGMENT_PATH_CAP])
{
    snprintf(out, SEGMENT_PATH_CAP, "%s/spare-%llu", d->folder, (unsigned long long)d->spare_number++);
}

/* Under segments_lock. */
static uint64_t size_of_log(const struct disk *d)
{
    uint64_t n = 0;

    assert_locked(&d->segments_lock);
    for (const struct list *l = d->segments.next; l != &d->segments; l = l->next)
        n += LIST_OF(l, const struct segment, in)->size;
    return n;
}

/* Under segments_lock: spares too. */
static uint64_t size_of_all(const struct disk *d)
{
    uint64_t n = size_of_log(d);

    for (size_t i = 0; i < d->n_spares; i++)
        n += d->spares[i]->size;
    return n;
}

static bool over_size_max(const struct disk *d)
{
    assert_locked(&d->segments_lock);
    return d->size_max && size_of_all(d) + d->segment_size > d->size_max;
}

/* A file with a name of its own until its head is on disk. */
static enum err make_raw(struct disk *d, struct segment **out)
{
    struct segment *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_MEMORY;
    s->fd = -1;
    s->size = d->segment_size;
    spare_path(d, s->path);
    *out = s;
    return OK;
}

/* A spare of the right size, or a new one; ERR_DISK_FULL when there is neither. */
static enum err take_raw(struct disk *d, bool reserved, struct segment **out)
{
    struct segment *s = NULL;
    bool full;

    mutex_lock(&d->segments_lock);
    if (d->n_spares > (reserved ? 0 : RESERVE) && d->spares[d->n_spares - 1]->size == d->segment_size)
        s = d->spares[--d->n_spares];
    full = !s && over_size_max(d);
    mutex_unlock(&d->segments_lock);
    if (full) {
        errno = ENOSPC; /* of what it may take */
        return ERR_DISK_FULL;
    }
    *out = s;
    return s ? OK : make_raw(d, out);
}

/* It may go away: what there is goes on, and it is tried again. Descriptors run out like space. */
static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE;
}

/* The file could not be made or got no space: it goes. */
static enum err give_up_raw(struct disk *d, struct segment *s)
{
    enum err e = is_full(errno) ? ERR_DISK_FULL : ERR_IO;
    int error = errno;

    d->io.unlink(d->io.ctx, s->path);
    segment_free(s);
    errno = error;
    return e;
}

enum err disk_segment_new(struct disk *d, uint64_t base, bool reserved, struct segment **out)
{
    char path[SEGMENT_PATH_CAP];
    struct segment *s;
    enum err e = take_raw(d, reserved, &s);

    assert(base % 8 == 0);
    if (e)
        return e;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    assert(!s->users && !s->map);
    s->base = base;
    s->trimmed = false;
    s->reserved = reserved;
    s->after = base;
    s->reused = s->used;
    s->used = true;
    s->form = FORM_SEALED;
    s->has_id = true;
    memcpy(s->id, d->id, STORE_ID);
    disk_segment_path(d, base, path);
    if (segment_make(&d->io, s) || d->io.rename(d->io.ctx, s->path, path) || d->io.sync_folder(d->io.ctx, d->folder))
        return give_up_raw(d, s);
    memcpy(s->path, path, sizeof path);
    d->has_id = true;
    *out = s;
    return OK;
}

static bool add_spare(struct disk *d, struct segment *s)
{
    bool keep;

    mutex_lock(&d->segments_lock);
    keep = d->n_spares < SPARES && s->size == d->segment_size;
    assert(!s->users);
    if (keep)
        d->spares[d->n_spares++] = s;
    mutex_unlock(&d->segments_lock);
    return keep;
}

static bool reserve_is_whole(struct disk *d, bool *full)
{
    bool whole;

    mutex_lock(&d->segments_lock);
    whole = d->n_spares >= RESERVE;
    *full = over_size_max(d);
    mutex_unlock(&d->segments_lock);
    return whole;
}

enum err disk_reserve_fill(struct disk *d)
{
    struct segment *s;
    bool full;
    enum err e;

    while (!reserve_is_whole(d, &full)) {
        if (full)
            return ERR_DISK_FULL;
        if ((e = make_raw(d, &s)))
            return e;
        s->fd = d->io.open(d->io.ctx, s->path, O_RDWR | O_CREAT);
        if (s->fd < 0 || d->io.allocate(d->io.ctx, s->fd, (off_t)s->size))
            return give_up_raw(d, s);
        if (!add_spare(d, s))
            disk_segment_give_up(d, s);
    }
    return OK;
}

/* It never was a segment: its space was reserved, and nothing written. */
static bool is_new(int fd)
{
    uint8_t head[SEGMENT_HEAD];

    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && bytes_are_zeros(bytes_of(head, sizeof head));
}

bool disk_spare_adopt(struct disk *d, const char *name)
{
    struct segment *s = calloc(1, sizeof *s);
    struct stat facts;
    uint64_t number;

    if (!s)
        return false;
    snprintf(s->path, sizeof s->path, "%s/%.50s", d->folder, name);
    s->fd = d->io.open(d->io.ctx, s->path, O_RDWR);
    s->size = d->segment_size;
    if (bytes_to_u64(bytes_skip(bytes_str(name), sizeof "spare-" - 1), &number) && number >= d->spare_number)
        d->spare_number = number + 1;
    /* A file that was copied may have lost its space. */
    if (s->fd >= 0 && !fstat(s->fd, &facts) && (uint64_t)facts.st_size == s->size &&
        !d->io.allocate(d->io.ctx, s->fd, (off_t)s->size)) {
        s->used = !is_new(s->fd);
        if (add_spare(d, s))
            return true;
    }
    segment_free(s);
    return false;
}

void disk_segment_retire(struct disk *d, struct segment *s)
{
    char path[SEGMENT_PATH_CAP];

    spare_path(d, path);
    if (d->io.rename(d->io.ctx, s->path, path) || d->io.sync_folder(d->io.ctx, d->folder))
        d->io.failed(d->io.ctx, "removing a segment", s->path, errno);
    memcpy(s->path, path, sizeof path);
}

void disk_segment_give_up(struct disk *d, struct segment *s)
{
    assert(!s->users);
    segment_unmap(s);
    if (add_spare(d, s))
        return;
    d->io.unlink(d->io.ctx, s->path);
    segment_free(s);
}

uint64_t disk_older_than(struct store *s, uint64_t keep)
{
    struct disk *d = disk_of(s);
    uint64_t kept = 0, below = 0;

    mutex_lock(&d->segments_lock);
    for (const struct list *l = d->segments.prev; l != &d->segments; l = l->prev) {
        const struct segment *one = LIST_OF(l, const struct segment, in);

        kept += one->size;
        if (l != d->segments.prev && kept > keep) {
            below = one->base + one->size;
            break;
        }
    }
    mutex_unlock(&d->segments_lock);
    return below;
}

void disk_space(struct store *s, struct store_space *out)
{
    struct disk *d = disk_of(s);

    mutex_lock(&d->tail);
    out->full = d->full;
    out->held = d->next ? d->next->size : 0;
    mutex_lock(&d->segments_lock);
    out->held += size_of_all(d);
    out->log = size_of_log(d);
    assert(out->log <= out->held);
    mutex_unlock(&d->segments_lock);
    mutex_unlock(&d->tail);
    out->file = d->segment_size;
}
