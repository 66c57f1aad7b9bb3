#include "tpm_esys.h"

#include <stdlib.h>

/* ---- objects --------------------------------------------------------------------------------------------------- */

enum err tpm_find(struct tpm *t, TPM2_HANDLE handle, ESYS_TR *out)
{
    TSS2_RC rc = tss.Esys_TR_FromTPMPublic(t->esys, handle, NO_SESSION, NO_SESSION, NO_SESSION, out);

    if (rc)
        *out = NO_OBJECT;
    return tpm_check(t, "reading the TPM", OWNER, rc);
}

void tpm_let_go(struct tpm *t, ESYS_TR *object)
{
    if (*object != NO_OBJECT)
        tss.Esys_TR_Close(t->esys, object);
    *object = NO_OBJECT;
}

void tpm_flush(struct tpm *t, ESYS_TR *object)
{
    if (*object != NO_OBJECT && tss.Esys_FlushContext(t->esys, *object))
        tss.Esys_TR_Close(t->esys, object);
    *object = NO_OBJECT;
}

enum err tpm_keep(struct tpm *t, ESYS_TR loaded, TPM2_HANDLE handle)
{
    ESYS_TR kept = NO_OBJECT;
    TSS2_RC rc =
        tss.Esys_EvictControl(t->esys, ESYS_TR_RH_OWNER, loaded, BY_PASSWORD, NO_SESSION, NO_SESSION, handle, &kept);

    if (rc)
        kept = NO_OBJECT;
    tpm_let_go(t, &kept);
    return tpm_check(t, "storing a key", OWNER, rc);
}

enum err tpm_evict(struct tpm *t, TPM2_HANDLE handle, bool *was)
{
    ESYS_TR old, none = NO_OBJECT;
    enum err e = tpm_find(t, handle, &old);

    *was = !e;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    e = tpm_check(
        t, "removing a key", OWNER,
        tss.Esys_EvictControl(t->esys, ESYS_TR_RH_OWNER, old, BY_PASSWORD, NO_SESSION, NO_SESSION, handle, &none));
    tpm_let_go(t, &old); /* the stack keeps its idea of the object, and would take the next one for it */
    return e;
}

enum err tpm_make_key(struct tpm *t, const TPM2B_SENSITIVE_CREATE *secret, const TPM2B_PUBLIC *shape,
                      TPM2_HANDLE handle)
{
    static const TPM2B_DATA no_data;
    static const TPML_PCR_SELECTION no_pcrs;
    TPM2B_PRIVATE *inner = NULL;
    TPM2B_PUBLIC *outer = NULL;
    ESYS_TR parent, loaded = NO_OBJECT;
    bool was;
    TSS2_RC rc;
    enum err e = tpm_parent(t, &parent);

    if (e)
        return e;
    rc = tss.Esys_Create(t->esys, parent, BY_PASSWORD, NO_SESSION, NO_SESSION, secret, shape, &no_data, &no_pcrs,
                         &inner, &outer, NULL, NULL, NULL);
    if (!rc)
        rc = tss.Esys_Load(t->esys, parent, BY_PASSWORD, NO_SESSION, NO_SESSION, inner, outer, &loaded);
    if (rc)
        loaded = NO_OBJECT;
    e = tpm_check(t, "making a key", KEYS_OWN, rc);
    if (!e && !(e = tpm_evict(t, handle, &was)))
        e = tpm_keep(t, loaded, handle);
    tpm_flush(t, &loaded);
    tpm_let_go(t, &parent);
    tss.Esys_Free(inner);
    tss.Esys_Free(outer);
    return e;
}

/* ---- endorsement and storage key ------------------------------------------------------------------------------- */

/* provisioning 4.2. `unique` stays empty, which decides which key comes out: the one that the SDKs make. */
static const TPM2B_PUBLIC endorsement_template = {
    .publicArea =
        {
            .type = TPM2_ALG_RSA,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
            /* PolicySecret of the endorsement hierarchy */
            .authPolicy = {.size = 32, .buffer = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                                  0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                                  0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa}},
            .parameters.rsaDetail = {.symmetric = {TPM2_ALG_AES, {.aes = 128}, {.aes = TPM2_ALG_CFB}},
                                     .scheme.scheme = TPM2_ALG_NULL,
                                     .keyBits = 2048},
        },
};

