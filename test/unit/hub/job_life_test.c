/* Events of jobs (service 7): what they say, and when. */
#include "hub_job.h"
#include "life_peer.h"

static struct job job_begun(const char *id)
{
    struct job wanted = {.kind = JOB_CALL, .start_ms = 1, .limit_ms = 1000}, job;
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    CHECK_OK(hub_job_put(w.hub, &wanted, BYTES("x"), w.now_ms, &job, &at));
    CHECK(at == store_durable(w.options.store) || at <= hub_seen(w.hub));
    return job;
}

static void turn(struct job *job, enum job_state state)
{
    uint64_t at;

    job->state = state;
    CHECK_OK(hub_job_change(w.hub, job, w.now_ms, &at));
}

static void check_job(const char *type, const char *status)
{
    char wanted[64];

    hear();
    CHECK(heard.device.len == 0);
    check_annotation("iothub-message-source", "deviceJobLifecycleEvents");
    CHECK_BYTES(msg.schema, BYTES("deviceJobLifecycleNotification"));
    CHECK_BYTES(property("opType"), bytes_str(type));
    CHECK_BYTES(property("jobId"), BYTES("close-all"));
    CHECK(!property("deviceId").at);
    snprintf(wanted, sizeof wanted, "\"status\":\"%s\"", status);
    CHECK(has(msg.body, wanted) && has(msg.body, "{\"jobId\":\"close-all\",\"type\":\"scheduleDeviceMethod\""));
}

/* How far it is makes no event; after a restart nothing is told twice. */
TEST(jobs_are_told_when_they_are_made_begin_and_end)
{
    struct bytes device = BYTES("pump");
    struct job job;
    uint64_t at;

    begin(LIFE_JOBS);
    job = job_begun("close-all");
    turn(&job, JOB_RUNNING);
    CHECK_OK(hub_job_add(w.hub, job.serial, &device, 1, &at));
    job.gathered = true;
    turn(&job, JOB_RUNNING);
    turn(&job, JOB_COMPLETED);
    world_restart(&w);
    listen();
    check_job("createJob", "queued");
    check_job("startJob", "running");
    check_job("completeJob", "completed");
    CHECK(has(msg.body, "\"deviceJobStatistics\":{\"deviceCount\":1,\"failedCount\":0,\"succeededCount\":0}"));
    CHECK(has(msg.body, "\"endTime\":\"2026-01-01T00:00:00.0000000Z\""));
    CHECK(silent());
    end();
}

TEST(one_that_is_cancelled_or_fails_is_told_as_such)
{
    struct job job;
    uint64_t at;

    begin(LIFE_JOBS);
    job_begun("close-all");
    CHECK_OK(hub_job_cancel(w.hub, BYTES("close-all"), w.now_ms, &job, &at));
    listen();
    check_job("createJob", "queued");
    check_job("cancelJob", "cancelled");
    CHECK(heard.offset == at);
    end();
    begin(LIFE_JOBS);
    job = job_begun("close-all");
    snprintf(job.failure, sizeof job.failure, "the \"reason\"");
    turn(&job, JOB_FAILED);
    listen();
    check_job("createJob", "queued");
    check_job("failJob", "failed");
    CHECK(has(msg.body, "\"failureReason\":\"the \\\"reason\\\"\""));
    end();
}

TEST(jobs_that_nobody_asked_for_are_not_told)
{
    begin(LIFE_IDENTITIES | LIFE_CONNECTIONS | LIFE_TWINS);
    job_begun("close-all");
    listen();
    CHECK(silent());
    end();
}

TESTS(RUN(jobs_are_told_when_they_are_made_begin_and_end), RUN(one_that_is_cancelled_or_fails_is_told_as_such),
      RUN(jobs_that_nobody_asked_for_are_not_told))
