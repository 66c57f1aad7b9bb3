/* Bodies in the spellings that clients have, what stands in them in another form, and what they do. */
#include "http_peer.h"
#include "json_names.h"

#define SCOPE "ms-azure-iot-edge://"

static struct device device_of(const char *id)
{
    struct device d;
    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
    return d;
}

static void check_spelled(enum json_names which, const char *body, const char *wanted)
{
    char why[JSON_WHY_CAP];
    struct buf text = buf_max(4096);
    json_t *root = json_loads(body, 0, NULL);

    CHECK_OK(json_spell(root, which, why));
    CHECK_OK(json_put(root, &text));
    assert_string_equal(buf_str(&text), wanted);
    json_decref(root);
    buf_free(&text);
}

TEST(names_are_brought_into_one_spelling)
{
    check_spelled(NAMES_QUERY, "{\"Query\":\"x\"}", "{\"query\":\"x\"}"); /* Go */
    check_spelled(NAMES_DEVICE, "{\"Tags\":{\"Status\":1},\"ETAG\":null,\"other\":7,\"STATUSREASON\":\"x\"}",
                  "{\"other\":7,\"etag\":null,\"statusReason\":\"x\",\"tags\":{\"Status\":1}}");
    check_spelled(NAMES_ENROLLMENT,
                  "{\"Attestation\":{\"TYPE\":\"tpm\",\"Tpm\":{\"endorsementkey\":\"k\"}},"
                  "\"InitialTwin\":{\"Properties\":{\"Desired\":{\"Tags\":1}}}}",
                  "{\"initialTwin\":{\"properties\":{\"desired\":{\"Tags\":1}}},"
                  "\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"k\"}}}");
}

TEST(a_device_is_what_its_body_says_in_whatever_case)
{
    CHECK(
        ask(&c, "PUT", "/devices/a" V, NULL,
            "{\"DeviceId\":\"a\",\"Status\":\"disabled\",\"StatusReason\":\"why\",\"Authentication\":{\"Type\":\"sas\","
            "\"SymmetricKey\":{\"PrimaryKey\":\"" KEY_A "\",\"SECONDARYKEY\":\"" KEY_B "\"}}}") == 200);
    CHECK(body_has(&c, "\"primaryKey\":\"" KEY_A "\"") && body_has(&c, "\"status\":\"disabled\""));
    struct device d = device_of("a");
    CHECK(d.disabled && !strcmp(d.reason, "why"));
    CHECK(ask(&c, "PUT", "/devices/b" V, NULL,
              "{\"authentication\":{\"Type\":\"selfSigned\",\"X509Thumbprint\":{\"PrimaryThumbprint\":"
              "\"0123456789abcdef0123456789abcdef01234567\"}}}") == 200);
    CHECK(device_of("b").auth == AUTH_SELF_SIGNED);
    CHECK(ask(&c, "POST", "/devices" V, NULL, "[{\"Id\":\"e\",\"ImportMode\":\"Create\",\"Status\":\"Disabled\"}]") ==
          200);
    CHECK(device_of("e").disabled);
}

TEST(what_has_another_form_is_refused_by_name)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"{\"authentication\":\"sas\"}", "authentication is not an object"},
        {"{\"Authentication\":[]}", "authentication is not an object"},
        {"{\"status\":true}", "status is not a text"},
        {"{\"status\":\"off\"}", "status must be enabled or disabled"},
        {"{\"authentication\":{\"Type\":\"x509\"}}", "authentication.type must be sas, selfSigned"},
        {"{\"authentication\":{\"symmetricKey\":{\"primaryKey\":5}}}", "symmetricKey.primaryKey is not a text"},
        {"{\"capabilities\":{\"iotEdge\":\"yes\"}}", "capabilities.iotEdge is not true or false"},
        {"{\"status\":\"enabled\",\"Status\":\"disabled\"}", "status is given twice"},
        {"{\"parentScopes\":\"x\"}", "parentScopes is not a list"},
        {"{\"parentScopes\":[1]}", "parentScopes must hold a text"},
        {"{\"parentScopes\":[\"a\",\"b\"]}", "more than one scope"},
        {"{\"deviceId\":7}", "deviceId is not a text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&c, "PUT", "/devices/a" V, NULL, cases[i].body);
        check_error(&c, 400, "ArgumentInvalid");
        if (!body_has(&c, cases[i].text))
            fail_msg("%s: %s", cases[i].body, heard_body(&c));
    }
    struct device d;
    CHECK_ERR(hub_device_get(w.hub, BYTES("a"), &d), ERR_NOT_FOUND);
    CHECK(ask(&c, "PUT", "/enrollments/r" V, NULL,
              "{\"attestation\":{\"type\":\"symmetricKey\"},\"allocationPolicy\":1}") == 400 &&
          body_has(&c, "allocationPolicy is not a text"));
    CHECK(ask(&c, "PUT", "/enrollments/r" V, NULL,
              "{\"attestation\":{\"type\":\"symmetricKey\"},\"reprovisionPolicy\":{\"UpdateHubAssignment\":\"no\"}}") ==
              400 &&
          body_has(&c, "updateHubAssignment is not true or false"));
}

