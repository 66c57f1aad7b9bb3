/* The functions of the TPM software stack that we use. They are found when a TPM is used for the first time: a device
 * with a key elsewhere has no need of the stack, and does not have it in memory. */
#pragma once

#include "err.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

/* The library, libtss2-NAME.so.0, and the function. */
#define TPM_STACK(X)                                \
    X(esys, Esys_ActivateCredential)                \
    X(esys, Esys_Create)                            \
    X(esys, Esys_CreatePrimary)                     \
    X(esys, Esys_EvictControl)                      \
    X(esys, Esys_Finalize)                          \
    X(esys, Esys_FlushContext)                      \
    X(esys, Esys_Free)                              \
    X(esys, Esys_GetCapability)                     \
    X(esys, Esys_HMAC)                              \
    X(esys, Esys_HMAC_Start)                        \
    X(esys, Esys_Import)                            \
    X(esys, Esys_Initialize)                        \
    X(esys, Esys_Load)                              \
    X(esys, Esys_NV_DefineSpace)                    \
    X(esys, Esys_NV_Read)                           \
    X(esys, Esys_NV_ReadPublic)                     \
    X(esys, Esys_NV_UndefineSpace)                  \
    X(esys, Esys_NV_Write)                          \
    X(esys, Esys_PolicySecret)                      \
    X(esys, Esys_ReadPublic)                        \
    X(esys, Esys_SequenceComplete)                  \
    X(esys, Esys_SequenceUpdate)                    \
    X(esys, Esys_StartAuthSession)                  \
    X(esys, Esys_Startup)                           \
    X(esys, Esys_TR_Close)                          \
    X(esys, Esys_TR_FromTPMPublic)                  \
    X(esys, Esys_TR_GetName)                        \
    X(mu, Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal) \
    X(mu, Tss2_MU_TPM2B_ID_OBJECT_Unmarshal)        \
    X(mu, Tss2_MU_TPM2B_PRIVATE_Unmarshal)          \
    X(mu, Tss2_MU_TPM2B_PUBLIC_Marshal)             \
    X(mu, Tss2_MU_TPM2B_PUBLIC_Unmarshal)           \
    X(mu, Tss2_MU_UINT16_Unmarshal)                 \
    X(rc, Tss2_RC_Decode)                           \
    X(tctildr, Tss2_TctiLdr_Finalize)               \
    X(tctildr, Tss2_TctiLdr_Initialize)

struct tpm_stack {
#define X(library, name) __typeof__(name) *name;
    TPM_STACK(X)
#undef X
};

extern struct tpm_stack tss;

/* ERR_UNSUPPORTED: it is not installed, and *missing says what. Once it is there it stays for the life of the program.
 */
enum err tpm_stack_load(const char **missing) MUST_CHECK;
