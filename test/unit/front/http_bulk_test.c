/* Bulk changes of the registry, and queries over HTTPS. */
#include "http_peer.h"

static int bulk(const char *body)
{
    return ask_as(&c, "registryReadWrite", "POST", "/devices" V, NULL, body);
}

static bool exists(const char *id)
{
    struct device d;
    return hub_device_get(w.hub, bytes_str(id), &d) == OK;
}

TEST(many_are_made_changed_and_deleted_at_once)
{
    uint64_t before = c.join.hub.talk->after;
    struct device d;

    CHECK(bulk("[{\"id\":\"a\",\"importMode\":\"create\",\"status\":\"enabled\"},"
               "{\"id\":\"b\",\"importMode\":\"createOrUpdate\",\"status\":\"disabled\",\"statusReason\":\"why\"},"
               "{\"id\":\"c\",\"importMode\":\"createOrUpdateIfMatchETag\",\"authentication\":{\"type\":\"sas\","
               "\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B "\"}}}]") == 200);
    assert_string_equal(heard_body(&c), "{\"isSuccessful\":true,\"errors\":[],\"warnings\":[]}");
    CHECK(c.join.hub.talk->after > before);
    CHECK_OK(hub_device_get(w.hub, BYTES("b"), &d));
    CHECK(d.disabled && strcmp(d.reason, "why") == 0);
    CHECK(bulk("[{\"id\":\"b\",\"importMode\":\"Update\",\"status\":\"enabled\"},"
               "{\"id\":\"a\",\"importMode\":\"deleteIfMatchEtag\",\"eTag\":\"*\"},"
               "{\"id\":\"c\",\"importMode\":\"Delete\"}]") == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("b"), &d));
    CHECK(!d.disabled && !exists("a") && !exists("c"));
    char body[256];
    snprintf(body, sizeof body, "[{\"id\":\"b\",\"importMode\":\"UpdateIfMatchETag\",\"eTag\":\"\\\"%s\\\"\"}]",
             d.etag);
    CHECK(bulk(body) == 200);
    CHECK(bulk(body) == 400); /* it has another one now */
    CHECK(body_has(&c, "\"errorCode\":412001,"));
    CHECK(bulk("[]") == 200);
}

TEST(what_fails_is_told_and_the_others_are_done)
{
    CHECK(bulk("[{\"id\":\"a\",\"importMode\":\"create\"}]") == 200);
    CHECK(bulk("[{\"id\":\"a\",\"importMode\":\"create\"},{\"id\":\"new\",\"importMode\":\"create\"},"
               "{\"id\":\"new\",\"importMode\":\"delete\"},{\"id\":\"none\",\"importMode\":\"update\"},"
               "{\"id\":\"no good\",\"importMode\":\"create\"},{\"id\":\"t\",\"importMode\":\"updateTwin\"},"
               "{\"id\":\"u\",\"importMode\":\"paint\"},{\"id\":\"v\",\"moduleId\":\"m\",\"importMode\":\"create\"},"
               "{\"id\":\"w\",\"importMode\":\"create\",\"status\":\"asleep\"},7]") == 400);
    CHECK_BYTES(heard(&c, "IotHubErrorCode"), BYTES("BulkRegistryOperationFailure"));
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("BulkRegistryOperationFailure"));
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    json_t *errors = json_object_get(root, "errors");
    static const int codes[] = {409001, 400011, 404001, 400004, 404001, 400004, 404001, 400004, 400004};
    CHECK(json_is_false(json_object_get(root, "isSuccessful")) && json_array_size(errors) == 9);
    for (size_t i = 0; i < 9; i++)
        CHECK(json_integer_value(json_object_get(json_array_get(errors, i), "errorCode")) == codes[i]);
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 0), "operation")), "create");
    json_decref(root);
    CHECK(exists("new") && !exists("w"));
}

TEST(no_more_than_a_hundred_and_only_arrays)
{
    struct buf b = buf_max(1 << 16);

    buf_puts(&b, "[");
    for (int i = 0; i <= BULK_MAX; i++)
        buf_printf(&b, "%s{\"id\":\"d%d\",\"importMode\":\"create\"}", i ? "," : "", i);
    buf_puts(&b, "]");
    bulk(buf_str(&b));
    check_error(&c, 413, "TooManyDevices");
    bulk("{}");
    check_error(&c, 400, "DeserializationError");
    bulk("[");
    check_error(&c, 400, "DeserializationError");
    CHECK(ask_as(&c, "registryRead", "POST", "/devices" V, NULL, "[]") == 401);
    CHECK(!exists("d0"));
    buf_free(&b);
}

