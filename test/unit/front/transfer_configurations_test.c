/* Configurations among what is imported and exported (service 4.10), and the routes of the oldest clients. */
#include "jobs_peer.h"

#define BOX "https://store.test/box?sig=secret"
#define WITH_THEM ",\"includeConfigurations\":true"
#define EXPORT(more) "{\"type\":\"export\",\"outputBlobContainerUri\":\"" BOX "\"" more "}"
#define IMPORT(more) \
    "{\"type\":\"import\",\"inputBlobContainerUri\":\"" BOX "\",\"outputBlobContainerUri\":\"" BOX "\"" more "}"
#define CONTENT(n) "\"content\":{\"deviceContent\":{\"properties.desired.n\":" #n "}}"

static char id[JOB_ID_MAX + 1];

static void check_state(const char *wanted)
{
    char path[200];

    snprintf(path, sizeof path, "/jobs/%s" V, id);
    CHECK(ask(&c, "GET", path, NULL, NULL) == 200);
    if (strcmp(said("status"), wanted) != 0)
        fail_msg("%s instead of %s: %s", said("status"), wanted, said("failureReason"));
}

static void begin(const char *body)
{
    if (ask(&c, "POST", "/jobs/create" V, NULL, body) != 200)
        fail_msg("%s", heard_body(&c));
    snprintf(id, sizeof id, "%s", said("jobId"));
}

static void run(const char *body, const char *wanted)
{
    begin(body);
    after(500);
    check_state(wanted);
}

static void import(const char *lines)
{
    file_put("box", "devices.txt", "");
    file_put("box", "configurations.txt", lines);
    run(IMPORT(WITH_THEM), "completed");
    check_said("progress", "100");
}

static const char *log_of_errors(void)
{
    return file_text("box", "importConfigErrors.log");
}

static int about(const char *method, const char *name, const char *match, const char *body)
{
    char path[200];

    snprintf(path, sizeof path, "/configurations/%s" V, name);
    return ask(&c, method, path, match, body);
}

static void set(const char *name, int priority)
{
    char body[400];

    snprintf(body, sizeof body, "{\"id\":\"%s\"," CONTENT(1) ",\"priority\":%d,\"labels\":{\"a\":\"b\"}}", name,
             priority);
    if (about("PUT", name, NULL, body) != 200)
        fail_msg("%s", heard_body(&c));
}

/* "": it is not there. */
static const char *priority(const char *name)
{
    return about("GET", name, NULL, NULL) == 200 ? said("priority") : "";
}

static const char *etag(const char *name)
{
    return about("GET", name, NULL, NULL) == 200 ? said("etag") : "";
}

