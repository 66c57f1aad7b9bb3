/* The devices of jobs, in queries (service 4.8, 4.9). */
#include "jobs_peer.h"

static size_t queried(const char *query, const char *headers)
{
    struct buf body = buf_max(16384);
    json_t *root;
    size_t n;

    buf_puts(&body, "{\"query\":");
    buf_put_json(&body, bytes_str(query));
    buf_puts(&body, "}");
    CHECK(ask(&c, "POST", "/devices/query" V, headers, buf_str(&body)) == 200);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("DeviceJob"));
    root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    n = json_array_size(root);
    json_decref(root);
    buf_free(&body);
    return n;
}

static void run_job(unsigned devices)
{
    struct seat *seat;

    add_devices(devices);
    seat = sit("dev0000");
    CHECK(put("j", CALL_ALL(",\"maxExecutionTimeInSeconds\":2")) == 200);
    after(500);
    CHECK(answer(seat, 200, "\"ok\""));
    after(2000);
    after(2000);
    hub_detach(seat, c.join.now_ms);
}

TEST(rows_of_jobs_have_all_their_members)
{
    run_job(1);
    CHECK(queried("SELECT * FROM devices.jobs", NULL) == 1);
    check_said("deviceId", "dev0000");
    check_said("jobId", "j");
    check_said("jobType", "scheduleDeviceMethod");
    check_said("type", "");
    check_said("status", "completed");
    check_said("createdDateTimeUtc", "2026-11-23T05:25:00.0000000Z");
    check_said("startTimeUtc", "2026-11-23T05:25:00.5000000Z");
    CHECK(strlen(said("endTimeUtc")) && strlen(said("lastUpdatedDateTimeUtc")));
    check_said("outcome.deviceMethodResponse.status", "200");
    check_said("outcome.deviceMethodResponse.payload", "ok");
    check_said("error", "");
}

TEST(a_row_of_a_device_that_failed_says_why_with_code_and_description)
{
    run_job(2);
    CHECK(queried("select * from devices.jobs where devices.jobs.jobId = 'j' and devices.jobs.status = 'failed'",
                  NULL) == 1);
    check_said("deviceId", "dev0001");
    check_said("error.code", "404103");
    CHECK(strlen(said("error.description")));
    check_said("outcome", "");
}

TEST(rows_of_jobs_are_selected_by_any_member)
{
    static const struct {
        const char *where;
        size_t n;
    } cases[] = {
        {"devices.jobs.deviceId = 'dev0002'", 1},
        {"DeviceId IN ['dev0000', 'dev0001']", 2},
        {"jobType = 'scheduleDeviceMethod'", 3},
        {"devices.jobs.createdTimeUtc > '2026-11-23T00:00:00Z'", 3},
        {"createdDateTimeUtc > '2026-11-24'", 0},
        {"outcome.deviceMethodResponse.status = 200", 1},
        {"is_defined(error)", 2},
        {"jobId = 'x'", 0},
    };
    char query[200];

    run_job(3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(query, sizeof query, "SELECT * FROM devices.jobs WHERE %s", cases[i].where);
        if (queried(query, NULL) != cases[i].n)
            fail_msg("%s", query);
    }
}

TEST(pages_of_rows_of_jobs_come_to_an_end_without_a_continuation)
{
    char headers[200] = "x-ms-max-item-count: 2\r\n";

    run_job(4);
    CHECK(queried("SELECT * FROM devices.jobs", headers) == 2);
    CHECK(heard(&c, "x-ms-continuation").len);
    snprintf(headers, sizeof headers, "x-ms-max-item-count: 2\r\nx-ms-continuation: %.*s\r\n",
             BYTES_ARG(heard(&c, "x-ms-continuation")));
    CHECK(queried("SELECT * FROM devices.jobs", headers) == 2);
    check_said("deviceId", "dev0002");
    CHECK(!heard(&c, "x-ms-continuation").len);
    CHECK(queried("SELECT TOP 3 * FROM devices.jobs", NULL) == 3);
}

TESTS(ROW(rows_of_jobs_have_all_their_members), ROW(a_row_of_a_device_that_failed_says_why_with_code_and_description),
      ROW(rows_of_jobs_are_selected_by_any_member), ROW(pages_of_rows_of_jobs_come_to_an_end_without_a_continuation))
