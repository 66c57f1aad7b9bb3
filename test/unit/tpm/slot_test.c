/* Slots as the cloud's local provisioning tools keep them. */
#include "chip.h"
#include "sas.h"
#include "text.h"
#include "tpm_esys.h"

#include <openssl/sha.h>

static const uint8_t some_key[32] = {1, 2, 3};

/* Data as another tool would have written it, or half of what we do. */
static void define_text(unsigned slot, TPMA_NV attributes, const char *text, bool write)
{
    static const TPM2B_AUTH no_auth;
    size_t len = strlen(text);
    TPM2B_NV_PUBLIC area = {.nvPublic = {.nvIndex = TPM_TEXT_INDEX + slot,
                                         .nameAlg = TPM2_ALG_SHA256,
                                         .attributes = attributes,
                                         .dataSize = (UINT16)len}};
    TPM2B_MAX_NV_BUFFER data = {.size = (UINT16)len};
    ESYS_TR index, by;

    memcpy(data.buffer, text, len);
    CHECK(!tss.Esys_NV_DefineSpace(chip.tpm->esys, ESYS_TR_RH_OWNER, BY_PASSWORD, NO_SESSION, NO_SESSION, &no_auth,
                                   &area, &index));
    by = attributes & TPMA_NV_OWNERWRITE ? ESYS_TR_RH_OWNER : index;
    if (write)
        CHECK(!tss.Esys_NV_Write(chip.tpm->esys, by, index, BY_PASSWORD, NO_SESSION, NO_SESSION, &data, 0));
    tss.Esys_TR_Close(chip.tpm->esys, &index);
}

static struct tpm_slot read_slot(unsigned slot)
{
    struct tpm_slot s;

    CHECK_OK(tpm_slot_read(chip.tpm, slot, &s));
    return s;
}

static void expect(unsigned slot, const char *host, const char *device)
{
    struct tpm_slot s = read_slot(slot);

    assert_string_equal(s.host, host);
    assert_string_equal(s.device, device ? device : s.hardware_id);
}

TEST(ten_slots_live_beside_each_other)
{
    uint8_t key[32] = {0}, mac[32], wanted[32];
    char device[16];

    for (unsigned slot = 0; slot < TPM_SLOTS; slot++) {
        struct tpm_slot s = read_slot(slot);
        CHECK(!s.has_key && !s.has_text && !s.host[0] && !strcmp(s.device, s.hardware_id));
        key[0] = (uint8_t)slot;
        snprintf(device, sizeof device, "d%u", slot);
        CHECK_OK(tpm_slot_provision(chip.tpm, slot, bytes_of(key, 32), "hub.example", device, false));
    }
    for (unsigned slot = 0; slot < TPM_SLOTS; slot++) {
        struct tpm_slot s = read_slot(slot);
        snprintf(device, sizeof device, "d%u", slot);
        CHECK(s.has_key && s.has_text && !s.module[0]);
        expect(slot, "hub.example", device);
        key[0] = (uint8_t)slot;
        CHECK_OK(tpm_sign(chip.tpm, slot, BYTES("x"), mac));
        hmac_sha256(bytes_of(key, 32), BYTES("x"), wanted);
        CHECK(!memcmp(mac, wanted, 32));
    }
}

/* provisioning 4.9.1: what the other tools look for, and that the key can never be duplicated. */
TEST(a_slot_has_the_attributes_of_the_contract)
{
    TPM2B_NV_PUBLIC *text = NULL;
    TPM2B_PUBLIC *key = NULL;
    ESYS_TR object;

    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), "hub", "a", false));
    CHECK_OK(tpm_find(chip.tpm, 0x01400100, &object));
    CHECK(!tss.Esys_NV_ReadPublic(chip.tpm->esys, object, NO_SESSION, NO_SESSION, NO_SESSION, &text, NULL));
    CHECK(text->nvPublic.attributes == 0x22040004 && text->nvPublic.dataSize == 5 && !text->nvPublic.authPolicy.size);
    tpm_let_go(chip.tpm, &object);
    CHECK_OK(tpm_find(chip.tpm, 0x81000100, &object));
    CHECK(!tss.Esys_ReadPublic(chip.tpm->esys, object, NO_SESSION, NO_SESSION, NO_SESSION, &key, NULL, NULL));
    CHECK(key->publicArea.objectAttributes == 0x00040452 && !key->publicArea.authPolicy.size);
    tpm_let_go(chip.tpm, &object);
    tss.Esys_Free(text);
    tss.Esys_Free(key);
}