static void check_priority(const char *name, const char *wanted)
{
    CHECK_BYTES(bytes_str(priority(name)), bytes_str(wanted));
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

/* ---- exported --------------------------------------------------------------------------------------------------- */

TEST(each_configuration_is_a_line_of_a_file_beside_that_of_devices)
{
    const char *text;
    json_t *line;

    add_devices(1);
    set("summer", 2);
    set("winter", 7);
    set("gone", 1);
    CHECK(about("DELETE", "gone", NULL, NULL) == 204);
    begin(EXPORT(WITH_THEM));
    check_said("includeConfigurations", "true");
    check_said("configurationsBlobName", "configurations.txt");
    after(500);
    check_state("completed");
    check_said("progress", "100");
    text = file_text("box", "configurations.txt");
    CHECK(count_lines(text) == 2 && count_lines(file_text("box", "devices.txt")) == 1);
    text = strstr(text, "\r\n") + 2;
    CHECK((line = json_loadb(text, strlen(text) - 2, 0, NULL)));
    CHECK_BYTES(bytes_str(json_string_value(json_object_get(line, "id"))), BYTES("winter"));
    CHECK(json_integer_value(json_object_get(line, "priority")) == 7 && json_object_get(line, "labels") &&
          json_object_get(line, "targetCondition") && json_object_get(line, "metrics"));
    CHECK_BYTES(bytes_str(json_string_value(json_object_get(line, "etag"))), bytes_str(etag("winter")));
    json_decref(line);
}

TEST(they_are_left_out_unless_they_are_wanted)
{
    set("winter", 7);
    run(EXPORT(",\"configurationsBlobName\":\"mine.txt\""), "completed");
    CHECK(!memory_file("box", "mine.txt", false) && !memory_file("box", "configurations.txt", false));
    run(EXPORT(WITH_THEM ",\"ConfigurationsBlobName\":\"mine.txt\""), "completed");
    CHECK(count_lines(file_text("box", "mine.txt")) == 1);
}

TEST(without_any_the_file_is_empty)
{
    run(EXPORT(WITH_THEM), "completed");
    CHECK(memory_file("box", "configurations.txt", false) && !file_text("box", "configurations.txt")[0]);
}

TEST(an_export_that_fails_in_the_middle_leaves_neither_file)
{
    static const char *const names[] = {"devices.txt", ".devices.txt", "configurations.txt", ".configurations.txt"};

    add_devices(1);
    set("winter", 7);
    for (files_good = 0;; files_good++) {
        files_writes = 0;
        files_fail = ERR_DISK_FULL;
        begin(EXPORT(WITH_THEM));
        after(500);
        if (files_writes <= files_good)
            break;
        check_state("failed");
        CHECK(strstr(said("failureReason"), files_good < 2 ? "blobs/box/devices.txt" : "blobs/box/configurations.txt"));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            CHECK(!memory_file("box", names[i], false));
    }
    CHECK(files_good == 4);
    files_fail = OK;
}

TEST(a_file_that_cannot_be_theirs_is_refused)
{
    static const char *const bad[] = {
        EXPORT(WITH_THEM ",\"configurationsBlobName\":\".x\""),
        EXPORT(WITH_THEM ",\"configurationsBlobName\":\"../x\""),
        EXPORT(WITH_THEM ",\"configurationsBlobName\":\"devices.txt\""),
        EXPORT(WITH_THEM ",\"configurationsBlobName\":\"x\",\"outputBlobName\":\"x\""),
        IMPORT(WITH_THEM ",\"configurationsBlobName\":\"x\",\"inputBlobName\":\"x\""),
        IMPORT(WITH_THEM ",\"configurationsBlobName\":\"importErrors.log\""),
        IMPORT(WITH_THEM ",\"configurationsBlobName\":\"importConfigErrors.log\""),
        IMPORT(WITH_THEM ",\"inputBlobName\":\"importConfigErrors.log\""),
        EXPORT(",\"includeConfigurations\":\"yes\""),
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ask(&c, "POST", "/jobs/create" V, NULL, bad[i]) != 400)
            fail_msg("%s: %s", bad[i], heard_body(&c));
        check_fault(400, "ArgumentInvalid");
    }
    after(500);
    CHECK(files_writes == 0);
}

/* ---- imported --------------------------------------------------------------------------------------------------- */

TEST(what_was_exported_is_imported)
{
    char was[2000];

    set("winter", 7);
    CHECK(about("GET", "winter", NULL, NULL) == 200);
    snprintf(was, sizeof was, "%s", said("content"));
    run(EXPORT(WITH_THEM), "completed");
    CHECK(about("DELETE", "winter", NULL, NULL) == 204);
    run(IMPORT(WITH_THEM), "completed");
    CHECK(!log_of_errors()[0]);
    check_priority("winter", "7");
    CHECK_BYTES(bytes_str(said("content")), bytes_str(was));
    CHECK_BYTES(bytes_str(said("labels")), BYTES("{\"a\":\"b\"}"));
}

TEST(each_mode_of_a_configuration_does_what_it_says)
{
    char lines[2000], old[64];

    set("a", 1);
    set("b", 1);
    set("c", 1);
    set("d", 1);
    snprintf(old, sizeof old, "%s", etag("b"));
    snprintf(lines, sizeof lines,
             "\xEF\xBB\xBF{\"id\":\"new\",\"importMode\":\"create\"," CONTENT(
                 1) ",\"priority\":2}\r\n"
                    "{\"id\":\"also\"," CONTENT(
                        1) ",\"priority\":3}\n"
                           "\n"
                           "{\"id\":\"a\"," CONTENT(
                               1) ",\"priority\":4}\n"
                                  "{\"id\":\"b\",\"importMode\":\"CreateOrUpdateIfMatchETag\"," CONTENT(
                                      1) ",\"priority\":5,\"etag\":\"%s\"}\n"
                                         "{\"id\":\"net\",\"importMode\":\"createOrUpdateIfMatchETag\",\"etag\":"
                                         "null," CONTENT(1) ",\"priority\":6}\n"
                                                            "{\"id\":\"c\",\"importMode\":\"delete\"}\n"
                                                            "{\"id\":\"d\",\"importMode\":\"update\"," CONTENT(
                                                                1) ",\"Priority\":8}",
             old);
    import(lines);
    CHECK_BYTES(bytes_str(log_of_errors()), NO_BYTES);
    check_priority("new", "2");
    check_priority("also", "3");
    check_priority("a", "4");
    check_priority("b", "5");
    check_priority("net", "6");
    check_priority("c", "");
    check_priority("d", "8");
}

