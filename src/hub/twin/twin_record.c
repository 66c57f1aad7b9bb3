#include "twin_record.h"

#include "desired.h"
#include "identities.h"
#include "part.h"
#include "twin_index.h"

#include <assert.h>

/* Of a record: the section is written anew; the model is in it; a configuration did it. */
enum { REPLACES = 1, HAS_MODEL = 2, HAS_BY = 4 };
enum { HEAD_MAX = 2 * IDENTITY_LEN_MAX + MODEL_LEN_MAX + 2 * TWIN_BY_MAX + 256 };

/* ---- written --------------------------------------------------------------------------------------------------- */

/* All but the nodes of the sections, of which each has its length before it. */
static void put_head(struct buf *b, const struct device *d, const struct twin_write *w, bool has_model)
{
    unsigned flags = (w->replace ? REPLACES : 0u) | (has_model ? HAS_MODEL : 0u) | (w->by.len ? HAS_BY : 0u);

    buf_put_u8(b, RECORD_VERSION);
    put_text(b, d->id);
    buf_put_u64(b, generation_of(d));
    buf_put_u64(b, (uint64_t)w->wall_ms);
    buf_put_u64(b, w->after.version);
    buf_put_u64(b, w->after.etag);
    buf_put_u64(b, w->after.part_version[TWIN_DESIRED]);
    buf_put_u64(b, w->after.part_version[TWIN_REPORTED]);
    buf_put_u8(b, (uint8_t)flags);
    if (has_model) {
        buf_put_u16(b, (uint16_t)w->after.model.len);
        buf_put(b, w->after.model);
    }
    if (w->by.len) {
        buf_put_u8(b, (uint8_t)w->by.len);
        buf_put(b, w->by);
        buf_put_u8(b, (uint8_t)w->digest.len);
        buf_put(b, w->digest);
    }
}

static enum err append(struct hub *h, const struct device *d, const struct twin_write *w, bool has_model, uint64_t *at)
{
    uint8_t room[HEAD_MAX], lengths[TWIN_PARTS][4];
    struct buf head = buf_over(room, sizeof room);
    struct bytes parts[1 + 2 * TWIN_PARTS];
    size_t n = 0;

    put_head(&head, d, w, has_model);
    assert(!head.bad);
    parts[n++] = buf_bytes(&head);
    for (int part = 0; part < TWIN_PARTS; part++) {
        struct buf length = buf_over(lengths[part], 4);

        buf_put_u32(&length, (uint32_t)w->nodes[part].len);
        parts[n++] = buf_bytes(&length);
        if (w->nodes[part].len)
            parts[n++] = w->nodes[part];
    }
    return store_append(h->store,
                        &(struct draft){.kind = REC_TWIN, .room = ROOM_MESSAGES, .parts = parts, .n_parts = n}, at);
}

/* ---- a change, live and from the log --------------------------------------------------------------------------- */

/* The scratch has the new run, and there is room for it. */
static void become(struct hub *h, struct shard *s, struct identity *i, const struct twin_write *w, uint64_t at)
{
    struct buf *scratch = &twin_room_of(h, s)->scratch;

    twin_index_turned(h, s, &i->device, twin_run(i->twin), buf_bytes(scratch));
    twin_become(h, s, i, buf_bytes(scratch));
    i->twin->changed_at = at;
    if (w->nodes[TWIN_DESIRED].at)
        i->twin->desired_at = at;
    i->dirty = true;
    i->changed_at = at;
    buf_clear(scratch);
    buf_shrink(scratch, TWINS_SCRATCH);
}

/* The new run in the scratch, and room for it in memory. */
static enum err prepare(struct hub *h, struct shard *s, struct identity *i, const struct twin_write *w,
                        const uint32_t *limit, struct twin_outcome *outcome)
{
    struct buf *scratch = &twin_room_of(h, s)->scratch;
    enum err e;

    buf_clear(scratch);
    if ((e = twin_apply(twin_run(i->twin), w, limit, scratch, outcome)))
        return e;
    return twin_reserve(h, s, i, scratch->len);
}

/* Twins that the checkpoint does not know yet are in memory: there must not be too much of them. */
static bool has_room(struct hub *h, struct shard *s)
{
    if (h->twins->bytes > TWINS_MEMORY_MAX)
        twins_make_room(h, s);
    return h->twins->bytes <= TWINS_MEMORY_MAX;
}

/* Parts may append behind the record: *at is the last of them then. */
static void tell(struct hub *h, struct shard *s, const struct twin_told *told, uint64_t *at)
{
    desired_add(h, told, *at);
    EACH_PART (p)
        if ((*p)->identity.twin_changed)
            (*p)->identity.twin_changed(h, s, told, at);
}

