/* A twin is changed on each device (service 4.9). */
#include "work.h"

#include "json_span.h"

#include <stdlib.h>

struct twins {
    struct twin_change change;
    char etag[JOB_ETAG_MAX + 3]; /* what the twin has to be, or "" */
};

/* `*` is any, and so is none (service 4.9); some clients leave the quotes on it. */
static struct match match_of(struct twins *t, struct bytes document)
{
    struct bytes text = json_span(document, BYTES("etag")), etag;
    char why[JSON_WHY_CAP];
    json_t *value = text.len ? json_body(text, JSON_DECODE_ANY, why) : NULL;

    if (!bytes_to_str(bytes_of(json_string_value(value), json_string_length(value)), t->etag, sizeof t->etag))
        t->etag[0] = 0;
    json_decref(value);
    etag = bytes_str(t->etag);
    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        etag = bytes_first(bytes_skip(etag, 1), etag.len - 2);
    if (!etag.len || bytes_eq(etag, BYTES("*")))
        return (struct match){.how = MATCH_ANY};
    return (struct match){.how = MATCH_ETAG, .etag = etag};
}

static enum err open_twins(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct twins *t = calloc(1, sizeof *t);
    struct bytes properties = json_span(document, BYTES("properties"));
    struct bytes tags = json_span(document, BYTES("tags"));
    struct twin_change *c;

    (void)why;
    if (!t)
        return ERR_MEMORY;
    w->own = t;
    c = &t->change;
    c->match = match_of(t, document);
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

/* service 8.2 */
static int number_of(enum err e)
{
    return e == ERR_NOT_FOUND ? 404001 : e == ERR_TOO_LARGE ? 413000 : e == ERR_PRECONDITION ? 412001 : 400004;
}

/* Whether it could be done or not is written down; false: neither, and it is tried again. */
static bool change(struct work *w, struct bytes device, int64_t now_ms)
{
    const struct twins *t = w->own;
    struct twin_fault fault = {.why = ""};
    uint64_t at;
    enum err e = hub_twin_change(w->hub, device, &t->change, now_ms, &fault, &at);

    if (e == ERR_BUSY || e == ERR_DISK_FULL || e == ERR_MEMORY)
        return false;
    if (!e)
        return work_done(w, w->next, now_ms, now_ms, NO_BYTES);
    return work_failed(w, w->next, now_ms, now_ms, number_of(e),
                       fault.why[0]            ? fault.why
                       : e == ERR_PRECONDITION ? "The twin has another ETag"
                                               : err_text(e));
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

const struct work_ops work_twins = {.open = open_twins, .turn = turn_twins, .close = close_twins, .scans = true};
