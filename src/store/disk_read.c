/* Reading: straight from the mapped segments. A cursor holds the segment it stands in, so what it lent stays valid when
 * the log is trimmed, and the file is not written again before the cursor has moved on. */
#include "disk.h"

#include "log.h"

static void leave(struct disk *d, struct cursor *c)
{
    struct segment *s = c->engine;
    bool gone;

    c->engine = NULL;
    if (!s)
        return;
    pthread_mutex_lock(&d->segments_lock);
    gone = --s->users == 0 && s->trimmed;
    if (s->users == 0)
        segment_unmap(s);
    pthread_mutex_unlock(&d->segments_lock);
    if (gone)
        disk_segment_give_up(d, s);
}

/* Under segments_lock: the segment that holds the place; the first one for a place before it. */
static struct segment *find(struct disk *d, uint64_t place)
{
    /* From the end: most cursors read what came last. */
    for (struct list *l = d->segments.prev; l != &d->segments; l = l->prev)
        if (segment_of(l)->base <= place)
            return segment_of(l);
    return list_empty(&d->segments) ? NULL : segment_of(d->segments.next);
}

static enum err enter(struct disk *d, struct cursor *c)
{
    struct segment *s;
    enum err e = OK;

    pthread_mutex_lock(&d->segments_lock);
    s = find(d, c->at);
    if (!s) {
        e = ERR_NOT_FOUND;
    } else if (!segment_map(s)) {
        e = ERR_MEMORY;
    } else {
        s->users++;
        c->engine = s;
        if (c->at < s->base + SEGMENT_HEAD)
            c->at = s->base + SEGMENT_HEAD;
    }
    pthread_mutex_unlock(&d->segments_lock);
    return e;
}

static bool stands_in(const struct cursor *c)
{
    const struct segment *s = c->engine;

    return s && c->at >= s->base && c->at < s->base + s->size;
}

static bool is_wanted(const struct cursor *c, const struct frame *f)
{
    return (c->kind < 0 || c->kind == f->kind) && (c->lane < 0 || c->lane == f->lane);
}

/* The head of a frame that is known to be durable: enough to skip it. */
static bool head_at(const struct segment *s, uint64_t place, struct frame *out)
{
    const uint8_t *at = s->map + (place - s->base);
    uint32_t len = (uint32_t)(at[4] | at[5] << 8 | at[6] << 16) | (uint32_t)at[7] << 24;

    if (place - s->base + frame_size(len) > s->size)
        return false;
    *out = (struct frame){.place = place,
                          .next = place + frame_size(len),
                          .len = len,
                          .kind = at[16],
                          .flags = at[17],
                          .lane = (uint16_t)(at[18] | at[19] << 8)};
    return true;
}

static enum err damaged(const struct segment *s, uint64_t place)
{
    log_event(LOG_ERROR, "log-damaged", KVS("file", s->path), KVN("offset", place - s->base));
    return ERR_DAMAGED;
}

enum err disk_read(struct store *store, struct cursor *c, struct record *out)
{
    struct disk *d = disk_of(store);
    uint64_t durable = atomic_load_explicit(&d->durable, memory_order_acquire);
    uint64_t skipped = 0, first = atomic_load(&d->first);

    if (c->at < first)
        c->at = first;
    while (c->at < durable) {
        const struct segment *s;
        struct frame f;

        if (!stands_in(c)) {
            enum err e;

            leave(d, c);
            if ((e = enter(d, c)))
                return e;
        }
        s = c->engine;
        if (!head_at(s, c->at, &f))
            return damaged(s, c->at);
        if (f.flags & FRAME_END) {
            c->at = s->base + s->size + SEGMENT_HEAD;
            continue;
        }
        if (!is_wanted(c, &f)) {
            c->at = f.next;
            skipped += f.next - f.place;
            if (c->budget && skipped > c->budget)
                return ERR_BUSY;
            continue;
        }
        if (!frame_at(s, c->at, &f))
            return damaged(s, c->at);
        *out = (struct record){.at = c->at, .kind = f.kind, .lane = f.lane, .body = bytes_of(f.body, f.len)};
        c->at = f.next;
        return OK;
    }
    return ERR_NOT_FOUND;
}

void disk_cursor_close(struct store *s, struct cursor *c)
{
    leave(disk_of(s), c);
}
