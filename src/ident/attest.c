#include "attest.h"

#include "ceilings.h"
#include "digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

enum { MODULUS = 256, HASH = 32, AES_KEY = 16, NAME = 2 + HASH };
enum { EK_MODULUS = ATTEST_EK_LEN - MODULUS, SRK_MODULUS = ATTEST_SRK_LEN - MODULUS };
/* The largest wrapped key: hashes and sizes, attributes, seed, key. */
enum { SENSITIVE_MAX = 2 + 4 + 2 + HASH + 2 + KEY_LEN_MAX, WRAPPED_MAX = 2 + HASH + SENSITIVE_MAX, URI_MAX = 512 };

/* ---- what keys look like (4.2) --------------------------------------------------------------------------------- */

#define RSA_PARAMETERS                           \
    "\x00\x06\x00\x80\x00\x43" /* AES-128-CFB */ \
    "\x00\x10\x08\x00"         /* no scheme, 2048 bits */

static const char ek_head[] = "\x01\x3a\x00\x01\x00\x0b\x00\x03\x00\xb2\x00\x20"
                              "\x83\x71\x97\x67\x44\x84\xb3\xf8\x1a\x90\xcc\x8d\x46\xa5\xd7\x24"
                              "\xfd\x52\xd7\x6e\x06\x52\x0b\x64\xf2\xa1\xda\x1b\x33\x14\x69\xaa" RSA_PARAMETERS;
static const char srk_head[] = "\x01\x1a\x00\x01\x00\x0b\x00\x03\x04\x72\x00\x00" RSA_PARAMETERS;

/* Head, exponent, and a modulus of 2048 bits. */
static bool is_key(struct bytes key, struct bytes head, size_t len)
{
    struct rd r = rd_over(key);
    struct bytes begin = rd_bytes(&r, head.len);
    uint32_t exponent = rd_u32(&r);
    uint16_t size = rd_u16(&r);
    struct bytes modulus = rd_rest(&r);

    return key.len == len && bytes_eq(begin, head) && (exponent == 0 || exponent == RSA_F4) && size == MODULUS &&
           modulus.len == MODULUS && (modulus.at[0] & 0x80) && (modulus.at[MODULUS - 1] & 1);
}

bool attest_is_endorsement(struct bytes ek)
{
    return is_key(ek, BYTES(ek_head), ATTEST_EK_LEN);
}

bool attest_is_storage(struct bytes srk)
{
    return is_key(srk, BYTES(srk_head), ATTEST_SRK_LEN);
}

void attest_registration_id(struct bytes ek, char out[ATTEST_ID_CAP])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t hash[HASH];
    unsigned bits = 0, n_bits = 0;
    size_t n = 0;

    sha256(ek, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        bits = bits << 8 | hash[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            out[n++] = digits[bits >> (n_bits - 5) & 31];
    }
    out[n++] = digits[bits << (5 - n_bits) & 31];
    out[n] = 0;
}

/* ---- what TPMs compute (4.5) ----------------------------------------------------------------------------------- */

/* KDFa of up to 256 bits, of which the first part of the context is given. */
static void derive(const uint8_t seed[HASH], const char *label, struct bytes context, unsigned bits, uint8_t out[HASH])
{
    uint8_t room[128];
    struct buf text = buf_over(room, sizeof room);

    buf_put_u32(&text, 1);
    buf_put(&text, bytes_of(label, strlen(label) + 1));
    buf_put(&text, context);
    buf_put_u32(&text, bits);
    hmac_sha256(bytes_of(seed, HASH), buf_bytes(&text), out);
}

static bool encrypt(const uint8_t key[AES_KEY], struct bytes in, uint8_t *out)
{
    static const uint8_t iv[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool done = c && EVP_EncryptInit_ex(c, EVP_aes_128_cfb128(), NULL, key, iv) == 1 &&
                EVP_EncryptUpdate(c, out, &n, in.at, (int)in.len) == 1 && (size_t)n == in.len;

    EVP_CIPHER_CTX_free(c);
    return done;
}

static EVP_PKEY *rsa_key(const uint8_t *modulus)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus, MODULUS, NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (context && builder && n && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, RSA_F4) &&
        (params = OSSL_PARAM_BLD_to_param(builder)) && EVP_PKEY_fromdata_init(context) > 0 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    OSSL_PARAM_free(params);
    BN_free(n);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* The label counts with its NUL. Given to the context. */
static bool set_label(EVP_PKEY_CTX *context, const char *label)
{
    char *copy = OPENSSL_strdup(label);

    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)strlen(label) + 1) > 0)
        return true;
    OPENSSL_free(copy);
    return false;
}

static bool seal_seed(const uint8_t *modulus, const char *label, const uint8_t seed[HASH], uint8_t out[MODULUS])
{
    EVP_PKEY *key = rsa_key(modulus);
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t len = MODULUS;
    bool done = context && EVP_PKEY_encrypt_init(context) > 0 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0 && set_label(context, label) &&
                EVP_PKEY_encrypt(context, out, &len, seed, HASH) > 0 && len == MODULUS;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return done;
}

static void put_2b(struct buf *out, struct bytes b)
{
    buf_put_u16(out, (uint16_t)b.len);
    buf_put(out, b);
}

static void name_of(struct bytes public, uint8_t out[NAME])
{
    out[0] = 0;
    out[1] = 0x0b;
    sha256(public, out + 2);
}

