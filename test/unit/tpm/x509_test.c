/* A client certificate whose key is in the TPM: made, and shown in a handshake. */
#include "chip.h"
#include "openssl_cert.h"
#include "tls_peers.h"

static const char *handle_name(uint32_t handle)
{
    static char name[32];

    snprintf(name, sizeof name, "handle:0x%08x", handle);
    return name;
}

static const char *make_certificate(const char *key_name)
{
    struct buf pem = buf_max(8192);
    struct cert_facts facts;
    struct tls_key key;
    char why[256];
    const char *file;

    CHECK_OK(tls_key_open(key_name, &key, why));
    CHECK_OK(cert_make_device_for(key.key, "device-1", time(NULL) - 60, time(NULL) + 60, &pem));
    tls_key_close(&key);
    CHECK_OK(cert_read(buf_bytes(&pem), &facts));
    assert_string_equal(facts.subject, "CN=device-1");
    CHECK(!facts.is_authority);
    file = certs_write(buf_bytes(&pem), "device");
    buf_free(&pem);
    return file;
}

static int use_chip(void **state)
{
    chip_start(state);
    certs_authority();
    return setenv("TPM2OPENSSL_TCTI", chip.tcti, 1);
}

static void shake_with(const char *file, const char *name, int version)
{
    struct peer peer;
    struct pair p;
    char why[256] = "";

    contexts(&p);
    CHECK(SSL_CTX_set_max_proto_version(p.client_tls->ctx, version) == 1);
    CHECK_OK(tls_client_use(p.client_tls, file, name, why));
    for (int i = 0; i < 3; i++) {
        ends(&p, "hub.example");
        shake(&p, 100000);
        CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
        CHECK(peer.has_certificate && SSL_version(p.client.tls.ssl) == version);
        check_talk(&p);
        drop_ends(&p);
    }
    tls_free(p.server_tls);
    tls_free(p.client_tls);
}

TEST(a_key_in_the_tpm_makes_a_handshake)
{
    uint32_t handle;
    const char *name, *file;

    CHECK_OK(tpm_x509_key(chip.tpm, 0, true, &handle));
    CHECK(handle == TPM_X509_HANDLE);
    name = handle_name(handle);
    file = make_certificate(name);
    shake_with(file, name, TLS1_3_VERSION);
    shake_with(file, name, TLS1_2_VERSION);
}

/* The chip signs every digest that a server asks for. */
TEST(all_digests_are_signed)
{
    const EVP_MD *const digests[] = {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    static const uint8_t text[] = "some text";
    uint8_t signature[128], *der = NULL;
    const uint8_t *at;
    uint32_t handle;
    struct tls_key key;
    EVP_PKEY *public_half;
    char why[256];
    int len;

    CHECK_OK(tpm_x509_key(chip.tpm, 0, true, &handle));
    CHECK_OK(tls_key_open(handle_name(handle), &key, why));
    CHECK((len = i2d_PUBKEY(key.key, &der)) > 0);
    at = der;
    CHECK((public_half = d2i_PUBKEY(NULL, &at, len)));
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
        size_t n = sizeof signature;
        CHECK(EVP_DigestSignInit(sign, NULL, digests[i], NULL, key.key) == 1);
        CHECK(EVP_DigestSign(sign, signature, &n, text, sizeof text) == 1);
        CHECK(EVP_DigestVerifyInit(verify, NULL, digests[i], NULL, public_half) == 1);
        CHECK(EVP_DigestVerify(verify, signature, n, text, sizeof text) == 1);
        EVP_MD_CTX_free(sign);
        EVP_MD_CTX_free(verify);
    }
    EVP_PKEY_free(public_half);
    OPENSSL_free(der);
    tls_key_close(&key);
}

TEST(a_key_of_another_kind_is_refused)
{
    struct buf storage = buf_max(1024);
    struct tls_key key;
    char why[256];

    CHECK_OK(tpm_storage(chip.tpm, &storage));
    CHECK_ERR(tls_key_open("handle:0x81000001", &key, why), ERR_UNSUPPORTED);
    CHECK(strstr(why, "handle:0x81000001 of the TPM is not one for ECDSA P-256"));
    buf_free(&storage);
}

