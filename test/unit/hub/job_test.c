/* Jobs: what they may be, how they end, and that all that was said of them is known again after restarts, power cuts at
 * random places and checkpoints in the middle of changes. */
#include "hub_job.h"
#include "hub_world.h"

#include <stdlib.h>

static struct world w;

static enum err put(const char *id, enum job_kind kind, const char *body, struct job *out)
{
    struct job wanted = {.kind = kind, .start_ms = w.now_ms, .limit_ms = 1000};
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    return hub_job_put(w.hub, &wanted, bytes_str(body), w.now_ms, out, &at);
}

static struct job get(const char *id, const char *body)
{
    struct buf got = buf_max(JOB_BODY_MAX);
    struct job j = {0};

    CHECK_OK(hub_job_get(w.hub, bytes_str(id), &got, &j));
    CHECK_BYTES(buf_bytes(&got), bytes_str(body));
    buf_free(&got);
    return j;
}

static void set_state(struct job *j, enum job_state state)
{
    uint64_t at;

    j->state = state;
    CHECK_OK(hub_job_change(w.hub, j, w.now_ms, &at));
}

static uint64_t add(uint64_t serial, unsigned first, unsigned n)
{
    static char names[JOB_CHUNK][16];
    struct bytes ids[JOB_CHUNK];
    uint64_t at;

    for (unsigned i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "dev%05u", first + i);
        ids[i] = bytes_str(names[i]);
    }
    CHECK_OK(hub_job_add(w.hub, serial, ids, n, &at));
    return at;
}

static void check_row(uint64_t serial, uint32_t row, enum job_row_state state, const char *result)
{
    struct buf room = buf_max(JOB_RESULT_MAX + ID_LEN_MAX);
    struct job_row r = {0};
    char name[16];

    snprintf(name, sizeof name, "dev%05u", (unsigned)row);
    CHECK_OK(hub_job_row(w.hub, serial, row, &room, &r));
    CHECK(r.state == state);
    CHECK_BYTES(r.device, bytes_str(name));
    CHECK_BYTES(r.result, bytes_str(result));
    buf_free(&room);
}

TEST(a_job_is_made_changed_and_ends)
{
    struct job j = {0}, other;
    uint64_t at;

    world_start(&w, 1);
    CHECK_ERR(hub_job_get(w.hub, BYTES("one"), NULL, &j), ERR_NOT_FOUND);
    CHECK_ERR(hub_job_next(w.hub, 0, NULL, &j), ERR_NOT_FOUND);
    CHECK_OK(put("One-'1'", JOB_TWIN, "body", &j));
    CHECK(j.serial == 1 && j.state == JOB_WAITING && j.created_ms == w.now_ms && !j.end_ms);
    CHECK(j.percent == 0 && j.note.len == 0);
    CHECK_ERR(put("One-'1'", JOB_CALL, "", &other), ERR_EXISTS);
    CHECK_ERR(put("", JOB_TWIN, "", &other), ERR_ARGUMENT);
    CHECK_ERR(put("a b", JOB_TWIN, "", &other), ERR_ARGUMENT);
    CHECK_ERR(put("a/b", JOB_TWIN, "", &other), ERR_ARGUMENT);
    CHECK_OK(put("two", JOB_CALL, "", &other));
    set_state(&j, JOB_RUNNING);
    add(j.serial, 0, 3);
    j.gathered = true;
    set_state(&j, JOB_RUNNING);
    CHECK_OK(
        hub_job_settle(w.hub, j.serial, 1, &(struct job_row){.state = JOB_ROW_COMPLETED, .result = BYTES("{}")}, &at));
    CHECK_OK(hub_job_settle(w.hub, j.serial, 2, &(struct job_row){.state = JOB_ROW_FAILED}, &at));
    CHECK_ERR(hub_job_settle(w.hub, j.serial, 3, &(struct job_row){.state = JOB_ROW_FAILED}, &at), ERR_NOT_FOUND);
    CHECK_ERR(hub_job_cancel(w.hub, BYTES("One-'1'"), w.now_ms, &other, &at), ERR_PROTOCOL);
    w.now_ms += 500;
    set_state(&j, JOB_COMPLETED);
    j = get("One-'1'", "body");
    CHECK(j.state == JOB_COMPLETED && j.end_ms == w.now_ms && j.n_rows == 3 && j.gathered);
    CHECK(j.counts[JOB_ROW_COMPLETED] == 1 && j.counts[JOB_ROW_FAILED] == 1 && j.counts[JOB_ROW_CANCELLED] == 1);
    check_row(j.serial, 0, JOB_ROW_CANCELLED, "");
    check_row(j.serial, 1, JOB_ROW_COMPLETED, "{}");
    CHECK_ERR(hub_job_change(w.hub, &j, w.now_ms, &at), ERR_PROTOCOL);
    world_end(&w);
}

