/* Enrollments and registrations: what is kept as JSON becomes a struct, and the other way round. */
#include "check.h"
#include "registration.h"
#include "text.h"

#include <jansson.h>

/* sixteen bytes */
#define KEY_1 "MTIzNDU2Nzg5MGFiY2RlZg=="
#define KEY_2 "ZmVkY2JhMDk4NzY1NDMyMQ=="

static struct enrollment entry;

static enum err decode(const char *text)
{
    struct buf b = buf_max(DOC_LEN_MAX);

    buf_puts(&b, text);
    enum err e = enrollment_decode(&entry, &b);
    CHECK(!b.at);
    return e;
}

TEST(an_enrollment_by_keys_is_read_whole)
{
    CHECK_OK(decode("{\"registrationId\":\"r\",\"attestation\":{\"symmetricKey\":{\"primaryKey\":\"" KEY_1
                    "\",\"secondaryKey\":\"" KEY_2 "\"},\"type\":\"symmetricKey\"},\"deviceId\":\"d\","
                    "\"capabilities\":{\"iotEdge\":true},\"iotHubHostName\":\"a.b\","
                    "\"reprovisionPolicy\":{\"updateHubAssignment\":false,\"migrateDeviceData\":false},"
                    "\"allocationPolicy\":\"Custom\",\"iotHubs\":[\"a.b\",\"c.d\"],\"future\":{\"x\":1},"
                    "\"customAllocationDefinition\":{\"webhookUrl\":\"https://h/\",\"apiVersion\":\"1\"},"
                    "\"initialTwin\":{\"tags\":{}},\"provisioningStatus\":\"disabled\"}"));
    CHECK(entry.how == ATTESTED_BY_KEY && entry.disabled && entry.edge && entry.keeps_hub && !entry.migrates);
    CHECK_BYTES(bytes_of(entry.keys[0].at, entry.keys[0].len), BYTES("1234567890abcdef"));
    CHECK_BYTES(bytes_of(entry.keys[1].at, entry.keys[1].len), BYTES("fedcba0987654321"));
    assert_string_equal(entry.device, "d");
    CHECK(entry.pinned && entry.allocation == BY_WEBHOOK && entry.n_hubs == 2);
    assert_string_equal(entry.host, "a.b");
    assert_string_equal(entry.hubs[1], "c.d");
    assert_string_equal(entry.webhook, "https://h/");
    /* The rest stays as it came, for webhooks. */
    CHECK(bytes_find_bytes(buf_bytes(&entry.text), BYTES("\"future\":{\"x\":1}")) < entry.text.len);
    enrollment_free(&entry);
}

TEST(an_enrollment_that_says_nothing_has_what_is_usual)
{
    CHECK_OK(decode("{\"registrationId\":\"r\"}"));
    CHECK(entry.how == NOT_ATTESTED && !entry.disabled && !entry.edge && !entry.keeps_hub && entry.migrates);
    CHECK(!entry.device[0] && !entry.pinned && !entry.n_hubs && !entry.webhook && entry.allocation == BY_HASH);
    enrollment_free(&entry);
    CHECK_OK(decode("{\"attestation\":{\"type\":\"x509\",\"x509\":{\"caReferences\":{\"primary\":\"root\"}}}}"));
    CHECK(entry.how == ATTESTED_BY_CERTIFICATE && entry.which == CERTIFICATES_OF_HUB);
    assert_string_equal(entry.certificates[0].ca, "root");
    enrollment_free(&entry);
    CHECK_OK(decode("{\"attestation\":{\"type\":\"x509\",\"x509\":{\"signingCertificates\":{\"secondary\":"
                    "{\"certificate\":\"MAA=\",\"info\":{\"sha256Thumbprint\":\"AB\"}}}}}}"));
    CHECK(entry.which == CERTIFICATES_OF_SIGNERS && !entry.certificates[0].len && entry.certificates[1].len == 2);
    assert_string_equal(entry.certificates[1].sha256, "AB");
    enrollment_free(&entry);
    CHECK_OK(decode("{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"MTIz\\nNA==\","
                    "\"storageRootKey\":\"?\"}}}"));
    CHECK(entry.how == ATTESTED_BY_TPM && entry.endorsement.len == 4);
    CHECK(entry.storage.given && !entry.storage.len);
    enrollment_free(&entry);
}

TEST(no_other_text_is_an_enrollment)
{
    static const char *const texts[] = {"", "{",
                                        "{\"deviceId\":\""
                                        "0123456789012345678901234567890123456789012345678"
                                        "0123456789012345678901234567890123456789012345678901234567890123456"
                                        "01234567890123456789\"}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK_ERR(decode(texts[i]), ERR_DAMAGED);
        enrollment_free(&entry);
    }
}

/* A registration that is written is read again as it was, cut short nowhere. */
static void check_round(const struct registration *r, const char *kept, const char *shown)
{
    struct buf once = buf_max(DOC_LEN_MAX), again = buf_max(DOC_LEN_MAX), told = buf_max(DOC_LEN_MAX);
    struct registration read;

    registration_encode(r, &once);
    assert_string_equal(buf_str(&once), kept);
    CHECK_OK(registration_decode(&read, buf_bytes(&once)));
    registration_encode(&read, &again);
    assert_string_equal(buf_str(&again), kept);
    registration_show(&read, "ZQ==", NULL, &told);
    assert_string_equal(buf_str(&told), shown);
    registration_free(&read);
    for (size_t n = 0; n < once.len; n++) {
        CHECK_ERR(registration_decode(&read, bytes_first(buf_bytes(&once), n)), ERR_DAMAGED);
        registration_free(&read);
    }
    buf_free(&once);
    buf_free(&again);
    buf_free(&told);
}

