/* Turns in the life of jobs, told as events (service 7). A job is of no device: its events have an empty device id, and
 * stand in one partition, in order. */
#include "life.h"

#include "text.h"

enum { BODY_CAP = 6 * (JOB_ID_MAX + JOB_FAILURE_CAP) + 700 };

static const struct telling tellings[JOB_STATES] = {
    [JOB_WAITING] = {LIFE_JOBS, "deviceJobLifecycleEvents", "deviceJobLifecycleNotification", "createJob",
                     ROOM_REGISTRY},
    [JOB_RUNNING] = {LIFE_JOBS, "deviceJobLifecycleEvents", "deviceJobLifecycleNotification", "startJob",
                     ROOM_REGISTRY},
    [JOB_COMPLETED] = {LIFE_JOBS, "deviceJobLifecycleEvents", "deviceJobLifecycleNotification", "completeJob",
                       ROOM_REGISTRY},
    [JOB_FAILED] = {LIFE_JOBS, "deviceJobLifecycleEvents", "deviceJobLifecycleNotification", "failJob", ROOM_REGISTRY},
    [JOB_CANCELLED] = {LIFE_JOBS, "deviceJobLifecycleEvents", "deviceJobLifecycleNotification", "cancelJob",
                       ROOM_REGISTRY},
};

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    if (!ms)
        return;
    iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

static void put_body(struct buf *b, const struct job *j)
{
    static const char *const states[JOB_STATES] = {"queued", "running", "completed", "failed", "cancelled"};

    buf_puts(b, "{\"jobId\":");
    buf_put_json(b, bytes_str(j->id));
    buf_printf(b, ",\"type\":\"%s\",\"status\":\"%s\"", job_kind_name(j->kind), states[j->state]);
    put_time(b, "createdTime", j->created_ms);
    put_time(b, "startTime", j->start_ms);
    put_time(b, "endTime", j->end_ms);
    if (j->failure[0]) {
        buf_puts(b, ",\"failureReason\":");
        buf_put_json(b, bytes_str(j->failure));
    }
    if (!job_is_of_registry(j->kind))
        buf_printf(b, ",\"deviceJobStatistics\":{\"deviceCount\":%u,\"failedCount\":%u,\"succeededCount\":%u}",
                   (unsigned)j->n_rows, (unsigned)j->counts[JOB_ROW_FAILED], (unsigned)j->counts[JOB_ROW_COMPLETED]);
    buf_puts(b, "}");
}

void life_job_changed(struct hub *h, const struct job *j, struct buf *scratch, int64_t now_ms, uint64_t *at)
{
    const struct life_of of = {.scratch = scratch, .job = bytes_str(j->id)};
    char room[BODY_CAP];
    struct buf body = buf_over(room, sizeof room);

    if (!(h->options.life & LIFE_JOBS))
        return;
    put_body(&body, j);
    assert(!body.bad);
    life_tell(h, &of, &tellings[j->state], buf_bytes(&body), now_ms, at);
}