/* How far it is, and its note, in the log and in the checkpoint. */
TEST(the_note_of_a_job_is_there_after_a_restart)
{
    struct job j, now;
    uint64_t at;

    world_start(&w, 1);
    CHECK_OK(put("one", JOB_IMPORT, "body", &j));
    for (unsigned i = 0; i < 3; i++) {
        j.state = JOB_RUNNING;
        j.percent = 40 + i;
        j.note = (struct job_note){.len = (uint8_t)(i ? JOB_NOTE_CAP : 0)};
        memset(j.note.at, (int)('a' + i), j.note.len);
        CHECK_OK(hub_job_change(w.hub, &j, w.now_ms, &at));
        if (i == 1)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        world_restart(&w);
        now = get("one", "body");
        CHECK(now.percent == j.percent && now.note.len == j.note.len);
        CHECK(memcmp(now.note.at, j.note.at, j.note.len) == 0);
    }
    set_state(&j, JOB_COMPLETED);
    CHECK(get("one", "body").percent == 100);
    world_end(&w);
}

TEST(only_what_waits_is_cancelled)
{
    struct job j = {0};
    uint64_t at;

    world_start(&w, 1);
    CHECK_ERR(hub_job_cancel(w.hub, BYTES("x"), w.now_ms, &j, &at), ERR_NOT_FOUND);
    CHECK_OK(put("x", JOB_TWIN, "", &j));
    CHECK_OK(hub_job_cancel(w.hub, BYTES("x"), w.now_ms, &j, &at));
    CHECK(j.state == JOB_CANCELLED && j.end_ms == w.now_ms);
    CHECK_ERR(hub_job_cancel(w.hub, BYTES("x"), w.now_ms, &j, &at), ERR_PROTOCOL);
    CHECK_OK(put("export", JOB_EXPORT, "", &j));
    set_state(&j, JOB_RUNNING);
    CHECK_OK(hub_job_cancel(w.hub, BYTES("export"), w.now_ms, &j, &at));
    world_end(&w);
}

TEST(jobs_that_have_not_ended_are_limited_and_those_that_have_are_forgotten)
{
    struct job j = {0}, first;
    char id[16];

    world_start(&w, 1);
    CHECK_OK(put("export", JOB_EXPORT, "", &j));
    CHECK_ERR(put("import", JOB_IMPORT, "", &j), ERR_LIMIT);
    for (unsigned i = 0; i < JOBS_ACTIVE_MAX; i++) {
        snprintf(id, sizeof id, "job%u", i);
        CHECK_OK(put(id, JOB_TWIN, "", &j));
    }
    CHECK_ERR(put("more", JOB_TWIN, "", &first), ERR_LIMIT);
    set_state(&j, JOB_COMPLETED);
    for (unsigned i = 0; i < JOBS_MAX + 20; i++) {
        snprintf(id, sizeof id, "more%u", i);
        CHECK_OK(put(id, JOB_TWIN, "", &j));
        set_state(&j, JOB_COMPLETED);
    }
    CHECK_ERR(hub_job_get(w.hub, BYTES("more0"), NULL, &j), ERR_NOT_FOUND);
    CHECK_OK(hub_job_get(w.hub, BYTES("job0"), NULL, &first)); /* it has not ended */
    CHECK(!hub_jobs_forget(w.hub, w.now_ms));
    w.now_ms += JOB_KEPT_MS + 1;
    while (hub_jobs_forget(w.hub, w.now_ms))
        ;
    for (unsigned i = 0; i <= JOBS_ACTIVE_MAX - 1; i++)
        CHECK_OK(hub_job_next(w.hub, i ? first.serial : 0, NULL, &first));
    CHECK_ERR(hub_job_next(w.hub, first.serial, NULL, &first), ERR_NOT_FOUND);
    world_end(&w);
}

/* ---- cuts ------------------------------------------------------------------------------------------------------- */

enum { JOBS = 6, ROWS = 3 * JOB_CHUNK, CHANGES_MAX = 1 << 16 };

/* An answer, with its place. */
struct change {
    uint64_t at;
    enum { MADE, BECAME, ADDED, SETTLED } what;
    unsigned job;
    enum job_state state;
    bool gathered;
    unsigned row, n;
    enum job_row_state row_state;
};

struct truth {
    bool there;
    uint64_t serial;
    enum job_state state;
    bool gathered;
    unsigned n;
    uint8_t rows[ROWS];
};

static struct change *changes;
static size_t n_changes;
static uint64_t serials[JOBS];

static void truth_of(unsigned job, struct truth *t)
{
    *t = (struct truth){.serial = serials[job]};
    for (size_t i = 0; i < n_changes; i++) {
        const struct change *c = &changes[i];

        if (c->job != job)
            continue;
        if (c->what == MADE)
            t->there = true;
        if (c->what == BECAME)
            t->state = c->state, t->gathered = c->gathered;
        if (c->what == ADDED)
            t->n += c->n;
        if (c->what == SETTLED)
            t->rows[c->row] = (uint8_t)c->row_state;
    }
}

