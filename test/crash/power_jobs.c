/* Jobs, their devices and what became of each: at which place of the log that stands. */
#include "hub_job.h"
#include "hub_power.h"

#include <stdlib.h>

enum { JOBS = 60, TURNS = 4, CHUNKS = 2, ROWS = CHUNKS * JOB_CHUNK, RESULT_ROOM = 200 };

struct settled {
    uint64_t at;
    unsigned number;
};

static struct story {
    uint64_t put_at, forgotten_at, serial;
    struct {
        uint64_t at;
        enum job_state state;
        bool gathered;
    } turns[TURNS]; /* each is behind the one before */
    size_t n_turns;
    struct {
        uint64_t at;
        unsigned n;
    } chunks[CHUNKS];
    size_t n_chunks;
    struct settled rows[ROWS][2]; /* the second one after a restart that lost nothing of the first */
} jobs[JOBS];
static unsigned n_jobs, numbers;

static struct bytes id_of(unsigned job)
{
    static char id[16];

    return bytes_of(id, (size_t)snprintf(id, sizeof id, "job-%u", job));
}

static struct bytes body_of(unsigned job, char out[600])
{
    memset(out, 'a' + (int)(job % 26), 600);
    return bytes_of(out, 1 + job * 7919u % 600);
}

static struct bytes result_of(unsigned number, char out[RESULT_ROOM])
{
    memset(out, 'A' + (int)(number % 26), RESULT_ROOM);
    return bytes_of(out, number % RESULT_ROOM);
}

static enum job_state state_of(const struct story *j)
{
    return j->n_turns ? j->turns[j->n_turns - 1].state : JOB_WAITING;
}

static bool is_gathered(const struct story *j)
{
    return j->n_turns && j->turns[j->n_turns - 1].gathered;
}

static bool is_there(const struct story *j)
{
    return j->put_at && !j->forgotten_at;
}

static bool has_ended(const struct story *j)
{
    return state_of(j) >= JOB_COMPLETED;
}

static uint32_t rows_of(const struct story *j)
{
    uint32_t n = 0;

    for (size_t i = 0; i < j->n_chunks; i++)
        n += j->chunks[i].n;
    return n;
}

