/* The device's side of a TPM 2.0: its endorsement and storage keys, ten slots with a device's key and the name of its
 * hub, keys for client certificates. Handles, templates and layouts are those of the cloud's own tools (provisioning
 * 4), so that what one of them wrote is found here, and the other way round. All authorisations are empty. What is at
 * these handles and is none of that belongs to somebody else and stays: ERR_REJECTED. One thread at a time; the chip
 * takes 10 ms to a second for an answer, so not the thread of a network loop. */
#pragma once

#include "attest.h"
#include "key.h"

struct tpm;

enum { TPM_SLOTS = 10, TPM_WHY_CAP = 200 };
#define TPM_ENDORSEMENT_HANDLE 0x81010001u
#define TPM_STORAGE_HANDLE 0x81000001u
#define TPM_SLOT_HANDLE 0x81000100u /* and the slot; the cloud's SDKs keep the key that was provisioned in slot 0 */
#define TPM_TEXT_INDEX 0x01400100u  /* and the slot: "host/device" */
#define TPM_X509_HANDLE 0x81000200u /* and the slot: ours */

/* `tcti` says where the TPM is: "device:/dev/tpmrm0", "swtpm:path=...", "tabrmd". NULL or "": what D2D_TCTI in the
 * environment says, or else this computer's /dev/tpmrm0 or /dev/tpm0, and never one over a network. Given: tpm_close().
 * `why` is for people. Sets TSS2_LOG in the environment when it is not set. */
enum err tpm_open(const char *tcti, struct tpm **out, char why[TPM_WHY_CAP]) MUST_CHECK;
void tpm_close(struct tpm *); /* also NULL */
/* A sentence about the last failure, for people. Lent until the next call. */
const char *tpm_why(const struct tpm *);

/* Appends TPM2B_PUBLIC. A key that is not there yet is made by the template of the SDKs and made persistent; that takes
 * a chip up to a minute. */
enum err tpm_endorsement(struct tpm *, struct buf *out) MUST_CHECK;
enum err tpm_storage(struct tpm *, struct buf *out) MUST_CHECK;
/* The one that all tools propose: of the endorsement key, 52 characters. */
enum err tpm_registration_id(struct tpm *, char out[ATTEST_ID_CAP]) MUST_CHECK;

struct tpm_slot {
    bool has_key, has_text;
    char host[256];
    char device[129];     /* where the text names none: the hardware id, as the other tools do */
    char module[129];     /* seldom there */
    char hardware_id[65]; /* of this slot of this TPM */
    /* Another program keeps something where the key or the text of this slot would be: a sentence about it. Such a slot
     * can not be used, and nothing here touches what is in it: ERR_REJECTED. "" otherwise. */
    char foreign[TPM_WHY_CAP];
};

/* A slot without a key is free; one without a text may be in use by an SDK. */
enum err tpm_slot_read(struct tpm *, unsigned slot, struct tpm_slot *out) MUST_CHECK;
/* Puts a device key of 16 to 64 bytes in; it never comes out again. `device` may be empty or NULL: the hardware id.
 * ERR_EXISTS when the slot has a key, unless that is to be replaced. A text without a key is what an interrupted call
 * left, and goes. */
enum err tpm_slot_provision(struct tpm *, unsigned slot, struct bytes key, const char *host, const char *device,
                            bool replace) MUST_CHECK;
/* After a registration: replaces the text and leaves the key. */
enum err tpm_slot_set_text(struct tpm *, unsigned slot, const char *host, const char *device) MUST_CHECK;
/* ERR_NOT_FOUND when there was nothing. */
enum err tpm_slot_erase(struct tpm *, unsigned slot) MUST_CHECK;

/* Takes the key of an activation blob into the slot (provisioning 4.6). The old key stays until the new one is loaded.
 * ERR_MALFORMED; ERR_UNAUTHORIZED: the blob was not made for this TPM. */
enum err tpm_activate(struct tpm *, unsigned slot, struct bytes blob) MUST_CHECK;

/* HMAC-SHA256 with the key of a slot. ERR_NOT_FOUND when it has none. */
enum err tpm_sign(struct tpm *, unsigned slot, struct bytes text, uint8_t mac[32]) MUST_CHECK;
/* Lends the TPM to the key. Given: key_drop(). */
enum err key_in_tpm(struct tpm *, unsigned slot, struct key **out) MUST_CHECK;

/* The persistent handle of an ECDSA P-256 key for a client certificate, which the provider "tpm2" of OpenSSL opens as
 * "handle:0x81000200". It is made if there is none and `make`; ERR_NOT_FOUND without. The
 * provider opens the TPM itself: where there is no /dev/tpmrm0, this one must be closed before. */
enum err tpm_x509_key(struct tpm *, unsigned slot, bool make, uint32_t *handle) MUST_CHECK;
/* Only one that was made so. */
enum err tpm_x509_erase(struct tpm *, unsigned slot) MUST_CHECK;
