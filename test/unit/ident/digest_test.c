#include "digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "check.h"

/* Against OpenSSL's own, with keys and texts of each length around what a block holds. */
TEST(digests_are_those_of_openssl)
{
    uint8_t bytes[400], ours[32], theirs[32];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t key = 0; key < 200; key++) {
        for (size_t text = 0; text < 200; text += 1 + key % 3) {
            unsigned len = sizeof theirs;

            hmac_sha256(bytes_of(bytes, key), bytes_of(bytes + key, text), ours);
            CHECK(HMAC(EVP_sha256(), bytes, (int)key, bytes + key, text, theirs, &len) && len == sizeof theirs);
            CHECK(!memcmp(ours, theirs, sizeof ours));
        }
        sha256(bytes_of(bytes, key), ours);
        CHECK(EVP_Digest(bytes, key, theirs, NULL, EVP_sha256(), NULL));
        CHECK(!memcmp(ours, theirs, sizeof ours));
    }
    hmac_sha256(NO_BYTES, NO_BYTES, ours);
    CHECK_BYTES(bytes_of(ours, 4), BYTES("\xb6\x13\x67\x9a"));
}

TESTS(RUN(digests_are_those_of_openssl))
