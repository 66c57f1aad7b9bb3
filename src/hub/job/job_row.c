/* The devices of jobs, and what became of them. */
#include "job.h"

#include <stdlib.h>

/* ---- records ---------------------------------------------------------------------------------------------------- */

/* Of a job that the checkpoint knows to be gone there may be records still. */
enum err job_rows_apply(struct hub *h, const struct record *record)
{
    struct job_chunk *chunk;
    struct job_entry *entry;
    uint64_t serial;
    enum err e = job_chunk_decode(record->body, &serial, &chunk);

    if (e)
        return e;
    chunk->dirty = true;
    chunk->changed_at = record->at;
    mutex_lock(&h->jobs->lock);
    entry = job_by_serial(h->jobs, serial);
    if (!entry || (e = job_chunk_set(entry, chunk)))
        job_chunk_free(chunk);
    else if (!job_has_ended(&entry->job))
        job_count(entry);
    mutex_unlock(&h->jobs->lock);
    return e;
}

/* Version, number of the job, number of the device in it, state, times, result with its length. */
static void encode_row(struct buf *b, uint64_t serial, uint32_t row, const struct job_row *r)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, serial);
    buf_put_u32(b, row);
    buf_put_u8(b, (uint8_t)r->state);
    buf_put_u64(b, (uint64_t)r->start_ms);
    buf_put_u64(b, (uint64_t)r->end_ms);
    buf_put_u32(b, (uint32_t)r->result.len);
    buf_put(b, r->result);
}

static enum err decode_row(struct bytes body, uint64_t *serial, uint32_t *row, struct job_row *out)
{
    struct rd r = rd_over(body);
    uint8_t state;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    *serial = rd_u64(&r);
    *row = rd_u32(&r);
    state = rd_u8(&r);
    out->start_ms = (int64_t)rd_u64(&r);
    out->end_ms = (int64_t)rd_u64(&r);
    out->result = rd_str32(&r);
    if (r.bad || state >= JOB_ROW_STATES || out->result.len > JOB_RESULT_MAX)
        return ERR_DAMAGED;
    out->state = (enum job_row_state)state;
    return OK;
}

/* Under the lock. */
static enum err line_get(struct hub *h, struct job_entry *entry, uint32_t row, struct job_chunk **chunk,
                         struct job_line **out)
{
    enum err e = job_chunk_get(h, entry, row / JOB_CHUNK, chunk);

    if (!e && row % JOB_CHUNK >= (*chunk)->n)
        e = ERR_NOT_FOUND;
    if (!e)
        *out = &(*chunk)->lines[row % JOB_CHUNK];
    return e;
}

/* Under the lock; `result` is given. */
static void line_set(struct job_entry *entry, struct job_chunk *chunk, struct job_line *l, const struct job_row *r,
                     struct job_text *result, uint64_t at)
{
    if (!job_has_ended(&entry->job)) {
        entry->job.counts[l->state]--;
        entry->job.counts[r->state]++;
        entry->job.bytes -= job_line_bytes(l);
    }
    free(l->result);
    l->result = result;
    if (!job_has_ended(&entry->job))
        entry->job.bytes += job_line_bytes(l);
    l->state = (uint8_t)r->state;
    l->start_ms = r->start_ms;
    l->end_ms = r->end_ms;
    chunk->dirty = true;
    chunk->changed_at = at;
}

enum err job_row_apply(struct hub *h, const struct record *record)
{
    struct job_text *result = NULL;
    struct job_entry *entry;
    struct job_chunk *chunk;
    struct job_line *line;
    struct job_row row;
    uint64_t serial;
    uint32_t n;
    enum err e = decode_row(record->body, &serial, &n, &row);

    if (e)
        return e;
    if (row.result.len && !(result = job_text_new(row.result)))
        return ERR_MEMORY;
    mutex_lock(&h->jobs->lock);
    entry = job_by_serial(h->jobs, serial);
    e = entry ? line_get(h, entry, n, &chunk, &line) : ERR_NOT_FOUND;
    if (!e) {
        line_set(entry, chunk, line, &row, result, record->at);
        result = NULL;
    }
    mutex_unlock(&h->jobs->lock);
    free(result);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

enum err hub_job_row(struct hub *h, uint64_t serial, uint32_t row, struct buf *room, struct job_row *out)
{
    struct job_entry *entry;
    struct job_chunk *chunk;
    struct job_line *l;
    enum err e = ERR_NOT_FOUND;
    size_t at = room->len;

