/* Modules in the registry, what devices and modules may do there themselves, calls of modules, scopes, new keys. */
#include "http_peer.h"

static struct device add(const char *name, bool edge, const char *parent)
{
    struct device wanted = {.auth = AUTH_SAS, .edge = edge}, made;
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", name);
    snprintf(wanted.parent, sizeof wanted.parent, "%s", parent ? parent : "");
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    return made;
}

static int start(void **state)
{
    client_start(state);
    add("door", false, NULL);
    return 0;
}

/* Asks with the token of a device or module for itself. */
static int ask_self(const char *name, const char *method, const char *target, const char *more, const char *body)
{
    struct buf headers = buf_max(4096), token = buf_max(SAS_LEN_MAX), resource = buf_max(512);
    char path[AUTH_PATH_CAP];
    struct device d;

    CHECK_OK(hub_device_get(w.hub, bytes_str(name), &d));
    auth_identity_path(bytes_str(name), path);
    buf_printf(&resource, "hub.test/%s", path);
    CHECK_OK(sas_make(buf_bytes(&resource), NO_BYTES, T0 / 1000 + 3600, bytes_of(d.primary.at, d.primary.len), &token));
    buf_printf(&headers, "Authorization: %s\r\n%s", buf_str(&token), more ? more : "");
    int status = ask_as(&c, NULL, method, target, buf_str(&headers), body);
    buf_free(&headers);
    buf_free(&token);
    buf_free(&resource);
    return status;
}

/* ---- service 4.5 ------------------------------------------------------------------------------------------------ */

TEST(a_module_is_told_as_clients_read_it)
{
    char wanted[1024], etag[32];
    struct device d;

    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, NULL,
              "{\"deviceId\":\"door\",\"moduleId\":\"lock\",\"managedBy\":\"me\",\"authentication\":{\"type\":\"sas\","
              "\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B "\"}}}") == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("door/lock"), &d));
    snprintf(
        wanted, sizeof wanted,
        "{\"moduleId\":\"lock\",\"managedBy\":\"me\",\"deviceId\":\"door\",\"generationId\":\"%s\",\"etag\":\"%s\","
        "\"connectionState\":\"Disconnected\",\"connectionStateUpdatedTime\":\"0001-01-01T00:00:00\","
        "\"lastActivityTime\":\"0001-01-01T00:00:00\",\"cloudToDeviceMessageCount\":0,\"authentication\":{"
        "\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B "\"},\"x509Thumbprint\":{"
        "\"primaryThumbprint\":null,\"secondaryThumbprint\":null},\"type\":\"sas\"}}",
        d.generation, d.etag);
    assert_string_equal(heard_body(&c), wanted);
    snprintf(etag, sizeof etag, "\"%s\"", d.etag);
    CHECK_BYTES(heard(&c, "etag"), bytes_str(etag));
    CHECK(ask(&c, "GET", "/devices/door/modules/lock" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), wanted);
    CHECK(ask(&c, "GET", "/devices/door/modules" V, NULL, NULL) == 200);
    CHECK(heard_body(&c)[0] == '[' && body_has(&c, wanted));
    CHECK(strstr(w.log, "change=module-created by=iothubowner"));
    CHECK(ask(&c, "GET", "/devices" V, NULL, NULL) == 200 && !body_has(&c, "lock"));
    CHECK(ask(&c, "GET", "/statistics/devices" V, NULL, NULL) == 200 && body_has(&c, "\"totalDeviceCount\":1,"));
}

TEST(managed_by_is_replaced_and_a_put_that_omits_it_clears_it)
{
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, NULL, "{\"managedBy\":\"me\"}") == 200);
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, "If-Match: \"*\"\r\n", "{\"managedBy\":\"you\"}") == 200);
    CHECK(body_has(&c, "\"managedBy\":\"you\""));
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, "If-Match: *\r\n", "{\"managedBy\":\"\"}") == 200);
    CHECK(body_has(&c, "\"managedBy\":null"));
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, "If-Match: *\r\n", "{\"status\":\"disabled\"}") == 200);
    CHECK(!body_has(&c, "status"));
}

