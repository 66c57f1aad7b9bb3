/* Jobs (service 4.9, 4.10): work over many devices that the hub remembers until its history is full. Here is what is
 * known of them: what was asked for, how far it is, and what became of each device. Whoever does the work (src/job)
 * says so here, and after a restart goes on where the log ends.
 *
 * Every call may come from any thread; those that change something give the place that an answer has to wait for. */
#pragma once

#include "buf.h"
#include "ceilings.h"

struct hub;

enum job_kind { JOB_TWIN, JOB_CALL, JOB_EXPORT, JOB_IMPORT, JOB_KINDS };

enum job_state {
    JOB_WAITING,   /* for its time: → RUNNING, CANCELLED */
    JOB_RUNNING,   /* → COMPLETED, FAILED; CANCELLED only where it has no devices (service 4.10) */
    JOB_COMPLETED, /* whatever became of its devices */
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_STATES,
};

enum job_row_state { JOB_ROW_WAITING, JOB_ROW_COMPLETED, JOB_ROW_FAILED, JOB_ROW_CANCELLED, JOB_ROW_STATES };

enum { JOB_FAILURE_CAP = 256, JOB_NOTE_CAP = 96 };

/* Notes of whoever does a job, for when it goes on; the hub does not look into them. */
struct job_note {
    uint8_t len, at[JOB_NOTE_CAP];
};

struct job {
    uint64_t serial; /* jobs are in this order; the first is 1 */
    char id[JOB_ID_MAX + 1];
    enum job_kind kind;
    enum job_state state;
    int64_t created_ms, start_ms; /* wall times, as all here */
    int64_t end_ms;               /* 0: it has not ended */
    int64_t limit_ms;             /* so long it may run */
    bool gathered;                /* all of its devices are known */
    uint32_t n_rows;              /* its devices */
    bool lost;                    /* it had more: the data of the hub was damaged, and nobody knows them any more */
    uint32_t counts[JOB_ROW_STATES];
    uint64_t bytes;                /* that they take, with what became of them */
    char failure[JOB_FAILURE_CAP]; /* why it failed, or "" */
    unsigned percent;              /* of the registry: how far it is */
    struct job_note note;
};

/* A device of a job, and what became of it. */
struct job_row {
    enum job_row_state state;
    int64_t start_ms, end_ms; /* 0: not yet */
    struct bytes device;
    struct bytes result; /* JSON that the hub does not look into; lent by the buffer that the call was given */
};

static inline bool job_is_of_registry(enum job_kind kind)
{
    return kind == JOB_EXPORT || kind == JOB_IMPORT;
}

/* service 4.9, 4.10 */
static inline const char *job_kind_name(enum job_kind kind)
{
    static const char *const names[JOB_KINDS] = {"scheduleUpdateTwin", "scheduleDeviceMethod", "export", "import"};

    return names[kind];
}

static inline bool job_has_ended(const struct job *j)
{
    return j->state >= JOB_COMPLETED;
}

/* Makes one that waits. Reads id, kind, start and limit of `wanted`. `body` is what is to be done; the hub does not
 * look into it. ERR_ARGUMENT: the id; ERR_EXISTS; ERR_TOO_LARGE: JOB_BODY_MAX; ERR_LIMIT: JOBS_ACTIVE_MAX of its sort
 * (over devices, or of the registry) have not ended. The oldest that have ended make room. */
enum err hub_job_put(struct hub *, const struct job *wanted, struct bytes body, int64_t now_ms, struct job *out,
                     uint64_t *at) MUST_CHECK;
/* Appends what is to be done to `body`, unless that is NULL. ERR_NOT_FOUND. */
enum err hub_job_get(struct hub *, struct bytes id, struct buf *body, struct job *out) MUST_CHECK;
/* The one behind `serial`, 0: the first. ERR_NOT_FOUND: that was the last. */
enum err hub_job_next(struct hub *, uint64_t serial, struct buf *body, struct job *out) MUST_CHECK;
/* The end of a job that does not need to end by itself. ERR_NOT_FOUND; ERR_PROTOCOL: its state does not allow that. */
enum err hub_job_cancel(struct hub *, struct bytes id, int64_t now_ms, struct job *out, uint64_t *at) MUST_CHECK;

/* A device of it, by its number from 0. What it is given is lent until `room` changes. ERR_NOT_FOUND. */
enum err hub_job_row(struct hub *, uint64_t serial, uint32_t row, struct buf *room, struct job_row *out) MUST_CHECK;

/* ---- for whoever does the work: one thread ---------------------------------------------------------------------- */

/* Takes state, gathered, failure, percent and note of a job that has not ended. With the end of a job its time is
 * written down, and what still waits in it is cancelled. */
enum err hub_job_change(struct hub *, const struct job *, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* More devices of it: at most JOB_CHUNK at once, and fewer only in the last call; after that it is ERR_PROTOCOL.
 * ERR_LIMIT: JOB_ROWS_MAX. */
enum err hub_job_add(struct hub *, uint64_t serial, const struct bytes *devices, size_t n, uint64_t *at) MUST_CHECK;
/* Says what became of one. A result of more than JOB_RESULT_MAX is ERR_TOO_LARGE; one for which there is no room in
 * JOB_BYTES_MAX is left out. */
enum err hub_job_settle(struct hub *, uint64_t serial, uint32_t row, const struct job_row *, uint64_t *at) MUST_CHECK;
/* Jobs that ended too long ago are forgotten, one with each call; false: there was none. */
bool hub_jobs_forget(struct hub *, int64_t now_ms);
