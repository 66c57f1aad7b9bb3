#include "partition.h"

#include "event.h"
#include "partition_key.h"

#include <stdio.h>

void partition_init(struct partition_state *p, unsigned number)
{
    *p = (struct partition_state){.number = number, .last = -1, .stride = INDEX_STRIDE, .reach = INDEX_REACH};
    mutex_init(&p->lock, RANK_OWN);
    list_init(&p->readers);
}

/* Every second entry goes: the index never grows beyond what it was born with. */
static void thin(struct partition_state *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_index; i += 2)
        p->index[kept++] = p->index[i];
    assert(kept > 0 && kept < p->n_index);
    p->n_index = kept;
    p->stride *= 2;
    p->reach *= 2;
}

/* Whether the newest entry of the index is far enough behind to add one. */
static bool is_due(const struct partition_state *p, int64_t sequence, uint64_t at)
{
    const struct index_entry *newest = p->n_index ? &p->index[p->n_index - 1] : NULL;

    assert(p->n_index <= INDEX_CAP);
    return !newest || (uint64_t)(sequence - newest->sequence) >= p->stride || at - newest->at >= p->reach;
}

void partition_grow(struct partition_state *p, int64_t sequence, uint64_t at, int64_t enqueued_ms)
{
    assert_locked(&p->lock);
    assert(p->index);
    if (sequence < p->next)
        return; /* the checkpoint has it already */
    if (p->first == p->next) {
        p->first = sequence;
        p->first_at = at;
    }
    if (is_due(p, sequence, at)) {
        if (p->n_index == INDEX_CAP)
            thin(p);
        p->index[p->n_index++] = (struct index_entry){sequence, at, enqueued_ms};
    }
    p->next = sequence + 1;
    p->last = sequence;
    p->last_at = at;
    p->last_ms = enqueued_ms;
    p->dirty = true;
}

static bool is_before(const struct index_entry *e, const struct position *position)
{
    switch (position->from) {
    case FROM_EARLIEST:
    case FROM_LATEST:
        return false;
    case FROM_OFFSET:
        return e->at <= (uint64_t)position->value;
    case FROM_SEQUENCE:
        return e->sequence <= position->value;
    case FROM_TIME:
        return e->enqueued_ms < position->value;
    }
    return false;
}

uint64_t partition_seek(const struct partition_state *p, const struct position *position)
{
    size_t low = 0, high = p->n_index;

    assert_locked(&p->lock);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(&p->index[middle], position))
            low = middle + 1;
        else
            high = middle;
    }
    return low ? p->index[low - 1].at : p->first_at;
}

/* Version, first and next, places of the first and the last, time of the last, entries: at most INDEX_SAVED of them;
 * the last number, and the place of the record that left some out. */
void partition_encode(struct buf *b, const struct partition_state *p)
{
    size_t step = (p->n_index + INDEX_SAVED - 1) / INDEX_SAVED;

    assert_locked(&p->lock);
    if (step == 0)
        step = 1;
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, (uint64_t)p->first);
    buf_put_u64(b, (uint64_t)p->next);
    buf_put_u64(b, p->first_at);
    buf_put_u64(b, p->last_at);
    buf_put_u64(b, (uint64_t)p->last_ms);
    buf_put_u32(b, (uint32_t)((p->n_index + step - 1) / step));
    for (size_t i = 0; i < p->n_index; i += step) {
        buf_put_u64(b, (uint64_t)p->index[i].sequence);
        buf_put_u64(b, p->index[i].at);
        buf_put_u64(b, (uint64_t)p->index[i].enqueued_ms);
    }
    buf_put_u64(b, (uint64_t)p->last);
    buf_put_u64(b, p->skipped_at);
}

enum err partition_decode(struct bytes value, struct partition_state *p)
{
    struct rd r = rd_over(value);
    uint32_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    p->first = (int64_t)rd_u64(&r);
    p->next = (int64_t)rd_u64(&r);
    p->first_at = rd_u64(&r);
    p->last_at = rd_u64(&r);
    p->last_ms = (int64_t)rd_u64(&r);
    n = rd_u32(&r);
    if (r.bad || n > INDEX_CAP)
        return ERR_DAMAGED;
    for (p->n_index = 0; p->n_index < n; p->n_index++) {
        struct index_entry *e = &p->index[p->n_index];

        e->sequence = (int64_t)rd_u64(&r);
        e->at = rd_u64(&r);
        e->enqueued_ms = (int64_t)rd_u64(&r);
    }
    /* A checkpoint of before ends here. */
    p->last = rd_left(&r) ? (int64_t)rd_u64(&r) : p->next - 1;
    p->skipped_at = rd_left(&r) ? rd_u64(&r) : 0;
    return r.bad ? ERR_DAMAGED : OK;
}

void partition_skip_to(struct partition_state *p, int64_t next, uint64_t at)
{
    mutex_lock(&p->lock);
    if (p->skipped_at < at) {
        p->skipped_at = at;
        p->dirty = true;
    }
    if (next > p->next) {
        if (p->first == p->next)
            p->first = next;
        p->next = next;
        p->dirty = true;
    }
    mutex_unlock(&p->lock);
}

