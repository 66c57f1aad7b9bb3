#include "cert.h"

#include "ceilings.h"
#include "openssl_cert.h"
#include "text.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { SERIAL_LEN = 16, PEM_LEN_MAX = 64 * 1024 };

/* ---- PEM ------------------------------------------------------------------------------------------------------- */

/* A key without a passphrase is what we read; nobody is asked for one. */
static int no_passphrase(char *out, int cap, int writing, void *ctx)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)ctx;
    return -1;
}

static BIO *bio_over(struct bytes pem)
{
    return pem.len && pem.len <= PEM_LEN_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
}

static X509 *read_pem(struct bytes pem)
{
    BIO *bio = bio_over(pem);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return cert;
}

X509 *cert_parse_der(struct bytes der)
{
    const uint8_t *at = der.at;
    X509 *cert = der.len <= PEM_LEN_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;

    if (cert && at == der.at + der.len)
        return cert;
    X509_free(cert);
    return NULL;
}

X509 *cert_parse(struct bytes text)
{
    X509 *cert = NULL;

    /* The first byte of DER is that of a SEQUENCE, which no PEM begins with but as a digit 0. */
    if (text.len && text.at[0] == 0x30)
        cert = cert_parse_der(text);
    if (!cert)
        cert = read_pem(text);
    ERR_clear_error();
    return cert;
}

static EVP_PKEY *read_key(struct bytes pem)
{
    BIO *bio = bio_over(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static enum err put_text(BIO *bio, struct buf *out)
{
    char *at;
    long n = BIO_get_mem_data(bio, &at);

    buf_put(out, bytes_of(at, (size_t)n));
    return buf_check(out);
}

static enum err put_cert(X509 *cert, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    enum err e = bio && PEM_write_bio_X509(bio, cert) == 1 ? put_text(bio, out) : ERR_MEMORY;

    BIO_free(bio);
    return e;
}

/* Appends both, or neither. */
static enum err put_pems(X509 *cert, EVP_PKEY *key, struct buf *cert_pem, struct buf *key_pem)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    size_t cert_len = cert_pem->len, key_len = key_pem->len;
    enum err e = put_cert(cert, cert_pem);

    if (!e)
        e = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 ? put_text(bio, key_pem)
                                                                                           : ERR_MEMORY;
    if (e) {
        cert_pem->len = cert_len;
        key_pem->len = key_len;
    }
    BIO_free(bio);
    return e;
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

/* RFC 5280 4.1.2.2: positive and unique; random is both. */
static bool set_serial(X509 *cert)
{
    uint8_t raw[SERIAL_LEN];
    BIGNUM *number;
    bool good;

    if (RAND_bytes(raw, sizeof raw) != 1)
        return false;
    raw[0] = (uint8_t)((raw[0] & 0x7F) | 0x40);
    number = BN_bin2bn(raw, sizeof raw, NULL);
    good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return good;
}

/* RFC 5280 limits a common name to 64 characters; a longer one stands in the alternative names alone. */
static bool set_common_name(X509 *cert, const char *name)
{
    enum { COMMON_NAME_MAX = 64 };
    size_t len = strlen(name);

    return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)name,
                                      (int)(len < COMMON_NAME_MAX ? len : COMMON_NAME_MAX), -1, 0) == 1;
}

static bool put_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool good;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    good = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* The part that both kinds have in common. NULL without memory or randomness. */
static X509 *cert_new(const char *name, EVP_PKEY *key, int64_t from_s, int64_t to_s)
{
    X509 *cert = X509_new();

    if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) && set_common_name(cert, name) &&
        cert_time_put(X509_getm_notBefore(cert), from_s) && cert_time_put(X509_getm_notAfter(cert), to_s) &&
        X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool add_name(GENERAL_NAMES *all, const char *name)
{
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    ASN1_IA5STRING *dns = address ? NULL : ASN1_IA5STRING_new();

    if (one && address) {
        GENERAL_NAME_set0_value(one, GEN_IPADD, address);
        address = NULL;
    } else if (one && dns && ASN1_STRING_set(dns, name, -1) == 1) {
        GENERAL_NAME_set0_value(one, GEN_DNS, dns);
        dns = NULL;
    }
    ASN1_OCTET_STRING_free(address);
    ASN1_IA5STRING_free(dns);
    if (one && one->d.ptr && sk_GENERAL_NAME_push(all, one) > 0)
        return true;
    GENERAL_NAME_free(one);
    return false;
}

static bool put_names(X509 *cert, const struct cert_names *names)
{
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    bool good = all;

    for (const char *const *at = names->names; good && *at; at++)
        good = add_name(all, *at);
    good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(all);
    return good;
}

