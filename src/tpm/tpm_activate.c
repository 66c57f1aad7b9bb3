#include "tpm_esys.h"

#include <openssl/crypto.h>

enum { CREDENTIAL_LEN = 16 }; /* it is the AES key of the inner wrapper */

/* provisioning 4.4. What comes behind, a text for some of the cloud's tools, is looked at but not used. */
struct blob {
    TPM2B_ID_OBJECT credential;
    TPM2B_ENCRYPTED_SECRET credential_seed;
    TPM2B_PRIVATE key;
    TPM2B_ENCRYPTED_SECRET key_seed;
    TPM2B_PUBLIC area;
};

static bool parse(struct bytes in, struct blob *out)
{
    size_t at = 0;
    UINT16 text_len;

    return in.len && !tss.Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(in.at, in.len, &at, &out->credential) &&
           !tss.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(in.at, in.len, &at, &out->credential_seed) &&
           !tss.Tss2_MU_TPM2B_PRIVATE_Unmarshal(in.at, in.len, &at, &out->key) &&
           !tss.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(in.at, in.len, &at, &out->key_seed) &&
           !tss.Tss2_MU_TPM2B_PUBLIC_Unmarshal(in.at, in.len, &at, &out->area) &&
           !tss.Tss2_MU_UINT16_Unmarshal(in.at, in.len, &at, &text_len) && text_len <= in.len - at;
}

/* provisioning 6.4: a TPM says in several ways that it cannot open a blob. What is wrong with itself it says in others.
 */
static enum err check_blob(struct tpm *t, TSS2_RC rc)
{
    TPM2_RC code = tpm_code(rc);
    bool password = code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL;

    if ((code & TPM2_RC_FMT1 && !password) || code == TPM2_RC_FAILURE || code == TPM2_RC_AUTH_UNAVAILABLE)
        return tpm_refuse(t, ERR_UNAUTHORIZED, "the key that was sent was not made for this TPM");
    return tpm_check(t, "taking the key that was sent", KEYS_OWN, rc);
}

/* The endorsement key works only in a session that has shown the password, none, of its hierarchy. Given: tpm_flush().
 */
static enum err open_session(struct tpm *t, ESYS_TR *out)
{
    static const TPMT_SYM_DEF plain = {.algorithm = TPM2_ALG_NULL};
    TSS2_RC rc = tss.Esys_StartAuthSession(t->esys, NO_OBJECT, NO_OBJECT, NO_SESSION, NO_SESSION, NO_SESSION, NULL,
                                           TPM2_SE_POLICY, &plain, TPM2_ALG_SHA256, out);

    if (rc) {
        *out = NO_OBJECT;
        return tpm_check(t, "opening a session", ENDORSEMENT, rc);
    }
    rc = tss.Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *out, BY_PASSWORD, NO_SESSION, NO_SESSION, NULL, NULL,
                               NULL, 0, NULL, NULL);
    return tpm_check(t, "using the endorsement key", ENDORSEMENT, rc);
}

static enum err open_credential(struct tpm *t, ESYS_TR parent, const struct blob *b, TPM2B_DATA *out)
{
    TPM2B_DIGEST *credential = NULL;
    ESYS_TR endorsement, session = NO_OBJECT;
    enum err e = tpm_endorsement_key(t, &endorsement);

    if (e)
        return e;
    if ((e = open_session(t, &session)))
        goto done;
    e = check_blob(t, tss.Esys_ActivateCredential(t->esys, parent, endorsement, BY_PASSWORD, session, NO_SESSION,
                                                  &b->credential, &b->credential_seed, &credential));
    if (e)
        goto done;
    if (credential->size == CREDENTIAL_LEN) {
        out->size = credential->size;
        memcpy(out->buffer, credential->buffer, credential->size);
    } else {
        e = tpm_refuse(t, ERR_MALFORMED, "the key that was sent has a wrapper of an unsupported size");
    }
    OPENSSL_cleanse(credential, sizeof *credential);
    tss.Esys_Free(credential);
done:
    tpm_flush(t, &session);
    tpm_let_go(t, &endorsement);
    return e;
}

/* Given: tpm_flush(). */
static enum err load(struct tpm *t, ESYS_TR parent, const struct blob *b, const TPM2B_DATA *credential, ESYS_TR *out)
{
    static const TPMT_SYM_DEF_OBJECT aes = {TPM2_ALG_AES, {.aes = 128}, {.aes = TPM2_ALG_CFB}};
    TPM2B_PRIVATE *key = NULL;
    TSS2_RC rc = tss.Esys_Import(t->esys, parent, BY_PASSWORD, NO_SESSION, NO_SESSION, credential, &b->area, &b->key,
                                 &b->key_seed, &aes, &key);

    if (!rc)
        rc = tss.Esys_Load(t->esys, parent, BY_PASSWORD, NO_SESSION, NO_SESSION, key, &b->area, out);
    if (rc)
        *out = NO_OBJECT;
    tss.Esys_Free(key);
    return check_blob(t, rc);
}

enum err tpm_activate(struct tpm *t, unsigned slot, struct bytes blob)
{
    struct blob b;
    TPM2B_DATA credential = {0};
    ESYS_TR parent, key = NO_OBJECT;
    bool was;
    enum err e = tpm_slot_check(t, slot);

    if (e)
        return e;
    memset(&b, 0, sizeof b);
    if (!parse(blob, &b) || !tpm_is_device_key(&b.area.publicArea))
        return tpm_refuse(t, ERR_MALFORMED, "what was sent is not a key for a TPM");
    if ((e = tpm_look(t, TPM_SLOT_HANDLE + slot, tpm_is_device_key, &was)) || (e = tpm_parent(t, &parent)))
        return e;
    if (!(e = open_credential(t, parent, &b, &credential)) && !(e = load(t, parent, &b, &credential, &key)) &&
        !(e = tpm_evict(t, TPM_SLOT_HANDLE + slot, &was)))
        e = tpm_keep(t, key, TPM_SLOT_HANDLE + slot);
    OPENSSL_cleanse(&credential, sizeof credential);
    tpm_flush(t, &key);
    tpm_let_go(t, &parent);
    return e;
}
