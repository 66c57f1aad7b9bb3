/* The functions that OpenSSL has had since ever: those that it recommends instead allocate for each digest. */
#define OPENSSL_API_COMPAT 10101
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { BLOCK = 64, HASH = 32 };

/* A digest of nothing has no address. */
static void add(SHA256_CTX *c, struct bytes text)
{
    if (text.len)
        SHA256_Update(c, text.at, text.len);
}

void sha256(struct bytes text, uint8_t out[32])
{
    SHA256_CTX c;

    SHA256_Init(&c);
    add(&c, text);
    SHA256_Final(out, &c);
}

/* RFC 2104 */
void hmac_sha256(struct bytes key, struct bytes text, uint8_t out[32])
{
    uint8_t inner[BLOCK] = {0}, outer[BLOCK], hash[HASH];
    SHA256_CTX c;

    if (key.len > BLOCK)
        sha256(key, inner);
    else if (key.len)
        memcpy(inner, key.at, key.len);
    for (int i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    SHA256_Init(&c);
    add(&c, bytes_of(inner, BLOCK));
    add(&c, text);
    SHA256_Final(hash, &c);
    SHA256_Init(&c);
    add(&c, bytes_of(outer, BLOCK));
    add(&c, bytes_of(hash, HASH));
    SHA256_Final(out, &c);
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
    OPENSSL_cleanse(&c, sizeof c);
}