/* ---- queries */

static void add(int n)
{
    struct device wanted = {.auth = AUTH_SAS}, made;
    uint64_t at;

    for (int i = 0; i < n; i++) {
        snprintf(wanted.id, sizeof wanted.id, "d%03d", i);
        wanted.disabled = i % 2;
        CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    }
}

static int query(const char *text, const char *headers)
{
    char body[512];

    snprintf(body, sizeof body, "{\"query\":\"%s\"}", text);
    return ask_as(&c, "service", "POST", "/devices/query" V, headers, body);
}

static size_t rows(void)
{
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    size_t n = json_array_size(root);

    CHECK(json_is_array(root));
    json_decref(root);
    return n;
}

TEST(all_devices_come_in_pages)
{
    char headers[256] = "x-ms-max-item-count: 40\r\n", last[64] = "";
    size_t n = 0, pages = 0;

    add(130);
    do {
        CHECK(query("SELECT * FROM devices", headers) == 200);
        CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Twin"));
        n += rows();
        pages++;
        json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
        const char *first = json_string_value(json_object_get(json_array_get(root, 0), "deviceId"));
        CHECK(strcmp(first, last) > 0);
        snprintf(last, sizeof last, "%s", first);
        json_decref(root);
        struct bytes more = heard(&c, "x-ms-continuation");
        CHECK(!more.at || more.len);
        snprintf(headers, sizeof headers, "x-ms-max-item-count: 40\r\nx-ms-continuation: %.*s\r\n", BYTES_ARG(more));
    } while (heard(&c, "x-ms-continuation").at);
    CHECK(n == 130 && pages == 4);
    CHECK(query("SELECT * FROM devices", NULL) == 200 && rows() == QUERY_PAGE_MAX);
    CHECK(query("SELECT * FROM devices", "x-ms-max-item-count: 1000\r\n") == 200 && rows() == QUERY_PAGE_MAX);
}

TEST(a_page_that_ends_with_the_last_device_is_the_last)
{
    add(40);
    CHECK(query("SELECT * FROM devices", "x-ms-max-item-count: 40\r\n") == 200 && rows() == 40);
    CHECK(!heard(&c, "x-ms-continuation").at);
}

TEST(a_twin_has_what_clients_read)
{
    static const char *const names[] = {"deviceId",         "etag",
                                        "deviceEtag",       "version",
                                        "status",           "statusUpdateTime",
                                        "modelId",          "connectionState",
                                        "properties",       "authenticationType",
                                        "x509Thumbprint",   "capabilities",
                                        "lastActivityTime", "cloudToDeviceMessageCount"};
    add(1);
    CHECK(query("SELECT * FROM devices", NULL) == 200);
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL), *twin = json_array_get(root, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(json_object_get(twin, names[i]));
    json_t *desired = json_object_get(json_object_get(twin, "properties"), "desired");
    CHECK(json_integer_value(json_object_get(desired, "$version")) == 1);
    json_decref(root);
}

TEST(conditions_columns_and_top)
{
    add(60);
    CHECK(query("SELECT deviceId FROM devices WHERE status = 'enabled'", NULL) == 200 && rows() == 30);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Raw"));
    CHECK(body_has(&c, "[{\"deviceId\":\"d000\"},{\"deviceId\":\"d002\"}"));
    CHECK(query("SELECT TOP 7 * FROM devices WHERE status = 'disabled'", NULL) == 200 && rows() == 7);
    CHECK(!heard(&c, "x-ms-continuation").at);
    /* TOP goes on over pages. */
    CHECK(query("SELECT TOP 7 * FROM devices", "x-ms-max-item-count: 5\r\n") == 200 && rows() == 5);
    char headers[256];
    snprintf(headers, sizeof headers, "x-ms-continuation: %.*s\r\n", BYTES_ARG(heard(&c, "x-ms-continuation")));
    CHECK(query("SELECT TOP 7 * FROM devices", headers) == 200 && rows() == 2);
    CHECK(query("SELECT * FROM devices.modules WHERE deviceId in ['d000']", NULL) == 200 && rows() == 0);
    CHECK(query("SELECT * FROM devices.jobs", NULL) == 200 && rows() == 0);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("DeviceJob"));
}