/* Under its lock: nothing below this sequence number can be read any more. */
static void forget_below(struct partition_state *p, int64_t sequence, uint64_t at)
{
    size_t gone = 0;

    assert_locked(&p->lock);
    p->first = sequence;
    p->first_at = at;
    p->dirty = true;
    while (gone < p->n_index && p->index[gone].sequence < sequence)
        gone++;
    if (gone)
        memmove(p->index, p->index + gone, (p->n_index - gone) * sizeof *p->index);
    p->n_index -= gone;
}

/* Looks into the log only when it lost the first event of this partition and not the last, so it finds one soon. */
enum err partition_trimmed(struct hub *h, struct partition_state *p)
{
    uint64_t oldest = store_first(h->store);
    struct cursor c = {.at = oldest, .kind = REC_EVENT, .lane = (int)p->number};
    struct event_facts facts;
    struct record r;
    enum err e = OK;
    bool look;

    mutex_lock(&p->lock);
    look = p->first < p->next && p->first_at < oldest;
    if (look && p->last_at < oldest) {
        forget_below(p, p->next, 0);
        look = false;
    }
    mutex_unlock(&p->lock);
    if (!look)
        return OK;
    if (!(e = store_read(h->store, &c, &r)) && !(e = event_decode(r.body, &facts))) {
        mutex_lock(&p->lock);
        forget_below(p, facts.sequence, r.at);
        mutex_unlock(&p->lock);
    }
    store_cursor_close(h->store, &c);
    return e == ERR_NOT_FOUND ? OK : e; /* what is left is not durable yet: the next time */
}

/* How many numbers events took at most that were in the gaps behind the last one that is known. */
static int64_t lost_numbers(struct store *s, uint64_t from, uint64_t last_at)
{
    int64_t lost = 0;
    struct gap g;

    for (size_t i = 0; store_gap(s, i, &g); i++) {
        uint64_t at = g.at > from ? g.at : from;

        /* A record says so where the log was restored. */
        if (!g.is_jump && g.end > at && g.end > last_at)
            lost += (int64_t)((g.end - at + EVENT_SIZE_MIN - 1) / EVENT_SIZE_MIN);
    }
    return lost;
}

/* The gap that a place lies in. */
static bool gap_around(struct store *s, uint64_t at, struct gap *out)
{
    for (size_t i = 0; store_gap(s, i, out); i++)
        if (at >= out->at && at < out->end)
            return true;
    return false;
}

/* The last event that can be read before a gap. */
static enum err find_last(struct hub *h, struct partition_state *p, const struct gap *gap, struct index_entry *out)
{
    const struct position before = {.from = FROM_OFFSET, .value = (int64_t)gap->at - 1};
    struct cursor c = {.kind = REC_EVENT, .lane = (int)p->number};
    struct event_facts facts;
    struct record r;
    enum err e;

    mutex_lock(&p->lock);
    c.at = partition_seek(p, &before);
    mutex_unlock(&p->lock);
    while (!(e = store_read(h->store, &c, &r)) && r.at < gap->at && !(e = event_decode(r.body, &facts)))
        *out = (struct index_entry){facts.sequence, r.at, facts.enqueued_ms};
    store_cursor_close(h->store, &c);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err partition_damaged(struct hub *h, struct partition_state *p, uint64_t from)
{
    bool empty = p->first == p->next;
    struct index_entry last = {0};
    struct gap gap;
    int64_t lost;
    enum err e = OK;

    lost = lost_numbers(h->store, from, p->last_at);
    p->next += lost;
    p->dirty |= lost > 0;
    if (empty)
        p->first = p->next;
    if (empty || !gap_around(h->store, p->last_at, &gap) || (e = find_last(h, p, &gap, &last)) || !last.at)
        return e;
    p->last = last.sequence;
    p->last_at = last.at;
    p->last_ms = last.enqueued_ms;
    p->dirty = true;
    return OK;
}

void offset_text(uint64_t offset, char out[OFFSET_TEXT_CAP])
{
    snprintf(out, OFFSET_TEXT_CAP, "%020llu", (unsigned long long)offset);
}

unsigned hub_partitions(const struct hub *h)
{
    return h->birth.partitions;
}

/* It must be the same after a restart, and for as long as the hub lives. */
unsigned hub_partition_of(const struct hub *h, struct bytes name)
{
    struct bytes device = identity_device(name);

    if (h->birth.placed == PLACED_BY_ID)
        return partition_by_id(device, h->birth.partitions);
    return (unsigned)(bytes_hash(device, 0) % h->birth.partitions);
}

enum err hub_partition(struct hub *h, unsigned number, struct partition *out)
{
    struct partition_state *p;

    if (number >= h->birth.partitions)
        return ERR_NOT_FOUND;
    p = partition_at(h, number);
    mutex_lock(&p->lock);
    *out = (struct partition){.first_sequence = p->first,
                              .last_sequence = p->last,
                              .last_offset = p->last_at,
                              .last_enqueued_ms = p->last_ms,
                              .empty = p->first == p->next};
    mutex_unlock(&p->lock);
    return OK;
}
