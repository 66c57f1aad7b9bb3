#include "tls.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAMES_SHOWN = 4, NAME_CAP = 80, TEXT_MAX = 400, TIME_CAP = 40 };

/* "2026-11-26 07:00 UTC" */
static const char *time_text(const struct tm *t, char out[TIME_CAP])
{
    if (!t || !strftime(out, TIME_CAP, "%Y-%m-%d %H:%M UTC", t))
        snprintf(out, TIME_CAP, "a time that cannot be read");
    return out;
}

static const char *moment(const ASN1_TIME *when, char out[TIME_CAP])
{
    struct tm t;

    return time_text(ASN1_TIME_to_tm(when, &t) == 1 ? &t : NULL, out);
}

static const char *this_clock(char out[TIME_CAP])
{
    time_t now = time(NULL);
    struct tm t;

    return time_text(gmtime_r(&now, &t), out);
}

static void put_address(struct buf *b, const ASN1_OCTET_STRING *ip)
{
    const uint8_t *at = ASN1_STRING_get0_data(ip);
    int len = ASN1_STRING_length(ip);

    if (len == 4) {
        buf_printf(b, "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
        return;
    }
    for (int i = 0; len == 16 && i < len; i += 2)
        buf_printf(b, "%s%x", i ? ":" : "", (unsigned)at[i] << 8 | at[i + 1]);
}

/* A stranger's text as it may stand on a terminal. */
static void put_plain(struct buf *b, struct bytes text)
{
    text = bytes_first(text, NAME_CAP);
    for (size_t i = 0; i < text.len; i++)
        buf_put_u8(b, text.at[i] < ' ' || text.at[i] > '~' ? '?' : text.at[i]);
}

static bool put_name(struct buf *b, const GENERAL_NAME *name, const char *between)
{
    if (name->type == GEN_DNS) {
        buf_puts(b, between);
        put_plain(b, bytes_of(ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName)));
        return true;
    }
    if (name->type == GEN_IPADD) {
        buf_puts(b, between);
        put_address(b, name->d.iPAddress);
        return true;
    }
    return false;
}

/* Whom it is for: "hub.local, localhost, 192.0.2.7" */
static void put_names(struct buf *b, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int shown = 0, n = sk_GENERAL_NAME_num(names);

    for (int i = 0; i < n && shown < NAMES_SHOWN; i++)
        shown += put_name(b, sk_GENERAL_NAME_value(names, i), shown ? ", " : "");
    if (!shown)
        buf_puts(b, "no name at all");
    GENERAL_NAMES_free(names);
}

static void put_wrong_name(struct buf *b, X509 *cert, SSL *ssl)
{
    X509_VERIFY_PARAM *asked = SSL_get0_param(ssl);
    char *ip = X509_VERIFY_PARAM_get1_ip_asc(asked);
    const char *host = X509_VERIFY_PARAM_get0_host(asked, 0);

    buf_puts(b, "the certificate is for ");
    put_names(b, cert);
    buf_printf(b, ", and not for \"%s\"; the host name must be one of these", ip ? ip : host ? host : "");
    OPENSSL_free(ip);
}

static void put_signer(struct buf *b, X509 *cert)
{
    char name[NAME_CAP] = "";

    X509_NAME_get_text_by_NID(X509_get_issuer_name(cert), NID_commonName, name, sizeof name);
    buf_puts(b, "the certificate is not trusted: it was signed by \"");
    put_plain(b, bytes_str(name));
    buf_puts(b, "\", which is not one of the certificate authorities (CAs) that are trusted here; name the file with "
                "the CA certificate of the hub");
}

/* The sentence about what is wrong, and what to do. */
static enum err explain(int error, X509 *cert, SSL *ssl, struct buf *b)
{
    char when[TIME_CAP], now[TIME_CAP];

    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        put_wrong_name(b, cert, ssl);
        return ERR_UNTRUSTED;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        buf_printf(b, "the certificate expired on %s; this computer's clock says %s",
                   moment(X509_get0_notAfter(cert), when), this_clock(now));
        return ERR_UNTRUSTED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        buf_printf(b, "the certificate is not valid before %s and this computer's clock says %s: set the clock",
                   moment(X509_get0_notBefore(cert), when), this_clock(now));
        return ERR_CLOCK;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        put_signer(b, cert);
        return ERR_UNTRUSTED;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        buf_puts(b, "the certificate is not trusted: the certificate authority (CA) that is trusted here has the same "
                    "name as the one that signed it, but another key; the CA file is that of another hub");
        return ERR_UNTRUSTED;
    default:
        buf_printf(b, "the certificate is not trusted: %s", X509_verify_cert_error_string(error));
        return ERR_UNTRUSTED;
    }
}

int tls_doubt(int good, X509_STORE_CTX *chain)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_conn *c = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get_current_cert(chain);
    struct buf text = buf_max(TEXT_MAX);

    if (good || c->doubt)
        return good;
    c->doubt = ERR_UNTRUSTED;
    if (cert)
        c->doubt = explain(X509_STORE_CTX_get_error(chain), cert, ssl, &text);
    c->doubt_text = text.len && !text.bad ? strdup(buf_str(&text)) : NULL;
    buf_free(&text);
    return 0;
}
