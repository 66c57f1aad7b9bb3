#include "runner.h"

#include "query.h"
#include "text.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WORKS = JOBS_ACTIVE_MAX + 1,
    LOOK_MS = 500, /* how late a job that was made meanwhile begins */
    IDS_MAX = JOB_CHUNK * (ID_LEN_MAX + 1),
    ROOM_MAX = JOB_RESULT_MAX + IDENTITY_LEN_MAX + 1,
};

struct job_runner {
    struct hub *hub;
    struct waker *waker;
    const struct job_files *files;
    struct work *works[WORKS];
    int64_t look_ms;
};

void job_body_put(struct buf *b, struct bytes condition, struct bytes document)
{
    buf_put_u16(b, (uint16_t)condition.len);
    buf_put(b, condition);
    buf_put(b, document);
}

enum err job_body_read(struct bytes body, struct bytes *condition, struct bytes *document)
{
    struct rd r = rd_over(body);

    *condition = rd_str16(&r);
    *document = rd_rest(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

/* ---- what the ops say ------------------------------------------------------------------------------------------- */

bool work_is_late(const struct work *w, int64_t now_ms)
{
    return hub_wall_ms(w->hub, now_ms) >= w->job.start_ms + w->job.limit_ms;
}

static bool settle(struct work *w, uint32_t row, enum job_row_state state, int64_t start_ms, int64_t now_ms,
                   struct bytes result)
{
    struct job_row r = {.state = state,
                        .start_ms = hub_wall_ms(w->hub, start_ms),
                        .end_ms = hub_wall_ms(w->hub, now_ms),
                        .result = result};
    uint64_t at;

    return !hub_job_settle(w->hub, w->job.serial, row, &r, &at);
}

bool work_done(struct work *w, uint32_t row, int64_t start_ms, int64_t now_ms, struct bytes result)
{
    return settle(w, row, JOB_ROW_COMPLETED, start_ms, now_ms, result);
}

/* service 4.9: both members are there, as texts. */
bool work_failed(struct work *w, uint32_t row, int64_t start_ms, int64_t now_ms, int number, const char *why)
{
    struct buf text = buf_max(1024);
    bool settled;

    buf_printf(&text, "{\"code\":\"%d\",\"description\":", number);
    buf_put_json(&text, bytes_str(why));
    buf_puts(&text, "}");
    settled = settle(w, row, JOB_ROW_FAILED, start_ms, now_ms, buf_bytes(&text));
    buf_free(&text);
    return settled;
}

static unsigned percent_of(uint64_t done, uint64_t all)
{
    return all ? (unsigned)(100 * (done < all ? done : all) / all) : 0;
}

enum err work_note(struct work *w, uint64_t done, uint64_t all, int64_t now_ms)
{
    uint64_t at;

    w->job.percent = percent_of(done, all);
    return hub_job_change(w->hub, &w->job, now_ms, &at);
}

void work_progress(struct work *w, uint64_t done, uint64_t all, int64_t now_ms)
{
    unsigned was = w->job.percent;

    if (percent_of(done, all) != was && work_note(w, done, all, now_ms))
        w->job.percent = was; /* another time */
}

enum err work_cannot(enum err e, const char *what, const char *container, const char *blob, char why[JOB_FAILURE_CAP])
{
    snprintf(why, JOB_FAILURE_CAP, "The hub cannot %s blobs/%s/%s in its data folder: %s", what, container, blob,
             e == ERR_NOT_FOUND ? "there is no such file" : err_text(e));
    return e == ERR_MEMORY ? e : ERR_ARGUMENT;
}

/* ---- a job begins, and ends ------------------------------------------------------------------------------------- */

static void work_free(struct work *w)
{
    if (!w)
        return;
    if (w->ops && w->own)
        w->ops->close(w);
    scan_close(&w->scan);
    condition_free(w->condition);
    buf_free(&w->body);
    buf_free(&w->room);
    buf_free(&w->ids);
    free(w);
}

/* False: it cannot be written down now, and is tried again. */
static bool end(struct hub *h, const struct job *job, enum job_state state, const char *why, int64_t now_ms)
{
    struct job j = *job;
    uint64_t at;
    enum err e;

    j.state = state;
    snprintf(j.failure, sizeof j.failure, "%s", why);
    e = hub_job_change(h, &j, now_ms, &at);
    return e != ERR_DISK_FULL && e != ERR_BUSY && e != ERR_MEMORY;
}

/* `*` is all devices; a whole SELECT is no condition, and says so (service 4.9). */
static enum err open_condition(struct work *w, struct bytes text, char why[JOB_FAILURE_CAP])
{
    struct complaint complaint = {.e = OK};
    enum err e;

    text = bytes_trim(text);
    if (bytes_eq(text, BYTES("*")))
        return OK;
    if ((e = condition_compile(text, LANGUAGE_QUERY, &w->condition, &complaint)) && complaint.e) {
        snprintf(why, JOB_FAILURE_CAP, "%s", complaint.text);
        return ERR_ARGUMENT;
    }
    if (!e)
        query_names(w->condition, QUERY_DEVICES);
    return e;
}

/* Behind the last device that is known; a chunk that is not full was the last one. */
static enum err open_scan(struct work *w)
{
    struct job_row last;
    enum err e = scan_open(&w->scan, w->hub, false, w->condition);

    if (e || !w->job.n_rows)
        return e;
    buf_clear(&w->room);
    if ((e = hub_job_row(w->hub, w->job.serial, w->job.n_rows - 1, &w->room, &last)))
        return e;
    if (!bytes_to_str(last.device, w->scan.after, sizeof w->scan.after))
        return ERR_DAMAGED;
    w->scan.end = w->job.n_rows % JOB_CHUNK != 0;
    return OK;
}

static enum err work_open(struct work *w, char why[JOB_FAILURE_CAP])
{
    static const struct work_ops *const ops[JOB_KINDS] = {
        [JOB_TWIN] = &work_twins, [JOB_CALL] = &work_calls, [JOB_EXPORT] = &work_export, [JOB_IMPORT] = &work_import};
    struct bytes condition, document;
    enum err e = hub_job_get(w->hub, bytes_str(w->job.id), &w->body, &w->job);

    if (e || (e = job_body_read(buf_bytes(&w->body), &condition, &document)))
        return e;
    w->ops = ops[w->job.kind];
    if (w->ops->scans && !w->ops->cancelled && (e = open_condition(w, condition, why)))
        return e;
    if ((e = w->ops->open(w, document, why)))
        return e;
    return w->ops->scans ? open_scan(w) : OK;
}

/* It runs from now on, or goes on to; a job that cannot run has failed. */
static void begin(struct job_runner *r, const struct job *job, int64_t now_ms)
{
    char why[JOB_FAILURE_CAP] = "";
    struct job j = *job;
    struct work *w;
    uint64_t at;
    enum err e;

    if (job->lost) {
        (void)end(r->hub, &j, JOB_FAILED, "The devices of the job are lost: the data of the hub was damaged", now_ms);
        return;
    }
    if (!(w = calloc(1, sizeof *w)))
        return;
    *w = (struct work){.hub = r->hub,
                       .waker = r->waker,
                       .files = r->files,
                       .job = j,
                       .body = buf_max(JOB_BODY_MAX),
                       .room = buf_max(ROOM_MAX),
                       .ids = buf_max(IDS_MAX)};
    j.state = JOB_RUNNING;
    e = job->state == JOB_WAITING ? hub_job_change(r->hub, &j, now_ms, &at) : OK;
    if (!e && (e = work_open(w, why)) == ERR_ARGUMENT)
        (void)end(r->hub, &j, JOB_FAILED, why, now_ms);
    for (size_t i = 0; !e && i < WORKS; i++) {
        if (r->works[i])
            continue;
        r->works[i] = w;
        return;
    }
    work_free(w);
}

/* ---- its devices are found -------------------------------------------------------------------------------------- */

static enum err collect(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct work *w = ctx;
    struct bytes id = bytes_str(d->device->id);

    (void)row;
    if ((*enough = w->n_ids == JOB_CHUNK))
        return OK;
    buf_put_u8(&w->ids, (uint8_t)id.len);
    buf_put(&w->ids, id);
    w->n_ids++;
    return buf_check(&w->ids);
}

static enum err add(struct work *w)
{
    struct rd r = rd_over(buf_bytes(&w->ids));
    struct bytes ids[JOB_CHUNK];
    uint64_t at;
    enum err e;

    for (size_t i = 0; i < w->n_ids; i++)
        ids[i] = rd_bytes(&r, rd_u8(&r));
    if ((e = hub_job_add(w->hub, w->job.serial, ids, w->n_ids, &at)))
        return e;
    w->job.n_rows += (uint32_t)w->n_ids;
    w->n_ids = 0;
    buf_clear(&w->ids);
    return OK;
}

/* A slice of devices is looked at. Those that are found are written down by the chunk; with the last of them all of its
 * devices are known. */
static enum err gather(struct work *w, int64_t now_ms)
{
    bool ended = w->scan.end && w->n_ids < JOB_CHUNK;
    struct job j = w->job;
    uint64_t at;
    enum err e = OK;

    if (!w->scan.end && (e = scan_turn(&w->scan, collect, w)))
        return e;
    if (w->n_ids == JOB_CHUNK) {
        w->scan.end = false; /* it had enough, or there may be none behind it */
        return add(w);
    }
    if (!ended)
        return OK;
    if (w->n_ids && (e = add(w)))
        return e;
    j.gathered = true;
    if (!(e = hub_job_change(w->hub, &j, now_ms, &at)))
        w->job.gathered = true;
    return e;
}

/* ---- turns ------------------------------------------------------------------------------------------------------ */

static bool is_cancelled(const struct work *w)
{
    struct job now;

    return w->ops->cancelled && (hub_job_get(w->hub, bytes_str(w->job.id), NULL, &now) || job_has_ended(&now));
}

/* True: it has ended. */
static bool work_turn(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    enum err e;

    *until_ms = now_ms;
    if (is_cancelled(w))
        return true;
    if (!w->job.gathered && !w->ops->cancelled) {
        e = gather(w, now_ms);
        if (e == ERR_LIMIT)
            return end(w->hub, &w->job, JOB_FAILED, "The job has too many devices", now_ms);
        if (e)
            *until_ms = now_ms + RETRY_MS;
        return false;
    }
    return w->ops->turn(w, now_ms, until_ms) &&
           end(w->hub, &w->job, w->failure[0] ? JOB_FAILED : JOB_COMPLETED, w->failure, now_ms);
}

static bool is_begun(const struct job_runner *r, uint64_t serial)
{
    for (size_t i = 0; i < WORKS; i++)
        if (r->works[i] && r->works[i]->job.serial == serial)
            return true;
    return false;
}

/* Starts jobs that have become due since the last look. */
static void look(struct job_runner *r, int64_t now_ms)
{
    struct job j = {.serial = 0};

    while (!hub_job_next(r->hub, j.serial, NULL, &j))
        if (!is_begun(r, j.serial) &&
            (j.state == JOB_RUNNING || (j.state == JOB_WAITING && j.start_ms <= hub_wall_ms(r->hub, now_ms))))
            begin(r, &j, now_ms);
    hub_jobs_forget(r->hub, now_ms);
    r->look_ms = now_ms + LOOK_MS;
}

int64_t job_runner_turn(struct job_runner *r, int64_t now_ms)
{
    int64_t next_ms;

    if (now_ms >= r->look_ms)
        look(r, now_ms);
    next_ms = r->look_ms;
    for (size_t i = 0; i < WORKS; i++) {
        int64_t until_ms;

        if (!r->works[i])
            continue;
        if (work_turn(r->works[i], now_ms, &until_ms)) {
            work_free(r->works[i]);
            r->works[i] = NULL;
        } else if (until_ms < next_ms) {
            next_ms = until_ms;
        }
    }
    return next_ms;
}

enum err job_runner_new(struct hub *hub, struct waker *waker, const struct job_files *files, struct job_runner **out)
{
    struct job_runner *r = calloc(1, sizeof *r);

    if (!r)
        return ERR_MEMORY;
    r->hub = hub;
    r->waker = waker;
    r->files = files;
    *out = r;
    return OK;
}

void job_runner_free(struct job_runner *r)
{
    for (size_t i = 0; r && i < WORKS; i++)
        work_free(r->works[i]);
    free(r);
}
