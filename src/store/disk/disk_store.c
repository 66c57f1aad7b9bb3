/* The disk engine: appenders copy into a tail in memory; one thread writes and syncs for all of them. */
#include "disk.h"

#include "ceilings.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { TAIL_DEFAULT = 8 << 20, SEGMENT_DEFAULT = 64 << 20, RETRY_MS = 500 };

/* ---- appending ------------------------------------------------------------------------------------------------- */

/* Under the tail lock: the piece of the open buffer that goes into this segment; NULL when the buffer has no more room
 * for pieces. *begun: it is a new one. */
static struct piece *piece_for(struct tail *t, struct segment *s, uint64_t place, bool *begun)
{
    struct piece *p = t->n ? &t->pieces[t->n - 1] : NULL;

    assert(t->n <= PIECES && t->len <= t->cap);
    *begun = !p || p->segment != s;
    if (!*begun)
        return p;
    if (t->n == PIECES)
        return NULL;
    p = &t->pieces[t->n++];
    *p = (struct piece){.segment = s, .place = place, .from = t->len};
    return p;
}

/* Under the tail lock: the frame goes into the open buffer at d->end. */
static void put_frame(struct disk *d, const struct draft *draft, size_t len, uint8_t flags, uint64_t *at)
{
    struct tail *t = d->open;
    bool begun;
    struct piece *p = piece_for(t, d->last, d->end, &begun);
    uint8_t *to = t->at + t->len;
    struct frame f = {.place = d->end, .len = (uint32_t)len, .flags = (uint8_t)(flags | (begun ? FRAME_FIRST : 0))};
    size_t done = FRAME_HEAD;

    assert_locked(&d->tail);
    assert(d->end % 8 == 0 && t->len + frame_size(len) <= t->cap);
    assert(p && d->end + frame_size(len) <= d->last->base + d->last->size);
    for (size_t i = 0; draft && i < draft->n_parts; i++) {
        if (draft->parts[i].len)
            memcpy(to + done, draft->parts[i].at, draft->parts[i].len);
        done += draft->parts[i].len;
    }
    if (draft) {
        f.kind = draft->kind;
        f.lane = draft->lane;
        if (draft->stamp)
            draft->stamp(draft->ctx, to + FRAME_HEAD, len, d->end);
    }
    frame_seal(to, d->last, &f);
    *at = d->end;
    t->len += (size_t)frame_size(len);
    p->len += (size_t)frame_size(len);
    d->end += frame_size(len);
}

/* Under the tail lock: the segment has no room for the record; close it and go on in the next one. */
static void roll(struct disk *d)
{
    uint64_t at;

    assert_locked(&d->tail);
    assert(d->next && d->next->base == d->last->base + d->last->size);
    if (d->end < d->last->base + d->last->size)
        put_frame(d, NULL, 0, FRAME_END, &at);
    mutex_lock(&d->segments_lock);
    list_add(&d->segments, &d->next->in);
    mutex_unlock(&d->segments_lock);
    d->last = d->next;
    d->next = NULL;
    d->end = d->last->base + SEGMENT_HEAD;
    d->open->rolled = true;
}

/* Under the tail lock: on a full disk this record is not for what is left. Of the reserve the second half is for the
 * registry alone. */
static bool is_refused(const struct disk *d, enum room room, bool fits)
{
    const struct segment *s = fits ? d->last : d->next;

    assert_locked(&d->tail);
    if (!d->full)
        return false;
    if (room == ROOM_MESSAGES)
        return !s || s->reserved;
    if (!s)
        return d->used_up;
    return room == ROOM_UPKEEP && s == d->last && s->reserved && d->end - s->base > s->size / 2;
}

/* Under the tail lock: the record of that length may be put. Waits for the sync thread when memory or the next segment
 * is not ready; ERR_DISK_FULL when there will be none. */
