/* Import and export of the registry over HTTPS (service 4.10), with whoever does them and their files in memory. */
#include "jobs_peer.h"

#define BOX "https://store.test/box?sv=2026&sig=secret"
#define EXPORT "{\"type\":\"export\",\"outputBlobContainerUri\":\"" BOX "\"}"
#define IMPORT "{\"type\":\"import\",\"inputBlobContainerUri\":\"" BOX "\",\"outputBlobContainerUri\":\"" BOX "\"}"

static char id[JOB_ID_MAX + 1];

static int create(const char *body)
{
    int status = ask(&c, "POST", "/jobs/create" V, NULL, body);

    snprintf(id, sizeof id, "%s", said("jobId"));
    return status;
}

static int about(const char *method)
{
    char path[200];

    snprintf(path, sizeof path, "/jobs/%s" V, id);
    return ask(&c, method, path, NULL, NULL);
}

static void check_state(const char *wanted)
{
    CHECK(about("GET") == 200);
    if (strcmp(said("status"), wanted) != 0)
        fail_msg("%s instead of %s: %s", said("status"), wanted, said("failureReason"));
}

static void import(const char *lines)
{
    file_put("box", "devices.txt", lines);
    CHECK(create(IMPORT) == 200);
    after(500);
    check_state("completed");
    check_said("progress", "100");
}

static void add_module(const char *name)
{
    struct device d = {.id = ""}, made;
    uint64_t at;

    snprintf(d.id, sizeof d.id, "%s", name);
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_NONE}, c.join.now_ms, &made, &at));
}

static void set_twin(const char *name, const char *desired, const char *tags)
{
    struct twin_change change = {.part = {[TWIN_DESIRED] = bytes_str(desired), [TWIN_TAGS] = bytes_str(tags)}};
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, bytes_str(name), &change, c.join.now_ms, &fault, &at));
}

static struct device device(const char *name)
{
    struct device d;

    CHECK_OK(hub_device_get(w.hub, bytes_str(name), &d));
    return d;
}

static bool is_there(const char *name)
{
    struct device d;

    return !hub_device_get(w.hub, bytes_str(name), &d);
}

static int64_t desired_version(const char *name)
{
    struct buf json = buf_max(1 << 16);
    struct twin_head head;

    CHECK_OK(hub_twin_read(w.hub, bytes_str(name), TWIN_FOR_DEVICE, &json, &head, NULL));
    buf_free(&json);
    return head.desired_version;
}

/* ---- made, asked for, cancelled --------------------------------------------------------------------------------- */

TEST(an_export_is_enqueued_and_tells_its_files_without_their_secrets)
{
    CHECK(create(EXPORT) == 200);
    check_said("type", "export");
    check_said("status", "enqueued");
    check_said("progress", "0");
    check_said("outputBlobContainerUri", "https://store.test/box");
    check_said("outputBlobName", "devices.txt");
    check_said("excludeKeysInExport", "false");
    check_said("failureReason", "null");
    CHECK(!strstr(heard_body(&c), "secret"));
    after(500);
    check_state("completed");
    CHECK(strlen(said("endTimeUtc")) > 0);
}

/* .NET sends all members of its class, and reads type and status as words of its enumerations. */
TEST(members_that_are_null_or_the_hubs_own_are_passed_over)
{
    CHECK(create("{\"jobId\":null,\"startTimeUtc\":null,\"endTimeUtc\":null,\"type\":\"export\",\"status\":\"unknown\","
                 "\"progress\":0,\"inputBlobContainerUri\":null,\"outputBlobContainerUri\":\"" BOX "\","
                 "\"outputBlobName\":null,\"excludeKeysInExport\":false,\"storageAuthenticationType\":null,"
                 "\"identity\":null,\"failureReason\":null,\"includeConfigurations\":null,"
                 "\"configurationsBlobName\":null}") == 200);
    check_said("status", "enqueued");
    check_said("storageAuthenticationType", "keyBased");
    CHECK(ask(&c, "POST", "/jobs/create" V, NULL,
              "{\"type\":\"export\",\"inputBlobContainerUri\":\"nowhere\",\"outputBlobContainerUri\":\"" BOX
              "\"}") == 403);
}

TEST(one_at_a_time_may_go_on)
{
    CHECK(create(EXPORT) == 200);
    CHECK(create(EXPORT) == 403);
    check_fault(403, "JobQuotaExceeded");
    CHECK(put("j", CALL_ALL(LATER)) == 200); /* one over devices is another matter */
    after(500);
    CHECK(create(EXPORT) == 200);
}

