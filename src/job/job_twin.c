/* A twin is changed on each device (service 4.9). */
#include "work.h"

#include "json_span.h"

#include <stdlib.h>

static enum err open_twins(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct twin_change *c = calloc(1, sizeof *c);
    struct bytes properties = json_span(document, BYTES("properties"));
    struct bytes tags = json_span(document, BYTES("tags"));

    (void)why;
    if (!c)
        return ERR_MEMORY;
    w->own = c;
    if (bytes_starts(tags, BYTES("{")))
        c->part[TWIN_TAGS] = tags;
    if (bytes_starts(properties, BYTES("{"))) {
        struct bytes desired = json_span(properties, BYTES("desired"));

        if (bytes_starts(desired, BYTES("{")))
            c->part[TWIN_DESIRED] = desired;
    }
    return OK;
}

static void close_twins(struct work *w)
{
    free(w->own);
}

/* Whether it could be done or not is written down; false: neither, and it is tried again. */
static bool change(struct work *w, struct bytes device, int64_t now_ms)
{
    struct twin_fault fault = {.why = ""};
    uint64_t at;
    enum err e = hub_twin_change(w->hub, device, w->own, now_ms, &fault, &at);

    if (e == ERR_BUSY || e == ERR_DISK_FULL || e == ERR_MEMORY)
        return false;
    if (!e)
        return work_done(w, w->next, now_ms, now_ms, NO_BYTES);
    return work_failed(w, w->next, now_ms, now_ms,
                       e == ERR_NOT_FOUND   ? 404001
                       : e == ERR_TOO_LARGE ? 413000
                                            : 400004,
                       fault.why[0] ? fault.why : err_text(e));
}

static bool turn_twins(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    bool late = work_is_late(w, now_ms);

    for (unsigned n = 0; n < SLICE && w->next < w->job.n_rows; n++, w->next++) {
        struct job_row row;
        bool settled;

        buf_clear(&w->room);
        if (hub_job_row(w->hub, w->job.serial, w->next, &w->room, &row)) {
            *until_ms = now_ms + RETRY_MS;
            return false;
        }
        if (row.state != JOB_ROW_WAITING)
            continue;
        settled = late ? work_failed(w, w->next, now_ms, now_ms, 504101, "The time of the job was up")
                       : change(w, row.device, now_ms);
        if (!settled) {
            *until_ms = now_ms + RETRY_MS;
            return false;
        }
    }
    return w->next == w->job.n_rows;
}

const struct work_ops work_twins = {.open = open_twins, .turn = turn_twins, .close = close_twins};