static EVP_PKEY *key_new(enum key_kind kind)
{
    enum { RSA_BITS = 2048 }; /* what modules with TLS of their own take at most, and what is still safe */

    return kind == KEY_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
}

enum err cert_make_authority(enum key_kind kind, const char *common_name, int64_t from_s, int64_t to_s,
                             struct buf *cert_pem, struct buf *key_pem)
{
    EVP_PKEY *key = key_new(kind);
    X509 *cert = key ? cert_new(common_name, key, from_s, to_s) : NULL;
    enum err e = ERR_MEMORY;

    /* The authority signs servers only, so no certificate below it may sign another. */
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
        put_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        put_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        put_extension(cert, cert, NID_subject_key_identifier, "hash") &&
        put_extension(cert, cert, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        e = put_pems(cert, key, cert_pem, key_pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return e;
}

static bool names_are_valid(const struct cert_names *names)
{
    if (!names->names || !names->names[0])
        return false;
    for (const char *const *at = names->names; *at; at++)
        if (!**at || strlen(*at) > HOST_LEN_MAX)
            return false;
    return true;
}

enum err cert_make_server(struct bytes authority_pem, struct bytes authority_key_pem, enum key_kind kind,
                          const struct cert_names *names, int64_t from_s, int64_t to_s, struct buf *cert_pem,
                          struct buf *key_pem)
{
    X509 *authority = cert_parse(authority_pem), *cert = NULL;
    EVP_PKEY *authority_key = read_key(authority_key_pem), *key = NULL;
    enum err e = ERR_MALFORMED;

    if (!authority || !authority_key)
        goto done;
    e = ERR_ARGUMENT;
    if (!names_are_valid(names) || X509_check_private_key(authority, authority_key) != 1)
        goto done;
    e = ERR_MEMORY;
    key = key_new(kind);
    cert = key ? cert_new(names->names[0], key, from_s, to_s) : NULL;
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(authority)) == 1 &&
        put_extension(cert, authority, NID_basic_constraints, "critical,CA:FALSE") &&
        put_extension(cert, authority, NID_key_usage, "critical,digitalSignature") &&
        put_extension(cert, authority, NID_ext_key_usage, "serverAuth") && put_names(cert, names) &&
        put_extension(cert, authority, NID_subject_key_identifier, "hash") &&
        put_extension(cert, authority, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(cert, authority_key, EVP_sha256()) > 0)
        e = put_pems(cert, key, cert_pem, key_pem);
done:
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority_key);
    X509_free(cert);
    X509_free(authority);
    ERR_clear_error();
    return e;
}

