/* With a preference for the provider "tpm2", TLS would have the chip also make its passing keys, check the server's
 * signatures and count its digests; without one, it asks OpenSSL's own code for signatures, which sees only the public
 * half. So TLS gets a key of OpenSSL's own kind of which the signing alone is ours, by functions that are deprecated
 * but the only ones for it, and the provider lives in a library context that nothing else uses. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WHY_CAP = 256, DIGEST_LEN = 32, SIGNATURE_MAX = 80 };

struct provider_key {
    pthread_mutex_t lock; /* over the provider: the TPM stack answers one thread at a time */
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *common, *tpm;
    EVP_PKEY *key; /* the provider's */
    EC_KEY_METHOD *method;
};

bool tls_key_is_one(const char *name)
{
    return strncmp(name, "handle:", 7) == 0;
}

/* ---- signing --------------------------------------------------------------------------------------------------- */

static int index_of_key = -1;

static void make_index(void)
{
    index_of_key = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static bool have_index(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    return pthread_once(&once, make_index) == 0 && index_of_key >= 0;
}

/* ECDSA takes the first 256 bits of a longer digest, and a shorter one as a small number, so that P-256 needs SHA-256
 * only from the chip, whichever digest TLS has agreed on. */
static ECDSA_SIG *sign_in_tpm(const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
    struct provider_key *p = EC_KEY_get_ex_data(ec, index_of_key);
    EVP_PKEY_CTX *ctx;
    uint8_t text[DIGEST_LEN] = {0}, signature[SIGNATURE_MAX];
    const uint8_t *at = signature;
    size_t n = len < DIGEST_LEN ? (size_t)len : DIGEST_LEN, signature_len = sizeof signature;
    ECDSA_SIG *out = NULL;

    (void)kinv;
    (void)r;
    memcpy(text + DIGEST_LEN - n, digest, n);
    pthread_mutex_lock(&p->lock);
    ctx = EVP_PKEY_CTX_new_from_pkey(p->library, p->key, "provider=tpm2");
    if (ctx && EVP_PKEY_sign_init(ctx) > 0 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
        EVP_PKEY_sign(ctx, signature, &signature_len, text, sizeof text) > 0)
        out = d2i_ECDSA_SIG(NULL, &at, (long)signature_len);
    EVP_PKEY_CTX_free(ctx);
    pthread_mutex_unlock(&p->lock);
    return out;
}

static EC_KEY_METHOD *method_new(void)
{
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned *, const BIGNUM *, const BIGNUM *, EC_KEY *);

    if (!method)
        return NULL;
    EC_KEY_METHOD_get_sign(method, &sign, NULL, NULL);
    EC_KEY_METHOD_set_sign(method, sign, NULL, sign_in_tpm);
    return method;
}

/* OpenSSL's own kind of key, with the public half of the chip's. NULL when that is of another kind. */
static EVP_PKEY *wrap(struct provider_key *p)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(p->key, &der);
    const uint8_t *at = der;
    EC_KEY *ec = len > 0 ? d2i_EC_PUBKEY(NULL, &at, len) : NULL;
    EVP_PKEY *key = EVP_PKEY_new();

    OPENSSL_free(der);
    if (ec && key && EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) == NID_X9_62_prime256v1 && have_index() &&
        EC_KEY_set_ex_data(ec, index_of_key, p) == 1 && EC_KEY_set_method(ec, p->method) == 1 &&
        EVP_PKEY_set1_EC_KEY(key, ec) == 1) {
        EC_KEY_free(ec);
        return key;
    }
    EC_KEY_free(ec);
    EVP_PKEY_free(key);
    return NULL;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* The first key at that place. Nobody is asked for a password. */
static EVP_PKEY *load(const char *name, OSSL_LIB_CTX *library)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(name, library, "?provider=tpm2", UI_null(), NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (store && !key && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *one = OSSL_STORE_load(store);
        if (!one)
            break;
        key = OSSL_STORE_INFO_get1_PKEY(one);
        OSSL_STORE_INFO_free(one);
    }
    OSSL_STORE_close(store);
    return key;
}

/* Silences the TPM stack: what it would write to stderr is in `why`. */
static bool set_environment(void)
{
    bool managed = access("/dev/tpmrm0", F_OK) == 0 || access("/dev/tpm0", F_OK);
    const char *ours = getenv("D2D_TCTI"), *usual = managed ? "device:/dev/tpmrm0" : "device:/dev/tpm0";

    return setenv("TPM2OPENSSL_TCTI", ours && *ours ? ours : usual, 0) == 0 && setenv("TSS2_LOG", "all+NONE", 0) == 0;
}

static enum err open_provider(struct provider_key *p, char why[WHY_CAP])
{
    if (!set_environment() || !(p->method = method_new()) || !(p->library = OSSL_LIB_CTX_new()) ||
        !(p->common = OSSL_PROVIDER_load(p->library, "default"))) {
        snprintf(why, WHY_CAP, "%s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    ERR_clear_error();
    if ((p->tpm = OSSL_PROVIDER_load(p->library, "tpm2")))
        return OK;
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_DSO) {
        snprintf(why, WHY_CAP, "OpenSSL's provider for keys in a TPM is not installed (tpm2-openssl)");
        return ERR_UNSUPPORTED;
    }
    snprintf(why, WHY_CAP, "OpenSSL cannot open the TPM (%s)", getenv("TPM2OPENSSL_TCTI"));
    return ERR_UNREACHABLE;
}

static enum err open_key(const char *name, struct tls_key *k, char why[WHY_CAP])
{
    enum err e = open_provider(k->in_provider, why);

    if (e)
        return e;
    if (!(k->in_provider->key = load(name, k->in_provider->library))) {
        snprintf(why, WHY_CAP, "there is no key at %s of the TPM", name);
        return ERR_NOT_FOUND;
    }
    if (!(k->key = wrap(k->in_provider))) {
        snprintf(why, WHY_CAP, "the key at %s of the TPM is not one for ECDSA P-256", name);
        return ERR_UNSUPPORTED;
    }
    return OK;
}

enum err tls_key_open(const char *name, struct tls_key *out, char why[WHY_CAP])
{
    struct tls_key k = {.in_provider = malloc(sizeof *k.in_provider)};
    enum err e;

    if (!k.in_provider) {
        snprintf(why, WHY_CAP, "%s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    *k.in_provider = (struct provider_key){.lock = PTHREAD_MUTEX_INITIALIZER};
    e = open_key(name, &k, why);
    ERR_clear_error();
    if (e)
        tls_key_close(&k);
    else
        *out = k;
    return e;
}

void tls_key_close(struct tls_key *k)
{
    if (!k->in_provider)
        return;
    EVP_PKEY_free(k->key);
    EC_KEY_METHOD_free(k->in_provider->method);
    EVP_PKEY_free(k->in_provider->key);
    if (k->in_provider->tpm)
        OSSL_PROVIDER_unload(k->in_provider->tpm);
    if (k->in_provider->common)
        OSSL_PROVIDER_unload(k->in_provider->common);
    OSSL_LIB_CTX_free(k->in_provider->library);
    pthread_mutex_destroy(&k->in_provider->lock);
    free(k->in_provider);
    *k = (struct tls_key){0};
}