TEST(one_that_has_not_ended_is_cancelled_and_leaves_no_file)
{
    add_devices(3);
    CHECK(create(EXPORT) == 200);
    CHECK(about("DELETE") == 204);
    after(1000);
    check_state("cancelled");
    CHECK(!memory_file("box", "devices.txt", false) && !memory_file("box", ".devices.txt", false));
    CHECK(about("DELETE") == 405);
    check_fault(405, "OperationNotAllowedInCurrentState");
}

TEST(one_that_runs_is_cancelled_between_two_slices)
{
    add_devices(2 * QUERY_SCAN_MAX + 1);
    CHECK(create(EXPORT) == 200);
    c.join.now_ms += 500;
    (void)job_runner_turn(runner, c.join.now_ms);
    check_state("running");
    CHECK(about("DELETE") == 204);
    after(1000);
    check_state("cancelled");
    CHECK(!memory_file("box", "devices.txt", false) && !memory_file("box", ".devices.txt", false));
}

TEST(what_is_not_known_is_404_here_and_jobs_over_devices_are_not_known)
{
    snprintf(id, sizeof id, "nobody");
    CHECK(about("GET") == 404);
    check_fault(404, "JobNotFound");
    CHECK(about("DELETE") == 404);
    CHECK(put("nobody", CALL_ALL(LATER)) == 200);
    CHECK(about("GET") == 404);
    CHECK(about("DELETE") == 404);
    CHECK(create(EXPORT) == 200);
    get(id);
    check_said("status", "unknown");
}

TEST(they_are_listed)
{
    json_t *root;

    CHECK(put("nobody", CALL_ALL(LATER)) == 200);
    for (int i = 0; i < 103; i++) {
        CHECK(create(EXPORT) == 200);
        after(500);
    }
    CHECK(ask(&c, "GET", "/jobs" V, NULL, NULL) == 200);
    root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    CHECK(json_array_size(root) == 100);
    CHECK_BYTES(bytes_str(json_string_value(json_object_get(json_array_get(root, 99), "jobId"))), bytes_str(id));
    json_decref(root);
}

static const struct bad {
    const char *what, *body;
    int status;
    const char *name;
} bad[] = {
    {"no JSON", "{", 400, "DeserializationError"},
    {"no object", "[]", 400, "ArgumentInvalid"},
    {"another type", "{\"type\":\"backup\"}", 400, "GenericBadRequest"},
    {"no container", "{\"type\":\"export\"}", 400, "ArgumentNull"},
    {"none to read from", "{\"type\":\"import\",\"outputBlobContainerUri\":\"" BOX "\"}", 400, "ArgumentNull"},
    {"none to write to", "{\"type\":\"import\",\"inputBlobContainerUri\":\"" BOX "\"}", 400, "ArgumentNull"},
    {"a container that is no text", "{\"type\":\"export\",\"outputBlobContainerUri\":1}", 400, "ArgumentInvalid"},
    {"a file above", "{\"type\":\"export\",\"outputBlobName\":\"../x\",\"outputBlobContainerUri\":\"" BOX "\"}", 400,
     "ArgumentInvalid"},
    {"a hidden file", "{\"type\":\"export\",\"outputBlobName\":\".x\",\"outputBlobContainerUri\":\"" BOX "\"}", 400,
     "ArgumentInvalid"},
    {"a file with a NUL",
     "{\"type\":\"export\",\"outputBlobName\":\"a\\u0000\",\"outputBlobContainerUri\":\"" BOX "\"}", 400,
     "DeserializationError"},
    {"the log of errors as input",
     "{\"type\":\"import\",\"inputBlobName\":\"importErrors.log\",\"inputBlobContainerUri\":\"" BOX
     "\",\"outputBlobContainerUri\":\"" BOX "\"}",
     400, "ArgumentInvalid"},
};