TEST(what_is_wrong_with_a_module_has_its_code)
{
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, NULL, "{}") == 200);
    ask(&c, "PUT", "/devices/door/modules/lock" V, NULL, "{}");
    check_error(&c, 409, "ModuleAlreadyExistsOnDevice");
    CHECK(body_has(&c, "lock") && body_has(&c, "door"));
    ask(&c, "PUT", "/devices/door/modules/lock" V, "If-Match: \"MTIz\"\r\n", "{}");
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "DELETE", "/devices/door/modules/lock" V, "If-Match: \"MTIz\"\r\n", NULL);
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "DELETE", "/devices/door/modules/lock" V, NULL, NULL);
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "PUT", "/devices/door/modules/lock" V, NULL, "{\"moduleId\":\"other\"}");
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "PUT", "/devices/door/modules/a%2Fb" V, NULL, "{}");
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "PUT", "/devices/door/modules/$own" V, NULL, "{}");
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "GET", "/devices/door/modules/none" V, NULL, NULL);
    check_error(&c, 404, "ModuleNotFound");
    ask(&c, "DELETE", "/devices/door/modules/none" V, "If-Match: *\r\n", NULL);
    check_error(&c, 404, "ModuleNotFound");
    ask(&c, "PUT", "/devices/door/modules/none" V, "If-Match: *\r\n", "{}");
    check_error(&c, 404, "ModuleNotFound");
    ask(&c, "GET", "/devices/nobody/modules/none" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
    ask(&c, "PUT", "/devices/nobody/modules/none" V, NULL, "{}");
    check_error(&c, 404, "DeviceNotFound");
    ask(&c, "GET", "/devices/nobody/modules" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
    /* A slash that is escaped makes no module of a device. */
    ask(&c, "GET", "/devices/door%2Flock" V, NULL, NULL);
    check_error(&c, 404, "DeviceNotFound");
    ask(&c, "DELETE", "/devices/door%2Flock" V, "If-Match: *\r\n", NULL);
    check_error(&c, 404, "DeviceNotFound");
    CHECK(ask(&c, "DELETE", "/devices/door/modules/lock" V, "If-Match: *\r\n", NULL) == 204);
    ask(&c, "GET", "/devices/door/modules/lock" V, NULL, NULL);
    check_error(&c, 404, "ModuleNotFound");
}

TEST(a_device_has_fifty_modules)
{
    char target[64];

    for (int i = 0; i < MODULES_MAX; i++) {
        snprintf(target, sizeof target, "/devices/door/modules/m%d" V, i);
        CHECK(ask(&c, "PUT", target, NULL, "{}") == 200);
    }
    ask(&c, "PUT", "/devices/door/modules/more" V, NULL, "{}");
    check_error(&c, 413, "TooManyModulesOnDevice");
}

TEST(a_module_by_thumbprint_shows_no_keys)
{
    CHECK(ask(&c, "PUT", "/devices/door/modules/lock" V, NULL,
              "{\"authentication\":{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":"
              "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}}") == 200);
    CHECK(body_has(&c, "\"symmetricKey\":{\"primaryKey\":null,\"secondaryKey\":null}"));
}

/* The C SDK makes modules so, and gives them keys later. */
TEST(a_module_without_authentication_has_no_keys_until_it_gets_some)
{
    CHECK(ask(&c, "PUT", "/devices/door/modules/bare" V, NULL,
              "{\"managedBy\":\"me\",\"authentication\":{\"type\":\"none\"}}") == 200);
    CHECK(body_has(&c, "\"type\":\"none\"") && body_has(&c, "\"primaryKey\":null,\"secondaryKey\":null"));
    CHECK(ask(&c, "GET", "/twins/door/modules/bare" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"authenticationType\":\"none\""));
    CHECK(ask(&c, "PUT", "/devices/door/modules/bare" V, "If-Match: *\r\n",
              "{\"managedBy\":\"you\",\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"\","
              "\"secondaryKey\":\"\"}}}") == 200);
    CHECK(body_has(&c, "\"type\":\"sas\"") && !body_has(&c, "\"primaryKey\":null"));
}

TEST(an_edge_device_has_its_modules_and_only_it_may_write_them)
{
    CHECK(ask(&c, "PUT", "/devices/gate" V, NULL, "{\"capabilities\":{\"iotEdge\":true}}") == 200);
    CHECK(body_has(&c, "\"deviceScope\":\"ms-azure-iot-edge://gate-") && body_has(&c, "\"parentScopes\":[]"));
    CHECK(ask(&c, "GET", "/devices/gate/modules" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"moduleId\":\"$edgeAgent\",\"managedBy\":\"iotEdge\"") && body_has(&c, "$edgeHub"));
    ask(&c, "PUT", "/devices/gate/modules/$edgeAgent" V, "If-Match: *\r\n", "{}");
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "DELETE", "/devices/gate/modules/$edgeAgent" V, "If-Match: *\r\n", NULL);
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(ask_self("gate", "PUT", "/devices/gate/modules/$edgeAgent?api-version=2017-11-08-preview", "If-Match: *\r\n",
                   "{\"moduleId\":\"$edgeAgent\",\"deviceId\":\"gate\",\"managedBy\":\"iotEdge\",\"authentication\":{"
                   "\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B
                   "\"}}}") == 200);
    CHECK(body_has(&c, KEY_A) && body_has(&c, "\"managedBy\":\"iotEdge\""));
    CHECK(ask_self("gate", "DELETE", "/devices/gate/modules/$edgeAgent" V, "If-Match: *\r\n", NULL) == 400);
}

