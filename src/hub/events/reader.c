#include "reader.h"

#include "event.h"
#include "group.h"
#include "partition.h"

#include <stdlib.h>

/* A call may look through so much without finding anything, so that a rare sender does not hold a loop up. */
enum { SLICE_BYTES = 1024 * 1024, SLICE_EVENTS = 4096 };

struct reader {
    struct list in; /* partition.readers */
    struct hub *hub;
    struct partition_state *partition;
    struct cursor cursor;
    struct waker *waker;
    char group[GROUP_LEN_MAX + 1];
    bool has_epoch;
    int64_t epoch;
    /* An event is ours when it is none of these: */
    int64_t below_sequence, below_ms;
    uint64_t below_at;
    _Atomic int state; /* enum err */
    /* Under the partition's lock: wake me when there is an event at or behind this place; 0: I am not waiting. */
    uint64_t waiting_for;
    size_t n_devices;
    struct bytes *devices;
};

/* ---- who may read (service 2.7) -------------------------------------------------------------------------------- */

static bool same_group(const struct reader *r, const char *group)
{
    return bytes_eq_nocase(bytes_str(r->group), bytes_str(group));
}

static void displace(struct reader *r, enum err why)
{
    assert_locked(&r->partition->lock);
    assert(why != OK);
    list_del(&r->in);
    atomic_store(&r->state, (int)why);
    /* A wake only marks the connection; it never calls the hub. */
    r->waker->wake(r->waker);
}

/* Under the partition's lock: whether the newcomer may join those of its group, and who has to go for it. */
static enum err admit(struct partition_state *p, const struct reader *newcomer, int64_t *epoch_now)
{
    size_t others = 0;

    assert_locked(&p->lock);
    LIST_EACH (&p->readers, it) {
        const struct reader *r = LIST_OF(it, struct reader, in);

        if (!same_group(r, newcomer->group))
            continue;
        others++;
        if (!r->has_epoch || (newcomer->has_epoch && newcomer->epoch >= r->epoch))
            continue;
        if (epoch_now)
            *epoch_now = r->epoch;
        return ERR_STOLEN;
    }
    if (!newcomer->has_epoch)
        return others < READERS_MAX ? OK : ERR_LIMIT;
    LIST_EACH (&p->readers, it) {
        struct reader *r = LIST_OF(it, struct reader, in);

        if (same_group(r, newcomer->group))
            displace(r, ERR_STOLEN);
    }
    return OK;
}

/* ---- where it begins ------------------------------------------------------------------------------------------- */

/* Under the partition's lock; `end` is the end of the log as it was before that lock was taken. */
static void place_at(struct reader *r, const struct position *position, uint64_t end)
{
    const struct partition_state *p = r->partition;
    struct position from = *position;

    assert_locked(&r->partition->lock);
    if (from.from == FROM_OFFSET && from.value < 0)
        from.from = FROM_EARLIEST;
    r->cursor.at = from.from == FROM_LATEST ? end : partition_seek(p, &from);
    switch (from.from) {
    case FROM_EARLIEST:
        break;
    case FROM_LATEST:
        r->below_sequence = p->next;
        break;
    case FROM_OFFSET:
        r->below_at = (uint64_t)from.value + !from.inclusive;
        break;
    case FROM_SEQUENCE:
        r->below_sequence = from.value < INT64_MAX ? from.value + !from.inclusive : INT64_MAX;
        break;
    case FROM_TIME:
        r->below_ms = from.value < INT64_MAX ? from.value + !from.inclusive : INT64_MAX;
        break;
    }
}

/* An offset is a place in the log, and there is one log for all partitions. What a lost hub gave out behind the backup
 * of which this one was made is below the place at which that is said. */
static uint64_t last_offset(struct hub *h)
{
    uint64_t last = 0;
    struct gap g;

    /* Somebody may have read what cannot be read any more. */
    for (size_t i = 0; store_gap(h->store, i, &g); i++)
        last = g.end > last ? g.end : last;
    for (unsigned i = 0; i < h->birth.partitions; i++) {
        struct partition_state *p = partition_at(h, i);

        mutex_lock(&p->lock);
        last = p->last_at > last ? p->last_at : last;
        last = p->skipped_at > last ? p->skipped_at : last;
        mutex_unlock(&p->lock);
    }
    return last;
}

/* service 11: a position that was never given out is of another hub, or nonsense. Waiting there would be for ever. A
 * time may be in the future, and the place just behind the last event is where some go on. */