/* All pages of a query, one after the other: how many rows, and in how many answers. */
static size_t all_rows(const char *text, size_t *answers)
{
    struct buf body = buf_max(6 * QUERY_LEN_MAX + 64);
    char headers[256] = "";
    struct bytes more;
    size_t n = 0;

    buf_puts(&body, "{\"query\":");
    buf_put_json(&body, bytes_str(text));
    buf_puts(&body, "}");
    *answers = 0;
    do {
        CHECK(ask_as(&c, "service", "POST", "/devices/query" V, headers, buf_str(&body)) == 200);
        n += rows();
        ++*answers;
        more = heard(&c, "x-ms-continuation");
        snprintf(headers, sizeof headers, "x-ms-continuation: %.*s\r\n", BYTES_ARG(more));
    } while (more.at);
    buf_free(&body);
    return n;
}

TEST(groups_are_counted_over_all_devices)
{
    char headers[256];
    struct bytes more;

    CHECK(query("SELECT COUNT() AS n, MAX(version) FROM devices", NULL) == 200);
    assert_string_equal(heard_body(&c), ("[{\"n\":0}]"));
    CHECK(query("SELECT COUNT() AS n FROM devices.modules", NULL) == 200);
    assert_string_equal(heard_body(&c), ("[{\"n\":0}]"));
    add(130);
    CHECK(query("SELECT COUNT() AS n, SUM(version) AS v FROM devices WHERE deviceId != 'd000'", NULL) == 200);
    assert_string_equal(heard_body(&c), ("[{\"n\":129,\"v\":258}]"));
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Raw"));
    CHECK(query("SELECT deviceId AS id, COUNT() AS n FROM devices GROUP BY deviceId", "x-ms-max-item-count: 2\r\n") ==
          200);
    assert_string_equal(heard_body(&c), ("[{\"id\":\"d000\",\"n\":1},{\"id\":\"d001\",\"n\":1}]"));
    more = heard(&c, "x-ms-continuation");
    snprintf(headers, sizeof headers, "x-ms-max-item-count: 2\r\nx-ms-continuation: %.*s\r\n", BYTES_ARG(more));
    CHECK(query("SELECT TOP 3 deviceId AS id, COUNT() AS n FROM devices GROUP BY deviceId", headers) == 200);
    assert_string_equal(heard_body(&c), ("[{\"id\":\"d002\",\"n\":1}]"));
    CHECK(!heard(&c, "x-ms-continuation").at);
    CHECK(query("SELECT * FROM devices GROUP BY status", NULL) == 400);
}

TEST(what_one_request_costs_is_bounded_in_a_turn_and_it_goes_on_in_the_next)
{
    struct buf text = buf_max(QUERY_LEN_MAX);
    size_t answers;

    add(130);
    CHECK(all_rows("SELECT * FROM devices WHERE deviceId = 'd129'", &answers) == 1 && answers == 1 && c.turns == 0);
    /* A condition as long as there may be one, true for the last device alone. */
    buf_puts(&text, "SELECT * FROM devices WHERE ");
    while (text.len < QUERY_LEN_MAX - 40)
        buf_puts(&text, "1=2 OR ");
    buf_puts(&text, "deviceId = 'd129'");
    CHECK(all_rows(buf_str(&text), &answers) == 1 && answers == 1);
    CHECK(c.turns > 0);
    /* Requests that come meanwhile wait for their turn, and a client that goes takes nothing along. */
    struct buf body = buf_max(QUERY_LEN_MAX + 64), b = buf_max(64 * 1024);
    buf_printf(&body, "{\"query\":\"%s\"}", buf_str(&text));
    buf_printf(&b, "POST /devices/query" V " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nContent-Length: %zu\r\n\r\n",
               token_for("service", "hub.test", c.join.now_ms + 3600000), body.len);
    buf_put(&b, buf_bytes(&body));
    buf_puts(&b, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    client_say(&c, buf_bytes(&b));
    CHECK(c.join.hub.out.len == 0 && c.join.hub.in.len > 0);
    CHECK(c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms + HTTP_BODY_MS) == INT64_MAX &&
          !c.join.hub.talk->over);
    CHECK(client_hear(&c) && c.in.head.status == 200 && rows() == 1);
    CHECK(client_hear(&c));
    assert_string_equal(heard_body(&c), "ok\n");
    client_say(&c, buf_bytes(&b)); /* left at work: freed with the connection */
    buf_free(&body);
    buf_free(&b);
    buf_free(&text);
}