/* ---- by the device itself --------------------------------------------------------------------------------------- */

TEST(a_device_manages_its_own_modules_with_its_key)
{
    CHECK(ask_self("door", "PUT", "/devices/door/modules/lock?api-version=2017-11-08-preview", NULL,
                   "{\"moduleId\":\"lock\",\"managedBy\":\"iotEdge\",\"deviceId\":\"door\"}") == 200);
    CHECK(strstr(w.log, "change=module-created by=door"));
    CHECK(ask_self("door", "GET", "/devices/door/modules/lock" V, NULL, NULL) == 200);
    CHECK(ask_self("door", "GET", "/devices/door/modules" V, NULL, NULL) == 200 && body_has(&c, "\"lock\""));
    CHECK(ask_self("door", "PUT", "/devices/door/modules/lock" V, "If-Match: *\r\n", "{}") == 200);
    CHECK(ask_self("door", "DELETE", "/devices/door/modules/lock" V, "If-Match: *\r\n", NULL) == 204);
    CHECK(ask_self("door", "GET", "/devices/door/modules/lock" V, NULL, NULL) == 404);
    /* Nothing of others, nothing else, and no module does it. */
    add("other", false, NULL);
    add("door/lock", false, NULL);
    CHECK(ask_self("door", "GET", "/devices/other/modules" V, NULL, NULL) == 401);
    CHECK(ask_self("door", "PUT", "/devices/other/modules/x" V, NULL, "{}") == 401);
    CHECK(ask_self("door", "GET", "/devices/door" V, NULL, NULL) == 401);
    CHECK(ask_self("door/lock", "PUT", "/devices/door/modules/x" V, NULL, "{}") == 401);
}

TEST(a_module_sends_over_https_and_has_no_mailbox)
{
    struct hub_counts n;

    add("door/lock", false, NULL);
    CHECK(ask_self("door/lock", "POST", "/devices/door/modules/lock/messages/events" V, NULL, "ajar") == 204);
    hub_count(w.hub, &n);
    CHECK(n.received == 1);
    CHECK(ask_self("door/lock", "GET", "/devices/door/modules/lock/messages/devicebound" V, NULL, NULL) == 204);
    CHECK(ask_self("door/lock", "POST", "/devices/door/messages/events" V, NULL, "ajar") == 401);
}

/* device 1.3 */
TEST(a_module_without_a_certificate_comes_by_the_key_of_its_device)
{
    static const char events[] = "/devices/door/modules/bare/messages/events" V;

    CHECK(ask(&c, "PUT", "/devices/door/modules/bare" V, NULL, "{\"authentication\":{\"type\":\"none\"}}") == 200);
    CHECK(ask_self("door", "POST", events, NULL, "ajar") == 204);
    CHECK(ask_self("door", "POST", "/twins/door/methods" V, "x-ms-edge-moduleId: door/bare\r\n",
                   "{\"methodName\":\"turn\"}") == 404);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("DeviceNotOnline"));
    CHECK(ask(&c, "PUT", "/devices/door/modules/bare" V, "If-Match: *\r\n",
              "{\"authentication\":{\"type\":\"sas\"}}") == 200);
    CHECK(ask_self("door", "POST", events, NULL, "ajar") == 204);
    CHECK(ask(&c, "PUT", "/devices/door/modules/bare" V, "If-Match: *\r\n",
              "{\"authentication\":{\"type\":\"certificateAuthority\"}}") == 200);
    CHECK(ask_self("door", "POST", events, NULL, "ajar") == 401);
    add("other", false, NULL);
    CHECK(ask_self("other", "POST", events, NULL, "ajar") == 401);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