static enum err make_room(struct disk *d, enum room room, size_t len)
{
    assert_locked(&d->tail);
    for (;;) {
        bool fits = segment_fits(d->last, d->end, len);
        struct tail *t = d->open;
        size_t wanted = (size_t)frame_size(len) + FRAME_HEAD;

        if (d->stop)
            return ERR_SHUTDOWN;
        if (is_refused(d, room, fits))
            return ERR_DISK_FULL;
        d->wanted |= d->full && !fits && !d->next;
        if ((t->len && t->len + wanted > d->tail_max) || t->n + 2 > PIECES || (!fits && !d->next)) {
            pthread_cond_signal(&d->work);
            mutex_wait(&d->tail, &d->room);
            continue;
        }
        if (fits)
            return OK;
        roll(d);
    }
}

static enum err disk_append(struct store *s, const struct draft *draft, uint64_t *at)
{
    struct disk *d = disk_of(s);
    size_t len = 0;
    enum err e;

    for (size_t i = 0; i < draft->n_parts; i++)
        len += draft->parts[i].len;
    if (len > RECORD_LEN_MAX || SEGMENT_HEAD + frame_size(len) + FRAME_HEAD > d->segment_size)
        return ERR_TOO_LARGE;
    mutex_lock(&d->tail);
    if (!(e = make_room(d, draft->room, len))) {
        put_frame(d, draft, len, 0, at);
        assert(*at < d->end && *at >= atomic_load(&d->durable));
        pthread_cond_signal(&d->work); /* costs nothing while the thread is busy */
    }
    mutex_unlock(&d->tail);
    return e;
}

/* ---- the sync thread ------------------------------------------------------------------------------------------- */

static void write_piece(struct disk *d, const struct tail *t, const struct piece *p)
{
    struct iovec part = {t->at + p->from, p->len};

    assert(p->len > 0 && p->place >= atomic_load(&d->durable));
    if (d->io.write_synced(d->io.ctx, p->segment->fd, &part, 1, (off_t)(p->place - p->segment->base)))
        d->io.failed(d->io.ctx, "writing the log", p->segment->path, errno);
    atomic_store_explicit(&d->durable, p->place + p->len, memory_order_release);
}

/* Pieces of one buffer one after the other: what is in a later segment says that the earlier one was synced. */
static void write_tail(struct disk *d, struct tail *t)
{
    for (int i = 0; i < t->n; i++)
        write_piece(d, t, &t->pieces[i]);
    t->len = 0;
    t->n = 0;
    t->rolled = false;
}

/* Under the tail lock: what could be made of it, and what that means. */
static void note_space(struct disk *d, enum err e)
{
    assert_locked(&d->tail);
    if (e && !d->full)
        log_event(LOG_ERROR, "disk-full", KVS("folder", d->folder), KVS("reason", strerror(errno)),
                  KVS("remedy", "free some space, or keep fewer events (retention, retention_size); until then new "
                                "messages are refused and everything else continues"));
    if (!e && d->full) {
        log_event(LOG_INFO, "disk-has-room-again", KVS("folder", d->folder));
        d->last->reserved = false; /* there is another reserve */
        if (d->next)
            d->next->reserved = false;
    }
    d->full = e == ERR_DISK_FULL;
}

/* The next segment is made while the last one has room, so that nobody waits for it; the reserve comes before it. Where
 * there is no room for both, whoever wants it gets the reserve. Called without the tail lock. */
static void make_ahead(struct disk *d, uint64_t base, bool needs_next, bool wanted)
{
    struct segment *made = NULL;
    enum err e = disk_reserve_fill(d), of_reserve = OK;

    if (!e && needs_next)
        e = disk_segment_new(d, base, false, &made);
    if (e == ERR_DISK_FULL && wanted)
        of_reserve = disk_segment_new(d, base, true, &made);
    if ((e && e != ERR_DISK_FULL) || (of_reserve && of_reserve != ERR_DISK_FULL))
        d->io.failed(d->io.ctx, "making a segment", d->folder, errno);
    mutex_lock(&d->tail);
    assert(!made || (!d->next && made->base == d->last->base + d->last->size));
    if (made)
        d->next = made;
    d->wanted = false;
    d->used_up = of_reserve != OK;
    note_space(d, e);
    pthread_cond_broadcast(&d->room);
    mutex_unlock(&d->tail);
}

