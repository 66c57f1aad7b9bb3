/* Jobs over devices (service 4.9). They are made, shown and cancelled here; who does them is src/job. */
#include "http_front.h"

#include "hub_job.h"
#include "json_span.h"
#include "runner.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

static_assert(QUERY_LEN_MAX <= UINT16_MAX, "a condition has its length in two bytes");

/* ---- shown ------------------------------------------------------------------------------------------------------ */

static bool is_ours(const struct job *j)
{
    return !job_is_of_registry(j->kind);
}

static const char *state_name(const struct job *j, int64_t wall_ms)
{
    static const char *const names[JOB_STATES] = {[JOB_RUNNING] = "running",
                                                  [JOB_COMPLETED] = "completed",
                                                  [JOB_FAILED] = "failed",
                                                  [JOB_CANCELLED] = "cancelled"};

    assert(j->state < JOB_STATES);
    if (j->state == JOB_WAITING)
        return j->start_ms > wall_ms ? "scheduled" : "queued";
    return names[j->state];
}

static void put_text_member(struct buf *b, const char *name, struct bytes text)
{
    buf_printf(b, ",\"%s\":", name);
    buf_put_json(b, text);
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

/* Members without a value are left out, as Java wants it; condition, twin and method are as they were sent. */
static void put_job(struct buf *b, const struct job *j, struct bytes body, const char *state)
{
    struct bytes condition, document;

    buf_puts(b, "{\"jobId\":");
    buf_put_json(b, bytes_str(j->id));
    buf_printf(b, ",\"type\":\"%s\",\"status\":\"%s\"", job_kind_name(j->kind), state);
    put_time(b, "createdTime", j->created_ms);
    put_time(b, "startTime", j->start_ms);
    if (j->end_ms)
        put_time(b, "endTime", j->end_ms);
    buf_printf(b, ",\"maxExecutionTimeInSeconds\":%lld", (long long)(j->limit_ms / 1000));
    if (j->failure[0])
        put_text_member(b, "failureReason", bytes_str(j->failure));
    if (!job_body_read(body, &condition, &document)) {
        put_text_member(b, "queryCondition", condition);
        buf_printf(b, ",\"%s\":", j->kind == JOB_TWIN ? "updateTwin" : "cloudToDeviceMethod");
        buf_put(b, document);
    }
    buf_printf(b,
               ",\"deviceJobStatistics\":{\"deviceCount\":%u,\"failedCount\":%u,\"succeededCount\":%u,"
               "\"runningCount\":%u,\"pendingCount\":%u}}",
               (unsigned)j->n_rows, (unsigned)j->counts[JOB_ROW_FAILED], (unsigned)j->counts[JOB_ROW_COMPLETED],
               j->state == JOB_RUNNING ? (unsigned)j->counts[JOB_ROW_WAITING] : 0,
               j->state == JOB_WAITING ? (unsigned)j->counts[JOB_ROW_WAITING] : 0);
}

/* ---- made ------------------------------------------------------------------------------------------------------- */

static enum err take_start(const json_t *root, int64_t wall_ms, int64_t *out, struct http_answer *a)
{
    const char *text = json_string_value(json_object_get(root, "startTime"));
    int64_t year_2 = -62104060800000; /* Go sends the year 1 where there is no time */

    *out = wall_ms;
    if (!text || !*text)
        return OK;
    if (iso_time_parse(bytes_str(text), out))
        return http_says(a, ERR_ARGUMENT, "startTime must be a time such as 2026-01-31T12:00:00Z");
    if (*out < year_2)
        *out = wall_ms;
    if (*out > wall_ms + JOB_AHEAD_MAX_MS)
        return http_says(a, ERR_RANGE, "startTime must be within %d hours", (int)(JOB_AHEAD_MAX_MS / 3600000));
    return OK;
}

static enum err take_limit(const json_t *root, int64_t *out, struct http_answer *a)
{
    const json_t *v = json_object_get(root, "maxExecutionTimeInSeconds");

    *out = JOB_LIMIT_MS;
    if (!v || json_is_null(v))
        return OK;
    double seconds = json_number_value(v);
    if (!json_is_number(v) || !(seconds >= 0 && seconds <= (double)JOB_LIMIT_MAX_MS / 1000) ||
        seconds > (double)(int64_t)seconds)
        return http_says(a, ERR_RANGE, "maxExecutionTimeInSeconds must be 0 to %lld",
                         (long long)(JOB_LIMIT_MAX_MS / 1000));
    if ((int64_t)seconds)
        *out = (int64_t)seconds * 1000;
    return OK;
}

/* Checks what the device would be asked to become, or to do. */
static enum err take_document(const json_t *root, struct bytes body, enum job_kind kind, struct bytes *out,
                              struct http_answer *a)
{
    const char *name = kind == JOB_TWIN ? "updateTwin" : "cloudToDeviceMethod";
    json_t *document = json_object_get(root, name);

    if (!json_is_object(document))
        return http_says(a, ERR_ARGUMENT, "A job of this type must have %s", name);
    if (!(*out = json_span(body, bytes_str(name))).len)
        return http_says(a, ERR_ARGUMENT, "The name %s must stand without escapes", name);
    if (kind == JOB_CALL)
        return http_call_check(document, *out, a);
    if (json_object_get(document, "desired"))
        return http_says(a, ERR_ARGUMENT, "updateTwin.desired must be updateTwin.properties.desired");
    if (json_string_length(json_object_get(document, "etag")) > JOB_ETAG_MAX)
        return http_says(a, ERR_ARGUMENT, "updateTwin.etag must be * or the ETag of a twin");
    return OK;
}

static enum err take_kind(const json_t *root, enum job_kind *out, struct http_answer *a)
{
    const char *text = json_string_value(json_object_get(root, "type"));
    struct bytes type = bytes_str(text ? text : "");

    if (bytes_eq_nocase(type, BYTES("scheduleUpdateTwin")) || bytes_eq_nocase(type, BYTES("scheduleTwinUpdate")))
        *out = JOB_TWIN;
    else if (bytes_eq_nocase(type, BYTES("scheduleDeviceMethod")))
        *out = JOB_CALL;
    else
        return http_says(a, ERR_MALFORMED, "type must be scheduleUpdateTwin or scheduleDeviceMethod");
    return OK;
}

static enum err take_condition(const json_t *root, struct bytes *out, struct http_answer *a)
{
    const json_t *v = json_object_get(root, "queryCondition");

    *out = bytes_of(json_string_value(v), json_string_length(v));
    if (!bytes_trim(*out).len)
        return http_says(a, ERR_ARGUMENT, "queryCondition must be a condition, or * for all devices");
    if (out->len > QUERY_LEN_MAX)
        return http_says(a, ERR_PRECONDITION, "queryCondition must be at most %d bytes", QUERY_LEN_MAX);
    return OK;
}

static enum err take_id(const struct http_request *r, const json_t *root, struct job *out, struct http_answer *a)
{
    const char *said = json_string_value(json_object_get(root, "jobId"));

    if (!bytes_to_str(bytes_str(r->names[0]), out->id, sizeof out->id))
        return http_says(a, ERR_ARGUMENT, "A job id has at most %d characters", JOB_ID_MAX);
    if (said && *said && strcmp(said, out->id) != 0)
        return http_says(a, ERR_ARGUMENT, "jobId is not the one of the path");
    return OK;
}

static enum err read_job(struct http_request *r, const json_t *root, struct job *job, struct buf *body,
                         struct http_answer *a)
{
    struct bytes condition = NO_BYTES, document = NO_BYTES;
    enum err e;

    if ((e = take_id(r, root, job, a)) || (e = take_kind(root, &job->kind, a)) ||
        (e = take_condition(root, &condition, a)) || (e = take_document(root, r->body, job->kind, &document, a)) ||
        (e = take_start(root, hub_wall_ms(r->env->hub, r->now_ms), &job->start_ms, a)) ||
        (e = take_limit(root, &job->limit_ms, a)))
        return e;
    job_body_put(body, condition, document);
    return OK;
}

static enum err fail(const struct http_request *r, struct http_answer *a, enum err e)
{
    if (e == ERR_EXISTS) {
        a->code = CODE_JOB_EXISTS;
        return http_says(a, e, "Job %.64s exists already", r->names[0]);
    }
    if (e == ERR_LIMIT) {
        a->code = CODE_JOBS_ACTIVE;
        return http_says(a, e, "At most %d jobs may run or wait at once", JOBS_ACTIVE_MAX);
    }
    if (e == ERR_NOT_FOUND) {
        a->code = CODE_NO_JOB;
        return http_says(a, e, "Job %.64s does not exist", r->names[0]);
    }
    if (e == ERR_PROTOCOL) {
        a->code = CODE_JOB_STATE;
        return http_says(a, e, "Job %.64s cannot be cancelled: it runs, or has ended", r->names[0]);
    }
    return e == ERR_ARGUMENT && !a->text[0]
               ? http_says(a, e, "A job id must be 1 to %d letters, digits, - or '", JOB_ID_MAX)
               : e;
}

enum err http_job_put(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(JOB_BODY_MAX + 1);
    struct job wanted = {.kind = JOB_TWIN}, job;
    json_t *root;
    uint64_t at;
    enum err e = http_json_passed_on(r->body, &root, a);

    if (e)
        return e;
    if (!(e = http_spell(root, NAMES_JOB, a)) && !(e = read_job(r, root, &wanted, &body, a)) &&
        !(e = fail(r, a, hub_job_put(r->env->hub, &wanted, buf_bytes(&body), r->now_ms, &job, &at)))) {
        http_audit(r, "job-created", "job", bytes_str(job.id), job_kind_name(job.kind));
        front_wait_for(r->front, at);
        put_job(&a->body, &job, buf_bytes(&body), "queued");
    }
    json_decref(root);
    buf_free(&body);
    return e;
}

/* ---- asked for -------------------------------------------------------------------------------------------------- */

/* service 4.9: of one that is not known, 200 says so. */
enum err http_job_get(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(JOB_BODY_MAX);
    struct job job;
    enum err e = hub_job_get(r->env->hub, bytes_str(r->names[0]), &body, &job);

    if (e == ERR_NOT_FOUND || (!e && !is_ours(&job))) {
        buf_puts(&a->body, "{\"jobId\":");
        buf_put_json(&a->body, bytes_str(r->names[0]));
        buf_puts(&a->body, ",\"type\":\"unknown\",\"status\":\"unknown\"}");
        e = OK;
    } else if (!e) {
        put_job(&a->body, &job, buf_bytes(&body), state_name(&job, hub_wall_ms(r->env->hub, r->now_ms)));
    }
    front_wait_for(r->front, hub_seen(r->env->hub));
    buf_free(&body);
    return e;
}

enum err http_job_cancel(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(JOB_BODY_MAX);
    struct bytes id = bytes_str(r->names[0]);
    struct job job;
    uint64_t at;
    enum err e = hub_job_get(r->env->hub, id, &body, &job);

    if (!e && !is_ours(&job))
        e = ERR_NOT_FOUND;
    if (!e)
        e = hub_job_cancel(r->env->hub, id, r->now_ms, &job, &at);
    if (!e) {
        http_audit(r, "job-cancelled", "job", id, job_kind_name(job.kind));
        front_wait_for(r->front, at);
        put_job(&a->body, &job, buf_bytes(&body), "cancelled");
    }
    buf_free(&body);
    return e ? fail(r, a, e) : OK;
}

/* ---- listed ----------------------------------------------------------------------------------------------------- */

/* Which are wanted; no text is all of them. */
struct wanted {
    char type[64], state[64];
    uint64_t after;
    size_t most;
};

static enum err take_wanted(struct http_request *r, struct wanted *w, struct http_answer *a)
{
    struct bytes most = http_header(r->head, BYTES("x-ms-max-item-count"));
    struct bytes after = http_header(r->head, BYTES("x-ms-continuation"));
    uint64_t n = QUERY_PAGE_MAX;
    enum err e = http_query(r->head->query, BYTES("jobType"), w->type, sizeof w->type);

    if (!e || e == ERR_NOT_FOUND)
        e = http_query(r->head->query, BYTES("jobStatus"), w->state, sizeof w->state);
    if (e && e != ERR_NOT_FOUND)
        return http_says(a, e, "jobType and jobStatus must be names");
    if (most.len && (!bytes_to_u64(most, &n) || !n))
        return http_says(a, ERR_ARGUMENT, "x-ms-max-item-count must be a number above 0");
    if (after.len && !bytes_to_u64(after, &w->after))
        return http_says(a, ERR_ARGUMENT, "x-ms-continuation was not issued by this hub");
    w->most = n < QUERY_PAGE_MAX ? (size_t)n : QUERY_PAGE_MAX;
    return OK;
}

static bool is_wanted(const struct wanted *w, const struct job *j, const char *state)
{
    struct bytes type = bytes_str(w->type), wanted = bytes_str(w->state);

    return is_ours(j) && (!type.len || bytes_eq_nocase(type, bytes_str(job_kind_name(j->kind)))) &&
           (!wanted.len || bytes_eq_nocase(wanted, bytes_str(state)));
}

/* A job that is wanted and does not fit only tells that there are more. */
static enum err put_page(struct http_request *r, struct http_answer *a, struct wanted *w, bool *more)
{
    int64_t wall_ms = hub_wall_ms(r->env->hub, r->now_ms);
    struct buf body = buf_max(JOB_BODY_MAX);
    struct job job = {.serial = w->after};
    size_t n = 0;
    enum err e;

    while (!(e = hub_job_next(r->env->hub, job.serial, &body, &job))) {
        const char *state = state_name(&job, wall_ms);

        if (is_wanted(w, &job, state)) {
            if ((*more = n == w->most || a->body.len > HTTP_ANSWER_MAX / 2))
                break;
            buf_puts(&a->body, n++ ? "," : "");
            put_job(&a->body, &job, buf_bytes(&body), state);
            w->after = job.serial;
        }
        buf_clear(&body);
    }
    buf_free(&body);
    assert(n <= w->most);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err http_jobs_list(struct http_request *r, struct http_answer *a)
{
    struct wanted w = {.type = ""};
    bool more = false;
    char next[24];
    enum err e = take_wanted(r, &w, a);

    if (e)
        return e;
    buf_puts(&a->body, "[");
    e = put_page(r, a, &w, &more);
    buf_puts(&a->body, "]");
    http_put_header(&a->headers, "x-ms-item-type", BYTES("JobResponse"));
    if (more) {
        snprintf(next, sizeof next, "%llu", (unsigned long long)w.after);
        http_put_header(&a->headers, "x-ms-continuation", bytes_str(next));
    }
    front_wait_for(r->front, hub_seen(r->env->hub));
    return e;
}
