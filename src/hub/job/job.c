#include "job.h"

#include <stdlib.h>

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
    enum err e = job_room(h->jobs);

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

/* Under the lock. */
static void tell(struct hub *h, const struct job *job, int64_t now_ms, uint64_t *at)
{
    assert_locked(&h->jobs->lock);
    EACH_PART (p)
        if ((*p)->job_changed)
            (*p)->job_changed(h, job, &h->jobs->scratch, now_ms, at);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static struct job_entry *by_id(const struct jobs *j, struct bytes id)
{
    assert_locked(&j->lock);
    for (size_t i = j->n; i-- > 0;)
        if (!j->at[i]->gone && bytes_eq(bytes_str(j->at[i]->job.id), id))
            return j->at[i];
    return NULL;
}

static bool id_is_valid(struct bytes id)
{
    if (!id.len || id.len > JOB_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '\''))
            return false;
    }
    return true;
}

static enum err may_be_made(const struct jobs *j, const struct job *wanted)
{
    unsigned active = 0;

    assert_locked(&j->lock);
    if (by_id(j, bytes_str(wanted->id)))
        return ERR_EXISTS;
    for (size_t i = 0; i < j->n; i++)
        active += !j->at[i]->gone && !job_has_ended(&j->at[i]->job) &&
                  job_is_of_registry(j->at[i]->job.kind) == job_is_of_registry(wanted->kind);
    return active < (job_is_of_registry(wanted->kind) ? 1 : JOBS_ACTIVE_MAX) ? OK : ERR_LIMIT;
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
        if (!(e = change(h, &job, false, body, at))) {
            tell(h, &job, now_ms, at);
            *out = job;
        }
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}

/* Under the lock. */
static enum err give(struct hub *h, const struct job_entry *entry, struct buf *body, struct job *out)
{
    enum err e = body ? job_body_get(h, entry, body) : OK;

    assert_locked(&h->jobs->lock);
    if (!e) {
        *out = entry->job;
        out->lost = !job_has_ended(&entry->job) && entry->said > entry->job.n_rows;
    }
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
    for (i = job_place_of(j, serial + 1); i < j->n && j->at[i]->gone; i++)
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
    bool turns = job->state != entry->job.state;
    enum err e = job_body_get(h, entry, &body);

    assert_locked(&h->jobs->lock);
    if (job_has_ended(job)) {
        job->end_ms = hub_wall_ms(h, now_ms);
        job->counts[JOB_ROW_CANCELLED] += job->counts[JOB_ROW_WAITING];
        job->counts[JOB_ROW_WAITING] = 0;
    }
    if (!e)
        e = change(h, job, false, buf_bytes(&body), at);
    if (!e && turns)
        tell(h, job, now_ms, at);
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
        bool may = job.state == JOB_WAITING || (job.state == JOB_RUNNING && job_is_of_registry(job.kind));

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
        job.percent = job.state == JOB_COMPLETED ? 100 : wanted->percent;
        job.note = wanted->note;
        e = job_has_ended(&entry->job) ? ERR_PROTOCOL : become(h, entry, &job, now_ms, at);
    }
    mutex_unlock(&h->jobs->lock);
    return e;
}