static const TPM2B_PUBLIC storage_template = {
    .publicArea =
        {
            .type = TPM2_ALG_RSA,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                                TPMA_OBJECT_DECRYPT,
            .parameters.rsaDetail = {.symmetric = {TPM2_ALG_AES, {.aes = 128}, {.aes = TPM2_ALG_CFB}},
                                     .scheme.scheme = TPM2_ALG_NULL,
                                     .keyBits = 2048},
        },
};

static enum err make_primary(struct tpm *t, ESYS_TR hierarchy, enum whose whose, const TPM2B_PUBLIC *shape,
                             TPM2_HANDLE handle)
{
    static const TPM2B_SENSITIVE_CREATE no_secret;
    static const TPM2B_DATA no_data;
    static const TPML_PCR_SELECTION no_pcrs;
    ESYS_TR made = NO_OBJECT;
    TSS2_RC rc = tss.Esys_CreatePrimary(t->esys, hierarchy, BY_PASSWORD, NO_SESSION, NO_SESSION, &no_secret, shape,
                                        &no_data, &no_pcrs, &made, NULL, NULL, NULL, NULL);
    enum err e = tpm_check(t, "making a key of the TPM", whose, rc);

    if (e)
        return e;
    e = tpm_keep(t, made, handle);
    tpm_flush(t, &made);
    return e;
}

enum err tpm_parent(struct tpm *t, ESYS_TR *out)
{
    enum err e = tpm_find(t, TPM_STORAGE_HANDLE, out);

    if (e == ERR_NOT_FOUND && !(e = make_primary(t, ESYS_TR_RH_OWNER, OWNER, &storage_template, TPM_STORAGE_HANDLE)))
        e = tpm_find(t, TPM_STORAGE_HANDLE, out);
    return e;
}

enum err tpm_endorsement_key(struct tpm *t, ESYS_TR *out)
{
    enum err e = tpm_find(t, TPM_ENDORSEMENT_HANDLE, out);

    if (e == ERR_NOT_FOUND &&
        !(e = make_primary(t, ESYS_TR_RH_ENDORSEMENT, ENDORSEMENT, &endorsement_template, TPM_ENDORSEMENT_HANDLE)))
        e = tpm_find(t, TPM_ENDORSEMENT_HANDLE, out);
    return e;
}

/* Lets go of the object. */
static enum err put_public(struct tpm *t, ESYS_TR object, struct buf *out)
{
    uint8_t raw[sizeof(TPM2B_PUBLIC)];
    TPM2B_PUBLIC *area = NULL;
    size_t n = 0;
    TSS2_RC rc = tss.Esys_ReadPublic(t->esys, object, NO_SESSION, NO_SESSION, NO_SESSION, &area, NULL, NULL);
    enum err e;

    if (!rc)
        rc = tss.Tss2_MU_TPM2B_PUBLIC_Marshal(area, raw, sizeof raw, &n);
    tss.Esys_Free(area);
    tpm_let_go(t, &object);
    if ((e = tpm_check(t, "reading a key of the TPM", KEYS_OWN, rc)))
        return e;
    buf_put(out, bytes_of(raw, n));
    return buf_check(out);
}

enum err tpm_endorsement(struct tpm *t, struct buf *out)
{
    ESYS_TR key;
    enum err e = tpm_endorsement_key(t, &key);

    return e ? e : put_public(t, key, out);
}

enum err tpm_storage(struct tpm *t, struct buf *out)
{
    ESYS_TR key;
    enum err e = tpm_parent(t, &key);

    return e ? e : put_public(t, key, out);
}

enum err tpm_registration_id(struct tpm *t, char out[ATTEST_ID_CAP])
{
    struct buf key = buf_max(sizeof(TPM2B_PUBLIC));
    enum err e = tpm_endorsement(t, &key);

    if (!e)
        attest_registration_id(buf_bytes(&key), out);
    buf_free(&key);
    return e;
}

/* ---- signing --------------------------------------------------------------------------------------------------- */

static enum err take_mac(struct tpm *t, TSS2_RC rc, TPM2B_DIGEST *digest, uint8_t mac[32])
{
    enum err e = tpm_check(t, "signing", KEYS_OWN, rc);

    if (!e && digest->size != 32)
        e = tpm_refuse(t, ERR_UNSUPPORTED, "the key in this slot does not sign with HMAC-SHA256");
    if (!e)
        memcpy(mac, digest->buffer, 32);
    tss.Esys_Free(digest);
    return e;
}

