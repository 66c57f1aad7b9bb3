/* Opening a log: every frame of every segment is looked at. What does not fit is one of three:
 *
 * A torn end. A log that was cut off in the middle of a write ends in frames that do not fit; they were never
 * acknowledged and are cut. A write begins only after everything before it was synced, and its first frame says that it
 * is one; so what such a frame, or any frame of a later segment, stands behind had been on disk, and so had everything
 * below the place of the checkpoint.
 *
 * A gap, elsewhere: what was there had been acknowledged and is damaged, or its file is missing or cut short. It is
 * noted, and the log goes on with the next valid frame; nothing that is known to be on disk is written over.
 *
 * A contradiction: files of two logs, files that overlap, an end that lies before the place of the checkpoint
 * although nothing is damaged there. Going on would give places again that were given once: it is refused.
 *
 * What is accepted is synced before anything is built on it: a hub that was killed in the middle of a write leaves it
 * in the memory of the kernel only. */
#include "disk.h"

#include "crew.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_segment(const struct dirent *d)
{
    return segment_is_name(d->d_name);
}

static int is_spare(const struct dirent *d)
{
    return strncmp(d->d_name, "spare-", 6) == 0;
}

static void say_damage(char why[256], const struct segment *s, uint64_t place, const char *what)
{
    snprintf(why, 256, "%.150s: %s at byte %llu", s->path, what, (unsigned long long)(place - s->base));
}

static struct segment *next_of(struct disk *d, const struct segment *s)
{
    return s->in.next == &d->segments ? NULL : segment_of(s->in.next);
}

