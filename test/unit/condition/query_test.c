/* The query language: what it selects, what it answers, and what it refuses. */
#include "check.h"
#include "json_row.h"
#include "query.h"

static const char DOCUMENT[] =
    "{\"deviceId\":\"garage\",\"status\":\"enabled\",\"statusUpdateTime\":\"2026-11-23T00:00:00Z\",\"version\":2,"
    "\"cloudToDeviceMessageCount\":3,\"statusReason\":null,\"capabilities\":{\"iotEdge\":false},"
    "\"parentScopes\":[\"a\",7],\"tags\":{\"group\":{\"name\":\"it's\"},\"level\":1.5,\"a-b-c\":7},"
    "\"properties\":{\"reported\":{\"$version\":1}}}";

static bool selects(const char *condition)
{
    char text[1024];
    struct complaint why;
    struct query q;
    json_t *document = json_loads(DOCUMENT, 0, NULL);
    enum err e;

    CHECK(document);
    snprintf(text, sizeof text, "SELECT * FROM devices WHERE %s", condition);
    if ((e = query_open(&q, bytes_str(text), &why)))
        fail_msg("%s: %s", condition, why.text);
    struct row row = json_row(document);
    bool is = query_selects(&q, &row);
    query_close(&q);
    json_decref(document);
    return is;
}

TEST(conditions_are_true_or_not)
{
    static const char *const yes[] = {
        "deviceId = 'garage'",
        "DeviceId IN ['garage']", /* Java's job client */
        "devices.DEVICEID = 'garage'",
        "STARTSWITH(id, 'gar')", /* .NET's clean-up sample */
        "IS_DEFINED(DeviceId) AND Tags.level = 1.5",
        "tags.a-b-c = 7 AND version - 1 = 1 AND version -1=1",
        "devices.deviceId = \"garage\"",
        "status='enabled' AND version=2",
        "NOT status = 'disabled'",
        "status != 'disabled'",
        "status <> 'disabled'",
        "version > 1 and version < 3",
        "version >= 2 AND version <= 2",
        "version = 0x2",
        "version * 2 + 1 = 5",
        "version - 1 - 1 = 0",
        "10 / 4 = 2.5",
        "7 % 4 = 3",
        "-version = -2",
        "(version = 1 OR version = 2) AND status = 'enabled'",
        "version = 2 OR version = 3 AND false",
        "deviceId IN ['phone', 'garage']",
        "deviceId in ('garage')",
        "deviceId NIN ['phone']",
        "capabilities.iotEdge = false",
        "NOT capabilities.iotEdge",
        "statusReason = null",
        "IS_DEFINED(statusReason)",
        "is_defined(tags.level)",
        "NOT IS_DEFINED(tags.colour)",
        "IS_NULL(statusReason)",
        "STARTSWITH(devices.deviceId, 'gar')",
        "ENDS_WITH(deviceId, 'age')",
        "CONTAINS(deviceId, 'rag')",
        "ARRAY_CONTAINS(parentScopes, 'a')",
        "array_contains(parentScopes, 7)",
        "tags.[[group]].name = 'it\\'s'",
        "tags.group.name = \"it's\"",
        "properties.reported.$version = 1",
        "statusUpdatedTime = statusUpdateTime",
        "statusUpdateTime > '2026'",
        "'\\u00e4' = '\xc3\xa4'",
        "is_string(deviceId) AND IS_NUMBER(version)",
        "true",
        "is_bool(capabilities.iotEdge)",
        "1.5e1 = 15",
        "version=2\r\n\tAND\nstatus='enabled'",
    };
    static const char *const no[] = {
        "deviceId = 'Garage'",
        "colour = 'red'",
        "colour != 'red'",
        "NOT colour = 'red'",
        "version = '2'",
        "version",
        "status",
        "null",
        "undefined",
        "tags = tags",
        "version > 'a'",
        "deviceId > 1",
        "1 / 0 = 1",
        "'a' + 'b' = 'ab'",
        "deviceId IN ['phone']",
        "colour NIN ['red']",
        "capabilities.iotEdge",
        "false OR version",
        "true AND version",
        "deviceId.x = 1",
        "tags.Group.name = 'it\\'s'",
        "STARTSWITH(version, '2')",
        "ARRAY_CONTAINS(deviceId, 'a')",
        "ARRAY_CONTAINS(parentScopes, 'b')",
        "statusReason != null",
        "undefined = undefined",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!selects(yes[i]))
            fail_msg("not selected: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (selects(no[i]))
            fail_msg("selected: %s", no[i]);
}

TEST(what_is_no_query_is_refused_with_a_reason)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "SELECT"},
        {"DELETE FROM devices", "SELECT"},
        {"SELECT", "column"},
        {"SELECT * FROM", "FROM"},
        {"SELECT * FROM twins", "'twins'"},
        {"SELECT * devices", "FROM"},
        {"SELECT deviceId, FROM devices", ""},
        {"SELECT * FROM devices WHERE", "at the end"},
        {"SELECT * FROM devices WHERE a =", "at the end"},
        {"SELECT * FROM devices WHERE a = 'x", "does not end"},
        {"SELECT * FROM devices WHERE (a = 1", "parenthesis"},
        {"SELECT * FROM devices WHERE a IN 1", "list"},
        {"SELECT * FROM devices WHERE a IN [1", "does not end"},
        {"SELECT * FROM devices WHERE f(1)", "function 'f'"},
        {"SELECT * FROM devices WHERE IS_DEFINED()", "value"},
        {"SELECT * FROM devices WHERE IS_DEFINED(a, b)", "arguments"},
        {"SELECT * FROM devices WHERE a = 1 b", "'b'"},
        {"SELECT * FROM devices GROUP BY status", "GROUP BY"},
        {"SELECT status FROM devices GROUP status", "BY"},
        {"SELECT status, COUNT() FROM devices", "'status' must be in GROUP BY"},
        {"SELECT COUNT(*) FROM devices", "parenthesis"},
        {"SELECT AVG() FROM devices", "path"},
        {"SELECT MEDIAN(a) FROM devices", "'MEDIAN"},
        {"SELECT COUNT() FROM devices.jobs", "grouped"},
        {"SELECT jobId FROM devices.jobs WHERE status = 'completed'", "SELECT *"},
        {"SELECT * FROM devices WHERE a = 1 = 1", "compared again"},
        {"SELECT * FROM devices WHERE a NOT 1", "IN"},
        {"SELECT * FROM devices /* all", "comment"},
        {"SELECT * FROM devices WHERE\n a = = 1", "line 2, column 6"},
        {"SELECT TOP x * FROM devices", "TOP"},
        {"SELECT TOP 0 * FROM devices", "TOP"},
        {"SELECT * FROM devices; DROP", "';"},
        {"SELECT a. FROM devices", ""},
        {"SELECT [[a FROM devices", "end"},
        {"SELECT deviceId AS FROM devices", ""},
        {"SELECT * FROM devices WHERE '\\uD800' = a", "escape"},
        {"SELECT * FROM devices WHERE '\\u12' = a", "escape"},
        {"SELECT * FROM devices WHERE a = \xff", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct complaint why;
        struct query q;
        if (!query_open(&q, bytes_str(cases[i].text), &why))
            fail_msg("taken: %s", cases[i].text);
        if (!strstr(why.text, cases[i].why) || !why.text[0])
            fail_msg("%s: \"%s\" says nothing of \"%s\"", cases[i].text, why.text, cases[i].why);
        query_close(&q);
    }
}

