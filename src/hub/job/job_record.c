#include "job.h"

#include <stdlib.h>

struct job_text *job_text_new(struct bytes b)
{
    struct job_text *t = malloc(sizeof *t + b.len);

    if (!t)
        return NULL;
    t->len = (uint32_t)b.len;
    if (b.len)
        memcpy(t->at, b.at, b.len);
    return t;
}

/* Version, number, u8 there is one, and all that is known of it; the body with its length; how far it is, and its note,
 * which jobs of before do not have. */
void job_encode(struct buf *b, const struct job *j, bool gone, struct bytes body)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, j->serial);
    buf_put_u8(b, !gone);
    if (gone)
        return;
    put_text(b, j->id);
    buf_put_u8(b, (uint8_t)j->kind);
    buf_put_u8(b, (uint8_t)j->state);
    buf_put_u64(b, (uint64_t)j->created_ms);
    buf_put_u64(b, (uint64_t)j->start_ms);
    buf_put_u64(b, (uint64_t)j->end_ms);
    buf_put_u64(b, (uint64_t)j->limit_ms);
    buf_put_u8(b, j->gathered);
    buf_put_u32(b, j->n_rows);
    buf_put_u8(b, JOB_ROW_STATES);
    for (size_t i = 0; i < JOB_ROW_STATES; i++)
        buf_put_u32(b, j->counts[i]);
    buf_put_u64(b, j->bytes);
    put_text(b, j->failure);
    buf_put_u32(b, (uint32_t)body.len);
    buf_put(b, body);
    buf_put_u8(b, (uint8_t)j->percent);
    buf_put_u8(b, j->note.len);
    buf_put(b, bytes_of(j->note.at, j->note.len));
}

static void decode_job(struct rd *r, struct job *j)
{
    uint8_t kind, state, n;

    rd_text(r, j->id, sizeof j->id);
    kind = rd_u8(r);
    state = rd_u8(r);
    j->created_ms = (int64_t)rd_u64(r);
    j->start_ms = (int64_t)rd_u64(r);
    j->end_ms = (int64_t)rd_u64(r);
    j->limit_ms = (int64_t)rd_u64(r);
    j->gathered = rd_u8(r) != 0;
    j->n_rows = rd_u32(r);
    n = rd_u8(r);
    for (size_t i = 0; i < n; i++) {
        uint32_t count = rd_u32(r);

        if (i < JOB_ROW_STATES)
            j->counts[i] = count;
    }
    j->bytes = rd_u64(r);
    rd_text(r, j->failure, sizeof j->failure);
    if (kind >= JOB_KINDS || state >= JOB_STATES || j->n_rows > JOB_ROWS_MAX)
        r->bad = true;
    j->kind = (enum job_kind)kind;
    j->state = (enum job_state)state;
}

static void decode_note(struct rd *r, struct job *j)
{
    struct bytes note;

    if (!rd_left(r))
        return;
    j->percent = rd_u8(r);
    note = rd_bytes(r, rd_u8(r));
    if (note.len > sizeof j->note.at || j->percent > 100) {
        r->bad = true;
        return;
    }
    memcpy(j->note.at, note.at, note.len);
    j->note.len = (uint8_t)note.len;
}

enum err job_decode(struct bytes value, struct job_entry **out)
{
    struct rd r = rd_over(value);
    struct job_entry *e = calloc(1, sizeof *e);
    struct bytes body;

    if (!e)
        return ERR_MEMORY;
    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    e->job.serial = rd_u64(&r);
    e->gone = rd_u8(&r) == 0;
    if (!e->gone) {
        decode_job(&r, &e->job);
        body = rd_str32(&r);
        decode_note(&r, &e->job);
        if (!r.bad && !(e->body = job_text_new(body))) {
            free(e);
            return ERR_MEMORY;
        }
    }
    if (r.bad || !e->job.serial) {
        job_entry_free(e);
        return ERR_DAMAGED;
    }
    *out = e;
    return OK;
}

/* Version, number of the job, number of the chunk, how many; of each the device, its state, times and result. */
void job_chunk_encode(struct buf *b, uint64_t serial, const struct job_chunk *c)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, serial);
    buf_put_u32(b, c->number);
    buf_put_u16(b, (uint16_t)c->n);
    for (size_t i = 0; i < c->n; i++) {
        const struct job_line *l = &c->lines[i];
        struct bytes result = job_text_of(l->result);

        buf_put_u8(b, l->id_len);
        buf_put(b, bytes_of(c->ids + l->id_at, l->id_len));
        buf_put_u8(b, l->state);
        buf_put_u64(b, (uint64_t)l->start_ms);
        buf_put_u64(b, (uint64_t)l->end_ms);
        buf_put_u32(b, (uint32_t)result.len);
        buf_put(b, result);
    }
}

/* The line, and its id behind those before it. */
static enum err decode_line(struct rd *r, struct job_chunk *c, uint32_t *ids_len)
{
    struct job_line *l = &c->lines[c->n];
    struct bytes id, result;

    l->id_at = *ids_len;
    l->id_len = rd_u8(r);
    id = rd_bytes(r, l->id_len);
    l->state = rd_u8(r);
    l->start_ms = (int64_t)rd_u64(r);
    l->end_ms = (int64_t)rd_u64(r);
    result = rd_str32(r);
    if (r->bad || l->state >= JOB_ROW_STATES || result.len > JOB_RESULT_MAX)
        return ERR_DAMAGED;
    memcpy(c->ids + l->id_at, id.at, id.len);
    *ids_len += l->id_len;
    c->n++;
    if (result.len && !(l->result = job_text_new(result)))
        return ERR_MEMORY;
    return OK;
}

enum err job_chunk_decode(struct bytes value, uint64_t *serial, struct job_chunk **out)
{
    struct job_chunk *c = calloc(1, sizeof *c + value.len); /* the ids are a part of the value */
    struct rd r = rd_over(value);
    uint32_t ids_len = 0, n;
    enum err e = OK;

    if (!c)
        return ERR_MEMORY;
    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    *serial = rd_u64(&r);
    c->number = rd_u32(&r);
    n = rd_u16(&r);
    if (r.bad || n > JOB_CHUNK || c->number >= JOB_ROWS_MAX / JOB_CHUNK)
        e = ERR_DAMAGED;
    while (!e && c->n < n)
        e = decode_line(&r, c, &ids_len);
    if (e)
        job_chunk_free(c);
    else
        *out = c;
    return e;
}
