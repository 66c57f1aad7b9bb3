/* An import whose hub loses its power at any place of the log: afterwards the registry and the logs of errors are what
 * one import makes of them. Files are ahead of the log then, as they may be. */
#include "hub_world.h"

#include "hub_job.h"
#include "memory_files.h"
#include "runner.h"

static struct world w;
static struct job_runner *runner;
static struct bell bell;

static const char lines[] =
    "{\"id\":\"a\",\"importMode\":\"create\"}\n"
    "{\"id\":\"b\",\"importMode\":\"create\",\"tags\":{\"n\":1},\"properties\":{\"desired\":{\"x\":1}}}\n"
    "{\"id\":\"a\",\"importMode\":\"create\"}\n"
    "no JSON\n"
    "{\"id\":\"a\",\"importMode\":\"update\",\"status\":\"disabled\"}\n"
    "{\"id\":\"b\",\"moduleId\":\"m\"}\n"
    "{\"id\":\"c\",\"importMode\":\"delete\"}\n"
    "{\"id\":\"old\",\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"*\"}\n"
    "{\"id\":\"old\",\"importMode\":\"delete\"}\n"
    "{\"id\":\"b\",\"importMode\":\"updateTwin\",\"properties\":{\"desired\":{\"x\":2}}}\n"
    "{\"id\":\"b\",\"importMode\":\"updateTwinIfMatchETag\",\"twinETag\":\"AAAAAAAAAAE=\",\"tags\":{\"n\":9}}\n"
    "{\"id\":\"b\",\"importMode\":\"update\",\"statusReason\":\"y\",\"tags\":{\"n\":3}}\n"
    "{\"id\":\"d\",\"importMode\":\"create\",\"properties\":{\"desired\":{\"a.b\":1}}}\n"
    "{\"id\":\"e\"}";

#define CONTENT "\"content\":{\"deviceContent\":{\"properties.desired.n\":1}}"

static const char configurations[] =
    "{\"id\":\"x\",\"importMode\":\"create\"," CONTENT "}\n"
    "{\"id\":\"x\",\"importMode\":\"create\"," CONTENT "}\n"
    "{\"id\":\"x\",\"importMode\":\"update\"," CONTENT ",\"priority\":2}\n"
    "{\"id\":\"y\",\"importMode\":\"createOrUpdateIfMatchETag\"," CONTENT ",\"priority\":3}\n"
    "no JSON\n"
    "{\"id\":\"y\",\"importMode\":\"createOrUpdateIfMatchETag\",\"etag\":\"*\"," CONTENT ",\"priority\":4}\n"
    "{\"id\":\"z\",\"importMode\":\"create\"," CONTENT "}\n"
    "{\"id\":\"z\",\"importMode\":\"delete\"}\n"
    "{\"id\":\"z\",\"importMode\":\"delete\"}\n"
    "{\"id\":\"z\",\"importMode\":\"create\"," CONTENT ",\"priority\":5}";

#define FILES                                                                                                       \
    "{\"inputBlobContainerUri\":\"https://h/box\",\"inputBlobName\":\"in\",\"outputBlobContainerUri\":\"https://h/" \
    "box\","                                                                                                        \
    "\"outputBlobName\":\"out\",\"includeConfigurations\":true,\"configurationsBlobName\":\"settings\"}"

static void begin(void)
{
    struct job wanted = {.id = "import", .kind = JOB_IMPORT}, job;
    struct buf body = buf_max(4096);
    uint64_t at;

    memory_files_clear();
    file_put("box", "in", lines);
    file_put("box", "settings", configurations);
    world_start(&w, 1);
    world_add(&w, "old");
    job_body_put(&body, NO_BYTES, BYTES(FILES));
    CHECK_OK(hub_job_put(w.hub, &wanted, buf_bytes(&body), w.now_ms, &job, &at));
    buf_free(&body);
    bell = bell_new();
    CHECK_OK(job_runner_new(w.hub, &bell.waker, &memory_files, &runner));
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
}

static void run(void)
{
    w.now_ms += 1000;
    for (int64_t next_ms = w.now_ms; next_ms <= w.now_ms;)
        next_ms = job_runner_turn(runner, w.now_ms);
}

static void put_state(struct buf *out, const char *name)
{
    struct buf json = buf_max(1 << 16);
    struct twin_head head;
    struct device d;
    enum err e = hub_twin_read(w.hub, bytes_str(name), TWIN_FOR_SERVICE, &json, &head, &d);

    if (e)
        buf_printf(out, "%s: %s\n", name, err_name(e));
    else
        buf_printf(out, "%s: %d %s %lld %lld\n", name, d.disabled, d.reason, (long long)head.version,
                   (long long)head.desired_version);
    buf_free(&json);
}

