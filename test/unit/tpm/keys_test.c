/* Opening, the keys of the TPM, signing with slots. */
#include "chip.h"
#include "sas.h"
#include "tpm_esys.h"

#include <openssl/sha.h>
#include <sys/stat.h>

static const uint8_t ek_head[] = {0x01, 0x3a, 0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20,
                                  0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d,
                                  0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
                                  0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa, 0x00, 0x06, 0x00, 0x80,
                                  0x00, 0x43, 0x00, 0x10, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00};
static const uint8_t srk_head[] = {0x01, 0x1a, 0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00, 0x00, 0x00, 0x06,
                                   0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00};

static void same_again(enum err (*read)(struct tpm *, struct buf *), struct bytes head, size_t len)
{
    struct buf one = buf_max(1024), two = buf_max(1024);

    CHECK_OK(read(chip.tpm, &one));
    CHECK(one.len == len && bytes_starts(buf_bytes(&one), head));
    CHECK_OK(read(chip.tpm, &two));
    CHECK(bytes_eq(buf_bytes(&one), buf_bytes(&two)));
    buf_free(&one);
    buf_free(&two);
}

TEST(the_keys_of_the_tpm_are_those_of_the_sdks)
{
    same_again(tpm_endorsement, bytes_of(ek_head, sizeof ek_head), 316);
    same_again(tpm_storage, bytes_of(srk_head, sizeof srk_head), 284);
}

/* Decoded by hand: five bits a character, the last one fills up with zeros. */
TEST(the_registration_id_is_the_digest_of_the_endorsement_key)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct buf key = buf_max(1024);
    uint8_t digest[33] = {0};
    char id[ATTEST_ID_CAP];

    CHECK_OK(tpm_registration_id(chip.tpm, id));
    CHECK_OK(tpm_endorsement(chip.tpm, &key));
    SHA256(key.at, key.len, digest);
    CHECK(strlen(id) == 52);
    for (size_t i = 0; i < 52; i++) {
        unsigned two = (unsigned)digest[i * 5 / 8] << 8 | digest[i * 5 / 8 + 1];
        CHECK(id[i] == digits[two >> (11 - i * 5 % 8) & 31]);
    }
    buf_free(&key);
}

static void sign_lengths(unsigned slot, struct bytes key)
{
    static const size_t lengths[] = {0, 1, 44, 64, 1023, 1024, 1025, 2048, 2049, 3000};
    uint8_t text[3000], got[32], wanted[32];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + slot);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CHECK_OK(tpm_sign(chip.tpm, slot, bytes_of(text, lengths[i]), got));
        hmac_sha256(key, bytes_of(text, lengths[i]), wanted);
        CHECK(!memcmp(got, wanted, 32));
    }
}

TEST(a_signature_is_that_of_software)
{
    uint8_t key[64];

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(200 - i);
    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false));
    CHECK_OK(tpm_slot_provision(chip.tpm, 3, bytes_of(key, 16), "hub", "b", false));
    CHECK_OK(tpm_slot_provision(chip.tpm, 9, bytes_of(key, 64), "hub", "c", false));
    sign_lengths(0, bytes_of(key, 32));
    sign_lengths(3, bytes_of(key, 16));
    sign_lengths(9, bytes_of(key, 64));
}

/* The TPM has room for three of each: one that was left behind would soon be missed. */
TEST(nothing_stays_loaded)
{
    uint8_t key[32] = {1}, text[2000] = {2}, mac[32];

    for (int i = 0; i < 5; i++) {
        CHECK_OK(tpm_slot_provision(chip.tpm, 1, bytes_of(key, 32), "hub", "a", false));
        CHECK_OK(tpm_sign(chip.tpm, 1, bytes_of(text, sizeof text), mac));
        CHECK_ERR(tpm_slot_provision(chip.tpm, 1, bytes_of(key, 32), "hub", "a", false), ERR_EXISTS);
        CHECK_ERR(tpm_sign(chip.tpm, 2, bytes_of(text, sizeof text), mac), ERR_NOT_FOUND);
        CHECK_OK(tpm_slot_erase(chip.tpm, 1));
    }
}

