/* The Device Provisioning Service: who may register, and what a device is told (provisioning 1-3). It speaks no
 * protocol; the fronts carry its texts. Enrollments and registrations are kept in the hub as JSON (document.h), and are
 * structs to everything here. */
#pragma once

#include "auth.h"
#include "registration.h"
#include "tpm_proof.h"

/* A device that has proved that it belongs to an enrollment, or to a group of them. */
struct registrant {
    char registration[ID_LEN_MAX + 1]; /* as it presented it */
    bool from_group;
    char entry[ID_LEN_MAX + 1]; /* the enrollment or the group */
    enum attestation how;
    struct key_bytes primary, secondary; /* of the device, with ATTESTED_BY_KEY; with ATTESTED_BY_TPM: fresh ones */
    char thumbprint[2][THUMBPRINT_LEN_MAX +
                       1];  /* with ATTESTED_BY_CERTIFICATE: of the enrollment's certificates, or of its own */
    struct tpm_proof proof; /* with ATTESTED_BY_TPM */
    uint64_t challenge;     /* its number; 0: that of the connection */
    const char *why;        /* after a failure: a phrase for the log, never for the peer; NULL: none */
};

/* A device that wants to register, as a front knows it. */
struct registration_request {
    const struct front_env *env;
    const struct peer *peer;
    struct bytes scope, registration;
    struct bytes token;            /* NO_BYTES: the certificate of the connection counts */
    const struct tpm_proof *proof; /* of the connection; NULL: none */
    int64_t now_ms;
};

/* An error as devices get it (provisioning 1.2.4); its status is the number without its last three digits. */
struct registration_error {
    unsigned code;
    const char *message;
};

/* ---- provision/admit.c */
/* The token (with a proof: signed with its key) or the certificate against the enrollment of that registration id, or
 * else against the groups. ERR_NOT_FOUND: no such scope; ERR_UNAUTHORIZED, ERR_EXPIRED, ERR_DISABLED: to be told apart
 * in the log only; ERR_BUSY: too many failures lately. */
enum err registration_admit(const struct registration_request *, struct registrant *out) MUST_CHECK;
/* ---- dps.c */
/* Starts the registration, and ends it unless somebody outside of this hub has to be asked; appends what the device is
 * told: an operation id, "assigning". The body may be empty, a blank, or JSON. The answer waits for *at. */
enum err registration_start(const struct front_env *, const struct registrant *, struct bytes body, int64_t now_ms,
                            uint64_t *at, struct buf *out) MUST_CHECK;
/* Appends how an operation goes, or how it ended. ERR_NOT_FOUND: it is none of this registration. */
enum err registration_progress(const struct front_env *, const struct registrant *, struct bytes operation,
                               int64_t now_ms, bool *goes_on, struct buf *out) MUST_CHECK;
/* Appends the registration itself. ERR_NOT_FOUND. */
enum err registration_put(const struct front_env *, struct bytes registration, struct buf *out) MUST_CHECK;
struct registration_error registration_error_of(enum err e);
void registration_put_error(const struct front_env *, struct buf *b, struct registration_error, int64_t now_ms);

/* ---- provision/tpm.c */
/* The enrollment is for this TPM, and enabled. ERR_UNAUTHORIZED, ERR_DISABLED; ERR_ARGUMENT: its storage key is not
 * safe. */
enum err enrollment_fits_tpm(const struct enrollment *, struct bytes ek, struct bytes srk) MUST_CHECK;
/* Appends the blob that challenges a TPM; whoever signs with the key in `proof` has it. The errors of
 * registration_admit(), and ERR_ARGUMENT. Without an enrollment that will let the device in there is no challenge: it
 * would cost the device its key. */
enum err registration_challenge(const struct registration_request *, struct bytes ek, struct bytes srk,
                                struct tpm_proof *proof, struct buf *blob) MUST_CHECK;
/* The same over HTTPS, where the challenge is remembered: appends what is in the 401. */
enum err registration_challenge_by_body(const struct registration_request *, const struct registration_body *,
                                        struct buf *out) MUST_CHECK;
/* Appends, in base64, the blob that carries the device's key for the hub. */
enum err registration_put_activation(const struct front_env *, const struct tpm_proof *, const struct key_bytes *,
                                     const char *hub, const char *device, struct buf *out) MUST_CHECK;
void key_random(const struct front_env *, struct key_bytes *out);
/* Base64 with blanks and line ends in it. */
bool base64_decode_loosely(struct bytes text, uint8_t *out, size_t cap, size_t *len);

/* ---- provision/document.c */
bool key_decode(struct bytes text, struct key_bytes *out);
void registration_time(int64_t ms, char out[REGISTRATION_TIME_CAP]);
bool registration_id_valid(struct bytes id);
/* Upper case, as thumbprints are written; 2 * len + 1 bytes. */
void thumbprint_of(char *out, const uint8_t *at, size_t len);
