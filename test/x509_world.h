/* Certificates of every kind, right and wrong ones, for tests. */
#pragma once

#include "buf.h"
#include "check.h"
#include "openssl_cert.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#ifndef X509_WORLD_S
#define X509_WORLD_S 1767225600LL /* the time in which they live */
#endif

struct made {
    X509 *cert;
    EVP_PKEY *key;
};

/* A wish left out is right: valid from a day before to a day after, signed with SHA-256, a P-256 key. */
struct wish {
    const char *cn, *cn2;
    const char *constraints, *usage, *extended; /* NULL: the extension is not there */
    int64_t from_s, to_s;
    const EVP_MD *md;
    int rsa_bits;
};

static inline void made_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    if (!value)
        return;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    CHECK(extension && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static inline void made_name(X509 *cert, const char *cn)
{
    if (cn)
        CHECK(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8,
                                         (const unsigned char *)cn, -1, -1, 0) == 1);
}

/* Signed by `issuer`, or by itself without one. */
static inline struct made make(struct wish wish, const struct made *issuer)
{
    static long serial = 1;
    struct made m = {X509_new(), wish.rsa_bits ? EVP_RSA_gen((unsigned)wish.rsa_bits) : EVP_EC_gen("P-256")};
    const struct made *by = issuer ? issuer : &m;

    CHECK(m.cert && m.key && X509_set_version(m.cert, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(m.cert), serial++);
    made_name(m.cert, wish.cn);
    made_name(m.cert, wish.cn2);
    CHECK(X509_set_issuer_name(m.cert, X509_get_subject_name(by->cert)) == 1);
    CHECK(cert_time_put(X509_getm_notBefore(m.cert), wish.from_s ? wish.from_s : X509_WORLD_S - 86400));
    CHECK(cert_time_put(X509_getm_notAfter(m.cert), wish.to_s ? wish.to_s : X509_WORLD_S + 86400));
    CHECK(X509_set_pubkey(m.cert, m.key) == 1);
    made_extension(m.cert, by->cert, NID_basic_constraints, wish.constraints);
    made_extension(m.cert, by->cert, NID_key_usage, wish.usage);
    made_extension(m.cert, by->cert, NID_ext_key_usage, wish.extended);
    CHECK(X509_sign(m.cert, by->key, wish.md ? wish.md : EVP_sha256()) > 0);
    return m;
}

static inline struct made make_ca(const char *cn, const struct made *issuer)
{
    return make((struct wish){.cn = cn, .constraints = "critical,CA:TRUE", .usage = "critical,keyCertSign"}, issuer);
}

static inline struct made make_leaf(const char *cn, const struct made *issuer)
{
    return make((struct wish){.cn = cn, .usage = "critical,digitalSignature", .extended = "clientAuth"}, issuer);
}

static inline void made_free(struct made *m)
{
    X509_free(m->cert);
    EVP_PKEY_free(m->key);
    *m = (struct made){NULL, NULL};
}

static inline void made_der(struct buf *b, const struct made *m)
{
    uint8_t *der = NULL;
    int len = i2d_X509(m->cert, &der);

    CHECK(len > 0);
    buf_put(b, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
}

static inline void made_pem(struct buf *b, const struct made *m)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    long n;

    CHECK(bio && PEM_write_bio_X509(bio, m->cert) == 1);
    n = BIO_get_mem_data(bio, &at);
    buf_put(b, bytes_of(at, (size_t)n));
    BIO_free(bio);
}

/* A list as chain.h has it; NULL at the end. */
static inline struct buf made_list(const struct made *const all[])
{
    struct buf b = buf_max(1 << 20);

    for (; *all; all++) {
        struct buf der = buf_max(1 << 16);

        made_der(&der, *all);
        buf_put_u32(&b, (uint32_t)der.len);
        buf_put(&b, buf_bytes(&der));
        buf_free(&der);
    }
    CHECK(!b.bad);
    return b;
}