static bool is_beyond(const struct partition_state *p, const struct position *position, uint64_t last)
{
    assert_locked(&p->lock);
    switch (position->from) {
    case FROM_OFFSET:
        return position->value > 0 && (uint64_t)position->value > last;
    case FROM_SEQUENCE:
        return position->value > p->next - !position->inclusive;
    case FROM_EARLIEST:
    case FROM_LATEST:
    case FROM_TIME:
        break;
    }
    return false;
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

/* A single block holds the reader, its views and their text. */
static struct reader *reader_alloc(const struct read_options *o)
{
    size_t texts = 0;
    struct reader *r;
    uint8_t *text;

    for (size_t i = 0; i < o->n_devices; i++)
        texts += o->devices[i].len;
    r = calloc(1, sizeof *r + o->n_devices * sizeof *r->devices + texts);
    if (!r)
        return NULL;
    r->devices = (struct bytes *)(void *)(r + 1);
    text = (uint8_t *)(r->devices + o->n_devices);
    for (size_t i = 0; i < o->n_devices; i++) {
        if (o->devices[i].len)
            memcpy(text, o->devices[i].at, o->devices[i].len);
        r->devices[r->n_devices++] = bytes_of(text, o->devices[i].len);
        text += o->devices[i].len;
    }
    return r;
}

enum err hub_reader_open(struct hub *h, const struct read_options *o, int64_t *epoch_now, struct reader **out)
{
    uint64_t end = store_end(h->store);
    uint64_t last = o->position.from == FROM_OFFSET ? last_offset(h) : 0;
    struct reader *r;
    enum err e;

    if (o->partition >= h->birth.partitions)
        return ERR_NOT_FOUND;
    if (o->n_devices > FILTER_DEVICES_MAX)
        return ERR_LIMIT;
    if (!(r = reader_alloc(o)))
        return ERR_MEMORY;
    r->hub = h;
    r->partition = partition_at(h, o->partition);
    r->waker = o->waker;
    r->has_epoch = o->has_epoch;
    r->epoch = o->epoch;
    r->below_sequence = r->below_ms = INT64_MIN;
    r->cursor = (struct cursor){.kind = REC_EVENT, .lane = (int)o->partition, .budget = SLICE_BYTES};
    if (!bytes_to_str(o->group, r->group, sizeof r->group)) {
        free(r);
        return ERR_NOT_FOUND;
    }
    /* The group may not go before its reader is in the list, where the one who deletes the group will find it. */
    mutex_lock(&h->cold);
    mutex_lock(&r->partition->lock);
    e = group_is_there(h, o->group) ? OK : ERR_NOT_FOUND;
    if (!e && is_beyond(r->partition, &o->position, last))
        e = ERR_RANGE;
    if (!e && !(e = admit(r->partition, r, epoch_now))) {
        place_at(r, &o->position, end);
        list_add(&r->partition->readers, &r->in);
    }
    mutex_unlock(&r->partition->lock);
    mutex_unlock(&h->cold);
    if (e)
        free(r);
    else
        *out = r;
    return e;
}

void hub_reader_close(struct reader *r)
{
    if (!r)
        return;
    mutex_lock(&r->partition->lock);
    if (atomic_load(&r->state) == OK)
        list_del(&r->in);
    mutex_unlock(&r->partition->lock);
    store_cursor_close(r->hub->store, &r->cursor);
    free(r);
}

enum err hub_reader_state(const struct reader *r)
{
    return (enum err)atomic_load(&r->state);
}

void readers_of_group_end(struct hub *h, const char *group)
{
    for (unsigned i = 0; i < h->birth.partitions; i++) {
        struct partition_state *p = partition_at(h, i);

        mutex_lock(&p->lock);
        LIST_EACH (&p->readers, it) {
            struct reader *r = LIST_OF(it, struct reader, in);

            if (same_group(r, group))
                displace(r, ERR_NOT_FOUND);
        }
        mutex_unlock(&p->lock);
    }
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct reader *r, const struct record *record, const struct event_facts *facts)
{
    if (facts->sequence < r->below_sequence || record->at < r->below_at || facts->enqueued_ms < r->below_ms)
        return false;
    for (size_t i = 0; i < r->n_devices; i++)
        if (bytes_eq(facts->device, r->devices[i]))
            return true;
    return r->n_devices == 0;
}

static enum err next_wanted(struct reader *r, struct event *out)
{
    size_t looked_through = 0;

    for (int n = 0; n < SLICE_EVENTS && looked_through < SLICE_BYTES; n++) {
        struct record record;
        struct event_facts facts;
        enum err e = store_read(r->hub->store, &r->cursor, &record);

        if (e || (e = event_decode(record.body, &facts)))
            return e;
        if (is_wanted(r, &record, &facts)) {
            *out = (struct event){.sequence = facts.sequence,
                                  .offset = record.at,
                                  .enqueued_ms = facts.enqueued_ms,
                                  .device = facts.device,
                                  .sections = facts.sections};
            return OK;
        }
        looked_through += record.body.len;
    }
    return ERR_BUSY;
}

enum err hub_read(struct reader *r, struct event *out)
{
    enum err e = hub_reader_state(r);

    if (e || (e = next_wanted(r, out)) != ERR_NOT_FOUND)
        return e;
    /* Say that we wait, then look once more: what became durable in between would wake nobody. A wake too many does no
     * harm. */
    mutex_lock(&r->partition->lock);
    r->waiting_for = r->cursor.at ? r->cursor.at : 1;
    mutex_unlock(&r->partition->lock);
    return next_wanted(r, out);
}

void readers_grew(struct hub *h)
{
    for (unsigned i = 0; i < h->birth.partitions; i++) {
        struct partition_state *p = partition_at(h, i);

        mutex_lock(&p->lock);
        LIST_EACH (&p->readers, it) {
            struct reader *r = LIST_OF(it, struct reader, in);

            if (!r->waiting_for || p->last_at < r->waiting_for)
                continue;
            r->waiting_for = 0;
            r->waker->wake(r->waker);
        }
        mutex_unlock(&p->lock);
    }
}
