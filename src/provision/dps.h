/* The Device Provisioning Service: who may register, and what a device is told (provisioning 1-3). It speaks no
 * protocol; the fronts carry its JSON. Enrollments are kept in the hub as JSON texts. */
#pragma once

#include "auth.h"
#include "tpm_proof.h"

#include <jansson.h>

enum dps_attestation { DPS_SYMMETRIC_KEY, DPS_X509, DPS_TPM };

/* A device that has proved that it belongs to an enrollment, or to a group of them. */
struct dps_caller {
    char registration[ID_LEN_MAX + 1]; /* as it presented it */
    bool from_group;
    char entry[ID_LEN_MAX + 1]; /* the enrollment or the group */
    enum dps_attestation how;
    struct key_bytes primary, secondary;        /* of the device, with DPS_SYMMETRIC_KEY; with DPS_TPM: fresh ones */
    char thumbprint[2][THUMBPRINT_LEN_MAX + 1]; /* with DPS_X509: of the enrollment's certificates, or of its own */
    struct tpm_proof proof;                     /* with DPS_TPM */
    uint64_t challenge;                         /* its number; 0: that of the connection */
    const char *why; /* after a failure: a phrase for the log, never for the peer; NULL: none */
};

/* An error as devices get it (provisioning 1.2.4); its status is the number without its last three digits. */
struct dps_error {
    unsigned code;
    const char *message;
};

/* ---- provision/admit.c */
/* The caller's token (may be empty; with a proof, which may be NULL: signed with its key) or the certificate of the
 * connection against the enrollment of that registration id, or else against the groups. ERR_NOT_FOUND: no such scope;
 * ERR_UNAUTHORIZED, ERR_EXPIRED, ERR_DISABLED: to be told apart in the log only; ERR_BUSY: too many failures lately. */
enum err dps_admit(const struct front_env *, const struct peer *, struct bytes scope, struct bytes registration,
                   struct bytes token, const struct tpm_proof *, int64_t now_ms, struct dps_caller *out) MUST_CHECK;
/* ---- dps.c */
/* Starts the registration, and ends it unless somebody outside of this hub has to be asked; appends what the device is
 * told: an operation id, "assigning". The body may be empty, a blank, or JSON. The answer waits for *at. */
enum err dps_register(const struct front_env *, const struct dps_caller *, struct bytes body, int64_t now_ms,
                      uint64_t *at, struct buf *out) MUST_CHECK;
/* Appends how an operation goes, or how it ended. ERR_NOT_FOUND: it is none of this registration. */
enum err dps_status(const struct front_env *, const struct dps_caller *, struct bytes operation, int64_t now_ms,
                    bool *goes_on, struct buf *out) MUST_CHECK;
/* Appends the registration itself. ERR_NOT_FOUND. */
enum err dps_state(const struct front_env *, struct bytes registration, struct buf *out) MUST_CHECK;
struct dps_error dps_error_of(enum err e);
void dps_put_error(const struct front_env *, struct buf *b, struct dps_error, int64_t now_ms);

/* ---- provision/tpm.c */
/* The enrollment is for this TPM, and enabled. ERR_UNAUTHORIZED, ERR_DISABLED; ERR_ARGUMENT: its storage key is not
 * safe. */
enum err dps_tpm_fits(const json_t *entry, struct bytes ek, struct bytes srk) MUST_CHECK;
/* Appends the blob that challenges a TPM; whoever signs with the key in `proof` has it. The errors of dps_admit(), and
 * ERR_ARGUMENT. Without an enrollment that will let the device in there is no challenge: it would cost the device its
 * key. */
enum err dps_challenge(const struct front_env *, const struct peer *, struct bytes scope, struct bytes registration,
                       struct bytes ek, struct bytes srk, int64_t now_ms, struct tpm_proof *proof,
                       struct buf *blob) MUST_CHECK;
/* The same over HTTPS, where the challenge is remembered: appends what stands in the 401. */
enum err dps_challenge_by_body(const struct front_env *, const struct peer *, struct bytes scope,
                               struct bytes registration, const json_t *body, int64_t now_ms,
                               struct buf *out) MUST_CHECK;
/* Appends, in base64, the blob that carries the device's key for the hub. */
enum err dps_put_activation(const struct front_env *, const struct tpm_proof *, const struct key_bytes *,
                            const char *hub, const char *device, struct buf *out) MUST_CHECK;
void dps_random_key(const struct front_env *, struct key_bytes *out);
/* Base64 with blanks and line ends in it. */
bool dps_binary(struct bytes text, uint8_t *out, size_t cap, size_t *len);

/* ---- provision/document.c: enrollments as JSON */
/* Takes what a client wrote, checks it and makes it what is kept: keys are made where there are none, certificates
 * become DER in base64. `why` is for people. ERR_ARGUMENT, ERR_MEMORY. */
enum err dps_document_take(const struct front_env *, enum doc_kind, json_t *from, struct bytes id, char why[160],
                           json_t **out) MUST_CHECK;
/* What is kept, as clients get it: with etag and times, without keys unless they are wanted. Takes `kept`. NULL: no
 * memory. */
json_t *dps_document_show(json_t *kept, const struct doc *, bool with_keys);
/* A document of the hub, parsed. ERR_NOT_FOUND, ERR_DAMAGED. */
enum err dps_document_get(const struct front_env *, enum doc_kind, struct bytes id, struct doc *,
                          json_t **out) MUST_CHECK;
enum err dps_document_next(const struct front_env *, enum doc_kind, struct bytes after, struct doc *,
                           json_t **out) MUST_CHECK;
/* provisioning 2.3: another enrollment has this one's endorsement key. */
bool dps_endorsement_is_taken(const struct front_env *, const json_t *entry, struct bytes id);
/* The registration without what is only ours. Takes `kept`. */
json_t *dps_registration_show(json_t *kept);
/* A text at a path of names; NO_BYTES when there is none. */
struct bytes dps_text(const json_t *from, const char *a, const char *b, const char *c);
bool dps_is_disabled(const json_t *entry);
bool dps_key(struct bytes text, struct key_bytes *out);
/* A time with seven digits behind the point (provisioning 1.1). */
enum { DPS_TIME_CAP = 32 };
void dps_time(int64_t ms, char out[DPS_TIME_CAP]);
bool dps_registration_id_valid(struct bytes id);
/* Upper case, as thumbprints are written; 2 * len + 1 bytes. */
void dps_hex(char *out, const uint8_t *at, size_t len);