/* Under the tail lock: until there is something to write, or to stop, or it is time to try for space again. */
static void wait_for_work(struct disk *d)
{
    struct timespec until;

    assert_locked(&d->tail);
    if (d->open->len || d->stop || d->wanted)
        return;
    if (d->next && !d->full) {
        mutex_wait(&d->tail, &d->work);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    mutex_wait_until(&d->tail, &d->work, &until);
}

static void *sync_thread(void *ctx)
{
    struct disk *d = ctx;

    mutex_lock(&d->tail);
    for (;;) {
        struct tail *t;
        bool needs_next, wanted;
        uint64_t base;

        if (d->next || d->full)
            wait_for_work(d);
        t = d->open;
        if (t->len == 0 && d->stop)
            break;
        d->open = t == &d->tails[0] ? &d->tails[1] : &d->tails[0];
        assert(!d->open->len && !d->open->n);
        pthread_cond_broadcast(&d->room);
        mutex_unlock(&d->tail);
        if (t->len) {
            write_tail(d, t);
            if (d->store.grew)
                d->store.grew(d->store.grew_ctx);
        }
        mutex_lock(&d->tail);
        pthread_cond_broadcast(&d->room);
        /* Nobody but this thread makes it, and nobody but an appender takes it: base is still right when it is missing.
         */
        base = d->last->base + d->last->size;
        needs_next = !d->next;
        wanted = d->wanted && needs_next;
        /* Not before the end of the segment that was left is on disk: recovery allows one empty segment behind the open
         * one. A second roll has to wait for the next segment, so the coming turn writes the first. */
        if ((needs_next || d->full) && !d->stop && !d->open->rolled) {
            mutex_unlock(&d->tail);
            make_ahead(d, base, needs_next, wanted);
            mutex_lock(&d->tail);
        }
    }
    mutex_unlock(&d->tail);
    return NULL;
}

/* ---- the rest of the interface --------------------------------------------------------------------------------- */

static uint64_t disk_durable(struct store *s)
{
    return atomic_load_explicit(&disk_of(s)->durable, memory_order_acquire);
}

static uint64_t disk_first(struct store *s)
{
    return atomic_load(&disk_of(s)->first);
}

bool disk_store_is_whole(struct store *s)
{
    return disk_first(s) == SEGMENT_HEAD;
}

static uint64_t disk_end(struct store *s)
{
    struct disk *d = disk_of(s);
    uint64_t end;

    mutex_lock(&d->tail);
    end = d->end;
    mutex_unlock(&d->tail);
    return end;
}

static enum err disk_sync(struct store *s, uint64_t at)
{
    struct disk *d = disk_of(s);

    mutex_lock(&d->tail);
    while (disk_durable(s) <= at && at < d->end)
        mutex_wait(&d->tail, &d->room);
    mutex_unlock(&d->tail);
    return OK;
}

/* Under both locks: all of the segment is below the place and durable. */
static bool may_go(struct disk *d, const struct segment *s, uint64_t below)
{
    uint64_t end = s->base + s->size;

    assert_locked(&d->tail);
    assert_locked(&d->segments_lock);
    return s != d->last && end <= below && end <= disk_durable(&d->store);
}

static const uint8_t *disk_id(struct store *s)
{
    static const uint8_t none[STORE_ID];
    const struct disk *d = disk_of(s);

    return d->has_id ? d->id : none;
}

static uint64_t disk_first_after(struct store *s, uint64_t below)
{
    struct disk *d = disk_of(s);
    uint64_t first = disk_first(s);

    mutex_lock(&d->tail);
    mutex_lock(&d->segments_lock);
    LIST_EACH (&d->segments, it) {
        const struct segment *oldest = segment_of(it);

        first = oldest->base + SEGMENT_HEAD;
        if (!may_go(d, oldest, below))
            break;
    }
    mutex_unlock(&d->segments_lock);
    mutex_unlock(&d->tail);
    return first;
}

/* Takes the oldest segment out of the log, if all of it is below the place and durable; NULL else. */
static struct segment *take_oldest(struct disk *d, uint64_t below)
{
    struct segment *oldest;

    mutex_lock(&d->tail);
    mutex_lock(&d->segments_lock);
    oldest = segment_of(d->segments.next);
    if (!may_go(d, oldest, below)) {
        oldest = NULL;
    } else {
        assert(oldest != d->last && oldest != d->next && oldest->base + oldest->size <= disk_durable(&d->store));
        list_del(&oldest->in);
        atomic_store(&d->first, segment_of(d->segments.next)->base + SEGMENT_HEAD);
    }
    mutex_unlock(&d->segments_lock);
    mutex_unlock(&d->tail);
    return oldest;
}

static enum err disk_trim(struct store *s, uint64_t below)
{
    struct disk *d = disk_of(s);
    struct segment *oldest;
    bool used, full;

    mutex_lock(&d->tail);
    full = d->full;
    mutex_unlock(&d->tail);
    if (!trim_gate_enter(&d->gate, full, clock_ms(CLOCK_MONOTONIC)))
        return OK; /* the next time */
    while ((oldest = take_oldest(d, below))) {
        disk_segment_retire(d, oldest);
        mutex_lock(&d->segments_lock);
        oldest->trimmed = true;
        used = oldest->users > 0;
        mutex_unlock(&d->segments_lock);
        if (!used)
            disk_segment_give_up(d, oldest);
    }
    disk_gaps_trim(d, disk_first(s));
    trim_gate_leave(&d->gate);
    mutex_lock(&d->tail);
    if (d->full)
        pthread_cond_signal(&d->work);
    mutex_unlock(&d->tail);
    return OK;
}

static void disk_free(struct disk *d)
{
    assert(!d->open || !d->open->len);
    LIST_EACH (&d->segments, it) {
        list_del(it);
        segment_free(segment_of(it));
    }
    segment_free(d->next);
    while (d->n_spares)
        segment_free(d->spares[--d->n_spares]);
    for (int i = 0; i < 2; i++)
        free(d->tails[i].at);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    trim_gate_close(&d->gate);
    mutex_destroy(&d->tail);
    mutex_destroy(&d->segments_lock);
    mutex_destroy(&d->gaps_lock);
    free(d->gaps);
    pthread_cond_destroy(&d->work);
    pthread_cond_destroy(&d->room);
    free(d);
}

static void disk_close(struct store *s)
{
    struct disk *d = disk_of(s);

    if (d->syncing) {
        mutex_lock(&d->tail);
        d->stop = true;
        pthread_cond_broadcast(&d->work);
        pthread_cond_broadcast(&d->room);
        mutex_unlock(&d->tail);
        pthread_join(d->syncer, NULL);
        assert(d->durable == d->end);
    }
    disk_free(d);
}

static const struct store_ops disk_ops = {.append = disk_append,
                                          .durable = disk_durable,
                                          .first = disk_first,
                                          .end = disk_end,
                                          .sync = disk_sync,
                                          .read = disk_read,
                                          .cursor_close = disk_cursor_close,
                                          .first_after = disk_first_after,
                                          .trim = disk_trim,
                                          .older_than = disk_older_than,
                                          .space = disk_space,
                                          .id = disk_id,
                                          .gap = disk_gap,
                                          .close = disk_close};

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* A single process at a time. */
static enum err lock_folder(struct disk *d, char why[256])
{
    char path[SEGMENT_PATH_CAP];

    snprintf(path, sizeof path, "%s/lock", d->folder);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0) {
        snprintf(why, 256, "%.200s: %s", path, strerror(errno));
        return ERR_IO;
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB)) {
        snprintf(why, 256, "another hub runs in this folder; stop it first");
        return ERR_BUSY;
    }
    trim_gate_open(&d->gate, d->folder);
    return OK;
}

