/* What the files of this folder share of OpenSSL's certificates. */
#pragma once

#include "bytes.h"

#include <openssl/x509.h>

/* One certificate and nothing behind it; NULL when that is not what it is. */
X509 *cert_parse_der(struct bytes der);
/* Also the first one of a PEM text. */
X509 *cert_parse(struct bytes text);
/* Seconds since 1970. */
bool cert_time(const ASN1_TIME *when, int64_t *out) MUST_CHECK;