static X509 *make_device(EVP_PKEY *key, const char *id, int64_t from_s, int64_t to_s)
{
    X509 *cert = cert_new(id, key, from_s, to_s);

    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
        put_extension(cert, cert, NID_basic_constraints, "critical,CA:FALSE") &&
        put_extension(cert, cert, NID_key_usage, "critical,digitalSignature") &&
        put_extension(cert, cert, NID_ext_key_usage, "clientAuth") && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

enum err cert_make_device(const char *id, int64_t from_s, int64_t to_s, struct buf *cert_pem, struct buf *key_pem)
{
    EVP_PKEY *key = key_new(KEY_EC);
    X509 *cert = key ? make_device(key, id, from_s, to_s) : NULL;
    enum err e = cert ? put_pems(cert, key, cert_pem, key_pem) : ERR_MEMORY;

    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return e;
}

enum err cert_make_device_for(EVP_PKEY *key, const char *id, int64_t from_s, int64_t to_s, struct buf *cert_pem)
{
    X509 *cert = make_device(key, id, from_s, to_s);
    enum err e = cert ? put_cert(cert, cert_pem) : ERR_IO; /* most likely it was the chip that failed */

    X509_free(cert);
    ERR_clear_error();
    return e;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool name_text(const X509_NAME *name, char *out, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0;
    char *at;
    size_t n;

    if (good) {
        n = (size_t)BIO_get_mem_data(bio, &at);
        n = n < cap ? n : cap - 1;
        memcpy(out, at, n);
        out[n] = 0;
    }
    BIO_free(bio);
    return good;
}

bool cert_time(const ASN1_TIME *when, int64_t *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

bool cert_time_put(ASN1_TIME *when, int64_t s)
{
    char iso[ISO_TIME_CAP], text[] = "YYYYMMDDhhmmssZ";
    size_t n = 0;

    /* The digits of 2030-01-01T00:00:00 without what stands between them. */
    iso_time(s <= INT64_MAX / 1000 && s >= INT64_MIN / 1000 ? s * 1000 : s, iso);
    for (const char *at = iso; n < 14; at++)
        if (*at >= '0' && *at <= '9')
            text[n++] = *at;
    return ASN1_TIME_set_string_X509(when, text) == 1;
}

/* Of at most 20 bytes, as it should be, or a few more. */
static bool serial_text(const ASN1_INTEGER *number, char *out, size_t cap)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(number, NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;
    bool fits = hex && bytes_to_str(bytes_str(hex), out, cap);

    OPENSSL_free(hex);
    BN_free(n);
    return fits;
}

enum err cert_read(struct bytes pem, struct cert_facts *out)
{
    X509 *cert = cert_parse(pem);
    struct cert_facts facts;
    bool good;

    if (!cert)
        return ERR_MALFORMED;
    good = name_text(X509_get_subject_name(cert), facts.subject, sizeof facts.subject) &&
           name_text(X509_get_issuer_name(cert), facts.issuer, sizeof facts.issuer) &&
           cert_time(X509_get0_notBefore(cert), &facts.from_s) && cert_time(X509_get0_notAfter(cert), &facts.to_s);
    good = good && X509_digest(cert, EVP_sha1(), facts.sha1, NULL) == 1 &&
           X509_digest(cert, EVP_sha256(), facts.sha256, NULL) == 1;
    good = good && serial_text(X509_get0_serialNumber(cert), facts.serial, sizeof facts.serial);
    facts.version = (int)X509_get_version(cert) + 1;
    facts.is_authority = X509_check_ca(cert) == 1;
    X509_free(cert);
    ERR_clear_error();
    if (!good)
        return ERR_MALFORMED;
    *out = facts;
    return OK;
}

bool cert_common_name(struct bytes pem, char *out, size_t cap)
{
    X509 *cert = cert_parse(pem);
    const X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
    int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
    uint8_t *text = NULL;
    bool good = at >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, at) < 0;
    int len = good ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))) : -1;

    good = len > 0 && bytes_to_str(bytes_of(text, (size_t)len), out, cap);
    OPENSSL_free(text);
    X509_free(cert);
    ERR_clear_error();
    return good;
}

bool cert_name_numbers(struct bytes der, uint32_t *subject, uint32_t *issuer)
{
    X509 *cert = cert_parse_der(der);
    int good[2] = {0, 0};

    if (cert) {
        *subject = (uint32_t)X509_NAME_hash_ex(X509_get_subject_name(cert), NULL, NULL, &good[0]);
        *issuer = (uint32_t)X509_NAME_hash_ex(X509_get_issuer_name(cert), NULL, NULL, &good[1]);
    }
    X509_free(cert);
    ERR_clear_error();
    return good[0] && good[1];
}

static enum err put_der(const X509 *cert, struct buf *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);

    if (len <= 0)
        return ERR_MEMORY;
    buf_put(out, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    return buf_check(out);
}

/* Base64 with or without line ends. */
static X509 *read_base64(struct bytes text)
{
    struct buf all = buf_max(PEM_LEN_MAX);
    X509 *cert = NULL;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        if (!memchr(" \r\n\t", text.at[i], 4))
            buf_put_u8(&all, text.at[i]);
    if (!all.bad && all.len && !base64_decode(buf_bytes(&all), all.at, all.len, &n))
        cert = cert_parse(bytes_of(all.at, n));
    buf_free(&all);
    return cert;
}

enum err cert_to_der(struct bytes text, struct buf *out)
{
    X509 *cert = cert_parse(text);
    enum err e;

    if (!cert)
        cert = read_base64(text);
    if (!cert)
        return ERR_MALFORMED;
    e = put_der(cert, out);
    X509_free(cert);
    return e;
}

bool cert_is_for(struct bytes pem, const char *name)
{
    X509 *cert = cert_parse(pem);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    bool good = false;

    if (cert && address)
        good = X509_check_ip_asc(cert, name, 0) == 1;
    else if (cert)
        good = *name && X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
    ASN1_OCTET_STRING_free(address);
    X509_free(cert);
    ERR_clear_error();
    return good;
}

bool cert_fits_key(struct bytes pem, struct bytes key_pem)
{
    X509 *cert = cert_parse(pem);
    EVP_PKEY *key = read_key(key_pem);
    bool good = cert && key && X509_check_private_key(cert, key) == 1;

    EVP_PKEY_free(key);
    X509_free(cert);
    ERR_clear_error();
    return good;
}