/* Of the reserve, where there is no other room. */
static enum err make_any(struct disk *d, uint64_t base)
{
    enum err e = disk_segment_new(d, base, false, &d->next);

    return e == ERR_DISK_FULL ? disk_segment_new(d, base, true, &d->next) : e;
}

/* A log of no segments gets its first one; one whose last segment is closed goes on in the next. */
static enum err make_last(struct disk *d)
{
    uint64_t base = d->last ? d->last->base + d->last->size : d->end ? d->end - SEGMENT_HEAD : 0;
    enum err e;

    if (!d->last || d->end >= base) {
        if (!d->next && (e = make_any(d, base)))
            return e;
        list_add(&d->segments, &d->next->in);
        d->last = d->next;
        d->next = NULL;
        d->end = d->last->base + SEGMENT_HEAD;
    }
    assert(d->end >= d->last->base + SEGMENT_HEAD && d->end % 8 == 0);
    atomic_store(&d->durable, d->end);
    atomic_store(&d->first, segment_of(d->segments.next)->base + SEGMENT_HEAD);
    return OK;
}

/* The reserve may be in use where there is no room for it: what is appended to is treated as if it were that. */
static enum err make_reserve(struct disk *d)
{
    enum err e = disk_reserve_fill(d);

    if (e && e != ERR_DISK_FULL)
        return e;
    mutex_lock(&d->tail);
    d->last->reserved = e == ERR_DISK_FULL;
    note_space(d, e);
    mutex_unlock(&d->tail);
    return OK;
}

