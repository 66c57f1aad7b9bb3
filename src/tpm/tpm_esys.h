/* The TPM software stack, as the files of this folder share it. */
#pragma once

#include "tpm.h"
#include "tpm_stack.h"

struct tpm {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    char why[TPM_WHY_CAP];
};

enum { BY_PASSWORD = ESYS_TR_PASSWORD, NO_SESSION = ESYS_TR_NONE, NO_OBJECT = ESYS_TR_NONE };

/* The party that asks for a password, which we do not have. */
enum whose { KEYS_OWN, OWNER, ENDORSEMENT };

/* OK for TSS2_RC_SUCCESS. Otherwise tpm_why() says `doing` and the reason. */
enum err tpm_check(struct tpm *, const char *doing, enum whose, TSS2_RC rc) MUST_CHECK;
/* A failure that is none of the TPM's. */
enum err tpm_refuse(struct tpm *, enum err e, const char *format, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
/* A response code of a TPM without the number of the parameter or session that it is about; 0 when it comes from
 * elsewhere. */
TPM2_RC tpm_code(TSS2_RC rc);
enum err tpm_slot_check(struct tpm *, unsigned slot) MUST_CHECK;

/* A persistent object or an NV index. After a failure *out is NO_OBJECT. Given: tpm_let_go(). The stack has
 * one for each handle: two of the same are let go at once. */
enum err tpm_find(struct tpm *, TPM2_HANDLE, ESYS_TR *out) MUST_CHECK;
void tpm_let_go(struct tpm *, ESYS_TR *); /* also NO_OBJECT */
/* Out of the TPM's memory: a transient object or a session. */
void tpm_flush(struct tpm *, ESYS_TR *); /* also NO_OBJECT */

/* The storage key, made when absent. Given: tpm_let_go(). */
enum err tpm_parent(struct tpm *, ESYS_TR *out) MUST_CHECK;
enum err tpm_endorsement_key(struct tpm *, ESYS_TR *out) MUST_CHECK;
/* Makes a key below the storage key and keeps it at this handle, in place of what was there. */
enum err tpm_make_key(struct tpm *, const TPM2B_SENSITIVE_CREATE *, const TPM2B_PUBLIC *, TPM2_HANDLE) MUST_CHECK;
/* A loaded key becomes persistent; it stays loaded. */
enum err tpm_keep(struct tpm *, ESYS_TR loaded, TPM2_HANDLE) MUST_CHECK;
/* A persistent one goes; OK when there is none, and *was says which. */
enum err tpm_evict(struct tpm *, TPM2_HANDLE, bool *was) MUST_CHECK;

/* ---- tpm_ours.c */
typedef bool tpm_owner(const TPMT_PUBLIC *);
tpm_owner tpm_is_device_key, tpm_is_x509_key;
extern const TPM2B_PUBLIC tpm_x509_shape;
/* ERR_REJECTED: what is there belongs to another program, tpm_why() says what it is. */
enum err tpm_look(struct tpm *, TPM2_HANDLE, tpm_owner *, bool *there) MUST_CHECK;
/* The same for the text of a slot; `text` is what can be read of it. */
enum err tpm_look_at_text(struct tpm *, TPM2_HANDLE, const TPMS_NV_PUBLIC *, struct bytes text) MUST_CHECK;
