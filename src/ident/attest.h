/* Attestation by a TPM 2.0, without one: the keys that devices show, and the blob that only the chip with both of them
 * can open (provisioning 2.3, 4). A public key is the complete TPM2B_PUBLIC, its size first. */
#pragma once

#include "buf.h"

enum {
    ATTEST_EK_LEN = 316,
    ATTEST_SRK_LEN = 284,
    ATTEST_BLOB_MAX = 940, /* provisioning 1.5.3: two frames of SASL */
    ATTEST_ID_CAP = 53,
};

/* An endorsement key of the template that all SDKs have (4.2). */
bool attest_is_endorsement(struct bytes ek);
/* A storage key that cannot live outside of a TPM. Its attributes are exactly those of the template: whoever accepts
 * others hands the keys that he wraps to software (4.3). */
bool attest_is_storage(struct bytes srk);
/* The registration id that tools give to a device: base32 of the hash of its endorsement key (2.3). */
void attest_registration_id(struct bytes ek, char out[ATTEST_ID_CAP]);

/* Fresh random bytes for one blob. */
struct attest_chance {
    uint8_t credential[16], identity_seed[32], duplicate_seed[32], obfuscation[32];
};

/* Appends the blob that carries `key` (16 to 64 bytes, for HMAC-SHA256) into the TPM with both keys, and `uri` (may be
 * empty) to whoever opens it there (4.4, 4.5). The keys are checked ones. ERR_ARGUMENT, ERR_TOO_LARGE, ERR_MEMORY. */
enum err attest_wrap(struct bytes ek, struct bytes srk, struct bytes key, struct bytes uri,
                     const struct attest_chance *, struct buf *out) MUST_CHECK;
