#include "tpm_esys.h"

/* The scheme stays open: whoever opens it for a handshake names the digest. */
const TPM2B_PUBLIC tpm_x509_shape = {
    .publicArea =
        {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT,
            .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
                                     .scheme.scheme = TPM2_ALG_NULL,
                                     .curveID = TPM2_ECC_NIST_P256,
                                     .kdf.scheme = TPM2_ALG_NULL},
        },
};

enum err tpm_x509_key(struct tpm *t, unsigned slot, bool make, uint32_t *handle)
{
    static const TPM2B_SENSITIVE_CREATE no_secret;
    ESYS_TR key;
    enum err e = tpm_slot_check(t, slot);

    if (e)
        return e;
    e = tpm_find(t, TPM_X509_HANDLE + slot, &key);
    tpm_let_go(t, &key);
    if (e == ERR_NOT_FOUND && make)
        e = tpm_make_key(t, &no_secret, &tpm_x509_shape, TPM_X509_HANDLE + slot);
    else if (e == ERR_NOT_FOUND)
        return tpm_refuse(t, e, "slot %u has no key for a certificate", slot);
    if (!e)
        *handle = TPM_X509_HANDLE + slot;
    return e;
}

enum err tpm_x509_erase(struct tpm *t, unsigned slot)
{
    bool was;
    enum err e = tpm_slot_check(t, slot);

    if (e || (e = tpm_look(t, TPM_X509_HANDLE + slot, tpm_is_x509_key, &was)) ||
        (e = tpm_evict(t, TPM_X509_HANDLE + slot, &was)))
        return e;
    return was ? OK : tpm_refuse(t, ERR_NOT_FOUND, "slot %u has no key for a certificate", slot);
}
