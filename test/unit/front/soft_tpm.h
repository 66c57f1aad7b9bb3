/* A TPM's work on a blob (provisioning 4.6), in software: enough to see what a hub has put into one. */
#pragma once

#include "attest.h"
#include "check.h"
#include "sas.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

struct soft_tpm {
    EVP_PKEY *endorsement, *storage;
    uint8_t ek[ATTEST_EK_LEN], srk[ATTEST_SRK_LEN];
};

static inline EVP_PKEY *soft_tpm_key(uint8_t *out, size_t len, const char *head)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIGNUM *n = NULL;
    struct buf b = buf_over(out, len);
    uint8_t room[64];
    size_t head_len;

    CHECK_OK(base64_decode(bytes_str(head), room, sizeof room, &head_len));
    buf_put(&b, bytes_of(room, head_len));
    buf_put(&b, BYTES("\0\x06\0\x80\0\x43\0\x10\x08\0\0\0\0\0\x01\0"));
    CHECK(key && EVP_PKEY_get_bn_param(key, "n", &n) && b.len + 256 == len);
    BN_bn2binpad(n, out + b.len, 256);
    BN_free(n);
    return key;
}

static inline void soft_tpm_make(struct soft_tpm *t)
{
    t->endorsement = soft_tpm_key(t->ek, sizeof t->ek, "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaao=");
    t->storage = soft_tpm_key(t->srk, sizeof t->srk, "ARoAAQALAAMEcgAA");
    CHECK(attest_is_endorsement(bytes_of(t->ek, sizeof t->ek)) && attest_is_storage(bytes_of(t->srk, sizeof t->srk)));
}

static inline void soft_tpm_free(struct soft_tpm *t)
{
    EVP_PKEY_free(t->endorsement);
    EVP_PKEY_free(t->storage);
}

static inline bool soft_tpm_unseal(EVP_PKEY *key, struct bytes sealed, const char *label, uint8_t seed[32])
{
    EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
    uint8_t out[256];
    size_t len = sizeof out;
    bool done;

    CHECK(EVP_PKEY_decrypt_init(x) > 0 && EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_OAEP_PADDING) > 0);
    CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(x, EVP_sha256()) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(x, EVP_sha256()) > 0);
    CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(x, OPENSSL_strdup(label), (int)strlen(label) + 1) > 0);
    done = EVP_PKEY_decrypt(x, out, &len, sealed.at, sealed.len) > 0 && len == 32;
    if (done)
        memcpy(seed, out, 32);
    EVP_PKEY_CTX_free(x);
    return done;
}

static inline void soft_tpm_derive(const uint8_t seed[32], const char *label, struct bytes context, uint32_t bits,
                                   uint8_t out[32])
{
    uint8_t room[128];
    struct buf b = buf_over(room, sizeof room);

    buf_put_u32(&b, 1);
    buf_put(&b, bytes_of(label, strlen(label) + 1));
    buf_put(&b, context);
    buf_put_u32(&b, bits);
    hmac_sha256(bytes_of(seed, 32), buf_bytes(&b), out);
}

static inline void soft_tpm_decrypt(const uint8_t *key, struct bytes in, uint8_t *out)
{
    static const uint8_t iv[16];
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int n;

    CHECK(EVP_DecryptInit_ex(cipher, EVP_aes_128_cfb128(), NULL, key, iv) &&
          EVP_DecryptUpdate(cipher, out, &n, in.at, (int)in.len));
    EVP_CIPHER_CTX_free(cipher);
}

/* {HMAC, encrypted} that lies under a seed, with its HMAC checked. */
static inline size_t soft_tpm_uncover(const uint8_t seed[32], struct bytes name, struct bytes outer, uint8_t *out)
{
    uint8_t key[32], mac_key[32], mac[32], room[512];
    struct buf text = buf_over(room, sizeof room);
    struct rd r = rd_over(outer);
    struct bytes given = rd_str16(&r), encrypted = rd_rest(&r);

    soft_tpm_derive(seed, "STORAGE", name, 128, key);
    soft_tpm_derive(seed, "INTEGRITY", NO_BYTES, 256, mac_key);
    buf_put(&text, encrypted);
    buf_put(&text, name);
    hmac_sha256(bytes_of(mac_key, 32), buf_bytes(&text), mac);
    CHECK_BYTES(given, bytes_of(mac, 32));
    soft_tpm_decrypt(key, encrypted, out);
    return encrypted.len;
}

/* Opens a blob: the key in it, and the URI text behind it. False: it is for another TPM. */
static inline bool soft_tpm_open(const struct soft_tpm *t, struct bytes blob, struct buf *key, struct buf *uri)
{
    uint8_t seed[32], storage_name[34] = {0, 0x0b}, name[34] = {0, 0x0b}, credential[18], wrapped[256], inner[256],
                      text[256];
    struct rd r = rd_over(blob);
    struct bytes identity = rd_str16(&r), sealed = rd_str16(&r), private = rd_str16(&r), duplicate = rd_str16(&r);
    struct bytes public = rd_str16(&r), uri_in = rd_str16(&r);

    CHECK(!r.bad && rd_left(&r) == 0);
    SHA256(t->srk + 2, sizeof t->srk - 2, storage_name + 2);
    SHA256(public.at, public.len, name + 2);
    if (!soft_tpm_unseal(t->endorsement, sealed, "IDENTITY", seed))
        return false;
    CHECK(soft_tpm_uncover(seed, bytes_of(storage_name, 34), identity, credential) == 18);
    CHECK(soft_tpm_unseal(t->storage, duplicate, "DUPLICATE", seed));
    size_t len = soft_tpm_uncover(seed, bytes_of(name, 34), private, wrapped);
    soft_tpm_decrypt(credential + 2, bytes_of(wrapped, len), inner);
    struct rd in = rd_over(bytes_of(inner, len));
    rd_str16(&in);
    struct rd sensitive = rd_over(rd_str16(&in));
    rd_u32(&sensitive);
    rd_str16(&sensitive);
    buf_put(key, rd_str16(&sensitive));
    CHECK(!sensitive.bad && key->len);
    if (uri_in.len)
        soft_tpm_decrypt(credential + 2, uri_in, text);
    buf_put(uri, bytes_of(text, uri_in.len));
    return true;
}
