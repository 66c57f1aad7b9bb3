#include "log_salvage.h"

#include "ceilings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, FILLER_MAX = 64 * 1024 };

/* A file of the copy in the making. */
struct writer {
    struct log_salvage *salvage;
    struct segment s;
    uint8_t *block; /* what is not written yet */
    uint64_t from;  /* its place */
    size_t len;
    enum err e;
};

static enum err io_err(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

static void flush(struct writer *w)
{
    struct iovec part = {w->block, w->len};

    if (!w->e && w->len && disk_io_system.write_synced(NULL, w->s.fd, &part, 1, (off_t)(w->from - w->s.base)))
        w->e = io_err();
    if (!w->e && w->salvage->go_on && !w->salvage->go_on(w->salvage->look.ctx))
        w->e = ERR_CLOSED;
    w->from += w->len;
    w->len = 0;
}

/* The frame at the place behind the one before. */
static void put(struct writer *w, const struct frame *f)
{
    size_t size = (size_t)frame_size(f->len);

    if (w->len + size > BLOCK || f->place != w->from + w->len)
        flush(w);
    if (!w->len)
        w->from = f->place;
    if (f->body)
        memcpy(w->block + w->len + FRAME_HEAD, f->body, f->len);
    else
        memset(w->block + w->len + FRAME_HEAD, 0, f->len);
    frame_seal(w->block + w->len, &w->s, f);
    w->len += size;
}

static bool on_frame(void *ctx, const struct log_file *file, const struct frame *f)
{
    struct writer *w = ctx;

    put(w, f);
    if (w->salvage->look.frame)
        (void)w->salvage->look.frame(w->salvage->look.ctx, file, f);
    return !w->e;
}

static void fill(struct writer *w, uint64_t to)
{
    uint64_t at = w->from + w->len;

    while (!w->e && at + FRAME_HEAD <= to) {
        uint64_t most = to - at < FILLER_MAX ? to - at : FILLER_MAX;
        struct frame f = {.place = at, .kind = w->salvage->filler, .flags = FRAME_FIRST};

        /* Nothing is left over that is too small for another one. */
        if (to - at - most > 0 && to - at - most < FRAME_HEAD)
            most -= FRAME_HEAD;
        f.len = (uint32_t)(most - FRAME_HEAD);
        put(w, &f);
        at += most;
    }
}

static void count(struct log_salvage *salvage, const struct log_damage *d)
{
    salvage->damages++;
    if (salvage->look.damage)
        salvage->look.damage(salvage->look.ctx, d);
}

/* At the end of a file it ends there. */
static void on_damage(void *ctx, const struct log_damage *d)
{
    struct writer *w = ctx;

    count(w->salvage, d);
    if (d->to < w->s.base + w->s.size)
        fill(w, d->to);
}

/* Of a file that is cut off only what had been written is missing: the walk finds that out. */
static void on_damaged_files(void *ctx, const struct log_damage *d)
{
    if (d->from != d->file->base + d->file->length)
        count(ctx, d);
}

/* The seed of the checksums of its frames says which form it has. */
static void describe(const struct log_files *l, const struct log_file *f, struct segment *s)
{
    const uint8_t *id = log_files_id(l);

    *s = (struct segment){.base = f->base, .size = f->size, .after = f->base, .form = f->form, .fd = -1};
    if (!f->has_head && !f->has_id && id && s->form == FORM_PLAIN)
        s->form = FORM_SEALED;
    s->has_id = s->form != FORM_PLAIN;
    if (s->has_id && (f->has_id || id))
        memcpy(s->id, f->has_id ? f->id : id, STORE_ID);
}

static enum err open_copy(struct writer *w, const char *name, char why[256])
{
    struct log_salvage *salvage = w->salvage;

    if (salvage->end && w->s.form == FORM_SEALED)
        w->s.after = salvage->end;
    snprintf(w->s.path, sizeof w->s.path, "%s/%s", salvage->to, name);
    if (segment_make(&disk_io_system, &w->s)) {
        enum err e = io_err();

        snprintf(why, 256, "%.180s: %.60s", w->s.path, strerror(errno));
        return e;
    }
    w->from = w->s.base + SEGMENT_HEAD;
    return OK;
}

static void close_copy(struct writer *w, const struct log_file *f)
{
    uint64_t at = w->from + w->len, end = w->s.base + w->s.size;
    struct frame last = {.place = at, .flags = FRAME_FIRST | FRAME_END};

    if (f->closed && at + FRAME_HEAD <= end)
        put(w, &last);
    flush(w);
    close(w->s.fd);
    if (!w->salvage->first)
        w->salvage->first = w->s.base + SEGMENT_HEAD;
    w->salvage->end = f->closed ? end : at;
    w->salvage->size = w->s.size;
}

static enum err copy_one(struct log_files *l, size_t i, struct writer *w, char why[256])
{
    struct log_file *f = &l->at[i];
    const struct log_visit look = {w, on_frame, on_damage};
    enum err e;

    w->len = 0;
    w->e = OK;
    describe(l, f, &w->s);
    if ((e = open_copy(w, f->name, why)))
        return e;
    e = log_file_walk(l, i, &look);
    close_copy(w, f);
    e = w->e ? w->e : e;
    if (e && e != ERR_CLOSED)
        snprintf(why, 256, "%.180s: %.60s", e == w->e ? w->s.path : f->name,
                 e == ERR_IO ? strerror(errno) : err_text(e));
    return e;
}

/* Files of other logs, and of places that others hold, are not of the copy. */
static bool belongs(const struct log_files *l, const struct log_file *f, struct log_salvage *salvage)
{
    const char *what = f->base < salvage->end                    ? "another file holds the same places"
                       : f->size < SEGMENT_HEAD + 2 * FRAME_HEAD ? "the file is too short to hold anything"
                                                                 : NULL;

    /* That one was told with the files. */
    if (f->has_id && memcmp(f->id, log_files_id(l), STORE_ID) != 0)
        return false;
    if (what)
        count(salvage, &(struct log_damage){.file = f, .from = f->base, .to = f->base + f->size, .what = what});
    return !what;
}

enum err log_salvage(struct log_files *l, struct log_salvage *salvage, char why[256])
{
    const struct log_visit look = {.ctx = salvage, .damage = on_damaged_files};
    struct writer w = {.salvage = salvage, .block = malloc(BLOCK)};
    enum err e = w.block ? OK : ERR_MEMORY;

    why[0] = 0;
    salvage->first = salvage->end = salvage->damages = 0;
    log_files_look(l, &look);
    for (size_t i = 0; !e && i < l->used; i++)
        if (belongs(l, &l->at[i], salvage))
            e = copy_one(l, i, &w, why);
    free(w.block);
    if (!e && disk_io_system.sync_folder(NULL, salvage->to))
        e = io_err();
    return e;
}

enum err log_begin(const char *folder, uint64_t base, uint64_t size, const uint8_t id[STORE_ID], char why[256])
{
    struct segment s = {.base = base, .size = size, .after = base, .form = FORM_SEALED, .has_id = true, .fd = -1};

    memcpy(s.id, id, STORE_ID);
    snprintf(s.path, sizeof s.path, "%s/%016llx.log", folder, (unsigned long long)base);
    if (segment_make(&disk_io_system, &s) || disk_io_system.sync_folder(NULL, folder)) {
        enum err e = io_err();

        snprintf(why, 256, "%.180s: %.60s", s.path, strerror(errno));
        if (s.fd >= 0)
            close(s.fd);
        return e;
    }
    close(s.fd);
    return OK;
}