TEST(configurations_that_fail_are_told_in_a_log_of_their_own)
{
    static const struct {
        const char *line, *said;
    } bad[] = {
        {"{\"id\":\"a\",\"importMode\":\"create\"," CONTENT(1) "}",
         "\"configurationId\":\"a\",\"errorCode\":\"409401\""},
        {"no JSON", "\"errorCode\":\"400012\""},
        {"{\"id\":\"A\"," CONTENT(1) "}", "\"configurationId\":\"A\",\"errorCode\":\"400004\""},
        {"{" CONTENT(1) "}", "\"errorCode\":\"400004\""},
        {"{\"id\":\"a\"," CONTENT(2) "}", "\"configurationId\":\"a\",\"errorCode\":\"400403\""},
        {"{\"id\":\"x\"}", "\"errorCode\":\"400402\""},
        {"{\"id\":\"x\"," CONTENT(1) ",\"targetCondition\":\"tags.\"}", "\"errorCode\":\"400401\""},
        {"{\"id\":\"x\"," CONTENT(1) ",\"metrics\":{\"queries\":{\"m\":\"hello\"}}}", "\"errorCode\":\"400404\""},
        {"{\"id\":\"x\"," CONTENT(1) ",\"priority\":-1}", "\"errorCode\":\"400004\""},
        {"{\"id\":\"a\",\"importMode\":\"createOrUpdateIfMatchETag\"," CONTENT(1) "}", "\"errorCode\":\"412001\""},
        {"{\"id\":\"a\",\"importMode\":\"deleteIfMatchETag\",\"etag\":\"x\"}", "\"errorCode\":\"412001\""},
        {"{\"id\":\"x\",\"importMode\":\"update\"," CONTENT(1) "}",
         "\"configurationId\":\"x\",\"errorCode\":\"404301\""},
        {"{\"id\":\"x\",\"importMode\":\"delete\"}", "\"errorCode\":\"404301\""},
        {"{\"id\":\"a\",\"importMode\":\"updateTwin\"}", "\"errorCode\":\"400004\""},
        {"{\"id\":\"a\",\"labels\":7," CONTENT(1) "}", "labels is not an object"},
    };
    struct buf lines = buf_max(8192);
    char wanted[40];
    const char *at;

    set("a", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        buf_printf(&lines, "%s\n", bad[i].line);
    buf_puts(&lines, "{\"id\":\"last\"," CONTENT(1) "}");
    import(buf_str(&lines));
    at = log_of_errors();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *next = strchr(at, '\n');

        snprintf(wanted, sizeof wanted, "{\"line\":%zu,", i + 1);
        CHECK(next && !strncmp(at, wanted, strlen(wanted)));
        if (!strstr(at, bad[i].said) || strstr(at, bad[i].said) > next)
            fail_msg("%s: %.*s", bad[i].line, (int)(next - at), at);
        at = next + 1;
    }
    CHECK(!*at && !file_text("box", "importErrors.log")[0]);
    check_priority("a", "1");
    check_priority("x", "");
    check_priority("last", "0");
    buf_free(&lines);
}

TEST(there_are_at_most_a_hundred_after_an_import_too)
{
    struct buf lines = buf_max(1 << 16);

    for (int i = 0; i < CONFIGURATIONS_ALIVE + 2; i++)
        buf_printf(&lines, "{\"id\":\"c%03d\"," CONTENT(1) "}\n", i);
    import(buf_str(&lines));
    CHECK(count_lines(log_of_errors()) == 2);
    CHECK(strstr(log_of_errors(), "\"line\":101,") && strstr(log_of_errors(), "\"errorCode\":\"413101\""));
    check_priority("c099", "0");
    check_priority("c100", "");
    buf_free(&lines);
}

TEST(an_import_without_its_configurations_fails_before_it_begins)
{
    file_put("box", "devices.txt", "{\"id\":\"new\"}\n");
    run(IMPORT(WITH_THEM), "failed");
    CHECK(strstr(said("failureReason"), "blobs/box/configurations.txt") &&
          strstr(said("failureReason"), "no such file"));
    CHECK(ask(&c, "GET", "/devices/new" V, NULL, NULL) == 404);
}