/* lower-hex SHA-256(slot, little-endian || name of the storage key), provisioning 4.9.2 */
TEST(the_hardware_id_is_that_of_the_other_tools)
{
    struct buf storage = buf_max(1024), hex = buf_max(65);
    uint8_t input[4 + 2 + 32] = {7, 0, 0, 0, 0, 0x0b}, digest[32];

    CHECK_OK(tpm_storage(chip.tpm, &storage));
    SHA256(storage.at + 2, storage.len - 2, input + 6);
    SHA256(input, sizeof input, digest);
    buf_put_hex(&hex, bytes_of(digest, 32));
    assert_string_equal(read_slot(7).hardware_id, buf_str(&hex));
    CHECK(strcmp(read_slot(6).hardware_id, read_slot(7).hardware_id));
    buf_free(&storage);
    buf_free(&hex);
}

TEST(a_slot_without_a_device_is_the_hardware)
{
    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), "hub", "", false));
    expect(0, "hub", NULL);
    CHECK_OK(tpm_slot_provision(chip.tpm, 1, bytes_of(some_key, 32), "hub", NULL, false));
    expect(1, "hub", NULL);
}

TEST(a_used_slot_is_refused_until_it_is_erased)
{
    CHECK_OK(tpm_slot_provision(chip.tpm, 4, bytes_of(some_key, 32), "hub", "a", false));
    CHECK_ERR(tpm_slot_provision(chip.tpm, 4, bytes_of(some_key, 16), "other", "b", false), ERR_EXISTS);
    CHECK(strstr(tpm_why(chip.tpm), "slot 4 is in use"));
    expect(4, "hub", "a");
    CHECK_OK(tpm_slot_erase(chip.tpm, 4));
    CHECK(!read_slot(4).has_key && !read_slot(4).has_text);
    CHECK_ERR(tpm_slot_erase(chip.tpm, 4), ERR_NOT_FOUND);
    CHECK(strstr(tpm_why(chip.tpm), "slot 4 is empty"));
    CHECK_OK(tpm_slot_provision(chip.tpm, 4, bytes_of(some_key, 16), "other", "b", false));
    expect(4, "other", "b");
}

TEST(what_an_interrupted_provisioning_left_is_replaced)
{
    define_text(1, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "hub.example/a", true);
    define_text(2, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "hub.example/a", false);
    CHECK(read_slot(1).has_text && !read_slot(1).has_key);
    CHECK(!read_slot(2).has_text && !read_slot(2).has_key);
    CHECK_OK(tpm_slot_provision(chip.tpm, 1, bytes_of(some_key, 32), "new", "b", false));
    expect(1, "new", "b");
    CHECK_OK(tpm_slot_provision(chip.tpm, 2, bytes_of(some_key, 32), "new", "c", false));
    expect(2, "new", "c");
}

/* A key without a text is what the SDKs leave after a registration: it is somebody's identity. */
TEST(a_key_without_a_text_is_in_use)
{
    const char *const undefine[] = {"tpm2_nvundefine", "-T", chip.tcti, "0x01400100", NULL};

    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), "hub", "a", false));
    CHECK(chip_run(undefine) == 0);
    CHECK(read_slot(0).has_key && !read_slot(0).has_text);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), "hub", "a", false), ERR_EXISTS);
    CHECK_OK(tpm_slot_set_text(chip.tpm, 0, "hub", "a"));
    expect(0, "hub", "a");
    CHECK(chip_run(undefine) == 0);
    CHECK_OK(tpm_slot_erase(chip.tpm, 0));
    CHECK(!read_slot(0).has_key);
}

