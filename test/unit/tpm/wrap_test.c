/* A blob that a hub wraps for a TPM (ident/attest.c), a TPM opens: two halves of one protocol that do not know each
 * other. */
#include "chip.h"
#include "sas.h"
#include "tpm_esys.h"

static uint8_t ek[ATTEST_EK_LEN], srk[ATTEST_SRK_LEN];

static void take(enum err (*read)(struct tpm *, struct buf *), uint8_t *out, size_t len)
{
    struct buf key = buf_max(1024);

    CHECK_OK(read(chip.tpm, &key));
    CHECK(key.len == len);
    memcpy(out, key.at, len);
    buf_free(&key);
}

static int start(void **state)
{
    chip_start(state);
    take(tpm_endorsement, ek, sizeof ek);
    take(tpm_storage, srk, sizeof srk);
    CHECK(attest_is_endorsement(bytes_of(ek, sizeof ek)) && attest_is_storage(bytes_of(srk, sizeof srk)));
    return 0;
}

static void wrap(struct bytes key, struct bytes uri, uint8_t first, struct buf *out)
{
    struct attest_chance chance;

    memset(&chance, first, sizeof chance);
    buf_clear(out);
    CHECK_OK(attest_wrap(bytes_of(ek, sizeof ek), bytes_of(srk, sizeof srk), key, uri, &chance, out));
}

static bool signs_with(unsigned slot, struct bytes key)
{
    uint8_t mac[32], wanted[32];

    CHECK_OK(tpm_sign(chip.tpm, slot, BYTES("scope%2fregistrations%2freg1\n1900000000"), mac));
    hmac_sha256(key, BYTES("scope%2fregistrations%2freg1\n1900000000"), wanted);
    return memcmp(mac, wanted, 32) == 0;
}

TEST(a_key_of_every_length_arrives_and_takes_the_place_of_the_one_before)
{
    static const size_t lengths[] = {16, 20, 32, 33, 48, 63, 64};
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t key[64];

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(key, (int)i + 1, sizeof key);
        wrap(bytes_of(key, lengths[i]), i % 2 ? BYTES("h\0/\0d\0") : NO_BYTES, (uint8_t)i, &blob);
        CHECK_OK(tpm_activate(chip.tpm, 0, buf_bytes(&blob)));
        CHECK(signs_with(0, bytes_of(key, lengths[i])));
    }
    CHECK_OK(
        tpm_activate(chip.tpm, 9, buf_bytes(&blob))); /* the chip does not notice: freshness is for the hub to see to */
    CHECK(signs_with(9, bytes_of(key, 64)));
    buf_free(&blob);
}

TEST(a_slot_of_an_own_key_takes_one_that_was_sent)
{
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t own[32] = {1}, sent[32] = {2};
    struct tpm_slot slot;

    CHECK_OK(tpm_slot_provision(chip.tpm, 2, bytes_of(own, 32), "old.hub", "a", false));
    wrap(bytes_of(sent, 32), NO_BYTES, 7, &blob);
    CHECK_OK(tpm_activate(chip.tpm, 2, buf_bytes(&blob)));
    CHECK_OK(tpm_slot_set_text(chip.tpm, 2, "new.hub", "b"));
    CHECK_OK(tpm_slot_read(chip.tpm, 2, &slot));
    assert_string_equal(slot.host, "new.hub");
    assert_string_equal(slot.device, "b");
    CHECK(signs_with(2, bytes_of(sent, 32)));
    buf_free(&blob);
}

/* A bit of each field, and the two keys that it is for. */
TEST(a_blob_that_was_changed_is_refused_and_the_old_key_stays)
{
    static const size_t places[] = {4, 40, 60, 300, 330, 380, 500, 700, 740};
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t first[32] = {1}, second[32] = {2};

    wrap(bytes_of(first, 32), NO_BYTES, 3, &blob);
    CHECK_OK(tpm_activate(chip.tpm, 0, buf_bytes(&blob)));
    wrap(bytes_of(second, 32), NO_BYTES, 4, &blob);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        blob.at[places[i]] ^= 0x10;
        enum err e = tpm_activate(chip.tpm, 0, buf_bytes(&blob));
        CHECK(e == ERR_UNAUTHORIZED || e == ERR_MALFORMED);
        blob.at[places[i]] ^= 0x10;
        CHECK(signs_with(0, bytes_of(first, 32)));
    }
    CHECK_OK(tpm_activate(chip.tpm, 0, buf_bytes(&blob)));
    CHECK(signs_with(0, bytes_of(second, 32)));
    ek[200] ^= 1;
    wrap(bytes_of(first, 32), NO_BYTES, 5, &blob);
    CHECK_ERR(tpm_activate(chip.tpm, 0, buf_bytes(&blob)), ERR_UNAUTHORIZED);
    CHECK(signs_with(0, bytes_of(second, 32)));
    buf_free(&blob);
}

/* provisioning 4.5, warning: with another policy anybody could have it copied out. */
TEST(the_key_cannot_be_duplicated_out_of_the_chip)
{
    char to[128], seed[128];
    const char *const duplicate[] = {"tpm2_duplicate", "-Q", "-T", chip.tcti, "-C", "null", "-c", "0x81000100", "-G",
                                     "null",           "-r", to,   "-s",      seed, NULL};
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t key[32] = {9};

    snprintf(to, sizeof to, "%s/copy", chip.folder);
    snprintf(seed, sizeof seed, "%s/seed", chip.folder);
    wrap(bytes_of(key, 32), NO_BYTES, 6, &blob);
    CHECK_OK(tpm_activate(chip.tpm, 0, buf_bytes(&blob)));
    CHECK(freopen("/dev/null", "w", stderr)); /* what the tool says of its failure */
    CHECK(chip_run(duplicate) != 0 && access(to, F_OK));
    buf_free(&blob);
}

#define WITH_KEYS(name) cmocka_unit_test_setup_teardown(name, start, chip_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(a_key_of_every_length_arrives_and_takes_the_place_of_the_one_before),
        WITH_KEYS(a_slot_of_an_own_key_takes_one_that_was_sent),
        WITH_KEYS(a_blob_that_was_changed_is_refused_and_the_old_key_stays),
        WITH_KEYS(the_key_cannot_be_duplicated_out_of_the_chip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
