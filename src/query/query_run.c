#include "query_run.h"

#include "job_rows.h"
#include "json_row.h"
#include "query_group.h"
#include "scan.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* A continuation says behind which device or module to go on, or with which device of which job, and how many rows
 * there were; of groups only the latter. */
struct query_run {
    struct query query;
    struct scan scan;
    struct job_rows jobs;        /* FROM devices.jobs: instead of the scan */
    struct query_groups *groups; /* of a query that groups */
    struct complaint *why;
    size_t most, rows;
    uint64_t given; /* rows of this page and those before it */
    bool more;
    bool counts; /* only */
    struct buf body, continuation;
};

/* ---- a page begins ---------------------------------------------------------------------------------------------- */

static bool take_after(struct query_run *q, struct bytes after)
{
    struct bytes serial = bytes_cut(&after, '/');
    uint64_t row;

    if (!bytes_to_u64(serial, &q->jobs.serial) || !bytes_to_u64(after, &row) || row > JOB_ROWS_MAX)
        return false;
    q->jobs.row = (uint32_t)row;
    return true;
}

/* number|id, in base64 */
static enum err take_place(struct query_run *q, struct bytes continuation)
{
    uint8_t plain[24 + IDENTITY_LEN_MAX];
    struct bytes rest;
    size_t len;

    if (!continuation.len)
        return OK;
    if (!base64_decode(continuation, plain, sizeof plain, &len)) {
        rest = bytes_of(plain, len);
        if (bytes_to_u64(bytes_cut(&rest, '|'), &q->given) &&
            (q->query.from == QUERY_JOBS ? take_after(q, rest)
                                         : bytes_to_str(rest, q->scan.after, sizeof q->scan.after)))
            return OK;
    }
    complain(q->why, ERR_ARGUMENT, NO_BYTES, SIZE_MAX, "x-ms-continuation was not issued by this hub");
    return ERR_ARGUMENT;
}

static void put_place(struct query_run *q)
{
    struct buf plain = buf_max(512);

    buf_printf(&plain, "%llu|", (unsigned long long)q->given);
    if (q->query.from == QUERY_JOBS)
        buf_printf(&plain, "%llu/%u", (unsigned long long)q->jobs.serial, (unsigned)q->jobs.row);
    else
        buf_puts(&plain, q->scan.after);
    buf_put_base64(&q->continuation, buf_bytes(&plain));
    buf_free(&plain);
}

static enum err open_source(struct query_run *q, struct hub *hub, const struct configured_by *configurations)
{
    if (q->query.from != QUERY_JOBS) {
        enum err e = scan_open(&q->scan, hub, q->query.from == QUERY_MODULES, q->query.program);

        q->scan.configurations = configurations;
        return e;
    }
    job_rows_open(&q->jobs, hub, q->query.has_condition ? q->query.program : NULL);
    return OK;
}

static enum err open_all(struct query_run *q, struct hub *hub, const struct configured_by *configurations,
                         struct bytes text, struct bytes continuation)
{
    enum err e = query_open(&q->query, text, q->why);

    if (e || (e = open_source(q, hub, configurations)) || (e = take_place(q, continuation)))
        return e;
    if (!q->query.has_condition)
        q->scan.condition = NULL;
    if (q->query.groups)
        return query_groups_new(&q->query, &q->groups);
    /* Every device is a row, and one more of them tells that there are more. */
    if (!q->query.has_condition && q->most < q->scan.slice)
        q->scan.slice = q->most + 1;
    return OK;
}

enum err query_run_new(struct hub *hub, const struct configured_by *configurations, struct bytes text, size_t most,
                       struct bytes continuation, struct complaint *why, struct query_run **out)
{
    struct query_run *q = calloc(1, sizeof *q);
    enum err e;

    *why = (struct complaint){.e = OK};
    if (!q)
        return ERR_MEMORY;
    q->why = why;
    q->most = most;
    q->body = buf_max(QUERY_BODY_MAX + 2); /* the brackets */
    q->continuation = buf_max(1024);
    if ((e = open_all(q, hub, configurations, text, continuation))) {
        query_run_free(q);
        return e;
    }
    buf_puts(&q->body, "[");
    *out = q;
    return OK;
}