enum err twin_write(struct hub *h, struct shard *s, struct identity *i, struct twin_write *w, enum twin_source source,
                    int64_t now_ms, enum twin_part *too_large, uint64_t *at)
{
    struct twin_outcome outcome;
    struct twin_told told;
    uint64_t record_at;
    struct twin *t;
    enum err e = has_room(h, s) ? twin_get(h, s, i, &t) : ERR_BUSY;

    if (e)
        return e;
    w->wall_ms = hub_wall_ms(h, now_ms);
    twin_write_number(w, twin_run(t));
    e = prepare(h, s, i, w, h->twins->limit, &outcome);
    *too_large = outcome.too_large;
    if (e)
        return e;
    told = (struct twin_told){.source = source,
                              .identity = i,
                              .before = twin_run(i->twin),
                              .after = buf_bytes(&twin_room_of(h, s)->scratch),
                              .write = w,
                              .idle = outcome.idle,
                              .now_ms = now_ms};
    if ((e = desired_reserve(&told)) || (e = append(h, &i->device, w, false, at)))
        return e;
    record_at = *at;
    tell(h, s, &told, at);
    hub_trace(h, "%s: its twin is version %llu", i->device.id, (unsigned long long)w->after.version);
    become(h, s, i, w, record_at);
    return OK;
}

enum err twin_write_model(struct hub *h, struct shard *s, struct identity *i, struct bytes model, int64_t now_ms,
                          uint64_t *at)
{
    struct twin_write w = {.wall_ms = hub_wall_ms(h, now_ms)};
    struct twin_outcome outcome;
    struct twin *t;
    enum err e = has_room(h, s) ? twin_get(h, s, i, &t) : ERR_BUSY;

    *at = 0;
    if (e)
        return e;
    twin_facts_of(twin_run(t), &w.after);
    if (bytes_eq(w.after.model, model))
        return OK;
    w.after.model = model;
    if ((e = prepare(h, s, i, &w, NULL, &outcome)) || (e = append(h, &i->device, &w, true, at)))
        return e;
    become(h, s, i, &w, *at);
    return OK;
}

/* ---- read ------------------------------------------------------------------------------------------------------ */

struct twin_record {
    char id[IDENTITY_LEN_MAX + 1];
    uint64_t generation;
    bool has_model;
    struct twin_write write;
};

static enum err decode(struct bytes body, struct twin_record *out)
{
    struct twin_write *w = &out->write;
    struct rd r = rd_over(body);
    uint8_t flags;

    *out = (struct twin_record){0};
    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, out->id, sizeof out->id);
    out->generation = rd_u64(&r);
    w->wall_ms = (int64_t)rd_u64(&r);
    w->after.version = rd_u64(&r);
    w->after.etag = rd_u64(&r);
    w->after.part_version[TWIN_DESIRED] = rd_u64(&r);
    w->after.part_version[TWIN_REPORTED] = rd_u64(&r);
    flags = rd_u8(&r);
    w->replace = flags & REPLACES;
    out->has_model = flags & HAS_MODEL;
    if (out->has_model)
        w->after.model = rd_str16(&r);
    if (flags & HAS_BY) {
        w->by = rd_bytes(&r, rd_u8(&r));
        w->digest = rd_bytes(&r, rd_u8(&r));
    }
    for (int part = 0; part < TWIN_PARTS && !r.bad; part++) {
        struct bytes nodes = rd_str32(&r);

        if (!nodes.len)
            continue;
        w->nodes[part] = nodes;
        if (twin_check_nodes(nodes))
            r.bad = true;
    }
    return r.bad ? ERR_DAMAGED : OK;
}

/* The checkpoint may know it already. */
static bool is_new(const struct twin_record *r, struct bytes run)
{
    struct twin_facts now;

    twin_facts_of(run, &now);
    return r->write.after.version > now.version || (r->write.after.version == now.version && r->has_model);
}

static enum err apply(struct hub *h, struct shard *s, struct twin_record *r, uint64_t at)
{
    struct twin_outcome outcome;
    struct identity *i;
    struct twin *t;
    enum err e = identity_get(h, s, bytes_str(r->id), &i);

    /* It is deleted, or made again, further on in the log. */
    if (e || r->generation != generation_of(&i->device))
        return e == ERR_NOT_FOUND ? OK : e;
    if ((e = twin_get(h, s, i, &t)) || !is_new(r, twin_run(t)))
        return e;
    if (!r->has_model) {
        struct twin_facts now;

        twin_facts_of(twin_run(t), &now);
        r->write.after.model = now.model;
    }
    if (!(e = prepare(h, s, i, &r->write, NULL, &outcome)))
        become(h, s, i, &r->write, at);
    return e;
}

enum err twin_apply_record(struct hub *h, const struct record *record)
{
    struct twin_record r;
    struct shard *s;
    enum err e = decode(record->body, &r);

    if (e)
        return e;
    s = shard_of(h, bytes_str(r.id));
    mutex_lock(&s->lock);
    e = apply(h, s, &r, record->at);
    mutex_unlock(&s->lock);
    return e;
}