TEST(a_registration_is_kept_and_shown)
{
    struct registration r = {.id = "Reg-1",
                             .created = "2026-11-23T00:00:00.0010000Z",
                             .updated = "2026-11-23T00:00:01.0000000Z",
                             .how = ATTESTED_BY_TPM,
                             .operation = "5.1",
                             .entry = "reg-1",
                             .migrates = true,
                             .hub_key = {.at = "1234567890abcdef", .len = 16},
                             .run = "1f",
                             .first_hub = "a.b",
                             .was = {.hub = "c.d", .device = "d\"1", .substatus = "initialAssignment"},
                             .payload = buf_max(DOC_LEN_MAX)};

    check_round(&r,
                "{\"registrationId\":\"Reg-1\",\"createdDateTimeUtc\":\"2026-11-23T00:00:00.0010000Z\","
                "\"status\":\"assigning\",\"tpm\":{},\"operationId\":\"5.1\",\"entry\":\"reg-1\",\"migrate\":true,"
                "\"hubKey\":\"" KEY_1 "\",\"was\":{\"hub\":\"c.d\",\"device\":\"d\\\"1\","
                "\"substatus\":\"initialAssignment\"},\"initialHub\":\"a.b\",\"run\":\"1f\","
                "\"lastUpdatedDateTimeUtc\":\"2026-11-23T00:00:01.0000000Z\"}",
                "{\"registrationId\":\"Reg-1\",\"createdDateTimeUtc\":\"2026-11-23T00:00:00.0010000Z\","
                "\"status\":\"assigning\",\"tpm\":{},"
                "\"lastUpdatedDateTimeUtc\":\"2026-11-23T00:00:01.0000000Z\",\"etag\":\"ZQ==\"}");
}

TEST(an_assigned_one_has_its_hub_and_a_failed_one_its_error)
{
    struct registration r = {.id = "r",
                             .status = ASSIGNED,
                             .how = ATTESTED_BY_CERTIFICATE,
                             .group = "g",
                             .operation = "5.1",
                             .entry = "g",
                             .substatus = "initialAssignment",
                             .hub = "a.b",
                             .device = "d",
                             .payload = buf_max(DOC_LEN_MAX)};

    buf_puts(&r.payload, "{\"door\":\"left\"}");
    check_round(&r,
                "{\"registrationId\":\"r\",\"status\":\"assigned\",\"x509\":{\"enrollmentGroupId\":\"g\"},"
                "\"operationId\":\"5.1\",\"entry\":\"g\",\"migrate\":false,\"substatus\":\"initialAssignment\","
                "\"assignedHub\":\"a.b\",\"deviceId\":\"d\",\"payload\":{\"door\":\"left\"}}",
                "{\"registrationId\":\"r\",\"status\":\"assigned\",\"x509\":{\"enrollmentGroupId\":\"g\"},"
                "\"substatus\":\"initialAssignment\",\"assignedHub\":\"a.b\",\"deviceId\":\"d\","
                "\"payload\":{\"door\":\"left\"},\"etag\":\"ZQ==\"}");
    registration_free(&r);
    r = (struct registration){
        .id = "r", .status = FAILED, .operation = "o", .entry = "e", .error = 400207, .message = "No."};
    check_round(&r,
                "{\"registrationId\":\"r\",\"status\":\"failed\",\"symmetricKey\":{},\"operationId\":\"o\","
                "\"entry\":\"e\",\"migrate\":false,\"errorCode\":400207,\"errorMessage\":\"No.\"}",
                "{\"registrationId\":\"r\",\"status\":\"failed\",\"symmetricKey\":{},\"errorCode\":400207,"
                "\"errorMessage\":\"No.\",\"etag\":\"ZQ==\"}");
}

TEST(a_request_is_nothing_or_an_object)
{
    static const struct {
        const char *text;
        enum err e;
        const char *payload;
    } cases[] = {
        {"", OK, ""},
        {" \n", OK, ""},
        {"{}", OK, ""},
        {"{\"payload\":{\"a\": [1, 2]},\"other\":3}", OK, "{\"a\":[1,2]}"},
        {"{\"Payload\":\"text\"}", OK, "\"text\""},
        {"{\"payload\":null}", OK, "null"},
        {"[]", ERR_ARGUMENT, ""},
        {"{\"registrationId\":7}", ERR_ARGUMENT, ""},
        {"{", ERR_MALFORMED, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registration_body b;

        CHECK_ERR(registration_body_read(&b, bytes_str(cases[i].text)), cases[i].e);
        if (!cases[i].e)
            CHECK_BYTES(buf_bytes(&b.payload), bytes_str(cases[i].payload));
        CHECK(!b.tpm);
        registration_body_free(&b);
    }
}

TESTS(RUN(an_enrollment_by_keys_is_read_whole), RUN(an_enrollment_that_says_nothing_has_what_is_usual),
      RUN(no_other_text_is_an_enrollment), RUN(a_registration_is_kept_and_shown),
      RUN(an_assigned_one_has_its_hub_and_a_failed_one_its_error), RUN(a_request_is_nothing_or_an_object))