static enum err start(struct disk *d, char why[256])
{
    enum err e;

    if ((e = lock_folder(d, why)) || (e = disk_recover(d, why)))
        return e;
    if (d->known && list_empty(&d->segments) && !d->next) {
        snprintf(why, 256, "its files are missing: the checkpoint is valid up to place %llu",
                 (unsigned long long)d->known);
        return ERR_DAMAGED;
    }
    d->kept_id = NULL;
    if (!d->has_id && getrandom(d->id, STORE_ID, 0) != STORE_ID) {
        snprintf(why, 256, "there are no random bytes: %s", strerror(errno));
        return ERR_IO;
    }
    if ((e = make_last(d)) || (e = make_reserve(d))) {
        snprintf(why, 256, "a segment cannot be made: %s", strerror(errno));
        return e;
    }
    for (int i = 0; i < 2; i++) {
        d->tails[i].cap = d->tail_max + (size_t)frame_size(RECORD_LEN_MAX) + 2 * FRAME_HEAD;
        if (!(d->tails[i].at = malloc(d->tails[i].cap)))
            return ERR_MEMORY;
    }
    d->open = &d->tails[0];
    if (pthread_create(&d->syncer, NULL, sync_thread, d))
        return ERR_MEMORY;
    d->syncing = true;
    return OK;
}

/* A clock that is set must not make the wait for space long. */
static void work_init(struct disk *d)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

enum err disk_store_open_on(const struct disk_options *o, const struct disk_io *io, struct store **out, char why[256])
{
    struct disk *d = calloc(1, sizeof *d);
    enum err e;

    why[0] = 0;
    if (!d)
        return ERR_MEMORY;
    d->store.ops = &disk_ops;
    d->io = *io;
    d->segment_size = (o->segment_size ? o->segment_size : SEGMENT_DEFAULT) & ~(uint64_t)7;
    d->size_max = o->size_max;
    d->known = o->known;
    d->kept_id = o->id;
    d->tail_max = o->tail_max ? o->tail_max : TAIL_DEFAULT;
    d->lock_fd = d->gate.fd = -1;
    list_init(&d->segments);
    mutex_init(&d->tail, RANK_TAIL);
    mutex_init(&d->segments_lock, RANK_OWN);
    mutex_init(&d->gaps_lock, RANK_OWN);
    work_init(d);
    pthread_cond_init(&d->room, NULL);
    if (!bytes_to_str(bytes_str(o->folder), d->folder, sizeof d->folder) || d->segment_size < SEGMENT_LEAST)
        e = ERR_ARGUMENT;
    else
        e = start(d, why);
    if (e)
        disk_free(d);
    else
        *out = &d->store;
    return e;
}

enum err disk_store_open(const struct disk_options *o, struct store **out, char why[256])
{
    return disk_store_open_on(o, &disk_io_system, out, why);
}
