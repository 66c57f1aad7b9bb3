/* The hub's own authority and the server certificates that it signs, in DATA/tls: one with an ECDSA key and one with an
 * RSA key, for clients that verify nothing else. */
#pragma once

#include "config.h"

#include "net.h"

enum { CERTS_MAX = 2 };

/* Certificates to serve with. */
struct certs {
    char cert[CERTS_MAX][PATH_CAP], key[CERTS_MAX][PATH_CAP];
    struct tls_pair pairs[CERTS_MAX]; /* of these */
    size_t n;
};

/* Makes all of them. `names` are further ones for the certificates. ERR_IO. */
enum err certs_make(const struct config *c, int64_t now_s) MUST_CHECK;
/* A server certificate of ours that is missing, does not fit its key or has less than a third of its life left gets a
 * new one in its place, *renewed. It is valid from `known_s` on, a time that certainly has been: a clock that is ahead
 * must not make certificates that nobody accepts once it is right. */
enum err certs_renew(const struct config *c, int64_t known_s, int64_t now_s, bool *renewed) MUST_CHECK;
/* Own ones by configuration, or those of DATA/tls that are there. The struct must not move. */
void certs_files(const struct config *c, struct certs *out);
/* The authority's certificate. */
void certs_ca_file(const struct config *c, char out[PATH_CAP]);
