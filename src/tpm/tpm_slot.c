#include "tpm_esys.h"

#include "ceilings.h"
#include "digest.h"
#include "text.h"

#include <openssl/crypto.h>
#include <stdio.h>

enum {
    TEXT_MAX = HOST_LEN_MAX + 2 * (1 + ID_LEN_MAX), /* host/device/module */
    PIECE = 256,                                    /* every TPM takes this much of an NV index at once */
};

/* ---- text ------------------------------------------------------------------------------------------------------ */

static enum err read_pieces(struct tpm *t, ESYS_TR index, TPMA_NV attributes, UINT16 len, uint8_t *out)
{
    ESYS_TR by = attributes & TPMA_NV_AUTHREAD ? index : ESYS_TR_RH_OWNER;

    for (UINT16 at = 0; at < len;) {
        TPM2B_MAX_NV_BUFFER *piece = NULL;
        UINT16 want = (UINT16)(len - at < PIECE ? len - at : PIECE);
        enum err e =
            tpm_check(t, "reading the text of a slot", by == index ? KEYS_OWN : OWNER,
                      tss.Esys_NV_Read(t->esys, by, index, BY_PASSWORD, NO_SESSION, NO_SESSION, want, at, &piece));
        if (e)
            return e;
        if (piece->size != want) {
            tss.Esys_Free(piece);
            return tpm_refuse(t, ERR_IO, "reading the text of a slot: the TPM gave another length");
        }
        memcpy(out + at, piece->buffer, want);
        at = (UINT16)(at + want);
        tss.Esys_Free(piece);
    }
    return OK;
}

/* Of an index that is there. *len is 0 when nothing was written yet. ERR_REJECTED: it is not ours. */
static enum err read_text(struct tpm *t, unsigned slot, ESYS_TR index, uint8_t text[TEXT_MAX], size_t *len)
{
    TPM2B_NV_PUBLIC *area = NULL;
    enum err e = tpm_check(t, "looking at the text of a slot", KEYS_OWN,
                           tss.Esys_NV_ReadPublic(t->esys, index, NO_SESSION, NO_SESSION, NO_SESSION, &area, NULL));

    if (e)
        return e;
    *len = area->nvPublic.attributes & TPMA_NV_WRITTEN && area->nvPublic.dataSize <= TEXT_MAX ? area->nvPublic.dataSize
                                                                                              : 0;
    e = read_pieces(t, index, area->nvPublic.attributes, (UINT16)*len, text);
    if (!e)
        e = tpm_look_at_text(t, TPM_TEXT_INDEX + slot, &area->nvPublic, bytes_of(text, *len));
    tss.Esys_Free(area);
    return e;
}

/* provisioning 4.9.2. A text that nobody should have written counts as one without names. */
static void take_text(struct bytes text, struct tpm_slot *out)
{
    struct bytes host = bytes_cut(&text, '/'), device;

    if (!text.at || !host.len || !bytes_to_str(host, out->host, sizeof out->host))
        return;
    device = bytes_cut(&text, '/');
    if (!device.len || !bytes_to_str(device, out->device, sizeof out->device))
        return;
    if (text.at && !bytes_to_str(text, out->module, sizeof out->module))
        out->module[0] = 0;
}

static enum err define(struct tpm *t, unsigned slot, size_t len, ESYS_TR *out)
{
    static const TPM2B_AUTH no_auth;
    TPM2B_NV_PUBLIC area = {
        .nvPublic = {.nvIndex = TPM_TEXT_INDEX + slot,
                     .nameAlg = TPM2_ALG_SHA256,
                     .attributes = TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA,
                     .dataSize = (UINT16)len},
    };
    TSS2_RC rc =
        tss.Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, BY_PASSWORD, NO_SESSION, NO_SESSION, &no_auth, &area, out);

    if (rc)
        *out = NO_OBJECT;
    return tpm_check(t, "making room for the text of a slot", OWNER, rc);
}

