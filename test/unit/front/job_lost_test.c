/* Jobs over devices that go on after a repair of the hub's data: what was known of some of the devices is gone. */
#include "hub_world.h"

#include "hub_job.h"
#include "runner.h"

static struct world w;
static struct job_runner *runner;
static struct bell bell;

static void run(void)
{
    for (int seconds = 0; seconds < 3; seconds++) {
        w.now_ms += 1000;
        for (int64_t next_ms = w.now_ms; next_ms <= w.now_ms;)
            next_ms = job_runner_turn(runner, w.now_ms);
    }
}

/* A job that has found two chunks of devices and called none of them yet; a chunk is lost while the hub is away. */
static void lose(enum job_kind kind, const char *document, unsigned chunk)
{
    struct job wanted = {.id = "sweep", .kind = kind, .limit_ms = 3600000}, job;
    struct buf body = buf_max(4096);
    char key[64];
    uint64_t at;

    world_start(&w, 1);
    for (unsigned i = 0; i <= JOB_CHUNK; i++) {
        char id[16];

        snprintf(id, sizeof id, "dev%04u", i);
        world_add(&w, id);
    }
    job_body_put(&body, BYTES("*"), bytes_str(document));
    CHECK_OK(hub_job_put(w.hub, &wanted, buf_bytes(&body), w.now_ms, &job, &at));
    buf_free(&body);
    bell = bell_new();
    CHECK_OK(job_runner_new(w.hub, &bell.waker, NULL, &runner));
    for (int turns = 0; job.n_rows <= JOB_CHUNK; turns++) {
        CHECK(turns < 100);
        job_runner_turn(runner, w.now_ms += 1);
        CHECK_OK(hub_job_get(w.hub, BYTES("sweep"), NULL, &job));
    }
    job_runner_free(runner);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    hub_close(w.hub);
    snprintf(key, sizeof key, "jr/%016llx/%06x", (unsigned long long)job.serial, chunk);
    CHECK_OK(state_begin(w.state));
    CHECK_OK(state_del(w.state, bytes_str(key)));
    CHECK_OK(state_commit(w.state, state_place(w.state)));
    CHECK_OK(hub_open(&w.options, &w.hub));
    CHECK_OK(job_runner_new(w.hub, &bell.waker, NULL, &runner));
}

static void check_failed(void)
{
    struct job job;

    run();
    CHECK_OK(hub_job_get(w.hub, BYTES("sweep"), NULL, &job));
    CHECK(job.state == JOB_FAILED);
    CHECK(strstr(job.failure, "are lost"));
    job_runner_free(runner);
    world_end(&w);
}

TEST(a_job_that_does_not_know_its_devices_any_more_has_failed)
{
    static const char call[] = "{\"methodName\":\"open\"}", twin[] = "{\"tags\":{\"a\":1}}";

    for (unsigned chunk = 0; chunk < 2; chunk++) {
        lose(JOB_CALL, call, chunk);
        check_failed();
        lose(JOB_TWIN, twin, chunk);
        check_failed();
    }
}

TESTS(RUN(a_job_that_does_not_know_its_devices_any_more_has_failed))
