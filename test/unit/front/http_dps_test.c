/* The provisioning service over HTTPS: enrollments, and devices that register with keys. */
#include "http_peer.h"

#define SCOPE "0neB30376DB" /* which the hub of these tests gives itself */
#define GROUP_KEY "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="

static int enroll(const char *id, const char *body)
{
    char path[256];

    snprintf(path, sizeof path, "/enrollments/%s" V, id);
    return ask(&c, "PUT", path, NULL, body);
}

static const char *with_key(const char *more)
{
    static char body[1024];

    snprintf(body, sizeof body,
             "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A
             "\",\"secondaryKey\":\"" KEY_B "\"}}%s}",
             more);
    return body;
}

static int registers(const char *id, const char *key, const char *body)
{
    char path[256];

    snprintf(path, sizeof path, "/" SCOPE "/registrations/%s/register" V, id);
    return ask_with_key("PUT", path, SCOPE, id, key, c.join.now_ms + 3600000, body);
}

static const char *text_at(const char *a, const char *b)
{
    static char text[256];
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL), *at = json_object_get(root, a);

    if (b)
        at = json_object_get(at, b);
    snprintf(text, sizeof text, "%s", json_string_value(at) ? json_string_value(at) : "");
    json_decref(root);
    return text;
}

/* The status of the operation that was just begun. */
static int operation(const char *id, const char *key)
{
    char path[512];

    snprintf(path, sizeof path, "/" SCOPE "/registrations/%s/operations/%s" V, id, text_at("operationId", NULL));
    return ask_with_key("GET", path, SCOPE, id, key, c.join.now_ms + 3600000, "");
}