void query_run_free(struct query_run *q)
{
    if (!q)
        return;
    query_groups_free(q->groups);
    scan_close(&q->scan);
    job_rows_close(&q->jobs);
    query_close(&q->query);
    buf_free(&q->body);
    buf_free(&q->continuation);
    free(q);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

/* A row that is being written; the document of its values, or NULL: they are of a group. */
struct cells {
    struct buf *out;
    const struct twin_document *document;
    const char *before;
};

static enum err put_cell(void *ctx, struct bytes name, const struct value *v)
{
    struct cells *c = ctx;

    buf_puts(c->out, c->before);
    buf_put_json(c->out, name);
    buf_puts(c->out, ":");
    c->before = ",";
    return c->document ? twin_document_put_value(c->out, c->document, v) : json_put_value(v, c->out);
}

static enum err put_row(struct query_run *q, const struct twin_document *d, const struct row *row)
{
    struct cells cells = {.out = &q->body, .document = d, .before = ""};
    enum err e;

    if (q->query.all) {
        struct device device;
        struct twin_document whole = {.device = &device, .run = d->run, .configurations = d->configurations};

        /* With what is only known of identities in memory. */
        e = hub_device_get(q->scan.hub, bytes_str(d->device->id), &device);
        return e ? e : twin_document_put(cells.out, &whole);
    }
    buf_puts(cells.out, "{");
    e = query_columns(&q->query, row, put_cell, &cells);
    buf_puts(cells.out, "}");
    return e;
}

/* A row is behind the others from `before` on. *added: it stays on the page; else it begins the next one. One has to
 * fit. */
static enum err keep_row(struct query_run *q, size_t before, bool *added)
{
    *added = !q->body.bad && q->body.len <= QUERY_BODY_MAX;
    if (!*added && !q->rows)
        return ERR_TOO_LARGE;
    if (!*added) {
        q->body.len = before;
        q->body.bad = false;
        return OK;
    }
    q->rows++;
    q->given++;
    return OK;
}

static enum err add_row(struct query_run *q, const struct twin_document *d, const struct row *row, bool *added)
{
    size_t before = q->body.len;
    enum err e;

    *added = q->rows < q->most;
    if (!*added)
        return OK;
    if (q->counts) {
        q->given++;
        return OK;
    }
    buf_puts(&q->body, q->rows ? "," : "");
    if ((e = put_row(q, d, row)))
        return e;
    return keep_row(q, before, added);
}

static enum err found_job_row(void *ctx, struct bytes json, bool *enough)
{
    struct query_run *q = ctx;
    size_t before = q->body.len;
    bool added = q->rows < q->most;
    enum err e = OK;

    *enough = q->given >= q->query.top;
    if (*enough)
        return OK;
    if (q->counts) {
        q->given++;
    } else if (added) {
        buf_puts(&q->body, q->rows ? "," : "");
        buf_put(&q->body, json);
        e = keep_row(q, before, &added);
    }
    *enough = q->more = !added;
    return e;
}

/* A row that is wanted and finds no place only tells that there is more: a continuation always leads to a row. */
static enum err found(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct query_run *q = ctx;
    bool added = true;
    enum err e;

    if (q->groups) {
        e = query_groups_add(q->groups, row);
        if (e != ERR_LIMIT)
            return e;
        complain(q->why, ERR_ARGUMENT, NO_BYTES, SIZE_MAX,
                 "The query has more than %d groups, or they take more than %d MiB", QUERY_GROUPS_MAX,
                 QUERY_GROUP_BYTES_MAX >> 20);
        return ERR_ARGUMENT;
    }
    if (q->given >= q->query.top) {
        *enough = true;
        return OK;
    }
    e = add_row(q, d, row, &added);
    *enough = q->more = !added;
    return e;
}

/* ---- a page ends ------------------------------------------------------------------------------------------------ */

/* The groups are in their order, of which those are left out that other pages had. */
static enum err put_groups(struct query_run *q)
{
    size_t n = query_groups_end(q->groups);
    enum err e = OK;

    if (q->counts)
        q->given = n < q->query.top ? n : q->query.top;
    while (!e && q->given < n && q->given < q->query.top) {
        struct cells cells = {.out = &q->body, .before = ""};

        if ((q->more = q->rows == q->most || q->body.len > QUERY_BODY_MAX / 2))
            break;
        buf_puts(cells.out, q->rows++ ? ",{" : "{");
        e = query_groups_put(q->groups, (size_t)q->given++, put_cell, &cells);
        buf_puts(cells.out, "}");
    }
    q->scan.after[0] = 0; /* the next page counts them all again */
    return e ? e : buf_check(&q->body);
}

static enum err end_page(struct query_run *q)
{
    enum err e = q->groups ? put_groups(q) : OK;

    buf_puts(&q->body, "]");
    if (q->more)
        put_place(q);
    return e;
}

bool query_run_is_short(const struct query_run *q)
{
    return q->query.from != QUERY_JOBS && !q->groups && (!q->query.has_condition || q->scan.ids);
}

enum err query_run_turn(struct query_run *q, bool *end)
{
    enum err e = OK;

    *end = !q->groups && q->given >= q->query.top;
    if (!*end) {
        bool jobs = q->query.from == QUERY_JOBS;

        e = jobs ? job_rows_turn(&q->jobs, found_job_row, q) : scan_turn(&q->scan, found, q);
        *end = e || (jobs ? q->jobs.end : q->scan.end);
    }
    return *end && !e ? end_page(q) : e;
}

void query_run_count(struct query_run *q)
{
    q->counts = true;
}

uint64_t query_run_counted(const struct query_run *q)
{
    return q->given;
}

struct bytes query_run_rows(const struct query_run *q)
{
    return buf_bytes(&q->body);
}

/* service 4.8 */
const char *query_run_type(const struct query_run *q)
{
    return q->query.from == QUERY_JOBS ? "DeviceJob" : q->query.all ? "Twin" : "Raw";
}

struct bytes query_run_continuation(const struct query_run *q)
{
    return buf_bytes(&q->continuation);
}
