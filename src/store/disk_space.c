/* Making segments ahead and giving them back. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void disk_segment_path(const struct disk *d, uint64_t base, char out[SEGMENT_PATH_CAP])
{
    snprintf(out, SEGMENT_PATH_CAP, "%s/%016llx.log", d->folder, (unsigned long long)base);
}

static void spare_path(struct disk *d, char out[SEGMENT_PATH_CAP])
{
    snprintf(out, SEGMENT_PATH_CAP, "%s/spare-%llu", d->folder, (unsigned long long)d->spare_number++);
}

/* Under segments_lock: all segments, spares too. */
static uint64_t size_of_all(const struct disk *d)
{
    uint64_t n = 0;

    for (const struct list *l = d->segments.next; l != &d->segments; l = l->next)
        n += LIST_OF(l, const struct segment, in)->size;
    for (size_t i = 0; i < d->n_spares; i++)
        n += d->spares[i]->size;
    return n;
}

/* A spare of the right size, or a new one; ERR_DISK_FULL when there is neither. Its file has a name of its own until
 * its head is on disk. */
static enum err take_raw(struct disk *d, struct segment **out)
{
    struct segment *s = NULL;
    bool full;

    pthread_mutex_lock(&d->segments_lock);
    if (d->n_spares && d->spares[d->n_spares - 1]->size == d->segment_size)
        s = d->spares[--d->n_spares];
    full = !s && d->size_max && size_of_all(d) + d->segment_size > d->size_max;
    pthread_mutex_unlock(&d->segments_lock);
    if (full)
        return ERR_DISK_FULL;
    if (!s) {
        if (!(s = calloc(1, sizeof *s)))
            return ERR_MEMORY;
        s->fd = -1;
        s->size = d->segment_size;
        spare_path(d, s->path);
    }
    *out = s;
    return OK;
}

enum err disk_segment_new(struct disk *d, uint64_t base, struct segment **out)
{
    char path[SEGMENT_PATH_CAP];
    struct segment *s;
    enum err e = take_raw(d, &s);

    if (e)
        return e;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->base = base;
    s->trimmed = false;
    s->has_id = true;
    memcpy(s->id, d->id, STORE_ID);
    disk_segment_path(d, base, path);
    if (segment_make(&d->io, s) || d->io.rename(d->io.ctx, s->path, path) || d->io.sync_folder(d->io.ctx, d->folder)) {
        e = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
        d->io.unlink(d->io.ctx, s->path);
        segment_free(s);
        return e;
    }
    memcpy(s->path, path, sizeof path);
    d->has_id = true;
    *out = s;
    return OK;
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
    bool keep;

    segment_unmap(s);
    pthread_mutex_lock(&d->segments_lock);
    keep = d->n_spares < SPARES && s->size == d->segment_size;
    if (keep)
        d->spares[d->n_spares++] = s;
    pthread_mutex_unlock(&d->segments_lock);
    if (keep)
        return;
    d->io.unlink(d->io.ctx, s->path);
    segment_free(s);
}
