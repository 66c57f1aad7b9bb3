/* Certificates: a private authority and the server certificates that it signs, made and renewed by `d2dhub`; those that
 * devices sign themselves; what is in one. */
#pragma once

#include "buf.h"

#include <time.h>

/* Names that go into subjectAltName: dotted or colon text becomes an IP entry, everything else a DNS entry. */
struct cert_names {
    const char *const *names; /* NULL at the end; the first is also the common name */
};

enum key_kind { KEY_EC, KEY_RSA }; /* P-256; 2048 bits, for clients that verify nothing else */

/* Appends PEM. Signed with SHA-256; serial numbers are random. Times are seconds since 1970. */
enum err cert_make_authority(enum key_kind, const char *common_name, int64_t from_s, int64_t to_s, struct buf *cert_pem,
                             struct buf *key_pem) MUST_CHECK;
enum err cert_make_server(struct bytes authority_pem, struct bytes authority_key_pem, enum key_kind,
                          const struct cert_names *, int64_t from_s, int64_t to_s, struct buf *cert_pem,
                          struct buf *key_pem) MUST_CHECK;
/* Self-signed, for a device that is known by its thumbprint. EC P-256. */
enum err cert_make_device(const char *id, int64_t from_s, int64_t to_s, struct buf *cert_pem,
                          struct buf *key_pem) MUST_CHECK;

struct cert_facts {
    char subject[256], issuer[256];
    int64_t from_s, to_s;
    char serial[64];   /* upper-case hex */
    int version;       /* 1 to 3 */
    bool is_authority; /* it says so, and may sign certificates */
    uint8_t sha1[20], sha256[32];
};

/* Appends the DER form of a certificate in PEM (the first one), DER, or the base64 of either. */
enum err cert_to_der(struct bytes text, struct buf *out) MUST_CHECK;
/* Of the first certificate in a PEM text, or of one in DER. */
enum err cert_read(struct bytes pem, struct cert_facts *out) MUST_CHECK;
/* Its common name. False: it has none, or several, or it does not fit. */
bool cert_common_name(struct bytes pem, char *out, size_t cap) MUST_CHECK;
/* Numbers that are the same where names are the same, as chains compare them: of a certificate in DER. */
bool cert_name_numbers(struct bytes der, uint32_t *subject, uint32_t *issuer) MUST_CHECK;
/* True if the certificate is good for this host name or address. */
bool cert_is_for(struct bytes pem, const char *name);
/* True if the private key belongs to the certificate. */
bool cert_fits_key(struct bytes pem, struct bytes key_pem);
