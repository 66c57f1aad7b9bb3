/* OpenSSL's certificates, as the files of this folder share them; some questions need a key of OpenSSL. */
#pragma once

#include "buf.h"

#include <openssl/x509.h>

/* A certificate and nothing behind it; NULL for anything else. */
X509 *cert_parse_der(struct bytes der);
/* Also the first one of a PEM text. */
X509 *cert_parse(struct bytes text);
/* Seconds since 1970. */
bool cert_time(const ASN1_TIME *when, int64_t *out) MUST_CHECK;
/* OpenSSL's own functions take a time_t, of which it may have a shorter one than we have: none of them is called. */
bool cert_time_put(ASN1_TIME *when, int64_t s) MUST_CHECK;
/* As cert_make_device(), for a key that stays where it is: in a chip. */
enum err cert_make_device_for(EVP_PKEY *key, const char *id, int64_t from_s, int64_t to_s,
                              struct buf *cert_pem) MUST_CHECK;