TEST(a_certificate_of_another_key_is_refused)
{
    struct pair p;
    uint32_t one, two;
    const char *file;
    char why[256] = "";

    CHECK_OK(tpm_x509_key(chip.tpm, 1, true, &one));
    CHECK_OK(tpm_x509_key(chip.tpm, 2, true, &two));
    file = make_certificate(handle_name(one));
    contexts(&p);
    CHECK_ERR(tls_client_use(p.client_tls, file, handle_name(two), why), ERR_MALFORMED);
    CHECK(strstr(why, "cannot use the private key handle:0x81000202"));
    CHECK_ERR(tls_client_use(p.client_tls, file, "handle:0x81000203", why), ERR_NOT_FOUND);
    CHECK(strstr(why, "there is no key at handle:0x81000203"));
    tls_free(p.server_tls);
    tls_free(p.client_tls);
}

TEST(a_key_is_kept_until_it_is_erased)
{
    struct tls_key key;
    uint32_t handle = 0;
    char why[256];

    CHECK_ERR(tpm_x509_key(chip.tpm, 9, false, &handle), ERR_NOT_FOUND);
    CHECK(handle == 0 && strstr(tpm_why(chip.tpm), "slot 9 has no key for a certificate"));
    CHECK_ERR(tpm_x509_key(chip.tpm, 10, true, &handle), ERR_RANGE);
    for (int i = 0; i < 5; i++)
        CHECK_OK(tpm_x509_key(chip.tpm, 9, true, &handle));
    CHECK(handle == TPM_X509_HANDLE + 9);
    CHECK_OK(tls_key_open(handle_name(handle), &key, why));
    CHECK(EVP_PKEY_is_a(key.key, "EC") && EVP_PKEY_get_bits(key.key) == 256);
    tls_key_close(&key);
    CHECK_OK(tpm_x509_erase(chip.tpm, 9));
    CHECK_ERR(tpm_x509_erase(chip.tpm, 9), ERR_NOT_FOUND);
    CHECK_ERR(tls_key_open(handle_name(handle), &key, why), ERR_NOT_FOUND);
}

TEST(without_the_tpm_or_the_provider_it_is_told)
{
    struct tls_key key;
    char why[256];

    setenv("TPM2OPENSSL_TCTI", "swtpm:path=/tmp/d2d-tpm-no-such-socket", 1);
    CHECK_ERR(tls_key_open("handle:0x81000200", &key, why), ERR_UNREACHABLE);
    CHECK(strstr(why, "no-such-socket"));
    setenv("OPENSSL_MODULES", "/nowhere", 1);
    CHECK_ERR(tls_key_open("handle:0x81000200", &key, why), ERR_UNSUPPORTED);
    CHECK(strstr(why, "not installed (tpm2-openssl)"));
    unsetenv("OPENSSL_MODULES");
    unsetenv("TPM2OPENSSL_TCTI");
    if (access("/dev/tpmrm0", F_OK) && access("/dev/tpm0", F_OK)) {
        CHECK_ERR(tls_key_open("handle:0x81000200", &key, why), ERR_UNREACHABLE);
        CHECK(strstr(why, "device:/dev/tpmrm0"));
    }
}

#define WITH_PROVIDER(name) cmocka_unit_test_setup_teardown(name, use_chip, chip_stop)

CERT_TESTS(WITH_PROVIDER(all_digests_are_signed), WITH_PROVIDER(a_key_of_another_kind_is_refused),
           WITH_PROVIDER(a_key_in_the_tpm_makes_a_handshake), WITH_PROVIDER(a_certificate_of_another_key_is_refused),
           WITH_PROVIDER(a_key_is_kept_until_it_is_erased), RUN(without_the_tpm_or_the_provider_it_is_told))