    mutex_lock(&h->jobs->lock);
    if ((entry = job_by_serial(h->jobs, serial)) && !(e = line_get(h, entry, row, &chunk, &l))) {
        struct bytes result = job_text_of(l->result);

        buf_put(room, bytes_of(chunk->ids + l->id_at, l->id_len));
        buf_put(room, result);
        *out = (struct job_row){.state = (enum job_row_state)l->state,
                                .start_ms = l->start_ms,
                                .end_ms = l->end_ms,
                                .device = bytes_first(bytes_skip(buf_bytes(room), at), l->id_len),
                                .result = bytes_skip(buf_bytes(room), at + l->id_len)};
        if (out->state == JOB_ROW_WAITING && job_has_ended(&entry->job))
            out->state = JOB_ROW_CANCELLED;
        e = room->bad ? ERR_MEMORY : OK;
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}

static struct job_chunk *chunk_new(const struct bytes *devices, size_t n, uint32_t number)
{
    struct job_chunk *c;
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += devices[i].len;
    if (!(c = calloc(1, sizeof *c + len)))
        return NULL;
    c->number = number;
    for (len = 0; c->n < n; len += devices[c->n++].len) {
        struct job_line *l = &c->lines[c->n];

        l->id_at = (uint32_t)len;
        l->id_len = (uint8_t)devices[c->n].len;
        memcpy(c->ids + len, devices[c->n].at, devices[c->n].len);
    }
    return c;
}

enum err hub_job_add(struct hub *h, uint64_t serial, const struct bytes *devices, size_t n, uint64_t *at)
{
    struct buf b = buf_max(JOB_CHUNK_VALUE_MAX);
    struct job_chunk *chunk = NULL;
    struct job_entry *entry;
    enum err e = ERR_NOT_FOUND;

    mutex_lock(&h->jobs->lock);
    if ((entry = job_by_serial(h->jobs, serial)) && entry->job.n_rows % JOB_CHUNK)
        e = ERR_PROTOCOL;
    else if (entry)
        e = entry->job.n_rows + n > JOB_ROWS_MAX ? ERR_LIMIT : job_chunk_room(entry, entry->job.n_rows / JOB_CHUNK + 1);
    if (!e && !(chunk = chunk_new(devices, n, entry->job.n_rows / JOB_CHUNK)))
        e = ERR_MEMORY;
    if (!e) {
        job_chunk_encode(&b, serial, chunk);
        e = record_append(h, REC_JOB_ROWS, &b, at);
    }
    if (!e) {
        chunk->dirty = true;
        chunk->changed_at = *at;
        entry->job.n_rows += (uint32_t)n;
        entry->job.counts[JOB_ROW_WAITING] += (uint32_t)n;
        for (size_t i = 0; i < n; i++)
            entry->job.bytes += job_line_bytes(&chunk->lines[i]);
        e = job_chunk_set(entry, chunk);
    } else {
        job_chunk_free(chunk);
    }
    mutex_unlock(&h->jobs->lock);
    buf_free(&b);
    return e;
}

/* Under the lock: a job with too many long results goes on without them. */
static bool has_room(const struct job_entry *entry, const struct job_row *r)
{
    return entry->job.bytes + r->result.len <= JOB_BYTES_MAX;
}

enum err hub_job_settle(struct hub *h, uint64_t serial, uint32_t row, const struct job_row *wanted, uint64_t *at)
{
    struct buf b = buf_max(JOB_RESULT_MAX + 64);
    struct job_text *result = NULL;
    struct job_row r = *wanted;
    struct job_entry *entry;
    struct job_chunk *chunk = NULL;
    struct job_line *line = NULL;
    enum err e = ERR_NOT_FOUND;

    if (r.result.len > JOB_RESULT_MAX)
        return ERR_TOO_LARGE;
    mutex_lock(&h->jobs->lock);
    if ((entry = job_by_serial(h->jobs, serial)) && !(e = line_get(h, entry, row, &chunk, &line))) {
        if (!has_room(entry, &r))
            r.result = NO_BYTES;
        if (r.result.len && !(result = job_text_new(r.result)))
            e = ERR_MEMORY;
    }
    encode_row(&b, serial, row, &r);
    if (!e && !(e = record_append(h, REC_JOB_ROW, &b, at))) {
        line_set(entry, chunk, line, &r, result, *at);
        result = NULL;
    }
    mutex_unlock(&h->jobs->lock);
    free(result);
    buf_free(&b);
    return e;
}
