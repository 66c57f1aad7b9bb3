/* Jobs in the checkpoint: "jh/{number}" is a job, "jr/{number}/{chunk}" are devices of it. The job comes before its
 * devices and goes after them, so that what is there is always found. */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEEP_JOB, KEEP_ROWS, KEEP_GONE };

static struct bytes job_key(char out[STATE_KEY_MAX], uint64_t serial)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "jh/%016llx", (unsigned long long)serial));
}

static struct bytes rows_prefix(char out[STATE_KEY_MAX], uint64_t serial)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "jr/%016llx/", (unsigned long long)serial));
}

static struct bytes rows_key(char out[STATE_KEY_MAX], uint64_t serial, size_t number)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "jr/%016llx/%06zx", (unsigned long long)serial, number));
}

/* ---- written ---------------------------------------------------------------------------------------------------- */

/* A place to go on from: the job of that number, and the chunk in it; 0 is the job itself. */
struct keep_at {
    uint64_t serial;
    size_t chunk;
};

static size_t begin_value(struct buf *to, uint8_t what, const struct keep_at *at)
{
    buf_put_u8(to, what);
    buf_put_u64(to, at->serial);
    buf_put_u32(to, (uint32_t)at->chunk);
    return len32_begin(to);
}

static void copy_job(struct keeping *k, const struct job_entry *e, struct buf *to)
{
    struct keep_at at = {.serial = e->job.serial, .chunk = (e->job.n_rows + JOB_CHUNK - 1) / JOB_CHUNK};
    size_t len_at = begin_value(to, e->gone ? KEEP_GONE : KEEP_JOB, &at);

    if (!e->gone)
        job_encode(to, &e->job, false, job_text_of(e->body));
    len32_end(to, len_at);
    keeping_saw(k, e->changed_at);
}

static void copy_rows(struct keeping *k, const struct job_chunk *c, const struct keep_at *at, struct buf *to)
{
    size_t len_at = begin_value(to, KEEP_ROWS, at);

    job_chunk_encode(to, at->serial, c);
    len32_end(to, len_at);
    keeping_saw(k, c->changed_at);
}

/* Under the lock: a transaction's worth from here on. False: that was all. */
static bool copy_some(struct keeping *k, struct keep_at *at, struct buf *to)
{
    const struct jobs *j = k->hub->jobs;

    for (size_t i = 0; i < j->n; i++) {
        const struct job_entry *e = j->at[i];

        if (e->job.serial < at->serial)
            continue;
        if (e->job.serial > at->serial)
            *at = (struct keep_at){.serial = e->job.serial};
        if (at->chunk == 0 && e->dirty)
            copy_job(k, e, to);
        for (; at->chunk < e->n_chunks; at->chunk++) {
            if (to->len >= STATE_BATCH)
                return true;
            if (e->chunks[at->chunk] && e->chunks[at->chunk]->dirty)
                copy_rows(k, e->chunks[at->chunk], at, to);
        }
        at->serial++;
        at->chunk = 0;
    }
    return false;
}

static enum err write_gone(struct keeping *k, uint64_t serial, size_t chunks)
{
    char key[STATE_KEY_MAX];
    enum err e = OK;

    for (size_t i = 0; !e && i < chunks; i++)
        if (!(e = keeping_del(k, rows_key(key, serial, i))))
            e = keeping_step(k);
    return e ? e : keeping_del(k, job_key(key, serial));
}

static enum err write_copied(struct keeping *k, const struct buf *copied)
{
    struct rd r = rd_over(buf_bytes(copied));
    enum err e = copied->bad ? ERR_MEMORY : OK;

    while (!e && rd_left(&r)) {
        uint8_t what = rd_u8(&r);
        uint64_t serial = rd_u64(&r);
        size_t chunk = rd_u32(&r);
        struct bytes value = rd_str32(&r);
        char key[STATE_KEY_MAX];

        if (what == KEEP_GONE)
            e = write_gone(k, serial, chunk);
        else
            e = keeping_put(k, what == KEEP_JOB ? job_key(key, serial) : rows_key(key, serial, chunk), value);
        if (!e)
            e = keeping_step(k);
    }
    return e;
}

static enum err jobs_keep(struct keeping *k)
{
    struct buf copied = buf_max(STATE_BATCH_MAX);
    struct keep_at at = {.serial = 0};
    bool more = true;
    enum err e = OK;

    while (!e && more) {
        buf_clear(&copied);
        mutex_lock(&k->hub->jobs->lock);
        more = copy_some(k, &at, &copied);
        mutex_unlock(&k->hub->jobs->lock);
        e = write_copied(k, &copied);
    }
    buf_free(&copied);
    return e;
}

/* A job that has ended need not be in memory, as far as the checkpoint knows it. */
static void let_go(struct job_entry *e, uint64_t place)
{
    for (size_t i = 0; i < e->n_chunks; i++) {
        struct job_chunk *c = e->chunks[i];

        if (c && c->changed_at < place)
            c->dirty = false;
        if (!c || c->dirty || !job_has_ended(&e->job))
            continue;
        job_chunk_free(c);
        e->chunks[i] = NULL;
    }
    if (e->dirty || !job_has_ended(&e->job))
        return;
    free(e->body);
    e->body = NULL;
}

