/* Reading: straight from the mapped segments. A cursor holds the segment it stands in, so what it lent stays valid when
 * the log is trimmed, and the file is not written again before the cursor has moved on. */
#include "disk.h"

static void leave(struct disk *d, struct cursor *c)
{
    struct segment *s = c->engine;
    bool gone;

    c->engine = NULL;
    if (!s)
        return;
    mutex_lock(&d->segments_lock);
    assert(s->users > 0);
    gone = --s->users == 0 && s->trimmed;
    if (s->users == 0)
        segment_unmap(s);
    mutex_unlock(&d->segments_lock);
    if (gone)
        disk_segment_give_up(d, s);
}

/* Under segments_lock: the segment that holds the place, or the next one, where none does. */
static struct segment *find(struct disk *d, uint64_t place)
{
    struct segment *behind = NULL;

    assert_locked(&d->segments_lock);
    /* From the end: most cursors read what came last. */
    for (struct list *l = d->segments.prev; l != &d->segments; l = l->prev) {
        struct segment *s = segment_of(l);

        if (place >= s->base + s->size)
            break;
        behind = s;
    }
    return behind;
}

static enum err enter(struct disk *d, struct cursor *c)
{
    struct segment *s;
    enum err e = OK;

    assert(!c->engine);
    mutex_lock(&d->segments_lock);
    s = find(d, c->at);
    if (!s) {
        e = ERR_NOT_FOUND;
    } else if (!segment_map(s)) {
        e = ERR_MEMORY;
    } else {
        assert(!s->trimmed);
        s->users++;
        c->engine = s;
        if (c->at < s->base + SEGMENT_HEAD)
            c->at = s->base + SEGMENT_HEAD;
    }
    mutex_unlock(&d->segments_lock);
    return e;
}

static bool stands_in(const struct cursor *c)
{
    const struct segment *s = c->engine;

    return s && c->at >= s->base && c->at < s->base + s->size;
}

/* It is wanted, or leads far away. */
static bool must_check(const struct cursor *c, const struct frame *f)
{
    return f->flags & FRAME_END || ((c->kind < 0 || c->kind == f->kind) && (c->lane < 0 || c->lane == f->lane));
}

/* The next that can be read after a bad place: the next valid frame, the next segment, or what is not durable yet. */
static uint64_t end_of_gap(const struct segment *s, uint64_t from, uint64_t durable)
{
    uint64_t end = s->base + s->size;
    struct frame f;

    if (frame_after(s, from, durable, &f))
        return f.place;
    return durable > end ? end : durable;
}

/* Nothing valid is at c->at, or, where the cursor came over a frame that it did not want, that one is not: its length
 * led here. The cursor goes behind it. */
static void go_over(struct disk *d, struct cursor *c, uint64_t came_from, uint64_t durable)
{
    const struct segment *s = c->engine;
    uint64_t from = c->at, end;
    struct frame f;

    if (came_from && !frame_at(s, came_from, &f))
        from = came_from;
    if (!(end = disk_gap_end(d, from))) {
        end = end_of_gap(s, from, durable);
        disk_gap_add(d, s, from, end);
    }
    assert(end > from);
    c->at = end;
}

enum err disk_read(struct store *store, struct cursor *c, struct record *out)
{
    struct disk *d = disk_of(store);
    uint64_t durable = atomic_load_explicit(&d->durable, memory_order_acquire);
    uint64_t skipped = 0, first = atomic_load(&d->first), came_from = 0;

    if (c->at < first)
        c->at = first;
    while (c->at < durable) {
        const struct segment *s;
        struct frame f;
        bool checked;

        if (!stands_in(c)) {
            enum err e;

            leave(d, c);
            if ((e = enter(d, c)))
                return e;
            came_from = 0;
            continue; /* it may have had to go on to the next segment, which is not durable yet */
        }
        s = c->engine;
        /* A frame that is not wanted is not checked: only that a frame is there, where the one before it says. */
        if (!frame_head_at(s, c->at, &f) || ((checked = must_check(c, &f)) && !frame_at(s, c->at, &f))) {
            go_over(d, c, came_from, durable);
            came_from = 0;
            continue;
        }
        if (f.flags & FRAME_END) {
            c->at = s->base + s->size + SEGMENT_HEAD;
            continue;
        }
        if (!checked) {
            came_from = c->at;
            c->at = f.next;
            skipped += f.next - f.place;
            if (c->budget && skipped > c->budget)
                return ERR_BUSY;
            continue;
        }
        *out = (struct record){.at = c->at, .kind = f.kind, .lane = f.lane, .body = bytes_of(f.body, f.len)};
        assert(f.next > f.place);
        c->at = f.next;
        return OK;
    }
    return ERR_NOT_FOUND;
}

void disk_cursor_close(struct store *s, struct cursor *c)
{
    leave(disk_of(s), c);
}
