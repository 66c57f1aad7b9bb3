/* Jobs over HTTPS (service 4.9), with whoever does them and the devices played by the test. */
#include "jobs_peer.h"

/* ---- made, asked for, cancelled --------------------------------------------------------------------------------- */

TEST(a_job_is_queued_at_its_creation_whatever_its_start)
{
    CHECK(put("JOBSAMPLE-1", CALL_ALL(LATER)) == 200);
    check_said("status", "queued");
    check_said("jobId", "JOBSAMPLE-1");
    check_said("type", "scheduleDeviceMethod");
    check_said("startTime", "2026-11-23T06:25:00.0000000Z");
    check_said("createdTime", "2026-11-23T05:25:00.0000000Z");
    check_said("maxExecutionTimeInSeconds", "3600");
    check_said("queryCondition", "*");
    CHECK(strstr(heard_body(&c), "\"payload\":{\"a\":1.50}")); /* as it was sent */
}

TEST(a_job_whose_time_has_not_come_is_scheduled)
{
    CHECK(put("j", CALL_ALL(LATER)) == 200);
    after(5000);
    get("j");
    check_said("status", "scheduled");
    check_said("deviceJobStatistics.deviceCount", "0");
    after(3600000);
    get("j");
    check_said("status", "completed");
}

TEST(what_has_no_value_is_missing_and_no_name_is_there_twice)
{
    static const char *const never[] = {"updateTwin", "endTime", "failureReason", "jobType", "startTimeUtc"};

    CHECK(put("j", CALL_ALL(LATER ",\"updateTwin\":null")) == 200);
    get("j");
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        check_said(never[i], "");
    CHECK(!strstr(heard_body(&c), "null"));
}

TEST(a_job_that_is_not_known_is_said_to_be_unknown_with_200)
{
    get("nobody");
    check_said("status", "unknown");
    check_said("type", "unknown");
    check_said("jobId", "nobody");
}

TEST(a_job_that_waits_is_cancelled_and_stays_so)
{
    CHECK(put("j", CALL_ALL(LATER)) == 200);
    CHECK(cancel("j") == 200);
    check_said("status", "cancelled");
    after(2 * 3600000);
    get("j");
    check_said("status", "cancelled");
    CHECK(strlen(said("endTime")) > 0);
    CHECK(cancel("j") == 405);
    check_fault(405, "OperationNotAllowedInCurrentState");
}

TEST(a_job_that_runs_is_not_cancelled)
{
    add_devices(1);
    CHECK(put("j", CALL_ALL("")) == 200);
    after(500);
    get("j");
    check_said("status", "running");
    CHECK(cancel("j") == 405);
    check_fault(405, "OperationNotAllowedInCurrentState");
}

TEST(cancelling_what_is_not_known_fails)
{
    CHECK(cancel("nobody") == 404);
    check_fault(404, "JobNotFound");
}

TEST(an_id_is_used_once)
{
    CHECK(put("j", CALL_ALL(LATER)) == 200);
    CHECK(put("j", CALL_ALL(LATER)) == 409);
    check_fault(409, "JobAlreadyExists");
    CHECK(put("J", CALL_ALL(LATER)) == 200); /* another one */
}

TEST(too_many_active_jobs_are_429)
{
    char id[16];

    for (int i = 0; i < JOBS_ACTIVE_MAX; i++) {
        snprintf(id, sizeof id, "j%d", i);
        CHECK(put(id, CALL_ALL(LATER)) == 200);
    }
    CHECK(put("more", CALL_ALL(LATER)) == 429);
    check_fault(429, "ThrottlingMaxActiveJobCountExceeded");
}

#define METHOD(members) \
    "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"cloudToDeviceMethod\":{" members "}}"
#define TWIN(etag) \
    "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{\"etag\":" etag ",\"tags\":{\"a\":1}}}"

