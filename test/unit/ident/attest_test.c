#include "attest.h"

#include "check.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

/* provisioning 6.6 */
#define SRK                                                                                                            \
    "ARoAAQALAAMEcgAAAAYAgABDABAIAAAAAAABAJ+fvOGb6mG9tQE7i8lPpWa+UaTK3jdXKyJHiMzVOjU4crRMSbgu9nluCOlZnDs+SCA/NiQlZwsj" \
    "bVMX1xnlnbXS4RsbpICn2sk0KC5OUiO88/8o4bPpEjM1oyetU1Djc3W7cRPKNlPLD8DlcOXR0fnFb3fK++YzR9ar4EL8et/LnG7+d5eABb+9JqBs" \
    "5B24a+oJT85BvnCKOHQGxpoxSBGwRWxAUUZB5qzw4rn3czd/7O7lRseCS5V2HPUlpQb3jBOLpNcieQzTEE8IMMVcYndVxlaJTvt8Tv8mNmztP95p" \
    "qesVcQvO6UwXWLlmulH1i+UT88Sj8JQUOILGz5HZhsU="
#define EK                                                                                                             \
    "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA5wLEK6yUnTmBwpmAROYzfjFvDy9z9Jp8" \
    "DmBZJW2UTPNDzpX2eTrIjRk12C0R7E+4EYP48CMxcCsBUETLwZnzsSCHgEjaqzF4ZzOWETEbWMGMNPYCj1ah10eMhK3FZ5y6kNpnk/xhRpX2aubH" \
    "Zfqq8pdxlJdLepUm7rrqSVs6ShAKKEBazvwgE+/6gxtzGHSUAcC/TbfL1T9N4EhKb4h3UHqUHYojJqk1awueEqDqzkAHxUX+nIwuO42ToyVjnIWO" \
    "dCd0CLIQSRmFPIflvZnhgv6+YQ1ZcNddwj7YdAUj4+VoWQP6to7ZL5cTvQkqjpZERw6TA4Z9L3R7ULP4K35azQ=="
#define FIELD_1 \
    "003400202a9ab3be68fc2dfc1a27f422898f0a0a0c0ee9e27b719c19008fab404aafee75fd42bf4dbc0858de547f13097f7f6a416697"
#define FIELD_3                                                                                        \
    "008e00206b86fb1d58dc43763085a5cb4a444ebc46aa23df183c53a5b186a5f3b4a6ad13e565493198f995d1a09e6a5b" \
    "b00560f5b6f486ba58686aecdec5fc05a2cfad2d85db81ffc24fac69cb32f9dfa3cada25d70994e8f9786e815c0f48ed" \
    "a5a159e19b715fa5d4f999aec3a971e03eb81af58e65e51a80744ac3cadad77f0af3de4e8953189d47407c273a1d03fd"
#define FIELD_5 "00300008000b0004044000000005000b0020ab0400e621da43e724721c1138fe53d3bae1325bb8696f1fab97c2621f3c9987"
#define URI "0020d082e4c93954e96d375f30fbed311911578fac050aeec552376a48dbfeaa2854"

static uint8_t ek_room[400], srk_room[400];
static size_t ek_len, srk_len;

static int start(void **state)
{
    (void)state;
    CHECK_OK(base64_decode(BYTES(EK), ek_room, sizeof ek_room, &ek_len));
    CHECK_OK(base64_decode(BYTES(SRK), srk_room, sizeof srk_room, &srk_len));
    return 0;
}

static struct bytes ek(void)
{
    return bytes_of(ek_room, ek_len);
}

static struct bytes srk(void)
{
    return bytes_of(srk_room, srk_len);
}

static void count_from(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + i);
}

static struct attest_chance chance(void)
{
    struct attest_chance c;

    count_from(c.identity_seed, 32, 0x10);
    count_from(c.duplicate_seed, 32, 0x40);
    count_from(c.obfuscation, 32, 0x80);
    count_from(c.credential, 16, 0xa0);
    return c;
}

static void wrap(struct bytes by, struct bytes for_, struct bytes key, struct bytes uri, struct buf *out)
{
    struct attest_chance c = chance();

    CHECK_OK(attest_wrap(by, for_, key, uri, &c, out));
}

/* A field of the blob with its size. */
static struct bytes field(struct rd *r)
{
    const uint8_t *at = r->at;
    struct bytes inside = rd_str16(r);

    CHECK(!r->bad);
    return bytes_of(at, inside.len + 2);
}

static void check_hex(struct bytes got, const char *wanted)
{
    struct buf hex = buf_max(2048);

    buf_put_hex(&hex, got);
    assert_string_equal(buf_str(&hex), wanted);
    buf_free(&hex);
}

