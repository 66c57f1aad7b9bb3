/* A private key that stays in a TPM: OpenSSL reaches it through its provider "tpm2" (Debian's package tpm2-openssl).
 * Which TPM that is stands in TPM2OPENSSL_TCTI. This and TSS2_LOG are set in the environment when they are not: the
 * provider alone would also take a simulator that happens to listen. */
#pragma once

#include "err.h"

#include <openssl/evp.h>

struct tls_key {
    EVP_PKEY *key; /* ECDSA P-256; lent, so its users are gone before tls_key_close() */
    struct provider_key *in_provider;
};

/* True for "handle:0x81000200", what stands where the name of a key file may. */
bool tls_key_is_one(const char *name);
/* ERR_UNREACHABLE without the TPM, ERR_NOT_FOUND without the key, ERR_UNSUPPORTED without the provider or for another
 * kind of key. On failure there is nothing to close. */
enum err tls_key_open(const char *name, struct tls_key *out, char why[256]) MUST_CHECK;
void tls_key_close(struct tls_key *); /* also of a zeroed one */
