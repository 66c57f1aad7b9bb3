/* A seat has what it was not given yet: for each change its place, its version and its patch, in order. When that is
 * more than DESIRED_WAITING, it has the section as it is behind them, and what comes is not kept one by one: the
 * difference to what is desired when the device has taken them stands for all of it. */
#include "desired.h"

#include "tell.h"
#include "twin_json.h"

enum { ENTRY_HEAD = 8 + 8 + 4 };

static struct bytes section_of(struct bytes run)
{
    struct twin_node root;

    twin_root(run, TWIN_DESIRED, &root);
    return root.at ? bytes_of(root.at, (size_t)(root.behind - root.at)) : NO_BYTES;
}

static struct twin_node root_of(struct bytes nodes)
{
    struct twin_node root = {.kind = TWIN_OBJECT};

    if (nodes.len)
        twin_nodes_root(nodes, &root);
    return root;
}

static struct seat *who_takes(const struct twin_told *told)
{
    struct seat *seat = told->identity->seat;

    return told->write->nodes[TWIN_DESIRED].at && seat && seat->twin.taken ? seat : NULL;
}

static void put_entry(struct desired_queue *q, struct bytes patch, uint64_t version, uint64_t at)
{
    buf_put_u64(&q->waiting, at);
    buf_put_u64(&q->waiting, version);
    buf_put_u32(&q->waiting, (uint32_t)patch.len);
    buf_put(&q->waiting, patch);
}

/* ---- a change -------------------------------------------------------------------------------------------------- */

/* service 4.6: who is told of a section that was replaced gets all of it, and a null for what has gone. */
static enum err make_patch(const struct twin_told *told, struct desired_queue *q, struct bytes *patch)
{
    struct twin_node before, after;

    *patch = told->write->nodes[TWIN_DESIRED];
    if (!told->write->replace)
        return OK;
    twin_root(told->before, TWIN_DESIRED, &before);
    twin_root(told->after, TWIN_DESIRED, &after);
    buf_clear(&q->patch);
    twin_catch_up(&before, &after, &q->patch);
    *patch = buf_bytes(&q->patch);
    return buf_check(&q->patch);
}

enum err desired_reserve(const struct twin_told *told)
{
    struct seat *seat = who_takes(told);
    struct desired_queue *q;
    struct bytes base;
    enum err e;

    if (!seat || seat->twin.desired.behind)
        return OK;
    q = &seat->twin.desired;
    if ((e = make_patch(told, q, &q->next)))
        return e;
    if (!q->waiting.len || q->waiting.len + ENTRY_HEAD + q->next.len <= DESIRED_WAITING) {
        bool there = buf_reserve(&q->waiting, ENTRY_HEAD + q->next.len);

        q->waiting.bad = false; /* what waits is as good as it was */
        return there ? OK : ERR_MEMORY;
    }
    base = section_of(told->before);
    buf_clear(&q->base);
    buf_put(&q->base, base);
    q->next = NO_BYTES;
    return q->base.bad ? ERR_MEMORY : OK;
}

void desired_add(struct hub *h, const struct twin_told *told, uint64_t at)
{
    struct seat *seat = who_takes(told);
    struct desired_queue *q;

    if (!seat)
        return;
    q = &seat->twin.desired;
    if (!q->behind && q->next.len)
        put_entry(q, q->next, told->write->after.part_version[TWIN_DESIRED], at);
    else
        q->behind = true;
    buf_free(&q->patch);
    atomic_store(&seat->twin.there, true);
    seat_tell(h, seat, at);
}

/* ---- the device ------------------------------------------------------------------------------------------------ */

static void queue_free(struct desired_queue *q)
{
    buf_free(&q->waiting);
    buf_free(&q->base);
    buf_free(&q->patch);
    q->behind = false;
}

void desired_seated(struct hub *h, struct identity *i, struct seat *seat)
{
    (void)h;
    (void)i;
    seat->twin.desired = (struct desired_queue){
        .waiting = buf_max(TWIN_RUN_MAX), .base = buf_max(TWIN_RUN_MAX), .patch = buf_max(TWIN_RUN_MAX)};
}

void desired_seat_free(struct seat *seat)
{
    queue_free(&seat->twin.desired);
}

void hub_desired_take(struct seat *seat, bool takes)
{
    mutex_lock(&seat->shard->lock);
    seat->twin.taken = takes;
    if (!takes) {
        queue_free(&seat->twin.desired);
        atomic_store(&seat->twin.there, false);
    }
    mutex_unlock(&seat->shard->lock);
}

/* The device has all that was kept one by one: what is behind that becomes one more. */
static enum err catch_up(struct seat *seat)
{
    struct desired_queue *q = &seat->twin.desired;
    struct twin_node before = root_of(buf_bytes(&q->base)), now;
    struct twin_facts facts;
    struct twin *t;
    enum err e = twin_get(seat->hub, seat->shard, seat->identity, &t);

    if (e)
        return e;
    twin_root(twin_run(t), TWIN_DESIRED, &now);
    twin_facts_of(twin_run(t), &facts);
    buf_clear(&q->patch);
    twin_catch_up(&before, &now, &q->patch);
    put_entry(q, buf_bytes(&q->patch), facts.part_version[TWIN_DESIRED], t->desired_at);
    if (q->patch.bad || q->waiting.bad) {
        buf_clear(&q->waiting);
        return ERR_MEMORY;
    }
    q->behind = false;
    buf_free(&q->base);
    buf_free(&q->patch);
    return OK;
}

/* Under the shard's lock. */
static enum err take_next(struct seat *seat, struct buf *room, struct desired *out)
{
    struct desired_queue *q = &seat->twin.desired;
    uint64_t at, version;
    struct bytes patch;
    struct rd r;
    enum err e;

    if (!q->waiting.len && q->behind && (e = catch_up(seat)))
        return e;
    if (!q->waiting.len) {
        atomic_store(&seat->twin.there, false);
        return ERR_NOT_FOUND;
    }
    r = rd_over(buf_bytes(&q->waiting));
    at = rd_u64(&r);
    version = rd_u64(&r);
    patch = rd_str32(&r);
    if (at >= store_durable(seat->hub->store)) {
        seat_tell(seat->hub, seat, at); /* it comes when it is durable */
        return ERR_NOT_FOUND;
    }
    twin_put_patch(room, patch, version);
    if (room->bad)
        return ERR_MEMORY;
    buf_drop(&q->waiting, ENTRY_HEAD + patch.len);
    if (!q->waiting.len)
        buf_free(&q->waiting);
    *out = (struct desired){.version = (int64_t)version, .json = buf_bytes(room)};
    return OK;
}

enum err hub_desired_next(struct seat *seat, struct buf *room, struct desired *out)
{
    enum err e;

    if (!atomic_load_explicit(&seat->twin.there, memory_order_acquire))
        return ERR_NOT_FOUND;
    buf_clear(room);
    mutex_lock(&seat->shard->lock);
    if (!(e = seat_state(seat)))
        e = take_next(seat, room, out);
    mutex_unlock(&seat->shard->lock);
    return e;
}