/* The stack remembers objects by their handles. */
TEST(a_key_can_take_the_place_of_another)
{
    static const TPM2B_PUBLIC shape = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT,
                       .parameters.keyedHashDetail.scheme = {TPM2_ALG_HMAC, {.hmac = {TPM2_ALG_SHA256}}}},
    };
    TPM2B_SENSITIVE_CREATE secret = {.sensitive.data = {.size = 32, .buffer = {5}}};
    uint8_t key[32] = {7}, mac[32], wanted[32];
    bool was;

    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false));
    CHECK_OK(tpm_evict(chip.tpm, TPM_SLOT_HANDLE, &was));
    CHECK(was);
    CHECK_OK(tpm_make_key(chip.tpm, &secret, &shape, TPM_SLOT_HANDLE));
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), mac));
    key[0] = 5;
    hmac_sha256(bytes_of(key, 32), BYTES("x"), wanted);
    CHECK(!memcmp(mac, wanted, 32));
}

static void note_done(struct signing *job)
{
    (void)job;
}

TEST(a_slot_is_a_key_like_any_other)
{
    uint8_t key[32] = {7}, wanted[32];
    struct signing job = {.done = note_done, .e = ERR_INTERNAL};
    struct key *k;

    CHECK_ERR(key_in_tpm(chip.tpm, 2, &k), ERR_NOT_FOUND);
    CHECK(strstr(tpm_why(chip.tpm), "slot 2 has no key"));
    CHECK_ERR(key_in_tpm(chip.tpm, TPM_SLOTS, &k), ERR_RANGE);
    CHECK_OK(tpm_slot_provision(chip.tpm, 2, bytes_of(key, 32), "hub", "a", false));
    CHECK_OK(key_in_tpm(chip.tpm, 2, &k));
    CHECK_OK(key_sign(k, BYTES("hub/devices/a\n1700000000"), &job));
    hmac_sha256(bytes_of(key, 32), BYTES("hub/devices/a\n1700000000"), wanted);
    CHECK(job.e == OK && !memcmp(job.mac, wanted, 32));
    CHECK_OK(tpm_slot_erase(chip.tpm, 2));
    CHECK_OK(key_sign(k, BYTES("x"), &job));
    CHECK(job.e == ERR_NOT_FOUND);
    key_drop(k);
}

static void set_password(const char *hierarchy)
{
    const char *const change[] = {"tpm2_changeauth", "-T", chip.tcti, "-c", hierarchy, "secret", NULL};

    CHECK(chip_run(change) == 0);
}

TEST(a_password_of_the_owner_is_told)
{
    uint8_t key[32] = {7};
    struct buf out = buf_max(1024);

    set_password("owner");
    CHECK_ERR(tpm_storage(chip.tpm, &out), ERR_DENIED);
    CHECK(strstr(tpm_why(chip.tpm), "the owner hierarchy of the TPM has a password"));
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false), ERR_DENIED);
    CHECK(strstr(tpm_why(chip.tpm), "the owner hierarchy of the TPM has a password"));
    CHECK_ERR(tpm_x509_key(chip.tpm, 0, true, &(uint32_t){0}), ERR_DENIED);
    buf_free(&out);
}

TEST(a_password_of_the_endorsement_hierarchy_is_told)
{
    struct buf out = buf_max(1024);

    set_password("endorsement");
    CHECK_OK(tpm_storage(chip.tpm, &out));
    CHECK_ERR(tpm_endorsement(chip.tpm, &out), ERR_DENIED);
    CHECK(strstr(tpm_why(chip.tpm), "the endorsement hierarchy of the TPM has a password"));
    buf_free(&out);
}

TEST(what_hinders_opening_is_told)
{
    static const char file[] = "/tmp/d2d-tpm-no-such-device";
    struct tpm *t = NULL;
    char why[TPM_WHY_CAP];

    CHECK_ERR(tpm_open("device:/tmp/d2d-tpm-no-such-device", &t, why), ERR_NOT_FOUND);
    CHECK(strstr(why, file) && strstr(why, "no TPM 2.0"));
    CHECK_ERR(tpm_open("swtpm:path=/tmp/d2d-tpm-no-such-socket", &t, why), ERR_UNREACHABLE);
    CHECK(strstr(why, "there is no TPM at"));
    CHECK_ERR(tpm_open("nonsense", &t, why), ERR_UNREACHABLE);
    if (access("/dev/tpmrm0", F_OK) && access("/dev/tpm0", F_OK)) {
        CHECK_ERR(tpm_open(NULL, &t, why), ERR_NOT_FOUND);
        CHECK(strstr(why, "/dev/tpmrm0"));
    }
    CHECK(!t);
}