static const struct bad {
    const char *what, *id, *body;
    int status;
    const char *name;
} bad[] = {
    {"a type that is none", "j", "{\"type\":\"reboot\",\"queryCondition\":\"*\"}", 400, "GenericBadRequest"},
    {"no type", "j", "{\"queryCondition\":\"*\"}", 400, "GenericBadRequest"},
    {"no condition", "j", "{\"type\":\"scheduleUpdateTwin\",\"updateTwin\":{}}", 400, "ArgumentInvalid"},
    {"an empty condition", "j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\" \",\"updateTwin\":{}}", 400,
     "ArgumentInvalid"},
    {"no twin", "j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\"}", 400, "ArgumentInvalid"},
    {"no method", "j", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"updateTwin\":{}}", 400,
     "ArgumentInvalid"},
    {"a method without a name", "j",
     "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"cloudToDeviceMethod\":{}}", 400, "ArgumentInvalid"},
    {"a method with a blank in its name", "j", METHOD("\"methodName\":\"a b\""), 400, "ArgumentInvalid"},
    {"a name that is no text", "j", METHOD("\"methodName\":1"), 400, "ArgumentInvalid"},
    {"a response time-out that is too short", "j", METHOD("\"methodName\":\"m\",\"responseTimeoutInSeconds\":4"), 400,
     "ArgumentInvalid"},
    {"one that is too long", "j", METHOD("\"methodName\":\"m\",\"ResponseTimeoutInSeconds\":301"), 400,
     "ArgumentInvalid"},
    {"a connect time-out that is no number", "j", METHOD("\"methodName\":\"m\",\"connectTimeoutInSeconds\":\"1\""), 400,
     "ArgumentInvalid"},
    {"an ETag that is no text", "j", TWIN("1"), 400, "ArgumentInvalid"},
    {"an ETag that no twin has", "j", TWIN("\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
     400, "ArgumentInvalid"},
    {"desired in the wrong place", "j",
     "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{\"desired\":{}}}", 400,
     "ArgumentInvalid"},
    {"tags that are no object", "j",
     "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{\"tags\":1}}", 400, "ArgumentInvalid"},
    {"a time that is none", "j", CALL_ALL(",\"startTime\":\"soon\""), 400, "ArgumentInvalid"},
    {"a start beyond seven days", "j", CALL_ALL(",\"startTime\":\"2026-11-30T05:25:01Z\""), 400, "ArgumentInvalid"},
    {"a duration that is none", "j", CALL_ALL(",\"maxExecutionTimeInSeconds\":-1"), 400, "ArgumentInvalid"},
    {"an id with a blank", "a%20b", CALL_ALL(""), 400, "ArgumentInvalid"},
    {"another id in the body", "j", CALL_ALL(",\"jobId\":\"k\""), 400, "ArgumentInvalid"},
    {"no JSON", "j", "{", 400, "DeserializationError"},
};

TEST(what_is_no_job_is_refused_and_leaves_nothing)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (put(bad[i].id, bad[i].body) != bad[i].status)
            fail_msg("%s: %d %s", bad[i].what, c.in.head.status, heard_body(&c));
        check_fault(bad[i].status, bad[i].name);
    }
    CHECK(ask(&c, "GET", "/jobs/v2/query" V, NULL, NULL) == 200);
    CHECK_BYTES(bytes_str(heard_body(&c)), BYTES("[]"));
}

TEST(a_condition_that_is_too_long_is_412)
{
    char body[QUERY_LEN_MAX + 300], condition[QUERY_LEN_MAX + 2];

    memset(condition, 'a', sizeof condition - 1);
    condition[sizeof condition - 1] = 0;
    snprintf(body, sizeof body, "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"%s\",\"updateTwin\":{}}",
             condition);
    CHECK(put("j", body) == 412);
    check_fault(412, "PreconditionFailed");
}

TEST(the_year_1_and_no_seconds_are_now_and_an_hour)
{
    CHECK(put("go", CALL_ALL(",\"startTime\":\"0001-01-01T00:00:00Z\",\"maxExecutionTimeInSeconds\":0")) == 200);
    check_said("startTime", "2026-11-23T05:25:00.0000000Z");
    check_said("maxExecutionTimeInSeconds", "3600");
}

TEST(a_start_without_a_zone_is_utc)
{
    CHECK(put("cli", CALL_ALL(",\"startTime\":\"2026-11-29T05:25:00.123456\"")) == 200);
    check_said("startTime", "2026-11-29T05:25:00.1230000Z");
}