static const struct settled *settled_as(const struct story *j, uint32_t row)
{
    return &j->rows[row][j->rows[row][1].at != 0];
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void put(void)
{
    struct job wanted = {.kind = below(2) ? JOB_TWIN : JOB_CALL, .limit_ms = 1000}, made;
    struct story *j = &jobs[n_jobs];
    unsigned active = 0;
    char body[600];

    for (unsigned k = 0; k < n_jobs; k++)
        active += is_there(&jobs[k]) && !has_ended(&jobs[k]);
    if (n_jobs == JOBS || active == JOBS_ACTIVE_MAX)
        return;
    snprintf(wanted.id, sizeof wanted.id, "%.*s", BYTES_ARG(id_of(n_jobs)));
    CHECK_OK(hub_job_put(hub(), &wanted, body_of(n_jobs, body), now_ms, &made, &j->put_at));
    j->serial = made.serial;
    n_jobs++;
}

static void turn(struct story *j, enum job_state state, bool gathered)
{
    const struct job wanted = {.serial = j->serial, .state = state, .gathered = gathered};
    uint64_t at;

    if (j->n_turns == TURNS)
        return;
    CHECK_OK(hub_job_change(hub(), &wanted, now_ms, &at));
    j->turns[j->n_turns].at = at;
    j->turns[j->n_turns].state = state;
    j->turns[j->n_turns++].gathered = gathered;
}

/* A chunk is full, or the last one. */
static void add(struct story *j)
{
    unsigned n = below(2) ? JOB_CHUNK : 1 + below(JOB_CHUNK - 1);
    char names[JOB_CHUNK][8];
    struct bytes devices[JOB_CHUNK];

    if (j->n_chunks == CHUNKS || rows_of(j) % JOB_CHUNK)
        return;
    for (unsigned i = 0; i < n; i++)
        devices[i] = bytes_of(names[i], (size_t)snprintf(names[i], sizeof names[i], "x%u", rows_of(j) + i));
    CHECK_OK(hub_job_add(hub(), j->serial, devices, n, &j->chunks[j->n_chunks].at));
    j->chunks[j->n_chunks++].n = n;
}

static void settle(struct story *j)
{
    uint32_t n = rows_of(j), row = n ? below(n) : 0;
    struct settled *s = j->rows[row];
    char result[RESULT_ROOM];
    struct job_row r = {.state = JOB_ROW_COMPLETED, .start_ms = now_ms};

    if (!n || s[1].at)
        return;
    s += s->at != 0;
    s->number = ++numbers;
    r.end_ms = s->number;
    r.result = result_of(s->number, result);
    CHECK_OK(hub_job_settle(hub(), j->serial, row, &r, &s->at));
}

static void cancel(unsigned job)
{
    struct story *j = &jobs[job];
    struct job out;
    uint64_t at;

    CHECK_OK(hub_job_cancel(hub(), id_of(job), now_ms, &out, &at));
    j->turns[j->n_turns].at = at;
    j->turns[j->n_turns].state = JOB_CANCELLED;
    j->turns[j->n_turns++].gathered = is_gathered(j);
}

/* All that have ended are old. */
static void grow_old(void)
{
    bool any = false, forgot;

    do {
        forgot = hub_jobs_forget(hub(), now_ms + 2 * JOB_KEPT_MS);
        for (unsigned k = 0; forgot && k < n_jobs; k++) {
            struct job out;

            if (!is_there(&jobs[k]) || hub_job_get(hub(), id_of(k), NULL, &out) != ERR_NOT_FOUND)
                continue;
            CHECK(has_ended(&jobs[k]));
            jobs[k].forgotten_at = store_end(machine.store) - 1;
            any = true;
        }
    } while (forgot);
    for (unsigned k = 0; any && k < n_jobs; k++)
        CHECK(!is_there(&jobs[k]) || !has_ended(&jobs[k]));
}

/* ---- what is there ----------------------------------------------------------------------------------------------- */

static void check_row(const struct story *j, uint32_t row, uint32_t counts[JOB_ROW_STATES])
{
    const struct settled *s = settled_as(j, row);
    struct buf room = buf_max(1000);
    char name[16], result[RESULT_ROOM];
    struct job_row got;

    snprintf(name, sizeof name, "x%u", row);
    CHECK_OK(hub_job_row(hub(), j->serial, row, &room, &got));
    CHECK_BYTES(got.device, bytes_str(name));
    counts[got.state]++;
    if (s->at) {
        CHECK(got.state == JOB_ROW_COMPLETED && got.end_ms == (int64_t)s->number);
        CHECK_BYTES(got.result, result_of(s->number, result));
    } else {
        CHECK(got.state == (has_ended(j) ? JOB_ROW_CANCELLED : JOB_ROW_WAITING) && !got.result.len);
    }
    buf_free(&room);
}

static void check_job(unsigned job)
{
    const struct story *j = &jobs[job];
    uint32_t counts[JOB_ROW_STATES] = {0};
    struct buf body = buf_max(JOB_BODY_MAX), room = buf_max(1000);
    char wanted[600];
    struct job_row row;
    struct job got;

    CHECK_ERR(hub_job_get(hub(), id_of(job), &body, &got), is_there(j) ? OK : ERR_NOT_FOUND);
    if (is_there(j)) {
        CHECK_BYTES(buf_bytes(&body), body_of(job, wanted));
        CHECK(got.serial == j->serial && got.state == state_of(j) && got.gathered == is_gathered(j));
        CHECK((got.end_ms != 0) == has_ended(j) && got.n_rows == rows_of(j));
        for (uint32_t i = 0; i < got.n_rows; i++)
            check_row(j, i, counts);
        for (int state = 0; state < JOB_ROW_STATES; state++)
            CHECK(counts[state] == got.counts[state]);
        CHECK_ERR(hub_job_row(hub(), j->serial, got.n_rows, &room, &row), ERR_NOT_FOUND);
    }
    buf_free(&body);
    buf_free(&room);
}

/* ---- the part ---------------------------------------------------------------------------------------------------- */

void jobs_begin(void)
{
    memset(jobs, 0, sizeof jobs);
    n_jobs = numbers = 0;
}

void jobs_step(void)
{
    unsigned job = n_jobs ? below(n_jobs) : 0, dice = below(20);
    struct story *j = &jobs[job];

    if (dice < 2 || !n_jobs)
        put();
    else if (dice < 3)
        grow_old();
    else if (!is_there(j) || has_ended(j))
        return;
    else if (state_of(j) == JOB_WAITING && dice < 4)
        cancel(job);
    else if (state_of(j) == JOB_WAITING)
        turn(j, JOB_RUNNING, false);
    else if (!is_gathered(j) && dice < 10)
        add(j);
    else if (!is_gathered(j) && dice < 12)
        turn(j, JOB_RUNNING, true);
    else if (is_gathered(j) && dice < 6)
        turn(j, below(4) ? JOB_COMPLETED : JOB_FAILED, true);
    else
        settle(j);
}

static void forget_of(struct story *j, uint64_t end)
{
    while (j->n_turns && j->turns[j->n_turns - 1].at >= end)
        j->n_turns--;
    while (j->n_chunks && j->chunks[j->n_chunks - 1].at >= end)
        j->n_chunks--;
    for (uint32_t row = 0; row < ROWS; row++)
        for (int i = 0; i < 2; i++)
            if (j->rows[row][i].at >= end)
                j->rows[row][i].at = 0;
    if (j->forgotten_at >= end)
        j->forgotten_at = 0;
    if (j->put_at >= end)
        j->put_at = 0;
}

void jobs_forget(uint64_t end)
{
    for (unsigned k = 0; k < n_jobs; k++)
        forget_of(&jobs[k], end);
}

void jobs_check(void)
{
    for (unsigned k = 0; k < n_jobs; k++)
        check_job(k);
}