static const char *const hostile[] = {
    "box",
    "ftp://store.test/box",
    "file:///etc",
    "https://store.test",
    "https://store.test/",
    "https://store.test/..",
    "https://store.test/box/..",
    "https://store.test/../../box/.",
    "https://store.test/%2e%2e",
    "https://store.test/a%2fb",
    "https://store.test/Box",
    "https://store.test/-box",
    "https://store.test/bo",
    "https://store.test/box//",
    "https://store.test/box#../..",
    "https://store.test/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

TEST(what_is_none_is_refused_and_leaves_nothing)
{
    char body[300];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (create(bad[i].body) != bad[i].status)
            fail_msg("%s: %d %s", bad[i].what, c.in.head.status, heard_body(&c));
        check_fault(bad[i].status, bad[i].name);
    }
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        snprintf(body, sizeof body, "{\"type\":\"export\",\"outputBlobContainerUri\":\"%s\"}", hostile[i]);
        if (create(body) != 400)
            fail_msg("%s: %d %s", hostile[i], c.in.head.status, heard_body(&c));
        check_fault(400, "BlobContainerValidationError");
    }
    after(500);
    CHECK(files_writes == 0);
    CHECK(ask(&c, "GET", "/jobs" V, NULL, NULL) == 200);
    CHECK_BYTES(bytes_str(heard_body(&c)), BYTES("[]"));
}

/* ---- exported --------------------------------------------------------------------------------------------------- */

/* A line of the file, parsed. */
static json_t *line_of(const char *text, const char *name, const char *module)
{
    struct bytes rest = bytes_str(text);

    while (rest.len) {
        struct bytes line = bytes_cut(&rest, '\n');
        json_t *root = json_loadb((const char *)line.at, line.len, 0, NULL);
        const char *its = json_string_value(json_object_get(root, "moduleId"));

        CHECK(root && line.at[line.len - 1] == '\r');
        if (!strcmp(json_string_value(json_object_get(root, "id")), name) && !strcmp(its ? its : "", module))
            return root;
        json_decref(root);
    }
    fail_msg("%s/%s is not there: %s", name, module, text);
    return NULL;
}

TEST(devices_and_modules_are_lines_with_keys_and_twins)
{
    json_t *line;
    const char *key = NULL;

    add_devices(2);
    add_module("dev0001/m");
    set_twin("dev0001/m", "{\"a\":1.50}", "{\"t\":\"x\"}");
    CHECK(create(EXPORT) == 200);
    after(500);
    check_state("completed");
    line = line_of(file_text("box", "devices.txt"), "dev0000", "");
    CHECK(!json_unpack(line, "{s{s{ss}}}", "authentication", "symmetricKey", "primaryKey", &key) && strlen(key) == 44);
    CHECK(json_object_get(line, "eTag") && json_object_get(line, "capabilities") &&
          json_object_get(line, "properties"));
    json_decref(line);
    line = line_of(file_text("box", "devices.txt"), "dev0001", "m");
    CHECK(!json_unpack(line, "{s{ss}}", "tags", "t", &key) && !strcmp(key, "x"));
    json_decref(line);
    CHECK(strstr(file_text("box", "devices.txt"), "\"a\":1.5"));
}

TEST(keys_are_left_out_where_that_is_wanted)
{
    json_t *line;

    add_devices(1);
    CHECK(create("{\"Type\":\"Export\",\"ExcludeKeysInExport\":true,\"outputBlobContainerUri\":\"" BOX
                 "\",\"outputBlobName\":\"no-keys.txt\"}") == 200);
    check_said("excludeKeysInExport", "true");
    after(500);
    check_state("completed");
    line = line_of(file_text("box", "no-keys.txt"), "dev0000", "");
    CHECK(json_is_null(json_object_get(line, "authentication")));
    json_decref(line);
}

TEST(an_export_that_was_interrupted_begins_anew)
{
    size_t lines = 0;

    add_devices(2 * QUERY_SCAN_MAX + 7);
    CHECK(create(EXPORT) == 200);
    c.join.now_ms += 500;
    (void)job_runner_turn(runner, c.join.now_ms);
    check_state("running");
    job_runner_free(runner);
    CHECK(!memory_file("box", "devices.txt", false));
    runner_open();
    after(500);
    check_state("completed");
    for (const char *at = file_text("box", "devices.txt"); (at = strchr(at, '\n')); at++)
        lines++;
    CHECK(lines == 2 * QUERY_SCAN_MAX + 7);
}

TEST(an_export_that_cannot_be_written_fails_and_says_why)
{
    add_devices(1);
    files_fail = ERR_DISK_FULL;
    CHECK(create(EXPORT) == 200);
    after(500);
    check_state("failed");
    CHECK(strstr(said("failureReason"), "blobs/box/devices.txt"));
    files_fail = OK;
    CHECK(create(EXPORT) == 200); /* and the next one may */
    after(500);
    check_state("completed");
}