/* ---- they run --------------------------------------------------------------------------------------------------- */

TEST(a_job_that_selects_no_device_completes)
{
    CHECK(put("j", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"DeviceId IN ['x']\","
                   "\"cloudToDeviceMethod\":{\"methodName\":\"m\"}}") == 200);
    after(500);
    get("j");
    check_said("status", "completed");
    check_said("deviceJobStatistics.deviceCount", "0");
    CHECK(strlen(said("endTime")) > 0);
}

TEST(a_bad_condition_is_accepted_and_the_job_fails_with_its_reason)
{
    CHECK(put("j", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"SELECT * FROM devices\","
                   "\"cloudToDeviceMethod\":{\"methodName\":\"m\"}}") == 200);
    check_said("status", "queued");
    after(500);
    get("j");
    check_said("status", "failed");
    CHECK(strstr(said("failureReason"), "line 1"));
}

static void check_counts(const char *devices, const char *done, const char *failed)
{
    get("j");
    check_said("deviceJobStatistics.deviceCount", devices);
    check_said("deviceJobStatistics.succeededCount", done);
    check_said("deviceJobStatistics.failedCount", failed);
}

static struct job_row row_of(unsigned n, struct buf *room)
{
    struct job_row row = {0};
    struct job job;

    buf_clear(room);
    CHECK_OK(hub_job_get(w.hub, BYTES("j"), NULL, &job));
    CHECK_OK(hub_job_row(w.hub, job.serial, n, room, &row));
    return row;
}

TEST(a_method_is_called_on_each_device_and_its_answer_is_kept)
{
    struct buf room = buf_max(1 << 16);
    struct seat *one, *two;

    add_devices(2);
    one = sit("dev0000");
    two = sit("dev0001");
    CHECK(put("j", CALL_ALL("")) == 200);
    after(500);
    CHECK(answer(one, 200, "\"ok\"") && answer(two, 500, ""));
    CHECK(!answer(one, 200, "") && !answer(two, 200, ""));
    after(500);
    after(1000);
    check_counts("2", "2", "0");
    check_said("status", "completed");
    CHECK_BYTES(row_of(0, &room).result, BYTES("{\"deviceMethodResponse\":{\"status\":200,\"payload\":\"ok\"}}"));
    CHECK_BYTES(row_of(1, &room).result, BYTES("{\"deviceMethodResponse\":{\"status\":500,\"payload\":null}}"));
    hub_detach(one, c.join.now_ms);
    hub_detach(two, c.join.now_ms);
    buf_free(&room);
}

TEST(devices_that_are_away_are_waited_for_until_the_time_of_the_job_is_up)
{
    struct buf room = buf_max(1 << 16);
    struct seat *late;

    add_devices(3);
    CHECK(put("j", CALL_ALL(",\"maxExecutionTimeInSeconds\":60")) == 200);
    after(10000);
    get("j");
    check_said("status", "running");
    check_said("deviceJobStatistics.runningCount", "3");
    late = sit("dev0001");
    after(2000);
    CHECK(answer(late, 200, "1"));
    after(2000);
    check_counts("3", "1", "0");
    after(60000);
    after(2000);
    check_counts("3", "1", "2");
    check_said("status", "completed");
    CHECK(strstr((const char *)row_of(2, &room).result.at, "\"code\":\"404103\""));
    hub_detach(late, c.join.now_ms);
    buf_free(&room);
}

TEST(a_device_that_does_not_answer_has_failed)
{
    struct buf room = buf_max(1 << 16);
    struct seat *seat;

    add_devices(1);
    seat = sit("dev0000");
    CHECK(put("j", CALL_ALL("")) == 200);
    after(500);
    after(31000);
    after(2000);
    check_counts("1", "0", "1");
    check_said("status", "completed");
    CHECK(strstr((const char *)row_of(0, &room).result.at, "\"code\":\"504101\""));
    hub_detach(seat, c.join.now_ms);
    buf_free(&room);
}

