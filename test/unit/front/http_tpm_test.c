/* TPM attestation over HTTPS: the challenge, the key for the hub, and everything that is refused (provisioning 1.6, 5).
 */
#include "http_peer.h"

#include "challenges.h"
#include "soft_tpm.h"

#define SCOPE "0neB30376DB"
#define REGISTER "/" SCOPE "/registrations/%s/register" V

static struct soft_tpm chip, other;

static int start(void **state)
{
    client_start(state);
    CHECK_OK(challenges_new(&w.env.challenges));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&c);
    challenges_free(w.env.challenges);
    world_close();
    return 0;
}

static const char *base64(struct bytes b)
{
    static char text[2][1024];
    static int turn;
    struct buf out = buf_max(1024);

    buf_put_base64(&out, b);
    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s", buf_str(&out));
    buf_free(&out);
    return text[turn];
}

static int enroll(const char *id, const struct soft_tpm *t, const char *more)
{
    char path[256], body[2048];

    snprintf(path, sizeof path, "/enrollments/%s" V, id);
    snprintf(body, sizeof body, "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"%s\"}}%s}",
             base64(bytes_of(t->ek, sizeof t->ek)), more);
    return ask(&c, "PUT", path, NULL, body);
}

static int asks(const char *method, const char *path, const char *token, const char *body)
{
    struct buf b = buf_max(1 << 16);

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: h\r\n%s%s%sContent-Length: %zu\r\n\r\n%s", method, path,
               token ? "Authorization: " : "", token ? token : "", token ? "\r\n" : "", strlen(body), body);
    client_say(&c, buf_bytes(&b));
    buf_free(&b);
    CHECK(client_hear(&c));
    return c.in.head.status;
}

/* The first call, with these keys. */
static int shows(const char *id, struct bytes ek, struct bytes srk)
{
    char path[256], body[2048];

    snprintf(path, sizeof path, REGISTER, id);
    snprintf(body, sizeof body,
             "{\"registrationId\":\"%s\",\"tpm\":{\"endorsementKey\":\"%s\",\"storageRootKey\":\"%s\"}}", id,
             base64(ek), base64(srk));
    return asks("PUT", path, NULL, body);
}

static int shows_chip(const char *id, const struct soft_tpm *t)
{
    return shows(id, bytes_of(t->ek, sizeof t->ek), bytes_of(t->srk, sizeof t->srk));
}

static void text_of(const json_t *root, const char *name, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(root, name));

    snprintf(out, cap, "%s", text ? text : "");
}

/* The chip opens what is in the answer. */
static bool opens(const struct soft_tpm *t, const char *base64_text, struct buf *key, struct buf *uri)
{
    uint8_t blob[ATTEST_BLOB_MAX];
    size_t len;

    CHECK_OK(base64_decode(bytes_str(base64_text), blob, sizeof blob, &len));
    buf_clear(key);
    buf_clear(uri);
    return soft_tpm_open(t, bytes_of(blob, len), key, uri);
}

static bool challenged(const struct soft_tpm *t, struct buf *key)
{
    struct buf uri = buf_max(256);
    char text[2048], name[64];
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    bool open;

    CHECK(!json_object_get(root, "status"));
    text_of(root, "keyName", name, sizeof name);
    assert_string_equal(name, "registration");
    text_of(root, "authenticationKey", text, sizeof text);
    json_decref(root);
    open = opens(t, text, key, &uri);
    CHECK(!open || (key->len == 32 && !uri.len));
    buf_free(&uri);
    return open;
}

static const char *device_token(const char *id, struct bytes key, int64_t expires_ms)
{
    static char text[SAS_LEN_MAX];
    struct buf token = buf_max(SAS_LEN_MAX);
    char resource[256];

    snprintf(resource, sizeof resource, SCOPE "/registrations/%s", id);
    CHECK_OK(sas_make(bytes_str(resource), BYTES("registration"), expires_ms / 1000, key, &token));
    snprintf(text, sizeof text, "%s", buf_str(&token));
    buf_free(&token);
    return text;
}

static int registers(const char *id, struct bytes key)
{
    char path[256];

    snprintf(path, sizeof path, REGISTER, id);
    return asks("PUT", path, device_token(id, key, c.join.now_ms + 3600000), "");
}

static void operation_of(char out[128])
{
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);

    text_of(root, "operationId", out, 128);
    json_decref(root);
}

static int polls(const char *id, struct bytes key, const char *operation)
{
    char path[512];

    snprintf(path, sizeof path, "/" SCOPE "/registrations/%s/operations/%s" V, id, operation);
    return asks("GET", path, device_token(id, key, c.join.now_ms + 3600000), "{}");
}

