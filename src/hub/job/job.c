#include "job.h"

#include <stdlib.h>

/* ---- in memory -------------------------------------------------------------------------------------------------- */

void job_chunk_free(struct job_chunk *c)
{
    for (size_t i = 0; c && i < c->n; i++)
        free(c->lines[i].result);
    free(c);
}

void job_entry_free(struct job_entry *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_chunks; i++)
        job_chunk_free(e->chunks[i]);
    free(e->chunks);
    free(e->body);
    free(e);
}

/* The index of the job of that number, or where it would be. */
static size_t place_of(const struct jobs *j, uint64_t serial)
{
    size_t low = 0, high = j->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (j->at[mid]->job.serial < serial)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct job_entry *job_by_serial(const struct jobs *j, uint64_t serial)
{
    size_t i = place_of(j, serial);

    assert_locked(&j->lock);
    return i < j->n && j->at[i]->job.serial == serial && !j->at[i]->gone ? j->at[i] : NULL;
}

static struct job_entry *by_id(const struct jobs *j, struct bytes id)
{
    assert_locked(&j->lock);
    for (size_t i = j->n; i-- > 0;)
        if (!j->at[i]->gone && bytes_eq(bytes_str(j->at[i]->job.id), id))
            return j->at[i];
    return NULL;
}

static enum err make_room(struct jobs *j)
{
    size_t cap = j->cap ? 2 * j->cap : 16;
    struct job_entry **at;

    if (j->n < j->cap)
        return OK;
    if (!(at = realloc(j->at, cap * sizeof *at)))
        return ERR_MEMORY;
    j->at = at;
    j->cap = cap;
    return OK;
}

/* Its devices stay as they are known, unless it is gone. */
enum err job_entry_set(struct jobs *j, struct job_entry *e)
{
    size_t i = place_of(j, e->job.serial);
    enum err err;

    assert_locked(&j->lock);
    if (i < j->n && j->at[i]->job.serial == e->job.serial) {
        if (!e->gone && !e->chunks) {
            e->chunks = j->at[i]->chunks;
            e->n_chunks = j->at[i]->n_chunks;
            j->at[i]->chunks = NULL;
            j->at[i]->n_chunks = 0;
        }
        if (e->gone) /* how many values of the checkpoint go with it */
            e->job.n_rows = j->at[i]->job.n_rows;
        job_entry_free(j->at[i]);
        j->at[i] = e;
        return OK;
    }
    if ((err = make_room(j)))
        return err;
    memmove(&j->at[i + 1], &j->at[i], (j->n++ - i) * sizeof *j->at);
    j->at[i] = e;
    if (e->job.serial > j->last)
        j->last = e->job.serial;
    return OK;
}

enum err job_chunk_room(struct job_entry *e, size_t n)
{
    struct job_chunk **chunks;

    if (n <= e->n_chunks)
        return OK;
    if (!(chunks = realloc(e->chunks, n * sizeof *chunks)))
        return ERR_MEMORY;
    memset(chunks + e->n_chunks, 0, (n - e->n_chunks) * sizeof *chunks);
    e->chunks = chunks;
    e->n_chunks = n;
    return OK;
}

enum err job_chunk_set(struct job_entry *e, struct job_chunk *c)
{
    enum err err = job_chunk_room(e, c->number + (size_t)1);

    assert(c->n <= JOB_CHUNK);
    if (err)
        return err;
    job_chunk_free(e->chunks[c->number]);
    e->chunks[c->number] = c;
    return OK;
}

void job_count(struct job_entry *e)
{
    memset(e->job.counts, 0, sizeof e->job.counts);
    e->job.n_rows = 0;
    e->job.bytes = 0;
    for (size_t i = 0; i < e->n_chunks; i++) {
        const struct job_chunk *c = e->chunks[i];

        for (size_t k = 0; c && k < c->n; k++, e->job.n_rows++) {
            e->job.counts[c->lines[k].state]++;
            e->job.bytes += job_line_bytes(&c->lines[k]);
        }
    }
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

enum err job_apply(struct hub *h, const struct record *record)
{
    struct job_entry *entry;
    enum err e = job_decode(record->body, &entry);

    if (e)
        return e;
    entry->dirty = true;
    entry->changed_at = record->at;
    mutex_lock(&h->jobs->lock);
    if ((e = job_entry_set(h->jobs, entry)))
        job_entry_free(entry);
    else if (!entry->gone && !job_has_ended(&entry->job))
        job_count(entry);
    mutex_unlock(&h->jobs->lock);
    return e;
}

/* Under the lock: what a job is from now on, as a record and then in memory. The entry is made before, so that nothing
 * can fail once the record is there. */
static enum err change(struct hub *h, const struct job *job, bool gone, struct bytes body, uint64_t *at)
{
    struct buf b = buf_max(JOB_VALUE_MAX);
    struct job_entry *entry = NULL;
    enum err e = make_room(h->jobs);

    assert_locked(&h->jobs->lock);
    job_encode(&b, job, gone, body);
    if (!e && !(e = buf_check(&b)) && !(e = job_decode(buf_bytes(&b), &entry)))
        e = record_append(h, REC_JOB, &b, at);
    buf_free(&b);
    if (e) {
        job_entry_free(entry);
        return e;
    }
    entry->dirty = true;
    entry->changed_at = *at;
    return job_entry_set(h->jobs, entry);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static bool id_is_valid(struct bytes id)
{
    if (!id.len || id.len > JOB_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-'_", c)))
            return false;
    }
    return true;
}

static bool is_of_registry(enum job_kind kind)
{
    return kind == JOB_EXPORT || kind == JOB_IMPORT;
}

static enum err may_be_made(const struct jobs *j, const struct job *wanted)
{
    unsigned active = 0;

    assert_locked(&j->lock);
    if (by_id(j, bytes_str(wanted->id)))
        return ERR_EXISTS;
    for (size_t i = 0; i < j->n; i++)
        active += !j->at[i]->gone && !job_has_ended(&j->at[i]->job) &&
                  is_of_registry(j->at[i]->job.kind) == is_of_registry(wanted->kind);
    return active < (is_of_registry(wanted->kind) ? 1 : JOBS_ACTIVE_MAX) ? OK : ERR_LIMIT;
}

/* Under the lock: the oldest that has ended, if it did before a time or there is no room for so many more. */
static struct job_entry *forgettable(const struct jobs *j, int64_t before_ms, size_t room)
{
    size_t n = 0;
    uint64_t bytes = 0;

    assert_locked(&j->lock);
    for (size_t i = 0; i < j->n; i++) {
        n += !j->at[i]->gone;
        bytes += j->at[i]->gone ? 0 : j->at[i]->job.bytes;
    }
    for (size_t i = 0; i < j->n; i++) {
        struct job_entry *e = j->at[i];

        if (!e->gone && job_has_ended(&e->job) &&
            (n + room > JOBS_MAX || bytes > JOB_BYTES_KEPT_MAX || e->job.end_ms < before_ms))
            return e;
    }
    return NULL;
}

static bool forget(struct hub *h, int64_t now_ms, size_t room)
{
    struct job_entry *e = forgettable(h->jobs, hub_wall_ms(h, now_ms) - JOB_KEPT_MS, room);
    struct job job;
    uint64_t at;

    if (!e)
        return false;
    job = e->job;
    return !change(h, &job, true, NO_BYTES, &at);
}

bool hub_jobs_forget(struct hub *h, int64_t now_ms)
{
    bool forgot;

    mutex_lock(&h->jobs->lock);
    forgot = forget(h, now_ms, 0);
    mutex_unlock(&h->jobs->lock);
    return forgot;
}

enum err hub_job_put(struct hub *h, const struct job *wanted, struct bytes body, int64_t now_ms, struct job *out,
                     uint64_t *at)
{
    struct job job = {.kind = wanted->kind, .start_ms = wanted->start_ms, .limit_ms = wanted->limit_ms};
    enum err e;

    if (!id_is_valid(bytes_str(wanted->id)))
        return ERR_ARGUMENT;
    if (body.len > JOB_BODY_MAX)
        return ERR_TOO_LARGE;
    memcpy(job.id, wanted->id, sizeof job.id);
    job.created_ms = hub_wall_ms(h, now_ms);
    mutex_lock(&h->jobs->lock);
    if (!(e = may_be_made(h->jobs, wanted))) {
        while (forget(h, now_ms, 1))
            ;
        job.serial = h->jobs->last + 1;
        if (!(e = change(h, &job, false, body, at)))
            *out = job;
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}

/* Under the lock. */
static enum err give(struct hub *h, const struct job_entry *entry, struct buf *body, struct job *out)
{
    enum err e = body ? job_body_get(h, entry, body) : OK;

    assert_locked(&h->jobs->lock);
    if (!e)
        *out = entry->job;
    return e;
}

enum err hub_job_get(struct hub *h, struct bytes id, struct buf *body, struct job *out)
{
    const struct job_entry *entry;
    enum err e;

    mutex_lock(&h->jobs->lock);
    entry = by_id(h->jobs, id);
    e = entry ? give(h, entry, body, out) : ERR_NOT_FOUND;
    mutex_unlock(&h->jobs->lock);
    return e;
}

enum err hub_job_next(struct hub *h, uint64_t serial, struct buf *body, struct job *out)
{
    struct jobs *j = h->jobs;
    enum err e = ERR_NOT_FOUND;
    size_t i;

    mutex_lock(&j->lock);
    for (i = place_of(j, serial + 1); i < j->n && j->at[i]->gone; i++)
        ;
    if (i < j->n)
        e = give(h, j->at[i], body, out);
    mutex_unlock(&j->lock);
    return e;
}

/* Under the lock: `job` is what it shall be. With its end, what still waits in it is counted as cancelled; its lines
 * say so from now on without being written anew. */
static enum err become(struct hub *h, const struct job_entry *entry, struct job *job, int64_t now_ms, uint64_t *at)
{
    struct buf body = buf_max(JOB_BODY_MAX);
    enum err e = job_body_get(h, entry, &body);

    assert_locked(&h->jobs->lock);
    if (job_has_ended(job)) {
        job->end_ms = hub_wall_ms(h, now_ms);
        job->counts[JOB_ROW_CANCELLED] += job->counts[JOB_ROW_WAITING];
        job->counts[JOB_ROW_WAITING] = 0;
    }
    if (!e)
        e = change(h, job, false, buf_bytes(&body), at);
    buf_free(&body);
    return e;
}

enum err hub_job_cancel(struct hub *h, struct bytes id, int64_t now_ms, struct job *out, uint64_t *at)
{
    const struct job_entry *entry;
    enum err e = ERR_NOT_FOUND;

    mutex_lock(&h->jobs->lock);
    if ((entry = by_id(h->jobs, id))) {
        struct job job = entry->job;
        bool may = job.state == JOB_WAITING || (job.state == JOB_RUNNING && is_of_registry(job.kind));

        job.state = JOB_CANCELLED;
        if (!(e = may ? become(h, entry, &job, now_ms, at) : ERR_PROTOCOL))
            *out = job;
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}

enum err hub_job_change(struct hub *h, const struct job *wanted, int64_t now_ms, uint64_t *at)
{
    const struct job_entry *entry;
    enum err e = ERR_NOT_FOUND;

    mutex_lock(&h->jobs->lock);
    if ((entry = job_by_serial(h->jobs, wanted->serial))) {
        struct job job = entry->job;

        job.state = wanted->state;
        job.gathered = wanted->gathered;
        memcpy(job.failure, wanted->failure, sizeof job.failure);
        e = job_has_ended(&entry->job) ? ERR_PROTOCOL : become(h, entry, &job, now_ms, at);
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}
