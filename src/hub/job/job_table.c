/* Jobs in memory. */
#include "job.h"

#include <stdlib.h>

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

size_t job_place_of(const struct jobs *j, uint64_t serial)
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
    size_t i = job_place_of(j, serial);

    assert_locked(&j->lock);
    return i < j->n && j->at[i]->job.serial == serial && !j->at[i]->gone ? j->at[i] : NULL;
}

enum err job_room(struct jobs *j)
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
    size_t i = job_place_of(j, e->job.serial);
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
    if ((err = job_room(j)))
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
    if (e->job.n_rows > e->said)
        e->said = e->job.n_rows;
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