TEST(a_star_is_an_etag_in_bulk)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"a\",\"importMode\":\"updateIfMatchETag\",\"etag\":\"*\",\"status\":\"disabled\"}]") == 200);
    CHECK(device_of("a").disabled);
    CHECK(ask(&c, "POST", "/devices" V, NULL, "[{\"id\":\"a\",\"importMode\":\"deleteIfMatchEtag\",\"Etag\":\"*\"}]") ==
          200);
}

TEST(an_update_in_bulk_without_authentication_keeps_the_keys)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    struct device before = device_of("a"), after;
    CHECK(ask(&c, "POST", "/devices" V, NULL, "[{\"id\":\"a\",\"importMode\":\"update\",\"status\":\"disabled\"}]") ==
          200);
    after = device_of("a");
    CHECK(after.disabled && !memcmp(&before.primary, &after.primary, sizeof before.primary));
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"a\",\"importMode\":\"createOrUpdate\",\"authentication\":null},"
              "{\"id\":\"n\",\"importMode\":\"createOrUpdate\"}]") == 200);
    after = device_of("a");
    CHECK(!memcmp(&before.primary, &after.primary, sizeof before.primary) && device_of("n").primary.len);
}

TEST(edge_devices_have_scopes_and_others_belong_to_them)
{
    char body[512], scope[EDGE_SCOPE_LEN_MAX + 1];

    CHECK(ask(&c, "PUT", "/devices/edge" V, NULL, "{\"capabilities\":{\"IotEdge\":true}}") == 200);
    struct device edge = device_of("edge");
    device_scope(&edge, scope);
    CHECK(bytes_starts(bytes_str(scope), BYTES(SCOPE "edge-")) && body_has(&c, scope));
    CHECK(body_has(&c, "\"iotEdge\":true") && body_has(&c, "\"parentScopes\":[]"));
    /* A leaf: its scope is that of the edge device. */
    snprintf(body, sizeof body, "{\"deviceScope\":\"%s\"}", scope);
    CHECK(ask(&c, "PUT", "/devices/leaf" V, NULL, body) == 200);
    snprintf(body, sizeof body, "\"deviceScope\":\"%s\",\"parentScopes\":[\"%s\"]", scope, scope);
    CHECK(body_has(&c, body));
    CHECK(ask(&c, "GET", "/devices/leaf" V, NULL, NULL) == 200 && body_has(&c, body));
    /* Another edge device below it. */
    snprintf(body, sizeof body, "{\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[\"%s\"]}", scope);
    CHECK(ask(&c, "PUT", "/devices/child" V, NULL, body) == 200);
    snprintf(body, sizeof body, "\"parentScopes\":[\"%s\"]", scope);
    CHECK(body_has(&c, body) && body_has(&c, "\"deviceScope\":\"" SCOPE "child-"));
    /* To the void: not of what exists; but an import may come before its edge device. */
    ask(&c, "PUT", "/devices/leaf" V, "If-Match: *\r\n", "{\"deviceScope\":\"" SCOPE "none-1\"}");
    check_error(&c, 400, "InvalidDeviceScope");
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"x\",\"importMode\":\"create\",\"deviceScope\":\"some text\"}]") == 200);
    CHECK(ask(&c, "GET", "/devices/x" V, NULL, NULL) == 200 && body_has(&c, "\"parentScopes\":[\"some text\"]"));
    CHECK(ask(&c, "PUT", "/devices/x" V, "If-Match: *\r\n", "{\"deviceScope\":\"some text\"}") == 200);
    snprintf(body, sizeof body, "{\"query\":\"SELECT deviceId FROM devices WHERE array_contains(parentScopes, '%s')\"}",
             scope);
    CHECK(ask(&c, "POST", "/devices/query" V, NULL, body) == 200);
    assert_string_equal(heard_body(&c), "[{\"deviceId\":\"child\"},{\"deviceId\":\"leaf\"}]");
    /* On its own again, and all of it after a restart from the checkpoint. */
    CHECK(ask(&c, "PUT", "/devices/leaf" V, "If-Match: *\r\n", "{\"deviceScope\":\"\",\"parentScopes\":[]}") == 200);
    CHECK(!body_has(&c, "deviceScope"));
    CHECK_OK(hub_checkpoint(w.hub, T0));
    CHECK(device_of("edge").edge && !strcmp(device_of("child").parent, scope) && !device_of("leaf").parent[0]);
}

