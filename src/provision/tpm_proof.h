/* The proof of a device that signs with the key of a challenge: it has the chip with these two keys. */
#pragma once

#include "attest.h"
#include "hub.h"

struct tpm_proof {
    uint8_t ek[ATTEST_EK_LEN], srk[ATTEST_SRK_LEN];
    struct key_bytes key;
};