static enum err write_pieces(struct tpm *t, ESYS_TR index, struct bytes text)
{
    for (size_t at = 0; at < text.len; at += PIECE) {
        TPM2B_MAX_NV_BUFFER piece = {0};
        struct bytes part = bytes_first(bytes_skip(text, at), PIECE);
        piece.size = (UINT16)part.len;
        memcpy(piece.buffer, part.at, part.len);
        enum err e = tpm_check(
            t, "writing the text of a slot", KEYS_OWN,
            tss.Esys_NV_Write(t->esys, index, index, BY_PASSWORD, NO_SESSION, NO_SESSION, &piece, (UINT16)at));
        if (e)
            return e;
    }
    return OK;
}

/* OK when there was none. */
static enum err remove_text(struct tpm *t, unsigned slot, bool *was)
{
    uint8_t text[TEXT_MAX];
    size_t len;
    ESYS_TR index;
    enum err e = tpm_find(t, TPM_TEXT_INDEX + slot, &index);

    *was = !e;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if ((e = read_text(t, slot, index, text, &len))) {
        tpm_let_go(t, &index);
        return e;
    }
    e = tpm_check(t, "removing the text of a slot", OWNER,
                  tss.Esys_NV_UndefineSpace(t->esys, ESYS_TR_RH_OWNER, index, BY_PASSWORD, NO_SESSION, NO_SESSION));
    if (e)
        tpm_let_go(t, &index);
    return e;
}

/* After a failure, whose reason stays. What cannot be removed goes with the next provisioning. */
static void undo_text(struct tpm *t, unsigned slot)
{
    struct tpm kept = *t;
    bool was;

    (void)!remove_text(t, slot, &was);
    memcpy(t->why, kept.why, sizeof t->why);
}

/* An index has the length of its text, so that another text needs another index. */
static enum err write_text(struct tpm *t, unsigned slot, struct bytes text)
{
    ESYS_TR index;
    bool was;
    enum err e = remove_text(t, slot, &was);

    if (e || (e = define(t, slot, text.len, &index)))
        return e;
    e = write_pieces(t, index, text);
    tpm_let_go(t, &index);
    if (e)
        undo_text(t, slot);
    return e;
}

static enum err make_text(struct tpm *t, const char *host, const char *device, struct buf *out)
{
    size_t host_len = host ? strlen(host) : 0, device_len = device ? strlen(device) : 0;

    if (!host_len || host_len > HOST_LEN_MAX || strchr(host, '/'))
        return tpm_refuse(t, ERR_ARGUMENT, "the host of a slot is a name of 1 to %d characters", HOST_LEN_MAX);
    if (device_len > ID_LEN_MAX || (device && strchr(device, '/')))
        return tpm_refuse(t, ERR_ARGUMENT, "the device of a slot is a name of at most %d characters", ID_LEN_MAX);
    buf_printf(out, "%s/%s", host, device ? device : "");
    return buf_check(out);
}

/* ---- slots ----------------------------------------------------------------------------------------------------- */

static enum err hardware_id(struct tpm *t, unsigned slot, char out[65])
{
    uint8_t input[4 + sizeof(TPMU_NAME)] = {(uint8_t)slot}; /* a little-endian number of four bytes */
    uint8_t digest[32];
    struct buf hex = buf_over(out, 64);
    TPM2B_NAME *name = NULL;
    ESYS_TR parent;
    enum err e = tpm_parent(t, &parent);

    if (e)
        return e;
    e = tpm_check(t, "reading the storage key", KEYS_OWN, tss.Esys_TR_GetName(t->esys, parent, &name));
    tpm_let_go(t, &parent);
    if (e)
        return e;
    memcpy(input + 4, name->name, name->size);
    sha256(bytes_of(input, 4 + (size_t)name->size), digest);
    tss.Esys_Free(name);
    buf_put_hex(&hex, bytes_of(digest, sizeof digest));
    out[64] = 0;
    return buf_check(&hex);
}

static enum err look_for_key(struct tpm *t, unsigned slot, bool *has_key)
{
    return tpm_look(t, TPM_SLOT_HANDLE + slot, tpm_is_device_key, has_key);
}