TEST(a_device_proves_its_chip_and_gets_a_key_into_it)
{
    struct buf nonce = buf_max(64), key = buf_max(64), uri = buf_max(256);
    char operation[128], again[128], text[2048];
    struct device d;

    CHECK(enroll("dev-1", &chip, ",\"deviceId\":\"garage\"") == 200);
    CHECK(shows_chip("dev-1", &chip) == 401 && challenged(&chip, &nonce));
    CHECK_ERR(hub_device_get(w.hub, BYTES("garage"), &d), ERR_NOT_FOUND);
    CHECK(registers("dev-1", buf_bytes(&nonce)) == 202);
    operation_of(operation);
    /* The 202 was lost: the same operation, as long as it goes on. */
    CHECK(registers("dev-1", buf_bytes(&nonce)) == 202);
    operation_of(again);
    assert_string_equal(operation, again);
    CHECK(polls("dev-1", buf_bytes(&nonce), operation) == 200);
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    json_t *state = json_object_get(root, "registrationState");
    assert_string_equal(json_string_value(json_object_get(state, "deviceId")), "garage");
    CHECK(!json_object_get(state, "hubKey") && !json_object_get(state, "x509"));
    text_of(json_object_get(state, "tpm"), "authenticationKey", text, sizeof text);
    json_decref(root);
    CHECK(opens(&chip, text, &key, &uri) && key.len == 32);
    CHECK_BYTES(buf_bytes(&uri), BYTES("h\0u\0b\0.\0t\0e\0s\0t\0/\0g\0a\0r\0a\0g\0e\0"));
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(d.auth == AUTH_SAS && bytes_eq(bytes_of(d.primary.at, d.primary.len), buf_bytes(&key)));
    /* Its end was told: the challenge is good for questions, and for no second registration. */
    CHECK(polls("dev-1", buf_bytes(&nonce), operation) == 200);
    CHECK(registers("dev-1", buf_bytes(&nonce)) == 401 && !body_has(&c, "authenticationKey"));
    /* Nowhere does the service give away the key. */
    CHECK(ask(&c, "GET", "/registrations/dev-1" V, NULL, NULL) == 200);
    CHECK(!body_has(&c, "hubKey") && !body_has(&c, base64(buf_bytes(&key))));
    CHECK(!strstr(w.log, text) && !strstr(w.log, base64(buf_bytes(&key))) && !strstr(w.log, base64(buf_bytes(&nonce))));
    /* Once more, from the beginning: another key. */
    CHECK(shows_chip("DEV-1", &chip) == 401 && challenged(&chip, &nonce) &&
          registers("dev-1", buf_bytes(&nonce)) == 202);
    operation_of(again);
    CHECK(polls("dev-1", buf_bytes(&nonce), operation) == 404 && polls("dev-1", buf_bytes(&nonce), again) == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(!bytes_eq(bytes_of(d.primary.at, d.primary.len), buf_bytes(&key)));
    buf_free(&nonce);
    buf_free(&key);
    buf_free(&uri);
}

/* No challenge: it would cost the device the key that it has. */
static void refused_unchallenged(int status, int wanted)
{
    CHECK(status == wanted && !body_has(&c, "authenticationKey") && body_has(&c, "errorCode"));
}

TEST(nobody_is_challenged_who_will_be_refused)
{
    struct bytes ek = bytes_of(chip.ek, sizeof chip.ek), srk = bytes_of(chip.srk, sizeof chip.srk);
    uint8_t soft[ATTEST_SRK_LEN];

    CHECK(enroll("dev-1", &chip, "") == 200);
    refused_unchallenged(shows_chip("dev-1", &other), 401);
    refused_unchallenged(shows_chip("dev-2", &chip), 401);
    refused_unchallenged(shows("dev-1", srk, srk), 401);
    refused_unchallenged(shows("dev-1", ek, NO_BYTES), 401);
    refused_unchallenged(shows("dev-1", ek, bytes_first(srk, 283)), 400);
    refused_unchallenged(shows("dev-1", ek, ek), 400);
    memcpy(soft, chip.srk, sizeof soft);
    memcpy(soft + 6, "\x00\x02\x00\x40", 4); /* provisioning 4.3: a key in software */
    refused_unchallenged(shows("dev-1", ek, bytes_of(soft, sizeof soft)), 400);
    refused_unchallenged(asks("PUT", "/0ne00000002/registrations/dev-1/register" V, NULL, "{\"tpm\":{}}"), 401);
    CHECK(ask(&c, "GET", "/registrations/dev-1" V, NULL, NULL) == 404);
}

TEST(a_disabled_enrollment_challenges_nobody)
{
    struct buf nonce = buf_max(64);
    char path[256], body[2048];

    CHECK(enroll("dev-1", &chip, "") == 200);
    CHECK(shows_chip("dev-1", &chip) == 401 && challenged(&chip, &nonce));
    snprintf(path, sizeof path, "/enrollments/dev-1" V);
    snprintf(body, sizeof body,
             "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"%s\"}},"
             "\"provisioningStatus\":\"disabled\"}",
             base64(bytes_of(chip.ek, sizeof chip.ek)));
    CHECK(ask(&c, "PUT", path, "If-Match: *\r\n", body) == 200);
    refused_unchallenged(registers("dev-1", buf_bytes(&nonce)), 401);
    refused_unchallenged(shows_chip("dev-1", &chip), 401);
    buf_free(&nonce);
}

TEST(a_challenge_is_for_one_chip_one_registration_and_five_minutes)
{
    struct buf nonce = buf_max(64), mine = buf_max(64);

    CHECK(enroll("dev-1", &chip, "") == 200 && enroll("dev-2", &other, "") == 200);
    CHECK(shows_chip("dev-1", &chip) == 401 && !challenged(&other, &nonce));
    CHECK(challenged(&chip, &mine));
    refused_unchallenged(registers("dev-2", buf_bytes(&mine)), 401);
    refused_unchallenged(registers("dev-1", BYTES("a key that nobody has ever given")), 401);
    c.join.now_ms += 5 * 60000 + 1;
    refused_unchallenged(registers("dev-1", buf_bytes(&mine)), 401);
    CHECK(shows_chip("dev-1", &chip) == 401 && challenged(&chip, &mine));
    c.join.now_ms += 4 * 60000;
    CHECK(registers("dev-1", buf_bytes(&mine)) == 202);
    buf_free(&nonce);
    buf_free(&mine);
}

/* provisioning 5.2: whoever knows the public key may ask, and must not take the place of the device. */
TEST(strangers_cannot_push_out_the_challenge_of_a_device)
{
    struct buf nonce = buf_max(64);

    CHECK(enroll("dev-1", &chip, "") == 200);
    CHECK(shows_chip("dev-1", &chip) == 401 && challenged(&chip, &nonce));
    for (int i = 0; i < 3; i++)
        CHECK(shows_chip("dev-1", &chip) == 401 && body_has(&c, "authenticationKey"));
    CHECK(shows_chip("dev-1", &chip) == 429 && !body_has(&c, "authenticationKey"));
    CHECK(registers("dev-1", buf_bytes(&nonce)) == 202);
    c.join.now_ms += 10001;
    CHECK(shows_chip("dev-1", &chip) == 401 && body_has(&c, "authenticationKey"));
    buf_free(&nonce);
}

TEST(the_storage_key_may_be_pinned)
{
    struct soft_tpm cleared = chip;
    struct buf nonce = buf_max(64);
    char more[2048];

    memcpy(cleared.srk, other.srk, sizeof other.srk);
    cleared.storage = other.storage;
    CHECK(enroll("dev-1", &chip, "") == 200);
    CHECK(shows_chip("dev-1", &cleared) == 401 && challenged(&cleared, &nonce));
    snprintf(more, sizeof more,
             "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"%s\",\"storageRootKey\":\"%s\"}}}",
             base64(bytes_of(chip.ek, sizeof chip.ek)), base64(bytes_of(chip.srk, sizeof chip.srk)));
    CHECK(ask(&c, "PUT", "/enrollments/dev-1" V, "If-Match: *\r\n", more) == 200);
    refused_unchallenged(shows_chip("dev-1", &cleared), 401);
    CHECK(shows_chip("dev-1", &chip) == 401 && challenged(&chip, &nonce));
    buf_free(&nonce);
}

TEST(enrollments_take_endorsement_keys_once_and_only_good_ones)
{
    char body[2048];
    const char *ek = base64(bytes_of(chip.ek, sizeof chip.ek));

    CHECK(enroll("dev-1", &chip, "") == 200);
    CHECK(enroll("dev-2", &chip, "") == 409);
    snprintf(body, sizeof body,
             "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"%.64s\\r\\n %s\\n\"}}}", ek, ek + 64);
    CHECK(ask(&c, "PUT", "/enrollments/dev-1" V, "If-Match: *\r\n", body) == 200);
    CHECK(ask(&c, "GET", "/enrollments/dev-1" V, NULL, NULL) == 200 && body_has(&c, ek));
    CHECK(ask(&c, "PUT", "/enrollmentGroups/all" V, NULL, body) == 400);
    CHECK(ask(&c, "PUT", "/enrollments/dev-3" V, NULL, "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{}}}") == 400);
    snprintf(body, sizeof body, "{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"%s\"}}}",
             base64(bytes_of(chip.srk, sizeof chip.srk)));
    CHECK(ask(&c, "PUT", "/enrollments/dev-3" V, NULL, body) == 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_proves_its_chip_and_gets_a_key_into_it, start, stop),
        cmocka_unit_test_setup_teardown(nobody_is_challenged_who_will_be_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_disabled_enrollment_challenges_nobody, start, stop),
        cmocka_unit_test_setup_teardown(a_challenge_is_for_one_chip_one_registration_and_five_minutes, start, stop),
        cmocka_unit_test_setup_teardown(strangers_cannot_push_out_the_challenge_of_a_device, start, stop),
        cmocka_unit_test_setup_teardown(the_storage_key_may_be_pinned, start, stop),
        cmocka_unit_test_setup_teardown(enrollments_take_endorsement_keys_once_and_only_good_ones, start, stop),
    };

    soft_tpm_make(&chip);
    soft_tpm_make(&other);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    soft_tpm_free(&chip);
    soft_tpm_free(&other);
    return failed;
}