/* A device that has been called and has answered is not called again; the others are. */
TEST(a_job_goes_on_after_a_restart_where_it_was)
{
    struct seat *seats[3];
    char id[16];

    add_devices(3);
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "dev%04d", i);
        seats[i] = sit(id);
    }
    CHECK(put("j", CALL_ALL("")) == 200);
    after(500);
    CHECK(answer(seats[1], 200, "1"));
    after(100);
    job_runner_free(runner);
    runner_open();
    for (int i = 0; i < 3; i++) { /* what was open is gone with whoever asked */
        hub_detach(seats[i], c.join.now_ms);
        snprintf(id, sizeof id, "dev%04d", i);
        seats[i] = sit(id);
    }
    after(500);
    CHECK(answer(seats[0], 200, "1") && !answer(seats[1], 200, "1") && answer(seats[2], 200, "1"));
    after(100);
    after(2000);
    check_counts("3", "3", "0");
    check_said("status", "completed");
    for (int i = 0; i < 3; i++)
        hub_detach(seats[i], c.join.now_ms);
}

TEST(a_job_finds_more_devices_than_are_written_down_at_once)
{
    add_devices(2 * JOB_CHUNK + 1);
    CHECK(put("j", CALL_ALL(",\"maxExecutionTimeInSeconds\":1")) == 200);
    after(500);
    after(2000);
    check_counts("513", "0", "513");
    check_said("status", "completed");
}

static void check_twin(const char *id, const char *wanted)
{
    struct buf json = buf_max(1 << 16);

    CHECK_OK(hub_twin_read(w.hub, bytes_str(id), TWIN_FOR_DEVICE, &json, NULL, NULL));
    if (!strstr(buf_str(&json), wanted))
        fail_msg("%s: %s", id, buf_str(&json));
    buf_free(&json);
}

TEST(a_twin_is_changed_on_each_device_once)
{
    add_devices(3);
    CHECK(put("first", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"deviceId IN ['dev0000','dev0001']\","
                       "\"updateTwin\":{\"etag\":\"*\",\"tags\":{\"floor\":1}}}") == 200);
    after(500);
    CHECK(put("j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"devices.tags.floor = 1\","
                   "\"updateTwin\":{\"etag\":\"*\",\"tags\":{\"floor\":2},\"properties\":{\"desired\":{\"a\":1},"
                   "\"reported\":{}}}}") == 200);
    after(500);
    check_counts("2", "2", "0");
    check_said("status", "completed");
    check_twin("dev0001", "\"desired\":{\"a\":1,\"$version\":2}");
    check_twin("dev0002", "\"desired\":{\"$version\":1}");
    job_runner_free(runner);
    runner_open();
    after(1000);
    check_twin("dev0000", "\"desired\":{\"a\":1,\"$version\":2}");
}

/* service 4.9: the ETag of updateTwin is a condition, device by device. */
TEST(a_twin_with_another_etag_than_the_job_says_is_left_alone)
{
    struct buf room = buf_max(1 << 16);
    struct twin_head head;
    char body[400];

    add_devices(2);
    CHECK(put("first", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"deviceId = 'dev0001'\","
                       "\"updateTwin\":{\"etag\":null,\"tags\":{\"floor\":1}}}") == 200);
    after(500);
    CHECK_OK(hub_twin_read(w.hub, BYTES("dev0001"), TWIN_FOR_DEVICE, &room, &head, NULL));
    snprintf(body, sizeof body,
             "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{\"etag\":\"%s\","
             "\"properties\":{\"desired\":{\"a\":1}}}}",
             head.etag);
    CHECK(put("j", body) == 200);
    after(500);
    check_counts("2", "1", "1");
    check_said("status", "completed");
    CHECK(strstr((const char *)row_of(0, &room).result.at, "\"code\":\"412001\""));
    check_twin("dev0000", "\"desired\":{\"$version\":1}");
    check_twin("dev0001", "\"desired\":{\"a\":1,\"$version\":2}");
    buf_free(&room);
}