/* A key that has no children stands where the storage key should, so that the second half of a provisioning fails. */
TEST(a_provisioning_that_fails_leaves_nothing)
{
    char context[128];
    const char *const create[] = {"tpm2_createprimary",
                                  "-Q",
                                  "-T",
                                  chip.tcti,
                                  "-C",
                                  "o",
                                  "-G",
                                  "ecc256:null:null",
                                  "-a",
                                  "sign|userwithauth|fixedtpm|fixedparent|sensitivedataorigin",
                                  "-c",
                                  context,
                                  NULL};
    const char *const keep[] = {"tpm2_evictcontrol", "-Q", "-T", chip.tcti, "-C", "o", "-c", context,
                                "0x81000001",        NULL};
    const char *const flush[] = {"tpm2_flushcontext", "-T", chip.tcti, "-t", NULL};
    ESYS_TR index;

    snprintf(context, sizeof context, "%s/key.ctx", chip.folder);
    CHECK(chip_run(create) == 0 && chip_run(keep) == 0 && chip_run(flush) == 0);
    CHECK(tpm_slot_provision(chip.tpm, 3, bytes_of(some_key, 32), "hub", "a", false) != OK);
    CHECK(strstr(tpm_why(chip.tpm), "making a key"));
    CHECK_ERR(tpm_find(chip.tpm, TPM_TEXT_INDEX + 3, &index), ERR_NOT_FOUND);
}

TEST(a_text_is_replaced_and_the_key_stays)
{
    uint8_t before[32], after[32];

    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), "hub", "a", false));
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), before));
    CHECK_OK(tpm_slot_set_text(chip.tpm, 0, "another.example", "a-longer-name"));
    expect(0, "another.example", "a-longer-name");
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), after));
    CHECK(!memcmp(before, after, 32));
    CHECK_OK(tpm_slot_set_text(chip.tpm, 5, "hub", "without-a-key-yet"));
    CHECK(read_slot(5).has_text && !read_slot(5).has_key);
}

TEST(what_others_wrote_is_read)
{
    define_text(0, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "hub/dev/mod", true);
    define_text(1, TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "hub/dev", true);
    define_text(2, TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA, "hub/dev", true);
    define_text(3, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "no-slash", true);
    define_text(4, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, "/dev", true);
    expect(0, "hub", "dev");
    assert_string_equal(read_slot(0).module, "mod");
    expect(1, "hub", "dev");
    expect(2, "hub", "dev");
    expect(3, "", NULL);
    expect(4, "", NULL);
    for (unsigned slot = 0; slot < 3; slot++)
        CHECK_OK(tpm_slot_erase(chip.tpm, slot));
}

/* A key of another program at a handle of ours, made by its own tool. */
static void keep_foreign(const char *handle, const char *algorithm)
{
    char context[128], outer[128], inner[128], primary[128];
    const char *const parent[] = {"tpm2_createprimary", "-Q", "-T", chip.tcti, "-C", "o", "-c", primary, NULL};
    const char *const create[] = {"tpm2_create", "-Q",  "-T", chip.tcti, "-C", primary, "-G", algorithm,
                                  "-u",          outer, "-r", inner,     "-c", context, NULL};
    const char *const flush[] = {"tpm2_flushcontext", "-T", chip.tcti, "-t", NULL};
    const char *const keep[] = {"tpm2_evictcontrol", "-Q", "-T", chip.tcti, "-C", "o", "-c", context, handle, NULL};

    snprintf(context, sizeof context, "%s/key.ctx", chip.folder);
    snprintf(outer, sizeof outer, "%s/key.pub", chip.folder);
    snprintf(inner, sizeof inner, "%s/key.priv", chip.folder);
    snprintf(primary, sizeof primary, "%s/primary.ctx", chip.folder);
    CHECK(chip_run(parent) == 0 && chip_run(create) == 0);
    CHECK(chip_run(flush) == 0 && chip_run(keep) == 0 && chip_run(flush) == 0);
}