/* Whatever was written of it is gone, and it is not said to be complete. */
TEST(an_export_that_fails_in_the_middle_leaves_no_file)
{
    add_devices(1);
    for (files_good = 1; files_good < 4; files_good++) {
        files_writes = 0;
        files_fail = ERR_DISK_FULL;
        CHECK(create(EXPORT) == 200);
        after(500);
        if (files_writes <= files_good)
            break;
        check_state("failed");
        CHECK(strstr(said("failureReason"), "cannot write blobs/box/devices.txt"));
        CHECK(!memory_file("box", "devices.txt", false) && !memory_file("box", ".devices.txt", false));
    }
    CHECK(files_good == 2);
    check_state("completed");
    files_fail = OK;
}

/* ---- imported --------------------------------------------------------------------------------------------------- */

TEST(what_was_exported_is_imported_into_an_empty_hub)
{
    struct device was, is;
    char all[8192];

    add_devices(2);
    add_module("dev0000/m");
    set_twin("dev0001", "{\"a\":1}", "{\"t\":1}");
    was = device("dev0000");
    CHECK(create(EXPORT) == 200);
    after(500);
    snprintf(all, sizeof all, "%s", file_text("box", "devices.txt"));
    import("{\"id\":\"dev0000\",\"importMode\":\"delete\"}\n{\"id\":\"dev0001\",\"importMode\":\"Delete\"}");
    CHECK(!is_there("dev0000") && !is_there("dev0000/m") && !is_there("dev0001"));
    import(all);
    CHECK(!file_text("box", "importErrors.log")[0]);
    is = device("dev0000");
    CHECK(was.primary.len == is.primary.len && !memcmp(was.primary.at, is.primary.at, is.primary.len));
    CHECK(is_there("dev0000/m") && desired_version("dev0001") == 2);
}

TEST(each_mode_does_what_it_does_in_bulk)
{
    struct device was;
    char lines[1000];

    add_devices(4);
    was = device("dev0002");
    snprintf(lines, sizeof lines,
             "\xEF\xBB\xBF{\"id\":\"new\",\"importMode\":\"create\"}\r\n"
             "\r\n"
             "{\"id\":\"dev0000\",\"importMode\":\"update\",\"status\":\"disabled\",\"statusReason\":\"lost\"}\r\n"
             "{\"id\":\"dev0001\",\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"*\"}\n"
             "{\"id\":\"dev0002\",\"importMode\":\"updateIfMatchETag\",\"eTag\":\"%s\",\"status\":\"disabled\"}\n"
             "{\"id\":\"dev0003\",\"importMode\":\"updateTwin\",\"properties\":{\"desired\":{\"a\":1}}}\n"
             "{\"id\":\"also\",\"tags\":{\"t\":1}}",
             was.etag);
    import(lines);
    CHECK_BYTES(bytes_str(file_text("box", "importErrors.log")), NO_BYTES);
    check_said("failedLines", "0");
    CHECK(is_there("new") && is_there("also") && !is_there("dev0001"));
    CHECK(device("dev0000").disabled && device("dev0002").disabled && !device("dev0003").disabled);
    CHECK(desired_version("dev0003") == 2);
}

TEST(lines_that_fail_are_told_in_the_log_and_the_rest_is_done)
{
    const char *log;

    add_devices(1);
    import("{\"id\":\"dev0000\",\"importMode\":\"create\"}\n"
           "no JSON\n"
           "[]\n"
           "{\"id\":\"a\",\"status\":7}\n"
           "{\"id\":\"a b\"}\n"
           "{\"id\":\"a\",\"importMode\":\"drop\"}\n"
           "{\"id\":\"a\",\"importMode\":\"update\"}\n"
           "{\"id\":\"a\",\"moduleId\":\"m\"}\n"
           "{\"id\":\"dev0000\",\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"x\"}\n"
           "{\"id\":\"half\",\"importMode\":\"create\",\"properties\":{\"desired\":{\"a.b\":1}}}\n"
           "{\"id\":\"last\"}\n");
    check_said("failedLines", "10");
    log = file_text("box", "importErrors.log");
    CHECK(strstr(log, "{\"line\":1,\"deviceId\":\"dev0000\",\"errorCode\":\"409001\",\"errorStatus\":"));
    CHECK(strstr(log, "{\"line\":2,\"errorCode\":\"400012\"") && strstr(log, "{\"line\":3,\"errorCode\":\"400012\""));
    CHECK(strstr(log, "{\"line\":4,\"deviceId\":\"a\",\"errorCode\":\"400004\""));
    CHECK(strstr(log, "{\"line\":5,\"deviceId\":\"a b\",\"errorCode\":\"400004\""));
    CHECK(strstr(log, "\"line\":6,") && strstr(log, "{\"line\":7,\"deviceId\":\"a\",\"errorCode\":\"404001\""));
    CHECK(strstr(log, "{\"line\":8,\"deviceId\":\"a\",\"moduleId\":\"m\",\"errorCode\":\"404001\""));
    CHECK(strstr(log, "{\"line\":9,\"deviceId\":\"dev0000\",\"errorCode\":\"412001\""));
    CHECK(strstr(log, "{\"line\":10,\"deviceId\":\"half\",\"errorCode\":\"400009\""));
    CHECK(is_there("dev0000") && is_there("half") && is_there("last") && !is_there("a"));
}