#define CALL "{\"methodName\":\"turn\",\"responseTimeoutInSeconds\":5}"

TEST(a_call_of_a_module_that_is_not_there_says_what_is_missing)
{
    ask(&c, "POST", "/twins/door/modules/lock/methods" V, NULL, CALL);
    CHECK(c.in.head.status == 404);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("ModuleNotFound"));
    CHECK(body_has(&c, "404010"));
    ask(&c, "POST", "/twins/nobody/modules/lock/methods" V, NULL, CALL);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("DeviceNotFound"));
    add("door/lock", false, NULL);
    ask(&c, "POST", "/twins/door/modules/lock/methods" V, NULL, CALL);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("DeviceNotOnline"));
}

/* device 4.6 */
TEST(a_module_calls_what_is_its_own_and_what_is_below_it)
{
    struct device gate = add("gate", true, NULL);
    char scope[EDGE_SCOPE_LEN_MAX + 1];

    device_scope(&gate, scope);
    add("leaf", false, scope);
    add("gate/caller", false, NULL);
    add("gate/other", false, NULL);
#define AS "x-ms-edge-moduleId: gate/caller\r\n"
    CHECK(ask_self("gate/caller", "POST", "/twins/gate/methods" V, AS, CALL) == 404);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("DeviceNotOnline"));
    CHECK(ask_self("gate/caller", "POST", "/twins/gate/modules/other/methods" V, AS, CALL) == 404);
    CHECK(ask_self("gate/caller", "POST", "/twins/leaf/methods" V, AS, CALL) == 404);
    CHECK(ask_self("gate/caller", "POST", "/twins/door/methods" V, AS, CALL) == 401);
    CHECK(ask_self("gate/caller", "POST", "/twins/gate/methods" V, "x-ms-edge-moduleId: gate/other\r\n", CALL) == 401);
    CHECK(ask_self("gate/caller", "POST", "/twins/gate/methods" V, "x-ms-edge-moduleId: gate\r\n", CALL) == 401);
    CHECK(ask_self("gate/caller", "POST", "/twins/gate/methods" V, NULL, CALL) == 401);
}

/* ---- bulk ------------------------------------------------------------------------------------------------------- */

TEST(modules_come_and_go_in_bulk)
{
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"door\",\"moduleId\":\"a\",\"importMode\":\"create\"},"
              "{\"id\":\"door\",\"moduleId\":\"b\",\"importMode\":\"create\"}]") == 200);
    CHECK(body_has(&c, "\"isSuccessful\":true,\"errors\":[]"));
    CHECK(ask(&c, "GET", "/devices/door/modules/b" V, NULL, NULL) == 200);
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"door\",\"moduleId\":\"a\",\"importMode\":\"create\"},"
              "{\"id\":\"door\",\"moduleId\":\"none\",\"importMode\":\"delete\"},"
              "{\"id\":\"door\",\"moduleId\":\"$x\",\"importMode\":\"create\"},"
              "{\"id\":\"nobody\",\"moduleId\":\"a\",\"importMode\":\"create\"},"
              "{\"id\":\"door\",\"moduleId\":\"b\",\"importMode\":\"delete\"}]") == 400);
    CHECK(body_has(&c, "{\"deviceId\":\"door\",\"moduleId\":\"a\",\"errorCode\":409301"));
    CHECK(body_has(&c, "{\"deviceId\":\"door\",\"moduleId\":\"none\",\"errorCode\":404010"));
    CHECK(body_has(&c, "{\"deviceId\":\"door\",\"moduleId\":\"$x\",\"errorCode\":400004"));
    CHECK(body_has(&c, "{\"deviceId\":\"nobody\",\"moduleId\":\"a\",\"errorCode\":404001"));
    CHECK(ask(&c, "GET", "/devices/door/modules/b" V, NULL, NULL) == 404);
    CHECK(ask(&c, "POST", "/devices" V, NULL,
              "[{\"id\":\"door\",\"moduleId\":\"a\",\"importMode\":\"delete\"},"
              "{\"id\":\"door\",\"moduleId\":\"a\",\"importMode\":\"create\"}]") == 400);
    CHECK(body_has(&c, "400011"));
}

/* ---- new keys --------------------------------------------------------------------------------------------------- */

#define RENEW "/devices/keys/regenerate" V