TEST(keys_of_the_template_are_taken_and_no_others)
{
    char id[ATTEST_ID_CAP];

    CHECK(ek_len == ATTEST_EK_LEN && srk_len == ATTEST_SRK_LEN);
    CHECK(attest_is_endorsement(ek()) && attest_is_storage(srk()));
    CHECK(!attest_is_endorsement(srk()) && !attest_is_storage(ek()));
    attest_registration_id(ek(), id);
    assert_string_equal(id, "uqhvj3epobumuuxad76uhdql6jri4hv5b2wkdczfmldrhscder4q");
    /* Nothing before the modulus may differ but the exponent, which may be written out. */
    for (size_t i = 0; i < 28; i++) {
        srk_room[i] ^= 1;
        CHECK(!attest_is_storage(srk()));
        srk_room[i] ^= 1;
    }
    for (size_t i = 0; i < 60; i++) {
        ek_room[i] ^= 4;
        CHECK(!attest_is_endorsement(ek()));
        ek_room[i] ^= 4;
    }
    memcpy(srk_room + 22, "\0\1\0\1", 4);
    CHECK(attest_is_storage(srk()));
    for (size_t n = 0; n < srk_len; n++)
        CHECK(!attest_is_storage(bytes_first(srk(), n)));
    CHECK(!attest_is_storage(bytes_of(srk_room, srk_len + 1)) && !attest_is_storage(NO_BYTES));
    srk_room[28] &= 0x7f;
    CHECK(!attest_is_storage(srk()));
    srk_room[28] |= 0x80;
    srk_room[283] &= 0xfe;
    CHECK(!attest_is_storage(srk()));
    start(NULL);
}

/* provisioning 4.3: what an attacker would show whose key lives in software. */
TEST(a_storage_key_that_could_leave_its_chip_is_none)
{
    memcpy(srk_room + 6, "\x00\x02\x00\x40", 4);
    CHECK(!attest_is_storage(srk()));
    start(NULL);
}

TEST(the_blob_is_that_of_the_vector)
{
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t key[32];

    count_from(key, 32, 0xc0);
    wrap(ek(), srk(), bytes_of(key, 32), NO_BYTES, &blob);
    CHECK(blob.len == 766);
    struct rd r = rd_over(buf_bytes(&blob));
    check_hex(field(&r), FIELD_1);
    CHECK(field(&r).len == 258);
    check_hex(field(&r), FIELD_3);
    CHECK(field(&r).len == 258);
    check_hex(field(&r), FIELD_5);
    check_hex(rd_rest(&r), "0000");
    buf_clear(&blob);
    wrap(ek(), srk(), bytes_of(key, 32), BYTES("h\0u\0b\0.\0e\0x\0a\0m\0p\0l\0e\0/\0d\0e\0v\0001\0"), &blob);
    check_hex(bytes_skip(buf_bytes(&blob), 764), URI);
    buf_free(&blob);
}

TEST(keys_of_every_length_that_a_hub_has_fit)
{
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    struct attest_chance c = chance();
    uint8_t key[65] = {0};

    for (size_t n = 16; n <= 64; n++) {
        buf_clear(&blob);
        wrap(ek(), srk(), bytes_of(key, n), NO_BYTES, &blob);
        CHECK(blob.len == 734 + n);
    }
    buf_clear(&blob);
    CHECK_ERR(attest_wrap(ek(), srk(), bytes_of(key, 15), NO_BYTES, &c, &blob), ERR_ARGUMENT);
    CHECK_ERR(attest_wrap(ek(), srk(), bytes_of(key, 65), NO_BYTES, &c, &blob), ERR_ARGUMENT);
    CHECK_ERR(attest_wrap(srk(), srk(), bytes_of(key, 32), NO_BYTES, &c, &blob), ERR_ARGUMENT);
    buf_free(&blob);
    blob = buf_max(700);
    CHECK_ERR(attest_wrap(ek(), srk(), bytes_of(key, 32), NO_BYTES, &c, &blob), ERR_TOO_LARGE);
    buf_free(&blob);
}

static void open_seed(EVP_PKEY *key, struct bytes sealed, const char *label, uint8_t first)
{
    EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
    uint8_t seed[256], wanted[32];
    size_t len = sizeof seed;

    CHECK(EVP_PKEY_decrypt_init(x) > 0 && EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_OAEP_PADDING) > 0);
    CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(x, EVP_sha256()) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(x, EVP_sha256()) > 0);
    CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(x, OPENSSL_strdup(label), (int)strlen(label) + 1) > 0);
    CHECK(EVP_PKEY_decrypt(x, seed, &len, sealed.at, sealed.len) > 0 && len == 32);
    count_from(wanted, 32, first);
    CHECK(memcmp(seed, wanted, 32) == 0);
    EVP_PKEY_CTX_free(x);
}

/* With keys of our own, of which we have the other half. */
TEST(each_seed_opens_for_its_own_key_and_with_its_own_label)
{
    EVP_PKEY *ours = EVP_RSA_gen(2048);
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    BIGNUM *n = NULL;
    uint8_t key[32] = {0};

    CHECK(ours && EVP_PKEY_get_bn_param(ours, "n", &n));
    BN_bn2binpad(n, ek_room + 60, 256);
    BN_bn2binpad(n, srk_room + 28, 256);
    wrap(ek(), srk(), bytes_of(key, 32), NO_BYTES, &blob);
    struct rd r = rd_over(buf_bytes(&blob));
    field(&r);
    open_seed(ours, rd_str16(&r), "IDENTITY", 0x10);
    field(&r);
    open_seed(ours, rd_str16(&r), "DUPLICATE", 0x40);
    BN_free(n);
    EVP_PKEY_free(ours);
    buf_free(&blob);
    start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_template_are_taken_and_no_others),
        cmocka_unit_test(a_storage_key_that_could_leave_its_chip_is_none),
        cmocka_unit_test(the_blob_is_that_of_the_vector),
        cmocka_unit_test(keys_of_every_length_that_a_hub_has_fit),
        cmocka_unit_test(each_seed_opens_for_its_own_key_and_with_its_own_label),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