TEST(a_line_that_is_too_long_is_told_once)
{
    struct memory_file *f;

    file_put("box", "devices.txt", "{\"id\":\"a\"}\n{\"id\":\"");
    f = memory_file("box", "devices.txt", false);
    for (int i = 0; i < 2 * JOB_LINE_MAX / 1000; i++)
        buf_printf(&f->text, "%01000d", 0);
    buf_puts(&f->text, "\"}\n{\"id\":\"b\"}");
    CHECK(create(IMPORT) == 200);
    after(500);
    check_state("completed");
    CHECK(is_there("a") && is_there("b"));
    CHECK(strstr(file_text("box", "importErrors.log"), "{\"line\":2,\"errorCode\":\"413000\""));
    CHECK(!strstr(file_text("box", "importErrors.log"), "{\"line\":3,"));
}

TEST(an_import_without_its_file_fails_and_says_why)
{
    CHECK(create(IMPORT) == 200);
    after(500);
    check_state("failed");
    CHECK(strstr(said("failureReason"), "blobs/box/devices.txt") && strstr(said("failureReason"), "no such file"));
}

/* ---- interrupted ------------------------------------------------------------------------------------------------ */

/* The note of a job as it stands before a line, so that a test can end the hub right there. */
static struct job_note note_before(uint64_t offset, uint64_t line, const char *identity, const char *twin)
{
    struct job_note n = {.len = 0};
    struct buf b = buf_over(n.at, sizeof n.at);

    buf_put_u64(&b, offset);
    buf_put_u64(&b, line);
    buf_put_u64(&b, 0);
    buf_put_u8(&b, (uint8_t)strlen(identity));
    buf_puts(&b, identity);
    buf_put_u8(&b, (uint8_t)strlen(twin));
    buf_puts(&b, twin);
    n.len = (uint8_t)b.len;
    return n;
}

static void go_on_from(const char *lines, struct job_note note)
{
    struct job job;
    uint64_t at;

    file_put("box", "devices.txt", lines);
    CHECK(create(IMPORT) == 200);
    CHECK_OK(hub_job_get(w.hub, bytes_str(id), NULL, &job));
    job.state = JOB_RUNNING;
    job.note = note;
    CHECK_OK(hub_job_change(w.hub, &job, c.join.now_ms, &at));
    CHECK_OK(memory_file_write(NULL, "box", "importErrors.log", 0, BYTES("{of what is done again}\r\n"), true));
    after(500);
    check_state("completed");
}

static const char *log_of_errors(void)
{
    return file_text("box", "importErrors.log");
}

TEST(a_device_that_was_made_is_not_made_again)
{
    add_devices(1); /* by the line that was begun */
    go_on_from("{\"id\":\"dev0000\",\"importMode\":\"create\"}\n{\"id\":\"next\",\"importMode\":\"create\"}\n",
               note_before(0, 1, "", ""));
    CHECK(!log_of_errors()[0]);
    CHECK(is_there("next"));
}

TEST(a_device_that_was_there_before_is_told_as_such)
{
    struct device d;

    add_devices(1);
    d = device("dev0000");
    go_on_from("{\"id\":\"dev0000\",\"importMode\":\"create\"}", note_before(0, 1, d.etag, "AAAAAAAAAAE="));
    CHECK(strstr(log_of_errors(), "{\"line\":1,\"deviceId\":\"dev0000\",\"errorCode\":\"409001\""));
    CHECK(!strstr(log_of_errors(), "again"));
}

TEST(the_twin_of_a_device_that_was_made_is_not_forgotten)
{
    const char *line = "{\"id\":\"dev0000\",\"importMode\":\"create\",\"properties\":{\"desired\":{\"a\":1}}}\n";

    add_devices(1);
    go_on_from(line, note_before(0, 1, "", ""));
    CHECK(!log_of_errors()[0] && desired_version("dev0000") == 2);
    go_on_from(line, note_before(0, 1, "", "")); /* had it been done, too */
    CHECK(!log_of_errors()[0] && desired_version("dev0000") == 2);
}