/* An edge device below the one with this scope, or below none. */
static int put_edge(const char *id, bool is_new, const char *above, char scope[EDGE_SCOPE_LEN_MAX + 1])
{
    char path[64], body[512];
    int status;

    snprintf(path, sizeof path, "/devices/%s" V, id);
    snprintf(body, sizeof body, "{\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[%s%s%s]}", above ? "\"" : "",
             above ? above : "", above ? "\"" : "");
    status = ask(&c, "PUT", path, is_new ? NULL : "If-Match: *\r\n", body);
    if (scope && status == 200) {
        struct device d = device_of(id);
        device_scope(&d, scope);
    }
    return status;
}

TEST(edge_devices_are_not_in_a_circle)
{
    char top[EDGE_SCOPE_LEN_MAX + 1], middle[EDGE_SCOPE_LEN_MAX + 1], low[EDGE_SCOPE_LEN_MAX + 1], body[512];

    CHECK(put_edge("top", true, NULL, top) == 200 && put_edge("middle", true, top, middle) == 200);
    CHECK(put_edge("low", true, middle, low) == 200);
    put_edge("top", false, top, NULL);
    check_error(&c, 400, "InvalidDeviceScope");
    put_edge("top", false, middle, NULL);
    check_error(&c, 400, "InvalidDeviceScope");
    put_edge("top", false, low, NULL);
    check_error(&c, 400, "InvalidDeviceScope");
    CHECK(!device_of("top").parent[0]);
    snprintf(
        body, sizeof body,
        "[{\"id\":\"top\",\"importMode\":\"update\",\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[\"%s\"]}]",
        low);
    CHECK(ask(&c, "POST", "/devices" V, NULL, body) == 400 && body_has(&c, "\"errorCode\":400028"));
    CHECK(put_edge("low", false, top, NULL) == 200 && put_edge("middle", false, low, NULL) == 200);
    /* A leaf is above no other, and becomes an edge device again only outside of a circle. */
    CHECK(put_edge("middle", false, NULL, NULL) == 200 && put_edge("low", false, middle, NULL) == 200);
    snprintf(body, sizeof body, "{\"deviceScope\":\"%s\"}", low);
    CHECK(ask(&c, "PUT", "/devices/middle" V, "If-Match: *\r\n", body) == 200);
    put_edge("middle", false, low, NULL);
    check_error(&c, 400, "InvalidDeviceScope");
}

TEST(edge_devices_are_above_one_another_up_to_a_depth)
{
    char scope[EDGE_SCOPE_LEN_MAX + 1], above[EDGE_SCOPE_LEN_MAX + 1], id[16];

    CHECK(put_edge("e0", true, NULL, above) == 200 && put_edge("last", true, NULL, NULL) == 200);
    for (int i = 1; i < EDGE_DEPTH_MAX; i++) {
        snprintf(id, sizeof id, "e%d", i);
        CHECK(put_edge(id, true, NULL, scope) == 200 && put_edge(id, false, above, NULL) == 200);
        memcpy(above, scope, sizeof above);
    }
    put_edge("last", false, above, NULL);
    check_error(&c, 400, "InvalidDeviceScope");
}

/* SDKs send back what they got: the scope that it had as an edge device is its own. */
TEST(a_device_does_not_belong_to_itself)
{
    char own[EDGE_SCOPE_LEN_MAX + 1], body[512];

    CHECK(put_edge("gate", true, NULL, own) == 200);
    snprintf(body, sizeof body, "{\"capabilities\":{\"iotEdge\":false},\"deviceScope\":\"%s\"}", own);
    CHECK(ask(&c, "PUT", "/devices/gate" V, "If-Match: *\r\n", body) == 200);
    CHECK(!device_of("gate").parent[0]);
    CHECK(put_edge("gate", false, NULL, NULL) == 200);
}