TEST(keys_of_devices_and_modules_are_renewed_together)
{
    struct device was, is, m;

    add("door/lock", false, NULL);
    CHECK_OK(hub_device_get(w.hub, BYTES("door"), &was));
    CHECK(
        ask(&c, "POST", RENEW, NULL,
            "{\"policyKey\":\"primaryKey\",\"devices\":[{\"id\":\"door\"},{\"id\":\"door\",\"moduleId\":\"lock\"}]}") ==
        200);
    CHECK(body_has(&c, "{\"policyKey\":\"primaryKey\",\"rotatedKeys\":[{\"id\":\"door\",\"moduleId\":null,") &&
          body_has(&c, "{\"id\":\"door\",\"moduleId\":\"lock\",") && body_has(&c, "\"errors\":[]"));
    CHECK_OK(hub_device_get(w.hub, BYTES("door"), &is));
    CHECK(memcmp(&was.primary, &is.primary, sizeof is.primary) != 0);
    CHECK(memcmp(&was.secondary, &is.secondary, sizeof is.secondary) == 0);
    CHECK(ask(&c, "POST", RENEW, NULL,
              "{\"policyKey\":\"both\",\"devices\":[{\"id\":\"door\",\"moduleId\":\"lock\"},{\"id\":\"nobody\"},"
              "{\"id\":\"door\",\"moduleId\":\"none\"}]}") == 207);
    CHECK(body_has(&c, "{\"id\":\"nobody\",\"moduleId\":null,\"errorCode\":404001") &&
          body_has(&c, "{\"id\":\"door\",\"moduleId\":\"none\",\"errorCode\":404010"));
    CHECK_OK(hub_device_get(w.hub, BYTES("door/lock"), &m));
    CHECK(ask(&c, "POST", RENEW, NULL, "{\"policyKey\":\"secondaryKey\",\"devices\":[{\"id\":\"nobody\"}]}") == 400);
    ask(&c, "POST", RENEW, NULL, "{\"policyKey\":\"third\",\"devices\":[{\"id\":\"door\"}]}");
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "POST", RENEW, NULL, "{\"policyKey\":\"both\",\"devices\":{}}");
    check_error(&c, 400, "ArgumentInvalid");
}

/* ---- scopes (service 4.14) -------------------------------------------------------------------------------------- */

static void add_tree(void)
{
    char scope[EDGE_SCOPE_LEN_MAX + 1];
    struct device d = add("gate", true, NULL);

    device_scope(&d, scope);
    add("leaf", false, scope);
    add("leaf/part", false, NULL);
    d = add("lower", true, scope);
    device_scope(&d, scope);
    add("deep", false, scope);
}

#define OF_GATE "/devices/gate/modules/$edgeHub/"