static void jobs_kept(struct keeping *k, bool done)
{
    struct jobs *j = k->hub->jobs;
    size_t n = 0;

    if (!done)
        return;
    mutex_lock(&j->lock);
    for (size_t i = 0; i < j->n; i++) {
        struct job_entry *e = j->at[i];

        if (e->changed_at < k->place)
            e->dirty = false;
        let_go(e, k->place);
        if (e->gone && !e->dirty)
            job_entry_free(e);
        else
            j->at[n++] = e;
    }
    j->n = n;
    mutex_unlock(&j->lock);
}

/* ---- read ------------------------------------------------------------------------------------------------------- */

enum err job_chunk_get(struct hub *h, struct job_entry *e, size_t number, struct job_chunk **out)
{
    struct buf value = buf_max(JOB_CHUNK_VALUE_MAX);
    char key[STATE_KEY_MAX];
    uint64_t serial;
    enum err err;

    if (number < e->n_chunks && e->chunks[number]) {
        *out = e->chunks[number];
        return OK;
    }
    if (number >= JOB_ROWS_MAX / JOB_CHUNK)
        return ERR_NOT_FOUND;
    if (!(err = state_get(h->state, rows_key(key, e->job.serial, number), &value)) &&
        !(err = job_chunk_decode(buf_bytes(&value), &serial, out)) && (err = job_chunk_set(e, *out)))
        job_chunk_free(*out);
    buf_free(&value);
    return err;
}

enum err job_body_get(struct hub *h, const struct job_entry *e, struct buf *out)
{
    struct buf value = buf_max(JOB_VALUE_MAX);
    struct job_entry *kept = NULL;
    char key[STATE_KEY_MAX];
    enum err err = OK;

    if (e->body) {
        buf_put(out, job_text_of(e->body));
        return buf_check(out);
    }
    if (!(err = state_get(h->state, job_key(key, e->job.serial), &value)) &&
        !(err = job_decode(buf_bytes(&value), &kept)))
        buf_put(out, job_text_of(kept->body));
    job_entry_free(kept);
    buf_free(&value);
    return err ? err : buf_check(out);
}

struct loading {
    struct jobs *jobs;
    struct job_entry *entry;
    enum err e;
};

static bool load_job(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct job_entry *e;

    (void)key;
    if ((l->e = job_decode(value, &e)))
        return false;
    if (job_has_ended(&e->job)) {
        free(e->body);
        e->body = NULL;
    }
    if ((l->e = job_entry_set(l->jobs, e)))
        job_entry_free(e);
    return !l->e;
}

static bool load_rows(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct job_chunk *c;
    uint64_t serial;

    (void)key;
    if ((l->e = job_chunk_decode(value, &serial, &c)))
        return false;
    if ((l->e = job_chunk_set(l->entry, c)))
        job_chunk_free(c);
    return !l->e;
}

/* The devices of those that go on are in memory. */
static enum err jobs_load(struct hub *h)
{
    struct loading l = {.jobs = h->jobs};
    enum err e;

    mutex_lock(&h->jobs->lock);
    e = state_each(h->state, BYTES("jh/"), NO_BYTES, load_job, &l);
    for (size_t i = 0; !e && !l.e && i < h->jobs->n; i++) {
        char prefix[STATE_KEY_MAX];

        l.entry = h->jobs->at[i];
        if (job_has_ended(&l.entry->job))
            continue;
        e = state_each(h->state, rows_prefix(prefix, l.entry->job.serial), NO_BYTES, load_rows, &l);
        if (!e && !l.e)
            job_count(l.entry);
    }
    mutex_unlock(&h->jobs->lock);
    return e ? e : l.e;
}

/* ---- their row -------------------------------------------------------------------------------------------------- */

static enum err jobs_make(struct hub *h)
{
    if (!(h->jobs = calloc(1, sizeof *h->jobs)))
        return ERR_MEMORY;
    mutex_init(&h->jobs->lock, RANK_PART);
    h->jobs->scratch = buf_max(MESSAGE_LEN_MAX);
    return OK;
}

static void jobs_free(struct hub *h)
{
    struct jobs *j = h->jobs;

    if (!j)
        return;
    for (size_t i = 0; i < j->n; i++)
        job_entry_free(j->at[i]);
    free(j->at);
    buf_free(&j->scratch);
    mutex_destroy(&j->lock);
    free(j);
}

static const struct record_kind kinds[] = {
    {.number = REC_JOB, .room = ROOM_REGISTRY, .what = "a job", .apply = job_apply},
    {.number = REC_JOB_ROWS, .room = ROOM_UPKEEP, .what = "devices of a job", .apply = job_rows_apply},
    {.number = REC_JOB_ROW, .room = ROOM_UPKEEP, .what = "what became of a device of a job", .apply = job_row_apply},
};

const struct part job_part = {.name = "jobs",
                              .kinds = kinds,
                              .n_kinds = sizeof kinds / sizeof *kinds,
                              .make = jobs_make,
                              .free = jobs_free,
                              .keep = jobs_keep,
                              .kept = jobs_kept,
                              .load = jobs_load};