static void expect_foreign(TPM2_HANDLE handle)
{
    char at[16];
    ESYS_TR there;

    snprintf(at, sizeof at, "0x%08x", handle);
    CHECK(strstr(tpm_why(chip.tpm), at) && strstr(tpm_why(chip.tpm), "another program"));
    CHECK_OK(tpm_find(chip.tpm, handle, &there));
    tpm_let_go(chip.tpm, &there);
}

/* The handles are in the range that every program may use. */
TEST(keys_of_other_programs_stay)
{
    static const char *const kinds[] = {"ecc256:ecdsa", "rsa2048:rsassa", "hmac", "aes128cfb"};
    char at[16];
    struct tpm_slot s;

    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(at, sizeof at, "0x%08x", TPM_SLOT_HANDLE + i);
        keep_foreign(at, kinds[i]);
        s = read_slot(i);
        CHECK(!s.has_key && !s.has_text && strstr(s.foreign, at));
        CHECK_ERR(tpm_slot_erase(chip.tpm, i), ERR_REJECTED);
        expect_foreign(TPM_SLOT_HANDLE + i);
        CHECK_ERR(tpm_slot_provision(chip.tpm, i, bytes_of(some_key, 32), "hub", "a", true), ERR_REJECTED);
        expect_foreign(TPM_SLOT_HANDLE + i);
        CHECK(!read_slot(i).has_text);
    }
    CHECK(!read_slot(5).foreign[0]);
}

TEST(data_of_other_programs_stays)
{
    static const char *const texts[] = {"no-slash", "/dev", "a b/c", "x"};
    struct tpm_slot s;

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        define_text(i, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | (i == 3 ? TPMA_NV_OWNERREAD : 0),
                    texts[i], true);
        s = read_slot(i);
        CHECK(!s.has_text && strstr(s.foreign, "data"));
        CHECK_ERR(tpm_slot_erase(chip.tpm, i), ERR_REJECTED);
        CHECK_ERR(tpm_slot_provision(chip.tpm, i, bytes_of(some_key, 32), "hub", "a", true), ERR_REJECTED);
        CHECK_ERR(tpm_slot_set_text(chip.tpm, i, "hub", "a"), ERR_REJECTED);
        expect_foreign(TPM_TEXT_INDEX + i);
    }
}

TEST(a_certificate_key_of_another_program_stays)
{
    uint32_t handle;

    keep_foreign("0x81000201", "ecc384");
    CHECK_ERR(tpm_x509_erase(chip.tpm, 1), ERR_REJECTED);
    expect_foreign(TPM_X509_HANDLE + 1);
    CHECK_OK(tpm_x509_key(chip.tpm, 2, true, &handle));
    CHECK_OK(tpm_x509_erase(chip.tpm, 2));
}

TEST(a_key_is_replaced_when_that_is_asked_for)
{
    uint8_t mac[32], wanted[32];

    CHECK_OK(tpm_slot_provision(chip.tpm, 4, bytes_of(some_key, 32), "hub", "a", false));
    CHECK_OK(tpm_slot_provision(chip.tpm, 4, bytes_of(some_key, 16), "other", "b", true));
    expect(4, "other", "b");
    CHECK_OK(tpm_sign(chip.tpm, 4, BYTES("x"), mac));
    hmac_sha256(bytes_of(some_key, 16), BYTES("x"), wanted);
    CHECK(!memcmp(mac, wanted, 32));
}

/* Longer than any piece of an NV index, and longer than any name. */
TEST(long_texts)
{
    char host[HOST_LEN_MAX + 2], device[ID_LEN_MAX + 2], odd[601];

    memset(host, 'h', sizeof host);
    memset(device, 'd', sizeof device);
    memset(odd, 'o', sizeof odd);
    host[HOST_LEN_MAX] = device[ID_LEN_MAX] = odd[600] = 0;
    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(some_key, 32), host, device, false));
    expect(0, host, device);
    host[HOST_LEN_MAX] = 'h';
    host[HOST_LEN_MAX + 1] = 0;
    CHECK_ERR(tpm_slot_set_text(chip.tpm, 0, host, "a"), ERR_ARGUMENT);
    device[ID_LEN_MAX] = 'd';
    device[ID_LEN_MAX + 1] = 0;
    CHECK_ERR(tpm_slot_set_text(chip.tpm, 0, "hub", device), ERR_ARGUMENT);
    define_text(1, TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA, odd, true);
    expect(1, "", NULL);
}