TEST(an_edge_hub_lists_its_scope_page_by_page)
{
    char next[512] =
        OF_GATE "devicesAndModulesInDeviceScope?deviceCount=2&continuationToken=&api-version=2018-08-30-preview";
    struct buf seen = buf_max(65536);
    int pages = 0;

    add_tree();
    while (next[0]) {
        json_t *root;

        CHECK(ask_self("gate/$edgeHub", "GET", next, NULL, NULL) == 200);
        CHECK((root = json_loads(heard_body(&c), 0, NULL)));
        CHECK(json_is_array(json_object_get(root, "devices")) && json_is_array(json_object_get(root, "modules")));
        CHECK(json_array_size(json_object_get(root, "devices")) <= 2 && ++pages < 9);
        buf_puts(&seen, heard_body(&c));
        snprintf(next, sizeof next, "%s",
                 json_is_string(json_object_get(root, "continuationLink"))
                     ? json_string_value(json_object_get(root, "continuationLink"))
                     : "");
        json_decref(root);
    }
    CHECK(pages > 1);
    static const char *const in[] = {"\"deviceId\":\"gate\",\"generationId", "\"deviceId\":\"leaf\",\"generationId",
                                     "\"deviceId\":\"lower\",\"generationId", "\"moduleId\":\"part\"",
                                     "\"moduleId\":\"$edgeAgent\""};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        if (!strstr(buf_str(&seen), in[i]))
            fail_msg("%s is not in it", in[i]);
    CHECK(!strstr(buf_str(&seen), "\"deep\"") && !strstr(buf_str(&seen), "\"door\""));
    buf_free(&seen);
    CHECK(ask_self("gate", "GET", OF_GATE "devicesAndModulesInDeviceScope" V, NULL, NULL) == 200); /* by its own key */
    static const char *const others[] = {"lower", "lower/$edgeHub", "leaf", "gate/$edgeAgent"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(ask_self(others[i], "GET", OF_GATE "devicesAndModulesInDeviceScope" V, NULL, NULL) == 401);
}

TEST(an_edge_hub_looks_one_identity_up)
{
    add_tree();
    CHECK(ask_self("gate/$edgeHub", "GET",
                   OF_GATE "deviceAndModuleInDeviceScope" V "&targetDeviceId=leaf&targetModuleId=", NULL, NULL) == 200);
    CHECK(body_has(&c, "{\"devices\":[{\"deviceId\":\"leaf\"") &&
          body_has(&c, "\"modules\":[],\"continuationLink\":null"));
    CHECK(ask_self("gate/$edgeHub", "GET",
                   OF_GATE "deviceAndModuleInDeviceScope" V "&targetDeviceId=leaf&targetModuleId=part", NULL,
                   NULL) == 200);
    CHECK(body_has(&c, "\"modules\":[{\"moduleId\":\"part\""));
    CHECK(ask_self("gate/$edgeHub", "GET",
                   OF_GATE "deviceAndModuleInDeviceScope" V "&targetDeviceId=leaf&targetModuleId=none", NULL,
                   NULL) == 404);
    CHECK(ask_self("gate/$edgeHub", "GET", OF_GATE "deviceAndModuleInDeviceScope" V "&targetDeviceId=deep", NULL,
                   NULL) == 404);
    CHECK(ask_self("gate/$edgeHub", "GET", OF_GATE "deviceAndModuleInDeviceScope" V, NULL, NULL) == 404);
}

TEST(an_edge_hub_asks_for_one_below_it_by_a_chain)
{
    static const char list[] = OF_GATE "devicesAndModulesInTargetDeviceScope?api-version=2020-06-30-preview";
    static const char one[] = OF_GATE "getDeviceAndModuleOnBehalfOf?api-version=2020-06-30-preview";

    add_tree();
    CHECK(ask_self("gate/$edgeHub", "POST", list, NULL, "{\"pageSize\":100,\"authChain\":\"lower;gate\"}") == 200);
    CHECK(body_has(&c, "\"deviceId\":\"deep\"") && body_has(&c, "\"deviceId\":\"lower\"") && !body_has(&c, "\"leaf\""));
    CHECK(ask_self("gate/$edgeHub", "POST", list, NULL, "{\"pageSize\":100,\"authChain\":\"gate\"}") == 200);
    CHECK(body_has(&c, "\"leaf\""));
    CHECK(
        ask_self("gate/$edgeHub", "POST", one, NULL,
                 "{\"targetDeviceId\":\"deep\",\"targetModuleId\":null,\"authChain\":\"lower/$edgeHub;lower;gate\"}") ==
        200);
    CHECK(body_has(&c, "\"deviceId\":\"deep\""));
    static const char *const wrong[] = {"{}",
                                        "{\"authChain\":\"\"}",
                                        "{\"authChain\":\"lower\"}",
                                        "{\"authChain\":\"gate;lower\"}",
                                        "{\"authChain\":\"leaf;gate\"}",
                                        "{\"authChain\":\"lower;door;gate\"}",
                                        "{\"authChain\":5}",
                                        "[]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(ask_self("gate/$edgeHub", "POST", list, NULL, wrong[i]) == 401);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, start, client_stop)

TESTS(WITH(a_module_is_told_as_clients_read_it), WITH(managed_by_is_replaced_and_a_put_that_omits_it_clears_it),
      WITH(what_is_wrong_with_a_module_has_its_code), WITH(a_device_has_fifty_modules),
      WITH(a_module_by_thumbprint_shows_no_keys), WITH(a_module_without_authentication_has_no_keys_until_it_gets_some),
      WITH(an_edge_device_has_its_modules_and_only_it_may_write_them),
      WITH(a_device_manages_its_own_modules_with_its_key), WITH(a_module_sends_over_https_and_has_no_mailbox),
      WITH(a_module_without_a_certificate_comes_by_the_key_of_its_device),
      WITH(a_call_of_a_module_that_is_not_there_says_what_is_missing),
      WITH(a_module_calls_what_is_its_own_and_what_is_below_it), WITH(modules_come_and_go_in_bulk),
      WITH(keys_of_devices_and_modules_are_renewed_together), WITH(an_edge_hub_lists_its_scope_page_by_page),
      WITH(an_edge_hub_looks_one_identity_up), WITH(an_edge_hub_asks_for_one_below_it_by_a_chain))