TEST(what_a_twin_must_not_become_is_said_of_each_device)
{
    struct buf room = buf_max(1 << 16);

    add_devices(1);
    CHECK(put("j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\","
                   "\"updateTwin\":{\"properties\":{\"desired\":{\"a.b\":1}}}}") == 200);
    after(500);
    check_counts("1", "0", "1");
    check_said("status", "completed");
    CHECK(strstr((const char *)row_of(0, &room).result.at, "\"code\":\"400004\""));
    check_twin("dev0000", "\"desired\":{\"$version\":1}");
    buf_free(&room);
}

/* ---- listed ----------------------------------------------------------------------------------------------------- */

static size_t listed(const char *query, const char *headers)
{
    char path[200];
    json_t *root;
    size_t n;

    snprintf(path, sizeof path, "/jobs/v2/query" V "%s", query);
    CHECK(ask(&c, "GET", path, headers, NULL) == 200);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("JobResponse"));
    root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    CHECK(json_is_array(root));
    n = json_array_size(root);
    json_decref(root);
    return n;
}

TEST(jobs_are_listed_by_type_and_status_in_any_case)
{
    CHECK(put("a", CALL_ALL(LATER)) == 200);
    CHECK(put("b", CALL_ALL("")) == 200);
    CHECK(put("c", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{\"etag\":\"*\"}" LATER
                   "}") == 200);
    after(500);
    CHECK(listed("", NULL) == 3);
    CHECK(listed("&jobType=ScheduleDeviceMethod&jobStatus=Scheduled", NULL) == 1);
    check_said("jobId", "a");
    CHECK(listed("&jobStatus=Completed", NULL) == 1);
    check_said("jobId", "b");
    CHECK(listed("&jobType=scheduleUpdateTwin", NULL) == 1);
    check_said("updateTwin", "{\"etag\":\"*\"}");
    CHECK(listed("&jobType=export", NULL) == 0);
}

TEST(a_page_of_jobs_that_is_the_last_has_no_continuation)
{
    char id[16], headers[120];

    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "j%d", i);
        CHECK(put(id, CALL_ALL(LATER)) == 200);
    }
    CHECK(listed("", "x-ms-max-item-count: 3\r\n") == 3);
    CHECK(heard(&c, "x-ms-continuation").len);
    snprintf(headers, sizeof headers, "x-ms-max-item-count: 2\r\nx-ms-continuation: %.*s\r\n",
             BYTES_ARG(heard(&c, "x-ms-continuation")));
    CHECK(listed("", headers) == 2);
    check_said("jobId", "j3");
    CHECK(!heard(&c, "x-ms-continuation").len);
}

TESTS(ROW(a_job_is_queued_at_its_creation_whatever_its_start), ROW(a_job_whose_time_has_not_come_is_scheduled),
      ROW(what_has_no_value_is_missing_and_no_name_is_there_twice),
      ROW(a_job_that_is_not_known_is_said_to_be_unknown_with_200), ROW(a_job_that_waits_is_cancelled_and_stays_so),
      ROW(a_job_that_runs_is_not_cancelled), ROW(cancelling_what_is_not_known_fails), ROW(an_id_is_used_once),
      ROW(too_many_active_jobs_are_429), ROW(what_is_no_job_is_refused_and_leaves_nothing),
      ROW(a_condition_that_is_too_long_is_412), ROW(the_year_1_and_no_seconds_are_now_and_an_hour),
      ROW(a_start_without_a_zone_is_utc), ROW(a_job_that_selects_no_device_completes),
      ROW(a_bad_condition_is_accepted_and_the_job_fails_with_its_reason),
      ROW(a_method_is_called_on_each_device_and_its_answer_is_kept),
      ROW(devices_that_are_away_are_waited_for_until_the_time_of_the_job_is_up),
      ROW(a_device_that_does_not_answer_has_failed), ROW(a_job_goes_on_after_a_restart_where_it_was),
      ROW(a_job_finds_more_devices_than_are_written_down_at_once), ROW(a_twin_is_changed_on_each_device_once),
      ROW(a_twin_with_another_etag_than_the_job_says_is_left_alone),
      ROW(what_a_twin_must_not_become_is_said_of_each_device), ROW(jobs_are_listed_by_type_and_status_in_any_case),
      ROW(a_page_of_jobs_that_is_the_last_has_no_continuation))