TEST(depth_and_length_are_bounded)
{
    char text[QUERY_LEN_MAX + 64] = "SELECT * FROM devices WHERE ";
    size_t begin = strlen(text);
    struct complaint why;
    struct query q;

    for (int how = 0; how < 3; how++) {
        size_t n = begin;
        for (int i = 0; i < QUERY_DEPTH_MAX + 1; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", how == 0 ? "(" : how == 1 ? "NOT " : "-");
        snprintf(text + n, sizeof text - n, "a");
        CHECK_ERR(query_open(&q, bytes_str(text), &why), ERR_UNSUPPORTED);
        query_close(&q);
        CHECK(strstr(why.text, "deep"));
    }
    memset(text + begin, ' ', QUERY_LEN_MAX);
    text[QUERY_LEN_MAX + 1] = 0;
    CHECK_ERR(query_open(&q, bytes_str(text), &why), ERR_TOO_LARGE);
    query_close(&q);
    size_t n = (size_t)snprintf(text, sizeof text, "SELECT a");
    for (int i = 0; i < QUERY_COLUMNS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",a");
    snprintf(text + n, sizeof text - n, " FROM devices");
    CHECK_ERR(query_open(&q, bytes_str(text), &why), ERR_UNSUPPORTED);
    query_close(&q);
}

static enum err put(void *ctx, struct bytes name, const struct value *v)
{
    struct buf *out = ctx;

    buf_printf(out, "%s\"%.*s\":", out->len ? "," : "", BYTES_ARG(name));
    return json_put_value(v, out);
}

TEST(columns_have_names)
{
    static const struct {
        const char *columns, *row;
    } cases[] = {
        {"deviceId as DeviceId, capabilities.iotEdge,\n tags.[[group]].name as n, missing, properties.reported",
         "\"DeviceId\":\"garage\",\"iotEdge\":false,\"n\":\"it's\",\"reported\":{\"$version\":1}"},
        {"DEVICEID, devices.STATUS, tags.LEVEL, tags.level",
         "\"deviceId\":\"garage\",\"status\":\"enabled\",\"level\":1.5"},
        {"statusUpdatedTime, id as 2nd", "\"statusUpdatedTime\":\"2026-11-23T00:00:00Z\",\"2nd\":\"garage\""},
        {"version AS x, statusReason, cloudToDeviceMessageCount AS x", "\"statusReason\":null,\"x\":3"},
        {"parentScopes, tags.a-b-c", "\"parentScopes\":[\"a\",7],\"a-b-c\":7"},
    };
    json_t *document = json_loads(DOCUMENT, 0, NULL);
    struct row row = json_row(document);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = buf_max(1024), out = buf_max(1024);
        struct complaint why;
        struct query q;

        buf_printf(&text, "select %s FROM devices where true", cases[i].columns);
        CHECK_OK(query_open(&q, buf_bytes(&text), &why));
        CHECK_OK(query_columns(&q, &row, put, &out));
        assert_string_equal(buf_str(&out), cases[i].row);
        query_close(&q);
        buf_free(&text);
        buf_free(&out);
    }
    json_decref(document);
}

TESTS(RUN(conditions_are_true_or_not), RUN(what_is_no_query_is_refused_with_a_reason),
      RUN(depth_and_length_are_bounded), RUN(columns_have_names))