/* Bytes under a seed that only one key can open: encrypted, with an HMAC in front that also covers the name of the
 * object. {size, {size, HMAC}, encrypted} and {size, sealed seed}. */
static bool put_under_seed(struct buf *out, const uint8_t seed[HASH], struct bytes name, struct bytes plain,
                           const uint8_t *modulus, const char *label)
{
    uint8_t key[HASH], mac_key[HASH], mac[HASH], sealed[MODULUS], text_room[WRAPPED_MAX + NAME];
    struct buf text = buf_over(text_room, sizeof text_room);
    uint8_t *encrypted = buf_grow(&text, plain.len);

    derive(seed, "STORAGE", name, 128, key);
    derive(seed, "INTEGRITY", NO_BYTES, 256, mac_key);
    if (!encrypted || !encrypt(key, plain, encrypted) || !seal_seed(modulus, label, seed, sealed))
        return false;
    buf_put(&text, name);
    hmac_sha256(bytes_of(mac_key, HASH), buf_bytes(&text), mac);
    buf_put_u16(out, (uint16_t)(2 + HASH + plain.len));
    put_2b(out, bytes_of(mac, HASH));
    buf_put(out, bytes_of(encrypted, plain.len));
    put_2b(out, bytes_of(sealed, MODULUS));
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(mac_key, sizeof mac_key);
    return !text.bad;
}

/* ---- the blob (4.4) -------------------------------------------------------------------------------------------- */

/* Step A. Without a policy: the one that others set lets anybody read the key out of the chip again (4.5, warning). */
static void put_public(struct buf *out, struct bytes key, const uint8_t obfuscation[HASH])
{
    uint8_t room[HASH + KEY_LEN_MAX], unique[HASH];
    struct buf both = buf_over(room, sizeof room);

    buf_put(&both, bytes_of(obfuscation, HASH));
    buf_put(&both, key);
    sha256(buf_bytes(&both), unique);
    buf_put(out, BYTES("\x00\x08\x00\x0b\x00\x04\x04\x40\x00\x00\x00\x05\x00\x0b"));
    put_2b(out, bytes_of(unique, HASH));
    OPENSSL_cleanse(room, sizeof room);
}

static void put_sensitive(struct buf *out, struct bytes key, const uint8_t obfuscation[HASH])
{
    buf_put_u16(out, (uint16_t)(4 + 2 + HASH + 2 + key.len));
    buf_put(out, BYTES("\x00\x08\x00\x00"));
    put_2b(out, bytes_of(obfuscation, HASH));
    put_2b(out, key);
}

/* Step B: the inner wrapper, under the credential. */
static bool put_wrapped(struct buf *out, struct bytes key, struct bytes name, const struct attest_chance *c)
{
    uint8_t room[WRAPPED_MAX + NAME], hash[HASH];
    struct buf plain = buf_over(room, sizeof room);

    put_2b(&plain, bytes_of(c->obfuscation, HASH)); /* where the hash comes to stand */
    put_sensitive(&plain, key, c->obfuscation);
    size_t len = plain.len;
    buf_put(&plain, name);
    sha256(bytes_of(room + 2 + HASH, plain.len - 2 - HASH), hash);
    memcpy(room + 2, hash, HASH);
    uint8_t *to = buf_grow(out, len);
    bool done = !plain.bad && to && encrypt(c->credential, bytes_of(room, len), to);
    OPENSSL_cleanse(room, sizeof room);
    return done;
}

enum err attest_wrap(struct bytes ek, struct bytes srk, struct bytes key, struct bytes uri,
                     const struct attest_chance *c, struct buf *out)
{
    uint8_t storage_name[NAME], name[NAME], public_room[64], credential_room[2 + AES_KEY], wrapped_room[WRAPPED_MAX];
    struct buf public = buf_over(public_room, sizeof public_room),
               wrapped = buf_over(wrapped_room, sizeof wrapped_room);
    struct buf credential = buf_over(credential_room, sizeof credential_room);
    uint8_t *to;

    if (ek.len != ATTEST_EK_LEN || srk.len != ATTEST_SRK_LEN || key.len < KEY_LEN_MIN || key.len > KEY_LEN_MAX ||
        uri.len > URI_MAX)
        return ERR_ARGUMENT;
    name_of(bytes_skip(srk, 2), storage_name);
    put_public(&public, key, c->obfuscation);
    name_of(buf_bytes(&public), name);
    put_2b(&credential, bytes_of(c->credential, AES_KEY));
    bool done = put_under_seed(out, c->identity_seed, bytes_of(storage_name, NAME), buf_bytes(&credential),
                               ek.at + EK_MODULUS, "IDENTITY") &&
                put_wrapped(&wrapped, key, bytes_of(name, NAME), c) &&
                put_under_seed(out, c->duplicate_seed, bytes_of(name, NAME), buf_bytes(&wrapped), srk.at + SRK_MODULUS,
                               "DUPLICATE");
    put_2b(out, buf_bytes(&public));
    buf_put_u16(out, (uint16_t)uri.len); /* there also when it is empty: Node insists */
    if (done && uri.len && (!(to = buf_grow(out, uri.len)) || !encrypt(c->credential, uri, to)))
        done = false;
    OPENSSL_cleanse(credential_room, sizeof credential_room);
    return done ? buf_check(out) : buf_check(out) ? ERR_TOO_LARGE : ERR_MEMORY;
}