static void fill(TPM2B_MAX_BUFFER *piece, struct bytes text)
{
    piece->size = (UINT16)text.len;
    if (text.len)
        memcpy(piece->buffer, text.at, text.len);
}

/* The TPM takes no more than a buffer at once. */
static enum err sign_long(struct tpm *t, ESYS_TR key, struct bytes text, uint8_t mac[32])
{
    static const TPM2B_AUTH no_auth;
    TPM2B_MAX_BUFFER piece;
    TPM2B_DIGEST *digest = NULL;
    ESYS_TR sequence = NO_OBJECT;
    TSS2_RC rc =
        tss.Esys_HMAC_Start(t->esys, key, BY_PASSWORD, NO_SESSION, NO_SESSION, &no_auth, TPM2_ALG_SHA256, &sequence);
    enum err e = tpm_check(t, "signing", KEYS_OWN, rc);

    if (e)
        return e;
    for (; text.len > TPM2_MAX_DIGEST_BUFFER && !rc; text = bytes_skip(text, TPM2_MAX_DIGEST_BUFFER)) {
        fill(&piece, bytes_first(text, TPM2_MAX_DIGEST_BUFFER));
        rc = tss.Esys_SequenceUpdate(t->esys, sequence, BY_PASSWORD, NO_SESSION, NO_SESSION, &piece);
    }
    if (!rc) {
        fill(&piece, text);
        rc = tss.Esys_SequenceComplete(t->esys, sequence, BY_PASSWORD, NO_SESSION, NO_SESSION, &piece, ESYS_TR_RH_NULL,
                                       &digest, NULL);
    }
    if (rc) /* a complete one is gone from the TPM */
        tpm_flush(t, &sequence);
    return take_mac(t, rc, digest, mac);
}

static enum err sign_short(struct tpm *t, ESYS_TR key, struct bytes text, uint8_t mac[32])
{
    TPM2B_MAX_BUFFER piece;
    TPM2B_DIGEST *digest = NULL;
    TSS2_RC rc;

    fill(&piece, text);
    rc = tss.Esys_HMAC(t->esys, key, BY_PASSWORD, NO_SESSION, NO_SESSION, &piece, TPM2_ALG_SHA256, &digest);
    return take_mac(t, rc, digest, mac);
}

/* Given: tpm_let_go(). */
static enum err find_in_slot(struct tpm *t, unsigned slot, ESYS_TR *out)
{
    enum err e = tpm_slot_check(t, slot);

    if (!e && (e = tpm_find(t, TPM_SLOT_HANDLE + slot, out)) == ERR_NOT_FOUND)
        return tpm_refuse(t, e, "slot %u has no key", slot);
    return e;
}

enum err tpm_sign(struct tpm *t, unsigned slot, struct bytes text, uint8_t mac[32])
{
    ESYS_TR key;
    enum err e = find_in_slot(t, slot, &key);

    if (e)
        return e;
    e = (text.len > TPM2_MAX_DIGEST_BUFFER ? sign_long : sign_short)(t, key, text, mac);
    tpm_let_go(t, &key);
    return e;
}

/* ---- as a key -------------------------------------------------------------------------------------------------- */

struct tpm_key {
    struct key key;
    struct tpm *tpm;
    unsigned slot;
};

static enum err slot_sign(struct key *k, struct bytes text, struct signing *signing)
{
    const struct tpm_key *c = (const struct tpm_key *)(void *)k;

    signing->e = tpm_sign(c->tpm, c->slot, text, signing->mac);
    signing->done(signing);
    return OK;
}

static void slot_drop(struct key *k)
{
    free(k);
}

static const struct key_ops slot_ops = {slot_sign, slot_drop};

enum err key_in_tpm(struct tpm *t, unsigned slot, struct key **out)
{
    struct tpm_key *c;
    ESYS_TR key;
    enum err e = find_in_slot(t, slot, &key);

    if (e)
        return e;
    tpm_let_go(t, &key);
    if (!(c = calloc(1, sizeof *c)))
        return tpm_refuse(t, ERR_MEMORY, "%s", err_text(ERR_MEMORY));
    *c = (struct tpm_key){{&slot_ops}, t, slot};
    *out = &c->key;
    return OK;
}