static void put_configurations(struct buf *out)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc = {.id = ""};

    while (!hub_doc_next(w.hub, DOC_CONFIGURATION, bytes_str(doc.id), &body, &doc)) {
        buf_printf(out, "%s: %s\n", doc.id, buf_str(&body));
        buf_clear(&body);
    }
    buf_free(&body);
}

/* All that an import leaves. */
static void put_all(struct buf *out)
{
    static const char *const names[] = {"a", "b", "b/m", "c", "d", "e", "old"};
    struct job job = {0};

    CHECK_OK(hub_job_get(w.hub, BYTES("import"), NULL, &job));
    buf_printf(out, "%d %u %u failed\n", job.state, job.percent, job_failed_lines(&job));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put_state(out, names[i]);
    put_configurations(out);
    buf_puts(out, file_text("box", "importErrors.log"));
    buf_puts(out, file_text("box", "importConfigErrors.log"));
    CHECK_OK(buf_check(out));
}

static void end(void)
{
    job_runner_free(runner);
    world_end(&w);
}

TEST(no_line_is_done_twice_wherever_the_power_is_cut)
{
    struct buf wanted = buf_max(1 << 16), got = buf_max(1 << 16);
    uint64_t from, to;
    unsigned cuts = 0;

    begin();
    from = store_durable(w.store);
    run();
    put_all(&wanted);
    to = store_end(w.store);
    end();
    CHECK(strstr(buf_str(&wanted), "100 9 failed\n"));
    CHECK(strstr(buf_str(&wanted), "\"line\":3,\"deviceId\":\"a\"") && strstr(buf_str(&wanted), "e: 0"));
    CHECK(strstr(buf_str(&wanted), "\"line\":2,\"configurationId\":\"x\"") && strstr(buf_str(&wanted), "z: {"));
    for (uint64_t at = from; at <= to; at++, cuts++) {
        begin();
        run();
        job_runner_free(runner);
        memory_store_settle(w.store, at);
        world_crash(&w);
        CHECK_OK(job_runner_new(w.hub, &bell.waker, &memory_files, &runner));
        run();
        buf_clear(&got);
        put_all(&got);
        if (!bytes_eq(buf_bytes(&got), buf_bytes(&wanted)))
            fail_msg("cut at %llu of %llu: %s\nnot %s", (unsigned long long)(at - from),
                     (unsigned long long)(to - from), buf_str(&got), buf_str(&wanted));
        end();
    }
    CHECK(cuts > 40); /* a place is a record here */
    memory_files_clear();
    buf_free(&wanted);
    buf_free(&got);
}

/* Without the count of lines that failed, and without the file of configurations before it. */
TEST(an_import_goes_on_from_a_note_of_before)
{
    static const uint8_t of_before[] = {
        0, 0, 0, 0, 0, 0, 0, 33, /* where the second line begins, */
        0, 0, 0, 0, 0, 0, 0, 2,  /* which may have been done */
        0, 0, 0, 0, 0, 0, 0, 0,  /* the log of errors is empty */
        0, 0,                    /* no ETags */
        0,                       /* of the file of devices */
    };

    assert(lines[32] == '\n');
    for (size_t cut = 0; cut < 2; cut++) {
        struct job job;
        uint64_t at;

        begin();
        CHECK_OK(hub_job_get(w.hub, BYTES("import"), NULL, &job));
        job.state = JOB_RUNNING;
        job.note.len = (uint8_t)(sizeof of_before - cut);
        memcpy(job.note.at, of_before, job.note.len);
        CHECK_OK(hub_job_change(w.hub, &job, w.now_ms, &at));
        CHECK(job_failed_lines(&job) == 0);
        memory_store_settle(w.store, store_end(w.store));
        run();
        CHECK_OK(hub_job_get(w.hub, BYTES("import"), NULL, &job));
        CHECK(job.state == JOB_COMPLETED && job.note.len == sizeof of_before + 4);
        /* Without the first line the device of the third is made, and 9 had failed. */
        CHECK(job_failed_lines(&job) == 8);
        CHECK(!strstr(file_text("box", "importErrors.log"), "\"line\":3,"));
        CHECK(strstr(file_text("box", "importErrors.log"), "\"line\":4,"));
        job.note.len -= 4;
        CHECK(job_failed_lines(&job) == 0);
        end();
    }
    memory_files_clear();
}

TESTS(RUN(no_line_is_done_twice_wherever_the_power_is_cut), RUN(an_import_goes_on_from_a_note_of_before))