TEST(a_device_is_told_first_to_wait_and_then_where_to_go)
{
    struct device d;

    CHECK(enroll("Reg-1", with_key(",\"deviceId\":\"garage\"")) == 200);
    uint64_t before = c.join.hub.talk->after;
    CHECK(registers("reg-1", KEY_B, "{\"payload\":null,\"registrationId\":\"REG-1\"}") == 202);
    CHECK(c.join.hub.talk->after > before);
    assert_string_equal(text_at("status", NULL), "assigning");
    CHECK(operation("reg-1", KEY_B) == 200);
    assert_string_equal(text_at("registrationState", "assignedHub"), "hub.test");
    CHECK(strstr(w.log, "registered registration=reg-1 entry=Reg-1 device=garage hub=hub.test"));
    assert_string_equal(text_at("registrationState", "deviceId"), "garage");
    assert_string_equal(text_at("registrationState", "status"), "assigned");
    CHECK(!body_has(&c, "null") && !body_has(&c, "\"entry\""));
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(d.auth == AUTH_SAS && d.primary.len == 28);
    /* Again: the same device, whose state stays. */
    char generation[24];
    snprintf(generation, sizeof generation, "%s", d.generation);
    CHECK(registers("reg-1", KEY_A, " ") == 202 && operation("reg-1", KEY_A) == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    assert_string_equal(d.generation, generation);
    CHECK(ask(&c, "GET", "/registrations/reg-1" V, NULL, NULL) == 200);
    assert_string_equal(text_at("deviceId", NULL), "garage");
    CHECK(ask(&c, "DELETE", "/registrations/reg-1" V, NULL, NULL) == 204);
    CHECK(ask(&c, "GET", "/registrations/reg-1" V, NULL, NULL) == 404);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
}

TEST(what_does_not_fit_is_refused_and_makes_nothing)
{
    struct device d;

    CHECK(enroll("reg-1", with_key("")) == 200);
    CHECK(registers("reg-1", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n", "") == 401);
    CHECK(body_has(&c, "\"errorCode\":401002") && !body_has(&c, "\"status\""));
    CHECK_BYTES(heard(&c, "x-ms-error-code"), BYTES("401002"));
    CHECK(registers("nobody", KEY_A, "") == 401);
    CHECK(registers("reg-1", KEY_A, "{\"registrationId\":\"other\"}") == 400);
    CHECK(registers("reg-1", KEY_A, "[1]") == 400);
    CHECK(registers("reg-1", KEY_A, "{") == 400);
    const char *path = "/" SCOPE "/registrations/reg-1/register" V;
    CHECK(ask_with_key("PUT", path, SCOPE, "reg-1", KEY_A, T0 - 3600000, "") == 401);         /* expired */
    CHECK(ask_with_key("PUT", path, SCOPE, "reg-2", KEY_A, T0 + 3600000, "") == 401);         /* for another */
    CHECK(ask_with_key("PUT", path, "0ne00000002", "reg-1", KEY_A, T0 + 3600000, "") == 401); /* of another scope */
    CHECK(ask_with_key("PUT", "/0ne00000002/registrations/reg-1/register" V, "0ne00000002", "reg-1", KEY_A,
                       T0 + 3600000, "") == 404);
    CHECK(ask_as(&c, NULL, "PUT", path, NULL, "{}") == 401);
    CHECK_ERR(hub_device_get(w.hub, BYTES("reg-1"), &d), ERR_NOT_FOUND);
    CHECK(registers("reg-1", KEY_A, "") == 202);
    CHECK(ask_with_key("GET", "/" SCOPE "/registrations/reg-1/operations/5.x" V, SCOPE, "reg-1", KEY_A, T0 + 3600000,
                       "") == 404);
    CHECK(strstr(w.log, "login-failed registration=reg-1 protocol=https address=192.0.2.7:51234"));
}

TEST(a_disabled_enrollment_shadows_groups)
{
    CHECK(ask(&c, "PUT", "/enrollmentGroups/g" V, NULL,
              "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" GROUP_KEY
              "\",\"secondaryKey\":\"" KEY_B "\"}}}") == 200);
    /* provisioning 2.1: the vector */
    const char *id = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", *key = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";
    CHECK(registers(id, key, "") == 202 && operation(id, key) == 200);
    assert_string_equal(text_at("registrationState", "deviceId"), id);
    CHECK(body_has(&c, "\"symmetricKey\":{\"enrollmentGroupId\":\"g\"}"));
    CHECK(registers("sn-008", key, "") == 401);
    CHECK(enroll(id, with_key(",\"provisioningStatus\":\"Disabled\"")) == 200);
    CHECK(registers(id, key, "") == 401);
    CHECK(registers(id, KEY_A, "") == 401);
    char path[256];
    snprintf(path, sizeof path, "/enrollments/%s" V, id);
    CHECK(ask(&c, "DELETE", path, NULL, NULL) == 204);
    CHECK(registers(id, key, "") == 202);
    CHECK(ask(&c, "POST", "/registrations/g/query" V, NULL, "") == 200);
    CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("DeviceRegistration"));
    CHECK(body_has(&c, id));
}

static const char *derived(const char *id)
{
    static char text[64];
    struct buf b = buf_max(sizeof text);
    uint8_t group[KEY_LEN_MAX], key[32];
    size_t len;

    CHECK_OK(base64_decode(BYTES(GROUP_KEY), group, sizeof group, &len));
    hmac_sha256(bytes_of(group, len), bytes_str(id), key);
    buf_put_base64(&b, bytes_of(key, sizeof key));
    snprintf(text, sizeof text, "%s", buf_str(&b));
    buf_free(&b);
    return text;
}

TEST(who_has_the_key_of_a_group_cannot_take_a_device_of_others)
{
    struct device d, now;

    CHECK(ask(&c, "PUT", "/enrollmentGroups/g" V, NULL,
              "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" GROUP_KEY
              "\",\"secondaryKey\":\"" KEY_B "\"}}}") == 200);
    CHECK(ask(&c, "PUT", "/devices/garage" V, NULL, "{}") == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(registers("garage", derived("garage"), "") == 401);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &now));
    assert_string_equal(now.etag, d.etag);
    /* Its own it gets again, in whatever case it asks, also when its keys were changed on the hub. */
    CHECK(registers("Door", derived("Door"), "") == 202 && operation("Door", derived("Door")) == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("Door"), &d));
    CHECK(ask(&c, "PUT", "/devices/Door" V, "If-Match: *\r\n", "{}") == 200);
    CHECK(registers("door", derived("door"), "") == 202 && operation("door", derived("door")) == 200);
    assert_string_equal(text_at("registrationState", "deviceId"), "Door");
    CHECK_ERR(hub_device_get(w.hub, BYTES("door"), &now), ERR_NOT_FOUND);
}