/* The runner ends after each turn: every line is done once. */
TEST(an_import_of_both_goes_on_where_it_was)
{
    struct buf devices = buf_max(1 << 20), lines = buf_max(1 << 20);
    unsigned turns = 0;

    for (int i = 0; i < 150; i++)
        buf_printf(&devices, "{\"id\":\"d%03d\",\"importMode\":\"create\"}\n", i);
    for (int i = 0; i < 90; i++)
        buf_printf(&lines, "{\"id\":\"c%03d\",\"importMode\":\"create\"," CONTENT(1) "}\n", i);
    buf_puts(&lines, "no JSON\n");
    file_put("box", "devices.txt", buf_str(&devices));
    file_put("box", "configurations.txt", buf_str(&lines));
    begin(IMPORT(WITH_THEM));
    for (check_state("enqueued"); strcmp(said("status"), "completed") != 0; turns++) {
        c.join.now_ms += 500;
        (void)job_runner_turn(runner, c.join.now_ms);
        job_runner_free(runner);
        runner_open();
        CHECK(turns < 100);
        CHECK(about("GET", "c000", NULL, NULL) != 200 || ask(&c, "GET", "/devices/d149" V, NULL, NULL) == 200);
        char path[200];
        snprintf(path, sizeof path, "/jobs/%s" V, id);
        CHECK(ask(&c, "GET", path, NULL, NULL) == 200);
    }
    CHECK(turns > 2 && !file_text("box", "importErrors.log")[0]);
    CHECK(count_lines(log_of_errors()) == 1 && strstr(log_of_errors(), "{\"line\":91,"));
    check_priority("c089", "0");
    buf_free(&devices);
    buf_free(&lines);
}

/* ---- the oldest clients ----------------------------------------------------------------------------------------- */

#define OLD(verb) "/$admin/" verb "Registry" V
#define IN_BOX "{\"StorageConnectionString\":\"AccountKey=secret\",\"ContainerName\":\"box\"}"

TEST(the_oldest_clients_name_a_container_and_no_job)
{
    add_devices(2);
    CHECK(ask(&c, "POST", OLD("export"), NULL, IN_BOX) == 200);
    CHECK(!strstr(heard_body(&c), "secret"));
    check_said("outputBlobContainerUri", "https://blobs/box");
    CHECK(ask(&c, "POST", OLD("import"), NULL, IN_BOX) == 403);
    check_fault(403, "JobQuotaExceeded");
    after(500);
    CHECK(count_lines(file_text("box", "devices.txt")) == 2);
    file_put("box", "devices.txt", "{\"id\":\"new\"}\nno JSON\n");
    CHECK(ask(&c, "POST", OLD("import"), NULL, IN_BOX) == 200);
    snprintf(id, sizeof id, "%s", said("jobId"));
    after(500);
    check_state("completed");
    CHECK(ask(&c, "GET", "/devices/new" V, NULL, NULL) == 200);
    CHECK(count_lines(file_text("box", "importErrors.log")) == 1);
}

TEST(a_container_of_theirs_leads_nowhere_else)
{
    static const char *const hostile[] = {"..", "box/..", "/etc", "b", "Box", "box?sig=x", "b%2fx"};
    char body[200];

    CHECK(ask(&c, "POST", OLD("export"), NULL, "{}") == 400);
    check_fault(400, "ArgumentNull");
    CHECK(ask(&c, "POST", OLD("export"), NULL, "{\"containerName\":7}") == 400);
    check_fault(400, "ArgumentInvalid");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        snprintf(body, sizeof body, "{\"containerName\":\"%s\"}", hostile[i]);
        if (ask(&c, "POST", OLD("export"), NULL, body) != 400)
            fail_msg("%s: %s", hostile[i], heard_body(&c));
        check_fault(400, "BlobContainerValidationError");
    }
    after(500);
    CHECK(files_writes == 0);
}

TESTS(ROW(each_configuration_is_a_line_of_a_file_beside_that_of_devices), ROW(they_are_left_out_unless_they_are_wanted),
      ROW(without_any_the_file_is_empty), ROW(an_export_that_fails_in_the_middle_leaves_neither_file),
      ROW(a_file_that_cannot_be_theirs_is_refused), ROW(what_was_exported_is_imported),
      ROW(each_mode_of_a_configuration_does_what_it_says), ROW(configurations_that_fail_are_told_in_a_log_of_their_own),
      ROW(there_are_at_most_a_hundred_after_an_import_too),
      ROW(an_import_without_its_configurations_fails_before_it_begins), ROW(an_import_of_both_goes_on_where_it_was),
      ROW(the_oldest_clients_name_a_container_and_no_job), ROW(a_container_of_theirs_leads_nowhere_else))
