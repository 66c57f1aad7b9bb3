/* The part of a registration that a TPM has in it, with a service that says what it should not. */
#include "chip.h"

#include "register_tpm.h"
#include "register_world.h"
#include "sas.h"
#include "text.h"

static uint8_t ek[ATTEST_EK_LEN], srk[ATTEST_SRK_LEN];

static int start(void **state)
{
    struct d2d_register_options options = {D2D_REGISTER_OPTIONS, .tpm = true, .tpm_slot = 2, .registration = "pump"};

    chip_start(state);
    options.common.tcti = chip.tcti;
    registering_open(NULL, "");
    buf_free(&r.body);
    CHECK(registering_open_tpm(&r, &options) && !r.done);
    CHECK_OK(registering_put_body(&r, NULL));
    CHECK(r.ek.len == sizeof ek && r.srk.len == sizeof srk);
    memcpy(ek, r.ek.at, sizeof ek);
    memcpy(srk, r.srk.at, sizeof srk);
    return 0;
}

static int stop(void **state)
{
    registering_close_tpm(&r);
    registering_close();
    return chip_stop(state);
}

/* A blob for the chip, as text; lent until the next call. */
static const char *blob_of(const uint8_t key[32])
{
    static char text[2048];
    struct buf blob = buf_max(ATTEST_BLOB_MAX), b = buf_over(text, sizeof text - 1);
    struct attest_chance chance;

    memset(&chance, key[0], sizeof chance);
    CHECK_OK(
        attest_wrap(bytes_of(ek, sizeof ek), bytes_of(srk, sizeof srk), bytes_of(key, 32), NO_BYTES, &chance, &blob));
    buf_put_base64(&b, buf_bytes(&blob));
    text[b.len] = 0;
    buf_free(&blob);
    return text;
}

static void answer(int status, const char *format, const char *blob)
{
    char body[4096];
    int n = snprintf(body, sizeof body, format, blob);

    registering_answered(&r, status, -1, bytes_of(body, (size_t)n), T0);
}

#define CHALLENGE "{\"message\":\"Authorization required\",\"authenticationKey\":\"%s\",\"keyName\":\"registration\"}"
#define WITH_KEY                                                                                             \
    "{\"operationId\":\"5.ab\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"hub.test\"," \
    "\"deviceId\":\"pump-7\",\"status\":\"assigned\",\"tpm\":{\"authenticationKey\":\"%s\"}}}"

static bool signs_with(const uint8_t key[32])
{
    uint8_t mac[32], wanted[32];

    CHECK_OK(tpm_sign(r.tpm, 2, BYTES("x"), mac));
    hmac_sha256(bytes_of(key, 32), BYTES("x"), wanted);
    return memcmp(mac, wanted, 32) == 0;
}

TEST(a_challenge_is_answered_and_the_key_for_the_hub_taken)
{
    static const uint8_t nonce[32] = {1}, key[32] = {2};
    struct buf token = buf_max(SAS_LEN_MAX);
    struct tpm_slot slot;
    struct sas sas;

    CHECK(bytes_find_bytes(buf_bytes(&r.body), BYTES("\"endorsementKey\":\"AToAAQALAAMAsgAg")) < r.body.len);
    answer(401, CHALLENGE, blob_of(nonce));
    CHECK(!r.done && r.proved && r.next_ms == T0 && signs_with(nonce));
    CHECK_OK(registering_sign(&r, T0 / 1000 + 60, &token));
    CHECK_OK(sas_parse(buf_bytes(&token), &sas));
    CHECK(sas_signed_with(&sas, bytes_of(nonce, 32)));
    answer(202, ASSIGNING "%s", "");
    answer(200, WITH_KEY, blob_of(key));
    CHECK(r.done && r.result == D2D_OK && signs_with(key));
    CHECK_OK(tpm_slot_read(r.tpm, 2, &slot));
    assert_string_equal(slot.host, "hub.test");
    assert_string_equal(slot.device, "pump-7");
    buf_free(&token);
}

TEST(a_second_challenge_is_a_refusal)
{
    static const uint8_t nonce[32] = {1}, other[32] = {2};

    answer(401, CHALLENGE, blob_of(nonce));
    answer(401, CHALLENGE, blob_of(other));
    CHECK(r.done && r.result == D2D_NOT_AUTHORISED && signs_with(nonce));
}

TEST(what_the_chip_cannot_open_costs_it_nothing)
{
    static const uint8_t own[32] = {3}, key[32] = {4};

    CHECK_OK(tpm_slot_provision(r.tpm, 2, bytes_of(own, 32), "old.hub", "old", false));
    ek[100] ^= 1;
    answer(401, CHALLENGE, blob_of(key));
    CHECK(r.done && r.result == D2D_NOT_AUTHORISED && strstr(got.error, "not made for this TPM") && signs_with(own));
}

TEST(nonsense_is_told)
{
    static const char *const bad[] = {"", "AAAA", "!", "QUJD"};
    static const uint8_t own[32] = {3};

    CHECK_OK(tpm_slot_provision(r.tpm, 2, bytes_of(own, 32), "old.hub", "old", false));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r.done = r.proved = false;
        answer(401, CHALLENGE, bad[i]);
        CHECK(r.done && r.result != D2D_OK && !r.proved && signs_with(own));
    }
    r.done = false;
    answer(202, ASSIGNING "%s", "");
    answer(200,
           "{\"operationId\":\"5.ab\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\","
           "\"deviceId\":\"d\"}}%s",
           "");
    CHECK(r.done && r.result == D2D_FAILED && strstr(got.error, "no key for the hub") && signs_with(own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_challenge_is_answered_and_the_key_for_the_hub_taken, start, stop),
        cmocka_unit_test_setup_teardown(a_second_challenge_is_a_refusal, start, stop),
        cmocka_unit_test_setup_teardown(what_the_chip_cannot_open_costs_it_nothing, start, stop),
        cmocka_unit_test_setup_teardown(nonsense_is_told, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
