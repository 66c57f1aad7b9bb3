/* A method is called on each device (service 4.9): those that are away are waited for until the job's time is up. */
#include "work.h"

#include "json_span.h"

#include <stdio.h>
#include <stdlib.h>

struct open_call {
    struct call *call; /* NULL: this place is free */
    uint32_t row;
    int64_t start_ms;
};

struct calls {
    char method[CALL_NAME_MAX + 1];
    struct bytes payload;
    int64_t response_ms;
    struct open_call open[CALLS_AT_ONCE];
    size_t n_open;
    uint32_t waiting; /* devices of this round that were away */
    int64_t round_ms; /* when the next round begins */
};

/* ---- what is called --------------------------------------------------------------------------------------------- */

/* The value of a member, under its name in any case. NULL: there is none. To be freed. */
static json_t *member(struct bytes document, const char *name)
{
    struct bytes text = json_span(document, bytes_str(name));
    char why[JSON_WHY_CAP];

    return text.len ? json_body(text, JSON_DECODE_ANY, why) : NULL;
}

static int64_t response_ms(struct bytes document)
{
    /* The two old names are those of the first SDKs. */
    static const char *const names[] = {"responseTimeoutInSeconds", "timeoutInSeconds", "timeout"};
    int64_t ms = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !ms; i++) {
        json_t *seconds = member(document, names[i]);

        if (json_number_value(seconds) > 0 && json_number_value(seconds) <= (double)CALL_WAIT_MAX_MS / 1000)
            ms = (int64_t)(json_number_value(seconds) * 1000);
        json_decref(seconds);
    }
    return ms ? ms : CALL_RESPONSE_MS;
}

static enum err open_calls(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct calls *c = calloc(1, sizeof *c);
    json_t *method;
    bool fits;

    if (!c)
        return ERR_MEMORY;
    w->own = c;
    method = member(document, "methodName");
    fits = bytes_to_str(bytes_of(json_string_value(method), json_string_length(method)), c->method, sizeof c->method);
    json_decref(method);
    c->payload = json_span(document, BYTES("payload"));
    c->response_ms = response_ms(document);
    if (!fits || !c->method[0]) {
        snprintf(why, JOB_FAILURE_CAP, "methodName must be a text of 1 to %d characters", CALL_NAME_MAX);
        return ERR_ARGUMENT;
    }
    return OK;
}

static void close_calls(struct work *w)
{
    struct calls *c = w->own;

    for (size_t i = 0; i < CALLS_AT_ONCE; i++)
        hub_call_close(c->open[i].call);
    free(c);
}

/* ---- what became of it ------------------------------------------------------------------------------------------ */

/* The payload goes into the result as the device wrote it, if it is JSON and there is room. */
static void put_result(struct buf *out, const struct call_answer *answer)
{
    struct bytes payload = bytes_trim(answer->payload);
    char why[JSON_WHY_CAP];
    bool fits = payload.len && payload.len < JOB_RESULT_MAX - 128;
    json_t *root = fits ? json_body(payload, JSON_DECODE_ANY | JSON_PASSED_ON, why) : NULL;

    buf_printf(out, "{\"deviceMethodResponse\":{\"status\":%lld,\"payload\":", (long long)answer->status);
    buf_put(out, root ? payload : BYTES("null"));
    buf_puts(out, "}}");
    json_decref(root);
}

/* service 4.7, 8.2 */
static const struct {
    enum err e;
    int number;
    const char *why;
} faults[] = {
    {ERR_ARGUMENT, 400004, "methodName must be printable ASCII characters without blanks or any of \"#%+/?"},
    {ERR_NOT_FOUND, 404001, "The device is not registered"},
    {ERR_CLOSED, 404104, "The device went away, or closed its link, before it answered"},
    {ERR_TIMEOUT, 504101, "The device did not answer in time"},
    {ERR_REJECTED, 502000, "The device rejected the call"},
    {ERR_MALFORMED, 502000, "The answer of the device is too large"},
    {ERR_UNREACHABLE, 404103, "The device is not connected, or has not subscribed to direct methods"},
};