/* As somebody to whom the device is closed. */
TEST(a_device_that_may_not_be_opened_is_told)
{
    char path[] = "/tmp/d2d-tpm-XXXXXX", tcti[64], why[TPM_WHY_CAP];
    struct tpm *t;
    int file = mkstemp(path), status;
    pid_t pid;

    CHECK(file >= 0 && fchmod(file, 0) == 0);
    close(file);
    snprintf(tcti, sizeof tcti, "device:%s", path);
    pid = fork();
    if (!pid) {
        if (getuid() == 0 && setuid(65534))
            _exit(1);
        _exit(tpm_open(tcti, &t, why) == ERR_DENIED && strstr(why, "group tss") ? 0 : 2);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    unlink(path);
}

/* A policy session, and an object, that nobody flushes. */
static void leave_something(void)
{
    static const TPMT_SYM_DEF plain = {.algorithm = TPM2_ALG_NULL};
    static const TPM2B_SENSITIVE_CREATE nothing;
    static const TPM2B_PUBLIC shape = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes =
                           TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_SENSITIVEDATAORIGIN,
                       .parameters.keyedHashDetail.scheme = {TPM2_ALG_HMAC, {.hmac = {TPM2_ALG_SHA256}}}},
    };
    static const TPM2B_DATA no_data;
    static const TPML_PCR_SELECTION no_registers;
    ESYS_TR session, object;

    CHECK(!tss.Esys_StartAuthSession(chip.tpm->esys, NO_OBJECT, NO_OBJECT, NO_SESSION, NO_SESSION, NO_SESSION, NULL,
                                     TPM2_SE_POLICY, &plain, TPM2_ALG_SHA256, &session));
    CHECK(!tss.Esys_CreatePrimary(chip.tpm->esys, ESYS_TR_RH_NULL, BY_PASSWORD, NO_SESSION, NO_SESSION, &nothing,
                                  &shape, &no_data, &no_registers, &object, NULL, NULL, NULL, NULL));
}

/* As programs do that are killed: without a resource manager it would stay until the TPM is reset. */
TEST(what_others_left_loaded_goes)
{
    uint8_t key[32] = {1}, mac[32];
    char why[TPM_WHY_CAP];
    struct buf ek = buf_max(1024);

    for (int i = 0; i < 3; i++)
        leave_something();
    tpm_close(chip.tpm);
    CHECK_OK(tpm_open(chip.tcti, &chip.tpm, why));
    CHECK_OK(tpm_endorsement(chip.tpm, &ek));
    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false));
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), mac));
    leave_something();
    buf_free(&ek);
}

TEST(reasons_are_told_in_words)
{
    struct tpm t = {0};

    CHECK_ERR(tpm_check(&t, "x", OWNER, TPM2_RC_LOCKOUT), ERR_BUSY);
    CHECK(strstr(tpm_why(&t), "x: the TPM is locked after too many wrong passwords"));
    CHECK_ERR(tpm_check(&t, "x", OWNER, TPM2_RC_NV_SPACE), ERR_LIMIT);
    CHECK(strstr(tpm_why(&t), "no room"));
    CHECK_ERR(tpm_check(&t, "x", OWNER, TPM2_RC_NV_SPACE | TSS2_RESMGR_TPM_RC_LAYER), ERR_LIMIT);
    CHECK_ERR(tpm_check(&t, "x", OWNER, 0x18b), ERR_NOT_FOUND);
    CHECK_ERR(tpm_check(&t, "x", KEYS_OWN, 0x9a2), ERR_DENIED);
    CHECK_ERR(tpm_check(&t, "x", OWNER, TSS2_TCTI_RC_IO_ERROR), ERR_IO);
    CHECK_ERR(tpm_check(&t, "x", OWNER, TSS2_ESYS_RC_MEMORY), ERR_MEMORY);
    CHECK_OK(tpm_check(&t, "x", OWNER, TSS2_RC_SUCCESS));
}

TESTS(WITH_CHIP(the_keys_of_the_tpm_are_those_of_the_sdks),
      WITH_CHIP(the_registration_id_is_the_digest_of_the_endorsement_key), WITH_CHIP(a_signature_is_that_of_software),
      WITH_CHIP(nothing_stays_loaded), WITH_CHIP(a_key_can_take_the_place_of_another),
      WITH_CHIP(a_slot_is_a_key_like_any_other), WITH_CHIP(a_password_of_the_owner_is_told),
      WITH_CHIP(a_password_of_the_endorsement_hierarchy_is_told), WITH_CHIP(what_others_left_loaded_goes),
      RUN(what_hinders_opening_is_told), RUN(a_device_that_may_not_be_opened_is_told), RUN(reasons_are_told_in_words))
