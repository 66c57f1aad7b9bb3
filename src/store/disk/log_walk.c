#include "log_walk.h"

#include "ceilings.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A window holds the longest frame wherever it begins in its first half. */
enum { WINDOW = 4 << 20, PAGE = 4096, RAW_MAX = 1024 };

struct reader {
    const struct log_file *file;
    int fd;
    uint64_t from; /* offset of the window in the file */
    size_t len;
    bool ends; /* the file has no more than the window */
    uint8_t *at;
    uint64_t unreadable; /* the last offset that the disk did not give; UINT64_MAX: there is none */
};

/* ---- reading --------------------------------------------------------------------------------------------------- */

static enum err reader_open(const struct log_files *l, const struct log_file *file, struct reader *r)
{
    char path[SEGMENT_PATH_CAP];

    *r = (struct reader){.file = file, .from = UINT64_MAX, .unreadable = UINT64_MAX};
    snprintf(path, sizeof path, "%s/%s", l->folder, file->name);
    if ((r->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return ERR_IO;
    if ((r->at = malloc(WINDOW)))
        return OK;
    close(r->fd);
    return ERR_MEMORY;
}

static void reader_close(struct reader *r)
{
    free(r->at);
    close(r->fd);
}

/* The window from this offset on. A page that the disk does not give is read as zeros: it costs the frames in it. */
static void fill(struct reader *r, uint64_t from)
{
    uint64_t left = from < r->file->size ? r->file->size - from : 0;
    size_t most = left < WINDOW ? (size_t)left : WINDOW;

    r->from = from;
    r->ends = left <= WINDOW;
    for (r->len = 0; r->len < most;) {
        ssize_t n = pread(r->fd, r->at + r->len, most - r->len, (off_t)(from + r->len));
        size_t rest = PAGE - (size_t)((from + r->len) % PAGE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0) {
            r->ends = true;
            return;
        }
        if (n < 0) {
            r->unreadable = from + r->len;
            rest = rest < most - r->len ? rest : most - r->len;
            memset(r->at + r->len, 0, rest);
            n = (ssize_t)rest;
        }
        r->len += (size_t)n;
    }
}

/* The bytes that the file has from this place on; so much that a whole frame is in it, if there is one. */
static struct bytes bytes_at(struct reader *r, uint64_t place)
{
    uint64_t offset = place - r->file->base, end = r->from + r->len;

    assert(place >= r->file->base);
    if (offset < r->from || offset > end || (end - offset < WINDOW / 2 && !r->ends)) {
        fill(r, offset);
        end = r->from + r->len;
        assert(r->len <= WINDOW);
    }
    return offset < end ? bytes_of(r->at + (offset - r->from), (size_t)(end - offset)) : NO_BYTES;
}

static bool read_frame(struct reader *r, uint64_t place, struct frame *out)
{
    return frame_of(r->file->base, r->file->seed, place, bytes_at(r, place), out);
}

/* The first whole frame at or behind a place that begins a write, or, with `any`, any. */
static bool next_frame(struct reader *r, uint64_t place, bool any, struct frame *out)
{
    struct bytes here;

    for (; (here = bytes_at(r, place)).len >= FRAME_HEAD; place += 8)
        if (frame_of(r->file->base, r->file->seed, place, here, out) && (any || out->flags & FRAME_FIRST))
            return true;
    return false;
}

/* ---- the files ------------------------------------------------------------------------------------------------- */

/* A name that no log can have is passed over: recovery names it, and does not begin. */
static int is_segment(const struct dirent *d)
{
    uint64_t base;

    return segment_is_name(d->d_name) && segment_base_of(d->d_name, &base);
}

static void look_at_head(struct log_file *f, int fd)
{
    struct segment s = {.base = f->base, .fd = -1};

    if (pread(fd, f->head, SEGMENT_HEAD, 0) != SEGMENT_HEAD)
        memset(f->head, 0, SEGMENT_HEAD);
    segment_head(f->head, &s);
    f->has_head = !s.head_bad && !s.id_bad;
    f->size = s.head_bad ? f->length & ~(uint64_t)7 : s.size;
    f->has_id = s.has_id;
    f->form = s.form;
    f->after = s.after;
    f->seed = s.seed;
    memcpy(f->id, s.id, STORE_ID);
}

/* A file whose id cannot be read is of the same log as the others. */
static void guess_ids(struct log_files *l)
{
    const uint8_t *id = log_files_id(l);

    for (size_t i = 0; id && i < l->n; i++) {
        struct log_file *f = &l->at[i];
        struct segment s = {.base = f->base, .form = f->form};

        if (f->has_head || f->has_id)
            continue;
        if (s.form == FORM_PLAIN)
            s.form = FORM_SEALED;
        memcpy(s.id, id, STORE_ID);
        segment_known(&s);
        f->seed = s.seed;
    }
}

static enum err look_at(const struct log_files *l, const char *name, struct log_file *out, char why[256])
{
    char path[SEGMENT_PATH_CAP];
    struct stat st;
    int fd;

    *out = (struct log_file){.length = 0};
    if (!segment_base_of(name, &out->base))
        return ERR_DAMAGED;
    snprintf(out->name, sizeof out->name, "%.20s", name);
    snprintf(path, sizeof path, "%s/%s", l->folder, out->name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        snprintf(why, 256, "%.180s: %.60s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    out->length = (uint64_t)st.st_size;
    look_at_head(out, fd);
    close(fd);
    return OK;
}

/* A file whose head is damaged ends where the next one begins. */
static void guess_sizes(struct log_files *l)
{
    for (size_t i = 0; i + 1 < l->n; i++) {
        struct log_file *f = &l->at[i];

        if (!f->has_head && f[1].base - f->base < f->size)
            f->size = f[1].base - f->base;
    }
}

/* The log ends in the last file that has a frame; those behind it were made ahead. */
static enum err find_used(struct log_files *l)
{
    enum err e = OK;

    for (l->used = l->n; !e && l->used > 0; l->used--) {
        struct log_file *f = &l->at[l->used - 1];
        struct reader r;
        struct frame any;
        bool has;

        if ((e = reader_open(l, f, &r)))
            break;
        has = next_frame(&r, f->base + SEGMENT_HEAD, true, &any);
        reader_close(&r);
        if (has || f->base + SEGMENT_HEAD < l->known)
            break;
    }
    return e;
}

enum err log_files_list(const char *folder, uint64_t known, struct log_files *out, char why[256])
{
    struct dirent **found = NULL;
    enum err e = OK;
    int n;

    *out = (struct log_files){.known = known};
    why[0] = 0;
    if (!bytes_to_str(bytes_str(folder), out->folder, sizeof out->folder))
        return ERR_ARGUMENT;
    if ((n = scandir(folder, &found, is_segment, alphasort)) < 0) {
        snprintf(why, 256, "%.180s: %.60s", folder, strerror(errno));
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    if (n && !(out->at = calloc((size_t)n, sizeof *out->at)))
        e = ERR_MEMORY;
    for (int i = 0; i < n; i++) {
        if (!e && !(e = look_at(out, found[i]->d_name, &out->at[out->n], why)))
            out->n++;
        /* It was trimmed meanwhile: only the oldest go. */
        if (e == ERR_NOT_FOUND && out->n == 0)
            e = OK;
        free(found[i]);
    }
    free(found);
    guess_sizes(out);
    guess_ids(out);
    if (!e && (e = find_used(out)))
        snprintf(why, 256, "%.180s: %.60s", folder, strerror(errno));
    if (e)
        log_files_free(out);
    return e;
}

void log_files_free(struct log_files *l)
{
    free(l->at);
    l->at = NULL;
    l->n = l->used = 0;
}

const uint8_t *log_files_id(const struct log_files *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].has_id)
            return l->at[i].id;
    return NULL;
}

static void tell(const struct log_visit *v, const struct log_file *f, uint64_t from, uint64_t to, const char *what,
                 struct bytes raw)
{
    struct log_damage d = {.file = f, .from = from, .to = to, .what = what, .raw = raw};

    if (v->damage)
        v->damage(v->ctx, &d);
}

void log_files_look(const struct log_files *l, const struct log_visit *v)
{
    const uint8_t *id = log_files_id(l);

    for (size_t i = 0; i < l->n; i++) {
        const struct log_file *f = &l->at[i], *before = i ? &l->at[i - 1] : NULL;

        if (!f->has_head)
            tell(v, f, f->base, f->base + SEGMENT_HEAD, "the head of the file is damaged", NO_BYTES);
        else if (f->has_id && memcmp(f->id, id, STORE_ID) != 0)
            tell(v, f, f->base, f->base + f->size, "the file belongs to another log than the files before it",
                 NO_BYTES);
        if (before && before->has_head && before->base + before->size < f->after)
            tell(v, f, before->base + before->size, f->base, "the file before this one is missing", NO_BYTES);
        if (f->has_head && f->length < f->size)
            tell(v, f, f->base + f->length, f->base + f->size, "the file is cut off", NO_BYTES);
    }
}

uint64_t log_files_end(const struct log_files *l)
{
    const struct log_file *last = l->used ? &l->at[l->used - 1] : NULL;

    if (!last)
        return l->n ? l->at[0].base + SEGMENT_HEAD : 0;
    return last->closed ? last->base + last->size + SEGMENT_HEAD : last->end;
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

/* Nothing whole is at `place`: damage, or the end of the log? The end of the damage, or 0. What was written later says
 * that this had been on disk: then it is read once more, for whoever looks on while the hub writes may have read the
 * first half of a write before it was there. */
static uint64_t damage_at(const struct log_files *l, struct reader *r, uint64_t place, struct frame *again)
{
    const struct log_file *f = r->file;
    bool on_disk = f + 1 < &l->at[l->used] || place < l->known;
    struct frame next;

    if (!on_disk && !next_frame(r, place, false, &next))
        return 0;
    fill(r, place - f->base);
    if (read_frame(r, place, again))
        return place;
    if (next_frame(r, place, true, &next))
        return next.place;
    return f + 1 == &l->at[l->used] && l->known < f->base + f->size ? l->known : f->base + f->size;
}

static const char *what_is_wrong(const struct reader *r, uint64_t from, uint64_t to)
{
    uint64_t base = r->file->base;

    if (r->unreadable != UINT64_MAX && r->unreadable + PAGE > from - base && r->unreadable < to - base)
        return "the disk cannot read it";
    return from - base >= r->file->length ? "the file is cut off" : "a record is damaged";
}

static void tell_damage(struct reader *r, const struct log_visit *v, uint64_t from, uint64_t to)
{
    struct bytes raw = bytes_first(bytes_at(r, from), RAW_MAX);

    tell(v, r->file, from, to, what_is_wrong(r, from, to), raw);
}

static enum err walk(const struct log_files *l, struct log_file *f, struct reader *r, const struct log_visit *v)
{
    uint64_t place = f->base + SEGMENT_HEAD;
    struct frame frame;

    f->frames = 0;
    f->closed = false;
    for (f->end = place; place < f->base + f->size;) {
        if (!read_frame(r, place, &frame)) {
            uint64_t to = damage_at(l, r, place, &frame);

            if (!to)
                return OK;
            if (to != place) {
                tell_damage(r, v, place, to);
                place = to;
                continue;
            }
        }
        f->end = place = frame.next;
        f->frames++;
        if (frame.flags & FRAME_END) {
            f->closed = true;
            return OK;
        }
        if (v->frame && !v->frame(v->ctx, f, &frame))
            return OK;
    }
    f->closed = true;
    return OK;
}

enum err log_file_walk(const struct log_files *l, size_t i, const struct log_visit *v)
{
    struct reader r;
    enum err e = reader_open(l, &l->at[i], &r);

    if (e)
        return e;
    e = walk(l, &l->at[i], &r, v);
    reader_close(&r);
    return e;
}