TEST(enrollments_are_read_in_any_case_and_show_the_keys_that_were_made)
{
    CHECK(ask(&c, "PUT", "/enrollments/r" V, NULL,
              "{\"RegistrationId\":\"r\",\"Attestation\":{\"Type\":\"symmetricKey\",\"SymmetricKey\":null},"
              "\"ProvisioningStatus\":\"Disabled\",\"Capabilities\":{\"IoTEdge\":true}}") == 200);
    CHECK(body_has(&c, "\"provisioningStatus\":\"disabled\"") && body_has(&c, "\"primaryKey\":\"") &&
          body_has(&c, "{\"iotEdge\":true}"));
    CHECK(ask(&c, "PUT", "/enrollmentGroups/g" V, NULL, "{\"attestation\":{\"type\":\"symmetricKey\"}}") == 200);
    CHECK(body_has(&c, "\"primaryKey\":\""));
    CHECK(ask(&c, "GET", "/enrollmentGroups/g" V, NULL, NULL) == 200 && !body_has(&c, "primaryKey"));
    CHECK(ask(&c, "POST", "/enrollments" V, NULL,
              "{\"Mode\":\"create\",\"Enrollments\":[{\"registrationId\":\"s\",\"attestation\":{\"type\":"
              "\"symmetricKey\"}},"
              "{\"registrationId\":\"r\",\"attestation\":{\"type\":\"symmetricKey\"}}]}") == 200);
    CHECK(body_has(&c, "\"isSuccessful\":false") && body_has(&c, "\"errorCode\":409000"));
    CHECK(body_has(&c, "\"registrationId\":\"s\"") && body_has(&c, "\"secondaryKey\":\""));
    CHECK(ask(&c, "POST", "/enrollments/query" V, NULL, "{\"Query\":\"*\"}") == 200);
    CHECK(body_has(&c, "\"registrationId\":\"s\"") && !body_has(&c, "primaryKey"));
}

TEST(queries_of_provisioning_may_leave_out_where_from)
{
    static const char *const good[] = {
        "*", " * ", "SELECT *", "select * ", "SELECT * FROM enrollments", "SELECT * FROM enrollmentGroups", ""};
    static const struct {
        const char *path, *query, *text;
    } bad[] = {
        {"/enrollments/query" V, "SELECT * FROM devices", "FROM names enrollments, not 'devices'"},
        {"/enrollmentGroups/query" V, "SELECT * FROM twins", "FROM names enrollmentGroups, not 'twins'"},
        {"/registrations/g/query" V, "SELECT registrationId", "FROM names registrations, not"},
        {"/enrollments/query" V, "SELECT * WHERE registrationId = 'r'", "FROM names enrollments, not"},
        {"/devices/query" V, "*", "a query must begin with SELECT"},
        {"/devices/query" V, "SELECT *", "FROM names devices, devices.modules or devices.jobs"},
    };
    char body[128];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(body, sizeof body, "{\"query\":\"%s\"}", good[i]);
        CHECK(ask(&c, "POST", "/enrollments/query" V, NULL, body) == 200);
        CHECK(ask(&c, "POST", "/enrollmentGroups/query" V, NULL, body) == 200);
        CHECK(ask(&c, "POST", "/registrations/g/query" V, NULL, body) == 200);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body, "{\"query\":\"%s\"}", bad[i].query);
        CHECK(ask(&c, "POST", bad[i].path, NULL, body) == 400);
        if (!body_has(&c, bad[i].text))
            fail_msg("%s: %s", bad[i].query, heard_body(&c));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(CASE(names_are_brought_into_one_spelling), CASE(a_device_is_what_its_body_says_in_whatever_case),
      CASE(what_has_another_form_is_refused_by_name), CASE(a_star_is_an_etag_in_bulk),
      CASE(an_update_in_bulk_without_authentication_keeps_the_keys),
      CASE(edge_devices_have_scopes_and_others_belong_to_them), CASE(edge_devices_are_not_in_a_circle),
      CASE(edge_devices_are_above_one_another_up_to_a_depth), CASE(a_device_does_not_belong_to_itself),
      CASE(enrollments_are_read_in_any_case_and_show_the_keys_that_were_made),
      CASE(queries_of_provisioning_may_leave_out_where_from))