static int group(const char *name, const char *key, const char *more)
{
    char path[128], body[512];

    snprintf(path, sizeof path, "/enrollmentGroups/%s" V, name);
    snprintf(body, sizeof body,
             "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":"
             "\"" KEY_B "\"}}%s}",
             key, more);
    return ask(&c, "PUT", path, "If-Match: *\r\n", body);
}

static uint64_t parsed(void)
{
    return enrollment_groups_parsed(w.env.groups);
}

TEST(groups_are_parsed_once_and_again_when_they_change)
{
    enum { MANY = 60 };
    char name[64];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "/enrollmentGroups/g%02d" V, i);
        CHECK(ask(&c, "PUT", name, NULL, "{\"attestation\":{\"type\":\"symmetricKey\"}}") == 200);
    }
    CHECK(parsed() == 0);
    for (int i = 0; i < 5; i++)
        CHECK(registers("stranger", derived("stranger"), "") == 401);
    CHECK(parsed() == MANY);
    CHECK(group("g33", GROUP_KEY, "") == 200);
    CHECK(registers("pump", derived("pump"), "") == 202 && operation("pump", derived("pump")) == 200);
    CHECK(body_has(&c, "\"enrollmentGroupId\":\"g33\""));
    CHECK(parsed() == MANY + 1);
    CHECK(group("g33", GROUP_KEY, ",\"provisioningStatus\":\"disabled\"") == 200);
    CHECK(registers("pump", derived("pump"), "") == 401);
    CHECK(strstr(w.log, "the enrollment group is disabled"));
    CHECK(group("g33", KEY_A, "") == 200);
    CHECK(registers("pump", derived("pump"), "") == 401);
    CHECK(parsed() == MANY + 3);
    CHECK(group("g59", GROUP_KEY, "") == 200);
    CHECK(registers("pump", derived("pump"), "") == 202);
    CHECK(ask(&c, "DELETE", "/enrollmentGroups/g59" V, NULL, NULL) == 204);
    CHECK(registers("pump", derived("pump"), "") == 401);
    CHECK(ask(&c, "PUT", "/enrollmentGroups/a-new-one" V, NULL,
              "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" GROUP_KEY
              "\",\"secondaryKey\":\"" KEY_B "\"}}}") == 200);
    CHECK(registers("pump", derived("pump"), "") == 202);
    CHECK(parsed() == MANY + 5);
}

TEST(enrollments_show_their_keys_only_when_asked_for_them)
{
    CHECK(enroll("reg-1", "{\"attestation\":{\"type\":\"symmetricKey\"},\"unknown\":1,\"iotHubHostName\":null}") ==
          200);
    CHECK(body_has(&c, "\"primaryKey\":\"") && body_has(&c, "\"secondaryKey\":\"")); /* which the service made */
    CHECK(body_has(&c, "\"provisioningStatus\":\"enabled\"") && !body_has(&c, "unknown"));
    CHECK(heard(&c, "etag").len > 2);
    CHECK(ask(&c, "GET", "/Enrollments/REG-1" V, NULL, NULL) == 200 && !body_has(&c, "primaryKey"));
    CHECK(ask(&c, "POST", "/enrollments/reg-1/attestationmechanism" V, NULL, "") == 200);
    CHECK(body_has(&c, "\"primaryKey\":\"") && body_has(&c, "\"type\":\"symmetricKey\""));
    CHECK(ask_as(&c, "registryReadWrite", "POST", "/enrollments/reg-1/attestationmechanism" V, NULL, "") == 401);
    CHECK(ask_as(&c, "registryReadWrite", "GET", "/enrollments/reg-1" V, NULL, NULL) == 401);
    CHECK(body_has(&c, "\"errorCode\":401002") && body_has(&c, "\"timestampUtc\""));
    CHECK_BYTES(heard(&c, "x-ms-error-code"), BYTES("401002"));
    CHECK(ask_as(&c, "registryReadWrite", "DELETE", "/enrollments/reg-1" V, NULL, NULL) == 401);
    CHECK(ask_as(&c, "registryReadWrite", "POST", "/enrollments/query" V, NULL, "{}") == 401);
    CHECK(ask_as(&c, "registryReadWrite", "DELETE", "/registrations/reg-1" V, NULL, NULL) == 401);
    CHECK(ask_as(&c, "provisioningserviceowner", "GET", "/enrollments/reg-1" V, NULL, NULL) == 200);
    CHECK(ask_as(&c, "provisioningserviceowner", "GET", "/devices" V, NULL, NULL) == 401);
    CHECK(ask_as(&c, "service", "GET", "/enrollments/reg-1" V, NULL, NULL) == 401);
}

