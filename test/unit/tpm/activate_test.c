/* Blobs that this TPM cannot open, and what is no blob. */
#include "chip.h"
#include "sas.h"
#include "tpm_esys.h"

enum { BLOB_LEN = 766 };

/* Of the right form: a key of 32 bytes under wrappers that nobody can open. */
static void strange_blob(uint8_t out[BLOB_LEN])
{
    static const uint8_t area[] = {0, 0x30, 0, 8, 0, 0x0b, 0, 4, 4, 0x40, 0, 0, 0, 5, 0, 0x0b, 0, 32};
    struct buf b = buf_over(out, BLOB_LEN);

    memset(out, 0x5a, BLOB_LEN);
    buf_put_u16(&b, 52);
    buf_put_u16(&b, 32);
    b.len += 50;
    buf_put_u16(&b, 256);
    b.len += 256;
    buf_put_u16(&b, 142);
    b.len += 142;
    buf_put_u16(&b, 256);
    b.len += 256;
    buf_put(&b, bytes_of(area, sizeof area));
    b.len += 32;
    buf_put_u16(&b, 0);
    CHECK(b.len == BLOB_LEN && !b.bad);
}

/* More often than a TPM has room for sessions. */
TEST(a_blob_for_another_tpm_changes_nothing)
{
    uint8_t blob[BLOB_LEN], key[32] = {3}, mac[32], wanted[32];

    strange_blob(blob);
    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false));
    for (int i = 0; i < 5; i++) {
        CHECK_ERR(tpm_activate(chip.tpm, 0, bytes_of(blob, sizeof blob)), ERR_UNAUTHORIZED);
        CHECK(strstr(tpm_why(chip.tpm), "not made for this TPM"));
    }
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), mac));
    hmac_sha256(bytes_of(key, 32), BYTES("x"), wanted);
    CHECK(!memcmp(mac, wanted, 32));
    CHECK_ERR(tpm_activate(chip.tpm, TPM_SLOTS, bytes_of(blob, sizeof blob)), ERR_RANGE);
}

TEST(a_blob_that_is_cut_anywhere_is_malformed)
{
    uint8_t blob[BLOB_LEN];

    strange_blob(blob);
    for (size_t n = 0; n < BLOB_LEN; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* so that a read beyond the end is seen */
        CHECK(cut);
        memcpy(cut, blob, n);
        CHECK_ERR(tpm_activate(chip.tpm, 0, bytes_of(cut, n)), ERR_MALFORMED);
        free(cut);
    }
    blob[BLOB_LEN - 1] = 1; /* a text that is not there */
    CHECK_ERR(tpm_activate(chip.tpm, 0, bytes_of(blob, sizeof blob)), ERR_MALFORMED);
}

TEST(a_key_that_does_not_sign_is_malformed)
{
    uint8_t blob[BLOB_LEN];

    strange_blob(blob);
    blob[714 + 7] = 0; /* objectAttributes without `sign` */
    CHECK_ERR(tpm_activate(chip.tpm, 0, bytes_of(blob, sizeof blob)), ERR_MALFORMED);
}

TEST(a_password_of_the_endorsement_hierarchy_is_told)
{
    const char *const change[] = {"tpm2_changeauth", "-T", chip.tcti, "-c", "endorsement", "secret", NULL};
    uint8_t blob[BLOB_LEN];
    struct buf key = buf_max(1024);

    strange_blob(blob);
    CHECK_OK(tpm_endorsement(chip.tpm, &key));
    buf_free(&key);
    CHECK(chip_run(change) == 0);
    for (int i = 0; i < 5; i++) {
        CHECK_ERR(tpm_activate(chip.tpm, 0, bytes_of(blob, sizeof blob)), ERR_DENIED);
        CHECK(strstr(tpm_why(chip.tpm), "the endorsement hierarchy of the TPM has a password"));
    }
}

TESTS(WITH_CHIP(a_blob_for_another_tpm_changes_nothing), WITH_CHIP(a_blob_that_is_cut_anywhere_is_malformed),
      WITH_CHIP(a_key_that_does_not_sign_is_malformed), WITH_CHIP(a_password_of_the_endorsement_hierarchy_is_told))