static enum err look_for_text(struct tpm *t, unsigned slot, struct tpm_slot *out)
{
    uint8_t text[TEXT_MAX];
    size_t len = 0;
    ESYS_TR index;
    enum err e = tpm_find(t, TPM_TEXT_INDEX + slot, &index);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    e = read_text(t, slot, index, text, &len);
    tpm_let_go(t, &index);
    out->has_text = !e && len;
    if (out->has_text)
        take_text(bytes_of(text, len), out);
    return e;
}

enum err tpm_slot_read(struct tpm *t, unsigned slot, struct tpm_slot *out)
{
    struct tpm_slot s = {0};
    enum err e = tpm_slot_check(t, slot);

    if (e || (e = hardware_id(t, slot, s.hardware_id)))
        return e;
    if (!(e = look_for_key(t, slot, &s.has_key)))
        e = look_for_text(t, slot, &s);
    if (e && e != ERR_REJECTED)
        return e;
    if (e) {
        s.has_key = s.has_text = false;
        memcpy(s.foreign, t->why, sizeof s.foreign);
    }
    if (!s.device[0])
        memcpy(s.device, s.hardware_id, sizeof s.hardware_id);
    *out = s;
    return OK;
}

/* fixedTPM and fixedParent forbid to duplicate it for good; those who read slots do not care (provisioning 4.9.1). */
static enum err put_key(struct tpm *t, unsigned slot, struct bytes key)
{
    static const TPM2B_PUBLIC shape = {
        .publicArea =
            {
                .type = TPM2_ALG_KEYEDHASH,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH |
                                    TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT,
                .parameters.keyedHashDetail.scheme = {TPM2_ALG_HMAC, {.hmac = {TPM2_ALG_SHA256}}},
            },
    };
    TPM2B_SENSITIVE_CREATE secret = {.sensitive.data.size = (UINT16)key.len};
    enum err e;

    memcpy(secret.sensitive.data.buffer, key.at, key.len);
    e = tpm_make_key(t, &secret, &shape, TPM_SLOT_HANDLE + slot);
    OPENSSL_cleanse(&secret, sizeof secret);
    return e;
}

enum err tpm_slot_provision(struct tpm *t, unsigned slot, struct bytes key, const char *host, const char *device,
                            bool replace)
{
    struct buf text = buf_max(TEXT_MAX);
    bool has_key;
    enum err e = tpm_slot_check(t, slot);

    if (e)
        return e;
    if (key.len < KEY_LEN_MIN || key.len > KEY_LEN_MAX)
        return tpm_refuse(t, ERR_ARGUMENT, "a device key has %d to %d bytes", KEY_LEN_MIN, KEY_LEN_MAX);
    if ((e = make_text(t, host, device, &text)) || (e = look_for_key(t, slot, &has_key)))
        goto done;
    if (has_key && !replace) {
        e = tpm_refuse(t, ERR_EXISTS, "slot %u is in use", slot);
        goto done;
    }
    if ((e = write_text(t, slot, buf_bytes(&text))))
        goto done;
    if ((e = put_key(t, slot, key)))
        undo_text(t, slot);
done:
    buf_free(&text);
    return e;
}

enum err tpm_slot_set_text(struct tpm *t, unsigned slot, const char *host, const char *device)
{
    struct buf text = buf_max(TEXT_MAX);
    enum err e = tpm_slot_check(t, slot);

    if (!e && !(e = make_text(t, host, device, &text)))
        e = write_text(t, slot, buf_bytes(&text));
    buf_free(&text);
    return e;
}

enum err tpm_slot_erase(struct tpm *t, unsigned slot)
{
    bool had_text, had_key;
    enum err e = tpm_slot_check(t, slot);

    if (e || (e = look_for_key(t, slot, &had_key)) || (e = remove_text(t, slot, &had_text)) ||
        (e = tpm_evict(t, TPM_SLOT_HANDLE + slot, &had_key)))
        return e;
    return had_text || had_key ? OK : tpm_refuse(t, ERR_NOT_FOUND, "slot %u is empty", slot);
}