TEST(changes_need_the_etag)
{
    char header[128];

    CHECK(enroll("reg-1", with_key("")) == 200);
    CHECK(enroll("reg-1", with_key("")) == 409);
    CHECK(ask(&c, "PUT", "/enrollments/reg-1" V, "If-Match: \"nonsense\"\r\n", with_key("")) == 412);
    CHECK(ask(&c, "PUT", "/enrollments/none" V, "If-Match: *\r\n", with_key("")) == 404);
    CHECK(ask(&c, "GET", "/enrollments/reg-1" V, NULL, NULL) == 200);
    snprintf(header, sizeof header, "If-Match: \"\\%.*s\\\"\r\n", BYTES_ARG(heard(&c, "etag")));
    CHECK(ask(&c, "PUT", "/enrollments/reg-1" V, header, with_key("")) == 200);
    snprintf(header, sizeof header, "If-Match: \"old\", \"\\%.*s\\\"\r\n", BYTES_ARG(heard(&c, "etag")));
    CHECK(ask(&c, "PUT", "/enrollments/reg-1" V, header, with_key("")) == 200);
    CHECK(ask(&c, "DELETE", "/enrollments/reg-1" V, header, NULL) == 412);
    CHECK(ask(&c, "DELETE", "/enrollments/reg-1" V, NULL, NULL) == 204);
    CHECK(ask(&c, "DELETE", "/enrollments/reg-1" V, NULL, NULL) == 404);
}

