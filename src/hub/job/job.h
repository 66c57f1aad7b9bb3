/* Jobs in memory, in the log and in the checkpoint. Nothing but the append is called under their lock. */
#pragma once

#include "hub_job.h"
#include "keeping.h"
#include "part.h"

enum { REC_JOB = 40, REC_JOB_ROWS = 41, REC_JOB_ROW = 42 };

/* A text of its own length. */
struct job_text {
    uint32_t len;
    uint8_t at[];
};

struct job_line {
    uint32_t id_at; /* in the ids of its chunk */
    uint8_t id_len, state;
    int64_t start_ms, end_ms;
    struct job_text *result; /* owned; NULL: none */
};

/* Up to JOB_CHUNK devices of a job: one value of the checkpoint. */
struct job_chunk {
    uint64_t changed_at;
    bool dirty;
    uint32_t number, n;
    struct job_line lines[JOB_CHUNK];
    char ids[];
};

struct job_entry {
    struct job job;
    bool gone, dirty;
    uint64_t changed_at;
    struct job_text *body;     /* owned; NULL: only the checkpoint has it */
    struct job_chunk **chunks; /* owned; each may be NULL: only the checkpoint has it */
    uint32_t said;             /* so many devices its records have said that it has */
    size_t n_chunks;
};

struct jobs {
    struct mutex lock;
    struct job_entry **at; /* in the order of their numbers */
    size_t n, cap;
    uint64_t last;      /* the highest number that was given */
    struct buf scratch; /* for who tells of them */
};

extern const struct part job_part;

/* job_table.c: all but the first two under the lock. */
void job_entry_free(struct job_entry *);
void job_chunk_free(struct job_chunk *);
/* The index of the job of that number, or where it would be. */
size_t job_place_of(const struct jobs *, uint64_t serial);
/* NULL: there is none. */
struct job_entry *job_by_serial(const struct jobs *, uint64_t serial);
/* Room for one more. ERR_MEMORY. */
enum err job_room(struct jobs *) MUST_CHECK;
/* Puts it in the place of what had its number. ERR_MEMORY. */
enum err job_entry_set(struct jobs *, struct job_entry *) MUST_CHECK;
/* Room for so many chunks. ERR_MEMORY. */
enum err job_chunk_room(struct job_entry *, size_t n) MUST_CHECK;
/* Puts it in the place of what had its number in the job. ERR_MEMORY. */
enum err job_chunk_set(struct job_entry *, struct job_chunk *) MUST_CHECK;
/* Of a job that goes on: its counts become what its devices say. */
void job_count(struct job_entry *);

/* job.c */
enum err job_apply(struct hub *, const struct record *) MUST_CHECK;

/* job_row.c */
enum err job_rows_apply(struct hub *, const struct record *) MUST_CHECK;
enum err job_row_apply(struct hub *, const struct record *) MUST_CHECK;

/* job_record.c: how they are written, in the log and in the checkpoint */
enum {
    JOB_LINE_BYTES = 22, /* of a device, without its id and its result */
    JOB_VALUE_MAX = JOB_BODY_MAX + 1024,
    JOB_CHUNK_VALUE_MAX = JOB_CHUNK * (JOB_RESULT_MAX + ID_LEN_MAX + JOB_LINE_BYTES) + 16
};

void job_encode(struct buf *, const struct job *, bool gone, struct bytes body);
enum err job_decode(struct bytes, struct job_entry **out) MUST_CHECK;
void job_chunk_encode(struct buf *, uint64_t serial, const struct job_chunk *);
enum err job_chunk_decode(struct bytes, uint64_t *serial, struct job_chunk **out) MUST_CHECK;
/* NULL: there is no memory. */
struct job_text *job_text_new(struct bytes);

static inline struct bytes job_text_of(const struct job_text *t)
{
    return t ? bytes_of(t->at, t->len) : NO_BYTES;
}

static inline size_t job_line_bytes(const struct job_line *l)
{
    return JOB_LINE_BYTES + l->id_len + (l->result ? l->result->len : 0);
}

/* job_keep.c: the checkpoint */
/* Under the lock: from memory, or from the checkpoint into memory. ERR_NOT_FOUND. */
enum err job_chunk_get(struct hub *, struct job_entry *, size_t number, struct job_chunk **out) MUST_CHECK;
/* Under the lock: what is to be done. */
enum err job_body_get(struct hub *, const struct job_entry *, struct buf *out) MUST_CHECK;