TEST(a_continuation_always_leads_to_a_row)
{
    size_t answers;

    add(30);
    /* Java's iterators throw at an empty page; the other 28 devices are none. */
    CHECK(query("SELECT * FROM devices WHERE DeviceId IN ['d003', 'd007']", "x-ms-max-item-count: 1\r\n") == 200);
    CHECK(rows() == 1 && heard(&c, "x-ms-continuation").at);
    char headers[256];
    snprintf(headers, sizeof headers, "x-ms-max-item-count: 1\r\nx-ms-continuation: %.*s\r\n",
             BYTES_ARG(heard(&c, "x-ms-continuation")));
    CHECK(query("SELECT * FROM devices WHERE DeviceId IN ['d003', 'd007']", headers) == 200);
    CHECK(rows() == 1 && !heard(&c, "x-ms-continuation").at);
    CHECK(query("SELECT * FROM devices", "x-ms-max-item-count: 30\r\n") == 200);
    CHECK(rows() == 30 && !heard(&c, "x-ms-continuation").at);
    CHECK(query("SELECT * FROM devices WHERE deviceId = 'none'", "x-ms-max-item-count: 1\r\n") == 200);
    CHECK(rows() == 0 && !heard(&c, "x-ms-continuation").at);
    CHECK(all_rows("SELECT * FROM devices WHERE status = 'enabled'", &answers) == 15);
    /* Columns have the document's spelling, or the one of AS. */
    CHECK(query("SELECT DeviceId, STATUS AS my-Status FROM devices WHERE id = 'd000'", NULL) == 200);
    assert_string_equal(heard_body(&c), "[{\"deviceId\":\"d000\",\"my-Status\":\"enabled\"}]");
}

TEST(rows_of_any_size_come_in_answers_that_fit)
{
    struct buf text = buf_max(QUERY_LEN_MAX);
    size_t answers;

    add(100);
    buf_puts(&text, "SELECT deviceId AS [[");
    while (text.len < QUERY_LEN_MAX / 2)
        buf_put_u8(&text, 1);
    buf_puts(&text, "]]");
    for (int i = 1; i < QUERY_COLUMNS_MAX; i++)
        buf_printf(&text, ",properties AS [[%040d]]", i);
    buf_puts(&text, " FROM devices");
    CHECK(!text.bad);
    CHECK(all_rows(buf_str(&text), &answers) == 100);
    CHECK(answers > 1);
    buf_free(&text);
}

TEST(what_cannot_be_asked_is_refused)
{
    query("SELECT * FROM devices WHERE", NULL);
    check_error(&c, 400, "ArgumentInvalid");
    query("SELECT * FROM devices", "x-ms-max-item-count: many\r\n");
    check_error(&c, 400, "ArgumentInvalid");
    query("SELECT * FROM devices", "x-ms-continuation: !\r\n");
    check_error(&c, 400, "ArgumentInvalid");
    query("SELECT * FROM devices", "x-ms-continuation: eA==\r\n");
    check_error(&c, 400, "ArgumentInvalid");
    ask_as(&c, "service", "POST", "/devices/query" V, NULL, "{\"query\":1}");
    check_error(&c, 400, "DeserializationError");
    ask_as(&c, "service", "POST", "/devices/query" V, NULL, "{\"other\":1}");
    check_error(&c, 400, "ArgumentNull");
    ask_as(&c, "service", "POST", "/devices/query" V, NULL, "");
    check_error(&c, 400, "DeserializationError");
    CHECK(ask_as(&c, "device", "POST", "/devices/query" V, NULL, "{\"query\":\"SELECT * FROM devices\"}") == 401);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(CASE(many_are_made_changed_and_deleted_at_once), CASE(what_fails_is_told_and_the_others_are_done),
      CASE(no_more_than_a_hundred_and_only_arrays), CASE(all_devices_come_in_pages),
      CASE(a_page_that_ends_with_the_last_device_is_the_last), CASE(a_twin_has_what_clients_read),
      CASE(conditions_columns_and_top), CASE(groups_are_counted_over_all_devices),
      CASE(what_one_request_costs_is_bounded_in_a_turn_and_it_goes_on_in_the_next),
      CASE(a_continuation_always_leads_to_a_row), CASE(rows_of_any_size_come_in_answers_that_fit),
      CASE(what_cannot_be_asked_is_refused))