TEST(what_is_no_enrollment_is_refused)
{
    static const char *const wrong[] = {
        "",
        "1",
        "{}",
        "{\"attestation\":{}}",
        "{\"attestation\":{\"type\":\"none\"}}",
        "{\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"c2hvcnQ=\"}}}",
        "{\"attestation\":{\"type\":\"x509\"}}",
        "{\"registrationId\":\"other\",\"attestation\":{\"type\":\"symmetricKey\"}}",
        "{\"attestation\":{\"type\":\"x509\",\"x509\":{\"clientCertificates\":{\"primary\":{\"certificate\":\"x\"}}}}}",
        "{\"deviceId\":\"no good\",\"attestation\":{\"type\":\"symmetricKey\"}}",
        "{\"provisioningStatus\":\"asleep\",\"attestation\":{\"type\":\"symmetricKey\"}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (enroll("reg-1", wrong[i]) != 400)
            fail_msg("%d for %s", c.in.head.status, wrong[i]);
    CHECK(enroll("bad.", with_key("")) == 400);
    CHECK(enroll("a%20b", with_key("")) == 400);
    CHECK(ask(&c, "GET", "/enrollments/reg-1" V, NULL, NULL) == 404);
}

/* A new device would come without its twin, and nobody would know why (provisioning 3.1). */
TEST(an_initial_twin_that_the_hub_would_refuse_is_refused)
{
    static const struct {
        const char *twin, *says;
    } wrong[] = {
        {"7", "initialTwin"},
        {"{\"tags\":[]}", "initialTwin"},
        {"{\"properties\":1}", "initialTwin"},
        {"{\"properties\":{\"desired\":\"x\"}}", "initialTwin"},
        {"{\"tags\":{\"a.b\":1}}", "a.b"},
        {"{\"tags\":{\"a\":{\"b\":null}}}", "tags.a"},
        {"{\"properties\":{\"desired\":{\"n\":4503599627370497}}}", "properties.desired.n"},
        {"{\"tags\":{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"11\":{\"12\":{\"13\":1}}}"
         "}}}}}}}}}}}",
         "tags.1"},
    };
    struct buf twin = buf_max(64 * 1024);
    char more[600];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(more, sizeof more, ",\"initialTwin\":%s", wrong[i].twin);
        if (enroll("reg-1", with_key(more)) != 400 || !body_has(&c, wrong[i].says))
            fail_msg("%d for %s: %s", c.in.head.status, wrong[i].twin, heard_body(&c));
    }
    /* 8 bytes for each number, in 2 of text. */
    buf_puts(&twin, "{\"attestation\":{\"type\":\"symmetricKey\"},\"initialTwin\":{\"tags\":{\"a\":[0");
    for (int i = 0; i < 5000; i++)
        buf_puts(&twin, ",1");
    buf_puts(&twin, "]}}}");
    CHECK(enroll("reg-1", buf_str(&twin)) == 400 && body_has(&c, "The maximum size of 'Tags' is"));
    buf_free(&twin);
    CHECK(enroll("reg-1", with_key(",\"initialTwin\":{\"tags\":null,\"properties\":{\"desired\":null}}")) == 200);
}

TEST(enrollments_are_gone_through_in_pages)
{
    char id[16], headers[256] = "x-ms-max-item-count: 3\r\n";
    size_t n = 0;

    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof id, "reg-%d", i);
        CHECK(enroll(id, with_key(i % 2 ? ",\"provisioningStatus\":\"disabled\"" : "")) == 200);
    }
    do {
        CHECK(ask(&c, "POST", "/enrollments/query" V, headers, "{\"query\":\"SELECT * FROM enrollments\"}") == 200);
        CHECK_BYTES(heard(&c, "x-ms-item-type"), BYTES("Enrollment"));
        json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
        n += json_array_size(root);
        json_decref(root);
        snprintf(headers, sizeof headers, "x-ms-max-item-count: 3\r\nx-ms-continuation: %.*s\r\n",
                 BYTES_ARG(heard(&c, "x-ms-continuation")));
    } while (heard(&c, "x-ms-continuation").at);
    CHECK(n == 7);
    CHECK(ask(&c, "POST", "/enrollments/query" V, NULL,
              "{\"query\":\"select * from enrollments where provisioningStatus = 'disabled'\"}") == 200);
    CHECK(body_has(&c, "reg-5") && !body_has(&c, "reg-4"));
    CHECK(ask(&c, "POST", "/enrollments" V, NULL,
              "{\"mode\":\"delete\",\"enrollments\":[{\"registrationId\":\"reg-1\"},{\"registrationId\":\"none\"}]}") ==
          200);
    CHECK(body_has(&c, "\"isSuccessful\":false") && body_has(&c, "\"registrationId\":\"none\",\"errorCode\":404"));
    CHECK(ask(&c, "POST", "/enrollments" V, NULL, "{\"mode\":\"paint\",\"enrollments\":[]}") == 400);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(CASE(a_device_is_told_first_to_wait_and_then_where_to_go), CASE(what_does_not_fit_is_refused_and_makes_nothing),
      CASE(a_disabled_enrollment_shadows_groups), CASE(groups_are_parsed_once_and_again_when_they_change),
      CASE(who_has_the_key_of_a_group_cannot_take_a_device_of_others),
      CASE(enrollments_show_their_keys_only_when_asked_for_them), CASE(changes_need_the_etag),
      CASE(what_is_no_enrollment_is_refused), CASE(an_initial_twin_that_the_hub_would_refuse_is_refused),
      CASE(enrollments_are_gone_through_in_pages))