static bool failed(struct work *w, uint32_t row, int64_t start_ms, int64_t now_ms, enum err e)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].e == e)
            return work_failed(w, row, start_ms, now_ms, faults[i].number, faults[i].why);
    return work_failed(w, row, start_ms, now_ms, 500001, err_text(e));
}

/* True: it is closed. */
static bool look_at(struct work *w, struct open_call *o, int64_t now_ms, int64_t *until_ms)
{
    struct call_answer answer;
    int64_t until;
    enum err e = hub_call_look(o->call, now_ms, &answer, &until);
    bool settled;

    if (e == ERR_BUSY) {
        *until_ms = until < *until_ms ? until : *until_ms;
        return false;
    }
    if (e == ERR_UNREACHABLE) { /* it went before it got the call: another round */
        hub_call_close(o->call);
        o->call = NULL;
        return true;
    }
    if (e) {
        settled = failed(w, o->row, o->start_ms, now_ms, e);
    } else {
        struct buf result = buf_max(JOB_RESULT_MAX);

        put_result(&result, &answer);
        settled = work_done(w, o->row, o->start_ms, now_ms, buf_bytes(&result));
        buf_free(&result);
    }
    if (!settled) {
        *until_ms = now_ms + RETRY_MS;
        return false;
    }
    hub_call_close(o->call);
    o->call = NULL;
    return true;
}

/* ---- rounds ----------------------------------------------------------------------------------------------------- */

static bool is_open(const struct calls *c, uint32_t row)
{
    for (size_t i = 0; i < CALLS_AT_ONCE; i++)
        if (c->open[i].call && c->open[i].row == row)
            return true;
    return false;
}

static struct open_call *free_place(struct calls *c)
{
    for (size_t i = 0; i < CALLS_AT_ONCE; i++)
        if (!c->open[i].call)
            return &c->open[i];
    return NULL;
}

/* False: it has to be tried again, now or in the next round. */
static enum err call(struct work *w, const struct job_row *row, int64_t now_ms)
{
    struct calls *c = w->own;
    struct open_call *o = free_place(c);
    const struct call_question question = {.device = row->device,
                                           .method = bytes_str(c->method),
                                           .payload = c->payload,
                                           .response_ms = c->response_ms,
                                           .waker = w->waker};
    enum err e = o ? hub_call_open(w->hub, &question, now_ms, &o->call) : ERR_LIMIT;

    if (e)
        return e;
    o->row = w->next;
    o->start_ms = now_ms;
    c->n_open++;
    return OK;
}

/* The device at w->next. False: no more of them in this turn. */
static bool go_on(struct work *w, int64_t now_ms)
{
    struct calls *c = w->own;
    struct job_row row;
    enum err e;

    buf_clear(&w->room);
    if (hub_job_row(w->hub, w->job.serial, w->next, &w->room, &row))
        return false;
    if (row.state != JOB_ROW_WAITING || is_open(c, w->next))
        return true;
    if (work_is_late(w, now_ms))
        return failed(w, w->next, now_ms, now_ms, ERR_UNREACHABLE);
    e = call(w, &row, now_ms);
    if (e == ERR_UNREACHABLE || e == ERR_FULL) {
        c->waiting++;
        return true;
    }
    return !e || (e != ERR_LIMIT && e != ERR_MEMORY && failed(w, w->next, now_ms, now_ms, e));
}

static bool turn_calls(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    struct calls *c = w->own;

    *until_ms = c->round_ms > now_ms ? c->round_ms : now_ms + RETRY_MS;
    for (size_t i = 0; i < CALLS_AT_ONCE; i++)
        if (c->open[i].call)
            c->n_open -= look_at(w, &c->open[i], now_ms, until_ms);
    if (now_ms < c->round_ms)
        return false;
    for (unsigned n = 0; n < SLICE && w->next < w->job.n_rows; n++, w->next++)
        if (!go_on(w, now_ms))
            return false;
    if (w->next < w->job.n_rows) {
        *until_ms = now_ms;
        return false;
    }
    if (!c->waiting && !c->n_open)
        return true;
    w->next = 0;
    c->waiting = 0;
    c->round_ms = now_ms + RETRY_MS;
    *until_ms = c->round_ms;
    return false;
}

const struct work_ops work_calls = {.open = open_calls, .turn = turn_calls, .close = close_calls, .scans = true};
