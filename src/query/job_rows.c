#include "job_rows.h"

#include "hub.h"
#include "hub_job.h"
#include "json_body.h"
#include "json_row.h"
#include "text.h"

enum { SLICE = 64, ROW_MAX = 2 * JOB_RESULT_MAX };

void job_rows_open(struct job_rows *r, struct hub *hub, const struct condition *condition)
{
    *r = (struct job_rows){
        .hub = hub, .condition = condition, .text = buf_max(ROW_MAX), .room = buf_max(JOB_RESULT_MAX + ID_LEN_MAX)};
}

void job_rows_close(struct job_rows *r)
{
    buf_free(&r->text);
    buf_free(&r->room);
}

static const char *state_name(const struct job *j, const struct job_row *row)
{
    static const char *const names[JOB_ROW_STATES] = {
        [JOB_ROW_COMPLETED] = "completed", [JOB_ROW_FAILED] = "failed", [JOB_ROW_CANCELLED] = "cancelled"};

    if (row->state == JOB_ROW_WAITING)
        return j->state == JOB_RUNNING ? "running" : "scheduled";
    return names[row->state];
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    if (!ms)
        return;
    iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

/* A member without a value is missing: no client takes null for a time or an outcome. */
static void put_row(struct buf *b, const struct job *j, const struct job_row *row)
{
    int64_t start_ms = row->start_ms ? row->start_ms : j->start_ms;
    int64_t end_ms = row->end_ms ? row->end_ms : j->end_ms;

    buf_puts(b, "{\"deviceId\":");
    buf_put_json(b, row->device);
    buf_puts(b, ",\"jobId\":");
    buf_put_json(b, bytes_str(j->id));
    buf_printf(b, ",\"jobType\":\"%s\",\"status\":\"%s\"", job_kind_name(j->kind), state_name(j, row));
    put_time(b, "startTimeUtc", start_ms);
    put_time(b, "endTimeUtc", end_ms);
    put_time(b, "createdDateTimeUtc", j->created_ms);
    put_time(b, "lastUpdatedDateTimeUtc", end_ms ? end_ms : start_ms);
    if (row->result.len) {
        buf_puts(b, row->state == JOB_ROW_COMPLETED ? ",\"outcome\":" : ",\"error\":");
        buf_put(b, row->result);
    }
    buf_puts(b, "}");
}

static enum err look_at(struct job_rows *r, const struct job *j, const struct job_row *row, job_row_found *found,
                        void *ctx)
{
    char why[JSON_WHY_CAP];
    bool wanted = true;

    buf_clear(&r->text);
    put_row(&r->text, j, row);
    if (r->text.bad)
        return ERR_MEMORY;
    if (r->condition) {
        json_t *json = json_body(buf_bytes(&r->text), 0, why);
        struct row as_row = json_row(json);

        wanted = condition_holds(r->condition, &as_row);
        json_decref(json);
    }
    return wanted ? found(ctx, buf_bytes(&r->text), &r->end) : OK;
}

/* The next job from r->serial on that has devices left to look at. ERR_NOT_FOUND. */
static enum err job_at(struct job_rows *r, struct job *out)
{
    uint64_t before = r->serial ? r->serial - 1 : 0;
    enum err e;

    while (!(e = hub_job_next(r->hub, before, NULL, out))) {
        if (out->serial != r->serial)
            r->row = 0;
        r->serial = out->serial;
        if (r->row < out->n_rows)
            return OK;
        before = out->serial;
    }
    return e;
}

enum err job_rows_turn(struct job_rows *r, job_row_found *found, void *ctx)
{
    struct job job;
    enum err e = OK;

    for (unsigned n = 0; n < SLICE && !r->end && !e; n++) {
        struct job_row row;

        if ((e = job_at(r, &job)))
            break;
        buf_clear(&r->room);
        e = hub_job_row(r->hub, r->serial, r->row, &r->room, &row);
        if (!e)
            e = look_at(r, &job, &row, found, ctx);
        if (!r->end && (!e || e == ERR_NOT_FOUND)) { /* it was forgotten meanwhile */
            r->row++;
            e = OK;
        }
    }
    if (e == ERR_NOT_FOUND) {
        r->end = true;
        e = OK;
    }
    return e;
}