static uint64_t end_of(const struct segment *s)
{
    return s->base + s->size;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static enum err open_one(struct disk *d, const char *name, char why[256])
{
    struct segment *s;
    uint64_t base;

    if (!segment_base_of(name, &base)) {
        snprintf(why, 256, "%.150s/%.20s: no file of a log begins there: give it its name again, or move it elsewhere",
                 d->folder, name);
        return ERR_DAMAGED;
    }
    if (!(s = calloc(1, sizeof *s)))
        return ERR_MEMORY;
    s->fd = -1;
    s->base = base;
    disk_segment_path(d, s->base, s->path);
    if (segment_open(&d->io, s)) {
        snprintf(why, 256, "%.150s: cannot be opened: %.80s", s->path, strerror(errno));
        segment_free(s);
        return ERR_IO;
    }
    list_add(&d->segments, &s->in);
    return OK;
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

/* Files that an earlier life had ready: the space of the reserve, for a disk that is full now. */
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

/* The first file that has an id says what it is; where none has, the checkpoint does. Files of before have none. */
static enum err know_id(struct disk *d, const uint8_t *kept, char why[256])
{
    LIST_EACH (&d->segments, it) {
        const struct segment *s = segment_of(it);

        if (!s->has_id)
            continue;
        if (!d->has_id)
            memcpy(d->id, s->id, STORE_ID);
        d->has_id = true;
        if (memcmp(d->id, s->id, STORE_ID) == 0)
            continue;
        say_damage(why, s, s->base, "the file belongs to another log than the files before it");
        return ERR_DAMAGED;
    }
    if (d->has_id || !kept || memcmp(kept, (const uint8_t[STORE_ID]){0}, STORE_ID) == 0)
        return OK;
    memcpy(d->id, kept, STORE_ID);
    d->has_id = true;
    return OK;
}

static bool begins_with_a_frame(struct segment *s)
{
    struct frame f;
    bool begins = segment_map(s) && frame_at(s, s->base + SEGMENT_HEAD, &f);

    segment_unmap(s);
    return begins;
}

/* A file whose head is damaged is what the files around it and its frames say. */
static void guess_head(struct disk *d, struct segment *s)
{
    const struct segment *behind = next_of(d, s);

    assert(s->head_bad || s->id_bad);
    if (s->head_bad && behind)
        s->size = (behind->head_bad || behind->id_bad ? behind->base : behind->after) - s->base;
    else if (s->head_bad && s->size < SEGMENT_LEAST)
        s->size = d->segment_size;
    if (s->there > s->size)
        s->there = s->size;
    if (s->has_id)
        return;
    memcpy(s->id, d->id, STORE_ID);
    if (s->head_bad)
        s->form = FORM_SEALED;
    segment_known(s);
    if (!s->head_bad || begins_with_a_frame(s))
        return;
    s->form = FORM_PLAIN;
    segment_known(s);
    if (begins_with_a_frame(s))
        return;
    s->form = FORM_SEALED;
    segment_known(s);
}

/* Places between two files: a file is missing, or the log was restored. */
static void look_between(struct disk *d, const struct segment *s)
{
    const struct segment *behind = next_of(d, s);

    if (!behind || end_of(s) == behind->base)
        return;
    if (!behind->id_bad && !behind->head_bad && behind->after == end_of(s))
        disk_gap_add_jump(d, end_of(s), behind->base);
    else
        disk_gap_add(d, NULL, end_of(s), behind->base);
}

/* A size that was guessed, too, is that of a segment, which ends where the next one begins or before that. */
static enum err check_size(struct disk *d, const struct segment *s, char why[256])
{
    const struct segment *behind = next_of(d, s);

    if (s->size >= SEGMENT_LEAST && s->size <= SEGMENT_BASE_MAX && (!behind || end_of(s) <= behind->base))
        return OK;
    if (behind)
        snprintf(why, 256, "%.100s and %.100s hold the same places", s->path, behind->path);
    else
        snprintf(why, 256, "%.150s: no file of a log has %llu bytes", s->path, (unsigned long long)s->size);
    return ERR_DAMAGED;
}

static enum err know_files(struct disk *d, char why[256])
{
    enum err e = know_id(d, d->kept_id, why);

    LIST_EACH (&d->segments, it) {
        struct segment *s = segment_of(it);

        if (e)
            break;
        if (s->head_bad || s->id_bad)
            guess_head(d, s);
        if ((e = check_size(d, s, why)))
            break;
        if (s->head_bad || s->id_bad)
            disk_gap_add(d, s, s->base, s->base + SEGMENT_HEAD);
        look_between(d, s);
    }
    return e;
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

struct walk {
    uint64_t end; /* behind the last frame that counts */
    bool closed;  /* there is a FRAME_END */
};

/* The last place from `from` on at which a write began; 0: none did. */
static uint64_t last_write(const struct segment *s, uint64_t from)
{
    uint64_t last = 0;
    struct frame f;

    while (frame_at(s, from, &f) || frame_after(s, from, end_of(s), &f)) {
        if (f.flags & FRAME_FIRST)
            last = f.place;
        from = f.next;
    }
    return last;
}

static bool is_zero_from(const struct segment *s, uint64_t place)
{
    assert(s->map && place >= s->base);
    if (place >= s->base + s->there)
        return true;
    return bytes_are_zeros(bytes_of(s->map + (place - s->base), (size_t)(s->base + s->there - place)));
}

/* All segments, by several threads: each takes the first one that nobody has taken yet. */
struct ahead {
    struct disk *d;
    atomic_uint next;
};

static void look_ahead(void *ctx, unsigned i)
{
    struct ahead *a = ctx;
    unsigned turn = 0, mine = atomic_fetch_add(&a->next, 1);
    struct frame f;

    (void)i;
    LIST_EACH (&a->d->segments, it) {
        struct segment *s = segment_of(it);

        if (turn++ != mine)
            continue;
        mine = atomic_fetch_add(&a->next, 1);
        s->sound = s->base + SEGMENT_HEAD;
        if (!segment_map(s))
            continue;
        while (!s->closed && frame_at(s, s->sound, &f)) {
            s->sound = f.next;
            s->closed = (f.flags & FRAME_END) != 0;
        }
        segment_unmap(s);
    }
}

static void look_ahead_all(struct disk *d)
{
    struct ahead a = {.d = d};
    unsigned n = 0;

    LIST_EACH (&d->segments, it)
        n++;
    crew_run(crew_size(n), look_ahead, &a);
}

/* From frame to frame, over what is damaged. What is not below `sure` may be a torn write: there it ends. */
static void walk(struct disk *d, const struct segment *s, uint64_t sure, struct walk *out)
{
    bool looked = false;
    struct frame f;

    assert(s->map && !out->closed);
    while (!out->closed) {
        if (frame_at(s, out->end, &f)) {
            out->end = f.next;
            out->closed = (f.flags & FRAME_END) != 0;
            continue;
        }
        /* The usual end of a log is quickly seen. */
        if (is_zero_from(s, out->end) || !frame_after(s, out->end, end_of(s), &f))
            return;
        if (out->end >= sure && !looked) {
            uint64_t synced = last_write(s, out->end);

            sure = synced > sure ? synced : sure;
            looked = true;
        }
        if (out->end >= sure)
            return;
        disk_gap_add(d, s, out->end, f.place);
        out->end = f.place;
    }
}

/* The log went on behind this segment, whether or not its own end says so. An empty file behind the last one was made
 * ahead; a second one only when the first was begun. */
static bool goes_on_behind(struct disk *d, const struct segment *s)
{
    struct segment *behind = next_of(d, s);
    struct frame f;
    bool begun;

    if (!behind)
        return false;
    if (next_of(d, behind) || behind->base != end_of(s) || d->known > behind->base)
        return true;
    if (!segment_map(behind))
        return false;
    begun = frame_at(behind, behind->base + SEGMENT_HEAD, &f) ||
            (frame_claims(behind, behind->base + SEGMENT_HEAD, &f) &&
             frame_after(behind, behind->base + SEGMENT_HEAD, end_of(behind), &f));
    segment_unmap(behind);
    return begun;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

/* Later writes must not bring a leftover back to life: by ending just before it, or, torn themselves, by going on as it
 * did behind its head. */
static enum err wipe(struct disk *d, const struct segment *s, uint64_t from, uint64_t to)
{
    static uint8_t zeros[64 * 1024];

    assert(from <= to && to <= end_of(s));
    for (uint64_t at = from; at < to;) {
        struct iovec part = {zeros, to - at < sizeof zeros ? (size_t)(to - at) : sizeof zeros};

        if (d->io.write_synced(d->io.ctx, s->fd, &part, 1, (off_t)(at - s->base)))
            return ERR_IO;
        at += part.iov_len;
    }
    return OK;
}

/* The rest of a write that was cut off goes. Also where nothing of it can be told from zeros but a sector, it is
 * said. */
static enum err cut(struct disk *d, const struct segment *s, uint64_t end)
{
    uint64_t leftover = end;
    bool has_head;
    struct frame f;

    assert(end >= s->base + SEGMENT_HEAD && end <= end_of(s));
    if (is_zero_from(s, end))
        return OK;
    while (frame_at(s, leftover, &f) || frame_after(s, leftover, end_of(s), &f))
        leftover = f.next;
    has_head = frame_claims(s, end, &f);
    if (leftover > end || has_head || !s->reused)
        log_event(LOG_WARN, "log-cut", KVS("file", s->path), KVN("offset", end - s->base),
                  KVS("reason", "the last write was cut off; nothing of it had been acknowledged"));
    if (has_head && leftover == end)
        leftover = end + FRAME_HEAD;
    return wipe(d, s, end, leftover);
}

static bool was_written(const struct segment *s, uint64_t from, uint64_t to)
{
    struct frame f;

    assert(s->map && from % 8 == 0);
    for (; from < to; from += 8)
        if (frame_claims(s, from, &f))
            return true;
    return false;
}

/* Nothing valid is from `*end` on, and the checkpoint knows better. Where something was written it is damaged, and the
 * log continues at the place of the checkpoint; where nothing was, this is an older log than the checkpoint's. */
static enum err end_at_known(struct disk *d, const struct segment *s, uint64_t *end, char why[256])
{
    assert(*end < d->known);
    if (d->known > end_of(s) || !was_written(s, *end, d->known)) {
        snprintf(why, 256,
                 "%.110s: nothing valid at byte %llu, but the checkpoint is valid up to place %llu: what lies between "
                 "them is damaged or missing",
                 s->path, (unsigned long long)(*end - s->base), (unsigned long long)d->known);
        return ERR_DAMAGED;
    }
    disk_gap_add(d, s, *end, d->known);
    *end = d->known;
    return OK;
}

/* Nothing was written from this place on, whatever is there. */
static bool is_unused(const struct segment *s, uint64_t from)
{
    uint64_t offset = from - s->base;

    assert(s->map && from >= s->base);
    return offset + FRAME_HEAD <= s->there && bytes_are_zeros(bytes_of(s->map + offset, FRAME_HEAD));
}

/* The segment that may be the last one. *given_up: it is damaged where the log ended; what had been there is not known,
 * so the log continues in a new file. */
static enum err end_here(struct disk *d, struct segment *s, uint64_t end, bool *given_up, char why[256])
{
    enum err e = OK;

    assert(s->there <= s->size && !d->last);
    if (s->there < s->size && (end < d->known || !is_unused(s, end))) {
        *given_up = true;
        return OK;
    }
    if (s->there < s->size) { /* its end was cut off, in which there was nothing yet */
        disk_gap_add(d, s, s->base + s->there, end_of(s));
        if (d->io.allocate(d->io.ctx, s->fd, (off_t)s->size))
            return ERR_IO;
        s->there = s->size;
    }
    /* Bytes behind a damaged end are of that damage, and no write. */
    e = end < d->known ? end_at_known(d, s, &end, why) : cut(d, s, end);
    d->last = s;
    d->end = end;
    return e;
}

static enum err scan_one(struct disk *d, struct segment *s, struct walk *w, char why[256])
{
    bool goes_on, given_up;
    enum err e = OK;

    *w = (struct walk){.end = s->sound, .closed = s->closed};
    if (w->closed)
        return OK;
    given_up = goes_on = goes_on_behind(d, s);
    if (!segment_map(s)) {
        snprintf(why, 256, "%.150s: its %llu bytes cannot be mapped", s->path, (unsigned long long)s->size);
        return ERR_MEMORY;
    }
    walk(d, s, goes_on ? UINT64_MAX : d->known, w);
    if (!w->closed && !goes_on)
        e = end_here(d, s, w->end, &given_up, why);
    if (!e && !w->closed && given_up)
        disk_gap_add(d, s, w->end, end_of(s));
    segment_unmap(s);
    return e;
}

/* The last file is closed: the one that it goes on in was there before that, so it is missing; or it was given up. */
static enum err end_behind(struct disk *d, const struct segment *s, bool closed, char why[256])
{
    uint64_t end = end_of(s) + SEGMENT_HEAD;

    if (d->known > end) {
        snprintf(why, 256,
                 "%.110s: the file that continues at place %llu is missing, but the checkpoint is valid up to place "
                 "%llu",
                 s->path, (unsigned long long)end_of(s), (unsigned long long)d->known);
        return ERR_DAMAGED;
    }
    if (closed)
        disk_gap_add(d, NULL, end_of(s), end_of(s) + d->segment_size);
    d->end = end + (closed ? d->segment_size : 0);
    return OK;
}

/* The file behind the last one was made ahead. There is nothing in it: a damaged one is made anew. */
static enum err settle_next(struct disk *d)
{
    struct segment *next = next_of(d, d->last);

    if (!next)
        return OK;
    list_del(&next->in);
    d->next = next;
    if (!next->head_bad && !next->id_bad && next->there == next->size)
        return OK;
    close(next->fd);
    next->after = next->base;
    return segment_make(&d->io, next) ? ERR_IO : OK;
}

static enum err scan_all(struct disk *d, char why[256])
{
    struct walk w = {.end = 0};
    enum err e = OK;

    look_ahead_all(d);
    LIST_EACH (&d->segments, it) {
        e = scan_one(d, segment_of(it), &w, why);
        if (e || d->last)
            break;
    }
    if (e)
        return e;
    return d->last ? settle_next(d) : end_behind(d, segment_of(d->segments.prev), w.closed, why);
}

/* Only the last write may not be on disk: it ends in the segment that is appended to, or closed the one before. */
static enum err sync_end(struct disk *d, char why[256])
{
    const struct segment *last = segment_of(d->segments.prev);
    const struct segment *before = last->in.prev == &d->segments ? NULL : segment_of(last->in.prev);

    if ((before && d->io.sync(d->io.ctx, before->fd)) || d->io.sync(d->io.ctx, last->fd)) {
        snprintf(why, 256, "%.150s: cannot be synced: %.80s", last->path, strerror(errno));
        return ERR_IO;
    }
    return OK;
}

/* A hub that was killed may have left names that are not on disk yet: nothing rests on them before they are. */
static enum err sync_names(struct disk *d, char why[256])
{
    if (!d->io.sync_folder(d->io.ctx, d->folder))
        return OK;
    snprintf(why, 256, "%.150s: cannot be synced: %.80s", d->folder, strerror(errno));
    return ERR_IO;
}

enum err disk_recover(struct disk *d, char why[256])
{
    enum err e;

    if (d->known % 8) {
        snprintf(why, 256, "the checkpoint is valid up to place %llu, where no record can begin",
                 (unsigned long long)d->known);
        return ERR_DAMAGED;
    }
    if ((e = sync_names(d, why)))
        return e;
    adopt_spares(d);
    if ((e = open_all(d, why)) || list_empty(&d->segments))
        return e;
    if ((e = know_files(d, why)) || (e = scan_all(d, why)))
        return e;
    return sync_end(d, why);
}