TEST(what_is_no_name_or_key_is_refused)
{
    uint8_t key[65] = {0};
    struct tpm_slot s;

    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 15), "hub", "a", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 65), "hub", "a", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "", "a", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), NULL, "a", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub/x", "a", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a/b", false), ERR_ARGUMENT);
    CHECK_ERR(tpm_slot_provision(chip.tpm, 10, bytes_of(key, 32), "hub", "a", false), ERR_RANGE);
    CHECK_ERR(tpm_slot_read(chip.tpm, 10, &s), ERR_RANGE);
    CHECK_ERR(tpm_slot_set_text(chip.tpm, 10, "hub", "a"), ERR_RANGE);
    CHECK_ERR(tpm_slot_erase(chip.tpm, 10), ERR_RANGE);
    CHECK(strstr(tpm_why(chip.tpm), "must be 0 to 9"));
    CHECK(!read_slot(0).has_key && !read_slot(0).has_text);
}

/* Until the TPM has no room for another text. */
static void fill(void)
{
    TPM2B_NV_PUBLIC area = {.nvPublic = {.nameAlg = TPM2_ALG_SHA256,
                                         .attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA,
                                         .dataSize = 2048}};
    static const TPM2B_AUTH nothing;

    for (; area.nvPublic.dataSize; area.nvPublic.dataSize /= 2) {
        for (TPM2_HANDLE i = 0;; i++) {
            ESYS_TR made;

            area.nvPublic.nvIndex = 0x01500000 + area.nvPublic.dataSize * 256u + i;
            TSS2_RC rc = tss.Esys_NV_DefineSpace(chip.tpm->esys, ESYS_TR_RH_OWNER, BY_PASSWORD, NO_SESSION, NO_SESSION,
                                                 &nothing, &area, &made);
            if (rc)
                break;
            CHECK(i < 1000 && !tss.Esys_TR_Close(chip.tpm->esys, &made));
        }
    }
}

TEST(a_tpm_that_is_full_says_so_and_keeps_what_it_has)
{
    uint8_t key[32] = {1}, mac[32];
    struct tpm_slot slot;

    CHECK_OK(tpm_slot_provision(chip.tpm, 0, bytes_of(key, 32), "hub", "a", false));
    fill();
    CHECK_ERR(tpm_slot_provision(chip.tpm, 1, bytes_of(key, 32), "hub", "b", false), ERR_LIMIT);
    CHECK(strstr(tpm_why(chip.tpm), "no room left"));
    CHECK_OK(tpm_slot_read(chip.tpm, 1, &slot));
    CHECK(!slot.has_key && !slot.has_text);
    CHECK_OK(tpm_sign(chip.tpm, 0, BYTES("x"), mac));
}

TESTS(WITH_CHIP(ten_slots_live_beside_each_other), WITH_CHIP(a_tpm_that_is_full_says_so_and_keeps_what_it_has),
      WITH_CHIP(a_slot_has_the_attributes_of_the_contract), WITH_CHIP(the_hardware_id_is_that_of_the_other_tools),
      WITH_CHIP(a_slot_without_a_device_is_the_hardware), WITH_CHIP(a_used_slot_is_refused_until_it_is_erased),
      WITH_CHIP(what_an_interrupted_provisioning_left_is_replaced), WITH_CHIP(a_key_without_a_text_is_in_use),
      WITH_CHIP(a_provisioning_that_fails_leaves_nothing), WITH_CHIP(a_text_is_replaced_and_the_key_stays),
      WITH_CHIP(what_others_wrote_is_read), WITH_CHIP(keys_of_other_programs_stay),
      WITH_CHIP(data_of_other_programs_stays), WITH_CHIP(a_certificate_key_of_another_program_stays),
      WITH_CHIP(a_key_is_replaced_when_that_is_asked_for), WITH_CHIP(long_texts),
      WITH_CHIP(what_is_no_name_or_key_is_refused))
