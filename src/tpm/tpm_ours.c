/* Objects at our handles need not be ours: the handles are in the range that every program may use. */
#include "tpm_esys.h"

/* The key of a device is an HMAC key that a hub knows too: it came from outside, in the open or wrapped for this TPM.
 * Some reference servers give it a policy, so only what signing needs is asked for (provisioning 4.4, 4.9.1). */
bool tpm_is_device_key(const TPMT_PUBLIC *area)
{
    const TPMT_KEYEDHASH_SCHEME *scheme = &area->parameters.keyedHashDetail.scheme;
    TPMA_OBJECT has = area->objectAttributes, born_here = TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_FIXEDTPM;

    return area->type == TPM2_ALG_KEYEDHASH && has & TPMA_OBJECT_SIGN_ENCRYPT && has & TPMA_OBJECT_USERWITHAUTH &&
           !(has & (TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)) && (has & born_here) != born_here &&
           scheme->scheme == TPM2_ALG_HMAC && scheme->details.hmac.hashAlg == TPM2_ALG_SHA256;
}

/* As tpm_x509_key() makes it. */
bool tpm_is_x509_key(const TPMT_PUBLIC *area)
{
    const TPMT_PUBLIC *made = &tpm_x509_shape.publicArea;

    return area->type == made->type && area->nameAlg == made->nameAlg &&
           area->objectAttributes == made->objectAttributes && !area->authPolicy.size &&
           area->parameters.eccDetail.curveID == made->parameters.eccDetail.curveID &&
           area->parameters.eccDetail.scheme.scheme == made->parameters.eccDetail.scheme.scheme;
}

static const char *kind_of(const TPMT_PUBLIC *area)
{
    switch (area->type) {
    case TPM2_ALG_RSA:
        return "an RSA key";
    case TPM2_ALG_ECC:
        return "an elliptic curve key";
    case TPM2_ALG_SYMCIPHER:
        return "a key for encryption";
    case TPM2_ALG_KEYEDHASH:
        return area->parameters.keyedHashDetail.scheme.scheme == TPM2_ALG_HMAC ? "an HMAC key" : "sealed data";
    default:
        return "an object";
    }
}

enum err tpm_look(struct tpm *t, TPM2_HANDLE handle, tpm_owner *ours, bool *there)
{
    TPM2B_PUBLIC *area = NULL;
    ESYS_TR object;
    enum err e = tpm_find(t, handle, &object);

    *there = !e;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    e = tpm_check(t, "looking at a key", KEYS_OWN,
                  tss.Esys_ReadPublic(t->esys, object, NO_SESSION, NO_SESSION, NO_SESSION, &area, NULL, NULL));
    tpm_let_go(t, &object);
    if (e)
        return e;
    if (!ours(&area->publicArea))
        e = tpm_refuse(t, ERR_REJECTED,
                       "another program keeps %s at 0x%08x: choose another slot, or remove it with "
                       "tpm2_evictcontrol -C o -c 0x%08x",
                       kind_of(&area->publicArea), handle, handle);
    tss.Esys_Free(area);
    return e;
}

/* provisioning 4.9.2. One that was never written may be what an interrupted call of ours has left. */
enum err tpm_look_at_text(struct tpm *t, TPM2_HANDLE handle, const TPMS_NV_PUBLIC *area, struct bytes text)
{
    const TPMA_NV odd = TPMA_NV_POLICYWRITE | TPMA_NV_POLICYREAD | TPMA_NV_PLATFORMCREATE | TPMA_NV_TPM2_NT_MASK;
    size_t slash = bytes_find(text, '/');
    bool written = area->attributes & TPMA_NV_WRITTEN, named = slash && slash < text.len;

    for (size_t i = 0; i < text.len; i++)
        named = named && text.at[i] > ' ' && text.at[i] < 0x7F;
    if (!(area->attributes & odd) && !area->authPolicy.size && (!written || named))
        return OK;
    return tpm_refuse(t, ERR_REJECTED,
                      "another program keeps data at 0x%08x: choose another slot, or remove it with "
                      "tpm2_nvundefine -C o 0x%08x",
                      handle, handle);
}