static void remember(struct change c)
{
    CHECK(n_changes < CHANGES_MAX);
    changes[n_changes++] = c;
}

static void change_some(void)
{
    static struct truth t;
    struct change c = {.job = world_below(&w, JOBS)};
    struct job j = {.limit_ms = 1};
    char result[16];

    truth_of(c.job, &t);
    snprintf(j.id, sizeof j.id, "job%u", c.job);
    if (!t.there) {
        c.what = MADE;
        CHECK_OK(hub_job_put(w.hub, &j, bytes_str(j.id), w.now_ms, &j, &c.at));
        serials[c.job] = j.serial;
    } else if (t.state >= JOB_COMPLETED || (t.gathered && !t.n)) {
        return;
    } else if (!t.gathered && t.n % JOB_CHUNK == 0 && world_below(&w, 4)) {
        c.what = ADDED;
        c.n = t.n < ROWS - JOB_CHUNK ? JOB_CHUNK : 7;
        c.at = add(t.serial, t.n, c.n);
    } else if (!t.gathered || world_below(&w, 300) == 0) {
        c.what = BECAME;
        c.gathered = true;
        c.state = t.gathered ? JOB_COMPLETED : JOB_RUNNING;
        j = (struct job){.serial = t.serial, .state = c.state, .gathered = true};
        CHECK_OK(hub_job_change(w.hub, &j, w.now_ms, &c.at));
    } else {
        c.what = SETTLED;
        c.row = world_below(&w, t.n);
        c.row_state = world_below(&w, 2) ? JOB_ROW_COMPLETED : JOB_ROW_FAILED;
        snprintf(result, sizeof result, "%u %u", c.job, c.row);
        CHECK_OK(hub_job_settle(w.hub, t.serial, c.row,
                                &(struct job_row){.state = c.row_state, .result = bytes_str(result)}, &c.at));
    }
    remember(c);
}

static void check_rows(unsigned job, const struct truth *t, struct job *j)
{
    unsigned counts[JOB_ROW_STATES] = {0};
    char result[16];

    for (unsigned i = 0; i < t->n; i++) {
        enum job_row_state state = t->rows[i];

        if (state == JOB_ROW_WAITING && t->state >= JOB_COMPLETED)
            state = JOB_ROW_CANCELLED;
        counts[state]++;
        snprintf(result, sizeof result, "%u %u", job, i);
        check_row(t->serial, i, state, t->rows[i] ? result : "");
    }
    CHECK(memcmp(counts, j->counts, sizeof counts) == 0);
}

static void check_all(void)
{
    static struct truth t;

    for (unsigned job = 0; job < JOBS; job++) {
        char id[16];
        struct job j;

        snprintf(id, sizeof id, "job%u", job);
        truth_of(job, &t);
        CHECK_ERR(hub_job_get(w.hub, bytes_str(id), NULL, &j), t.there ? OK : ERR_NOT_FOUND);
        if (!t.there)
            continue;
        j = get(id, id);
        CHECK(j.serial == t.serial && j.state == t.state && j.gathered == t.gathered && j.n_rows == t.n);
        check_rows(job, &t, &j);
    }
}

static const struct state_ops *real;
static struct state_ops hooked;

static enum err hooked_put(struct state *s, struct bytes key, struct bytes value)
{
    for (unsigned i = 0; i < 5; i++)
        change_some();
    return real->put(s, key, value);
}

static void cut(void)
{
    uint64_t durable = store_durable(w.store), end = store_end(w.store);

    memory_store_settle(w.store, durable + world_below(&w, (unsigned)(end - durable + 1)));
    durable = store_durable(w.store);
    while (n_changes && changes[n_changes - 1].at >= durable)
        n_changes--;
    world_crash(&w);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
}

TEST(what_was_said_of_jobs_is_known_after_any_cut)
{
    changes = calloc(CHANGES_MAX, sizeof *changes);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        n_changes = 0;
        world_start(&w, seed);
        memory_store_faults(w.store, &(struct memory_faults){.manual = true});
        real = w.state->ops;
        hooked = *real;
        hooked.put = hooked_put;
        w.state->ops = &hooked;
        for (unsigned round = 0; round < 8; round++) {
            for (unsigned i = 0; i < 60; i++)
                change_some();
            if (world_below(&w, 2))
                CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
            cut();
            check_all();
        }
        w.state->ops = real;
        world_end(&w);
    }
    free(changes);
}

TESTS(RUN(a_job_is_made_changed_and_ends), RUN(the_note_of_a_job_is_there_after_a_restart),
      RUN(only_what_waits_is_cancelled), RUN(jobs_that_have_not_ended_are_limited_and_those_that_have_are_forgotten),
      RUN(what_was_said_of_jobs_is_known_after_any_cut))