TEST(a_device_that_was_deleted_is_not_missed)
{
    go_on_from("{\"id\":\"gone\",\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"MQ==\"}\n",
               note_before(0, 1, "MQ==", "AAAAAAAAAAE="));
    CHECK(!log_of_errors()[0]);
    go_on_from("{\"id\":\"gone\",\"importMode\":\"delete\"}\n", note_before(0, 1, "", ""));
    CHECK(strstr(log_of_errors(), "404001"));
}

TEST(an_update_that_was_done_is_not_done_again_with_its_old_etag)
{
    struct device d;
    char line[200];

    add_devices(1);
    d = device("dev0000");
    snprintf(line, sizeof line, "{\"id\":\"dev0000\",\"importMode\":\"updateIfMatchETag\",\"eTag\":\"%s\"}", "b2xk");
    go_on_from(line, note_before(0, 1, "b2xk", "AAAAAAAAAAE="));
    CHECK(!log_of_errors()[0]);
    CHECK(!strcmp(device("dev0000").etag, d.etag));
}

TEST(a_twin_that_was_changed_is_not_changed_again)
{
    add_devices(1);
    set_twin("dev0000", "{\"a\":1}", "{}");
    go_on_from("{\"id\":\"dev0000\",\"importMode\":\"updateTwinIfMatchETag\",\"twinETag\":\"AAAAAAAAAAE=\","
               "\"properties\":{\"desired\":{\"a\":1}}}",
               note_before(0, 1, device("dev0000").etag, "AAAAAAAAAAE="));
    CHECK(!log_of_errors()[0] && desired_version("dev0000") == 2);
}

/* Cut off at each line: every identity is made once, and none is told as a fault. */
TEST(an_import_goes_on_where_it_was)
{
    struct buf lines = buf_max(1 << 20);
    unsigned turns = 0;

    for (int i = 0; i < 300; i++)
        buf_printf(&lines, "{\"id\":\"d%03d\",\"importMode\":\"create\",\"tags\":{\"n\":%d}}\r\n", i, i);
    file_put("box", "devices.txt", buf_str(&lines));
    CHECK(create(IMPORT) == 200);
    while (c.join.now_ms += 500, (void)job_runner_turn(runner, c.join.now_ms), about("GET"),
           strcmp(said("status"), "completed")) {
        job_runner_free(runner);
        runner_open();
        CHECK(++turns < 100);
    }
    CHECK(turns > 1 && !log_of_errors()[0]);
    CHECK(is_there("d000") && is_there("d299"));
    buf_free(&lines);
}

TESTS(ROW(an_export_is_enqueued_and_tells_its_files_without_their_secrets),
      ROW(members_that_are_null_or_the_hubs_own_are_passed_over), ROW(one_at_a_time_may_go_on),
      ROW(one_that_has_not_ended_is_cancelled_and_leaves_no_file), ROW(one_that_runs_is_cancelled_between_two_slices),
      ROW(what_is_not_known_is_404_here_and_jobs_over_devices_are_not_known), ROW(they_are_listed),
      ROW(what_is_none_is_refused_and_leaves_nothing), ROW(devices_and_modules_are_lines_with_keys_and_twins),
      ROW(keys_are_left_out_where_that_is_wanted), ROW(an_export_that_was_interrupted_begins_anew),
      ROW(an_export_that_cannot_be_written_fails_and_says_why), ROW(an_export_that_fails_in_the_middle_leaves_no_file),
      ROW(what_was_exported_is_imported_into_an_empty_hub), ROW(each_mode_does_what_it_does_in_bulk),
      ROW(lines_that_fail_are_told_in_the_log_and_the_rest_is_done), ROW(a_line_that_is_too_long_is_told_once),
      ROW(an_import_without_its_file_fails_and_says_why), ROW(a_device_that_was_made_is_not_made_again),
      ROW(a_device_that_was_there_before_is_told_as_such), ROW(the_twin_of_a_device_that_was_made_is_not_forgotten),
      ROW(a_device_that_was_deleted_is_not_missed), ROW(an_update_that_was_done_is_not_done_again_with_its_old_etag),
      ROW(a_twin_that_was_changed_is_not_changed_again), ROW(an_import_goes_on_where_it_was))
