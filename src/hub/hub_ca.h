/* CA certificates whose holders may make devices (device 1.6). */
#pragma once

#include "hub.h"

enum { CA_CODE_LEN = 48 };

/* A certificate whose holder may make devices. It counts once it is verified: whoever brought it has shown to have its
 * key. */
struct ca {
    char name[CA_NAME_MAX + 1];
    char etag[24]; /* without quotes */
    bool verified;
    char code[CA_CODE_LEN + 1]; /* what the proof has to be made out to; "" until it is asked for */
    int64_t created_ms, updated_ms;
    uint16_t der_len;
    uint8_t der[CA_LEN_MAX]; /* whoever puts it has looked into it; the hub does not */
};

/* Creates (MATCH_NONE: ERR_EXISTS when there is one) or replaces. Reads name, der and verified of `wanted`.
 * ERR_ARGUMENT: the name; ERR_LIMIT: CAS_MAX. Names are compared without case. Whatever makes a certificate count no
 * more ends the seats of all devices that come by CA certificates: those that still may come back. */
enum err hub_ca_put(struct hub *, const struct ca *wanted, struct match, int64_t now_ms, struct ca *out,
                    uint64_t *at) MUST_CHECK;
enum err hub_ca_get(struct hub *, struct bytes name, struct ca *out) MUST_CHECK;
/* The one behind `after` by name; ERR_NOT_FOUND: that was the last. */
enum err hub_ca_next(struct hub *, struct bytes after, struct ca *out) MUST_CHECK;
enum err hub_ca_delete(struct hub *, struct bytes name, struct match, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* Gives it a new code. It goes on to count if it did. */
enum err hub_ca_challenge(struct hub *, struct bytes name, struct match, int64_t now_ms, struct ca *out,
                          uint64_t *at) MUST_CHECK;
/* The proof was given for exactly this etag: it counts now. */
enum err hub_ca_verify(struct hub *, struct bytes name, struct match, int64_t now_ms, struct ca *out,
                       uint64_t *at) MUST_CHECK;
/* Appends those that count, each with a 32-bit length before it. */
enum err hub_ca_verified(struct hub *, struct buf *out) MUST_CHECK;
