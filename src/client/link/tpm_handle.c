#include "account.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static_assert(D2D_WHY_CAP == (int)TPM_WHY_CAP, "what the TPM says fits");
static_assert(D2D_TPM_SLOTS == (int)TPM_SLOTS, "there are as many as we say");

struct d2d_tpm {
    struct tpm *tpm;
    char detail[D2D_WHY_CAP];
};

enum d2d_err d2d_tpm_open(const char *tcti, struct d2d_tpm **out, char *why)
{
    char reason[TPM_WHY_CAP] = "";
    struct d2d_tpm *t;
    enum err e;

    if (!out)
        return D2D_ARGUMENT;
    t = calloc(1, sizeof *t);
    if (!t)
        return D2D_NO_MEMORY;
    if ((e = tpm_open(tcti, &t->tpm, reason)))
        free(t);
    else
        *out = t;
    if (why)
        memcpy(why, reason, sizeof reason);
    return err_of(e);
}

void d2d_tpm_close(struct d2d_tpm *t)
{
    if (!t)
        return;
    tpm_close(t->tpm);
    free(t);
}

const char *d2d_tpm_detail(const struct d2d_tpm *t)
{
    return t->detail;
}

/* Keeps what the TPM says. */
static enum d2d_err told(struct d2d_tpm *t, enum err e)
{
    snprintf(t->detail, sizeof t->detail, "%s", e ? tpm_why(t->tpm) : "");
    return err_of(e);
}

static enum d2d_err fail(struct d2d_tpm *t, enum d2d_err e, const char *why)
{
    snprintf(t->detail, sizeof t->detail, "%s", why);
    return e;
}

enum d2d_err d2d_tpm_registration_id(struct d2d_tpm *t, char *out, size_t cap)
{
    char id[ATTEST_ID_CAP];
    enum d2d_err e;

    if (!t || !out)
        return D2D_ARGUMENT;
    if ((e = told(t, tpm_registration_id(t->tpm, id))))
        return e;
    return bytes_to_str(bytes_str(id), out, cap) ? D2D_OK : fail(t, D2D_ARGUMENT, "the registration id does not fit");
}

enum d2d_err d2d_tpm_endorsement_key(struct d2d_tpm *t, char *out, size_t cap)
{
    struct buf key = buf_max(ATTEST_EK_LEN), text = buf_max(2 * ATTEST_EK_LEN);
    enum d2d_err e;

    if (!t || !out)
        return D2D_ARGUMENT;
    if (!(e = told(t, tpm_endorsement(t->tpm, &key)))) {
        buf_put_base64(&text, buf_bytes(&key));
        if (text.bad || !bytes_to_str(buf_bytes(&text), out, cap))
            e = fail(t, D2D_ARGUMENT, "the endorsement key does not fit");
    }
    buf_free(&key);
    buf_free(&text);
    return e;
}

enum d2d_err d2d_tpm_slot_read(struct d2d_tpm *t, unsigned slot, struct d2d_tpm_slot *out)
{
    struct tpm_slot s;
    uint32_t handle;
    enum d2d_err e;

    if (!t || !out)
        return D2D_ARGUMENT;
    if ((e = told(t, tpm_slot_read(t->tpm, slot, &s))))
        return e;
    *out = (struct d2d_tpm_slot){
        .has_key = s.has_key, .has_text = s.has_text, .has_x509 = !tpm_x509_key(t->tpm, slot, false, &handle)};
    snprintf(out->host, sizeof out->host, "%s", s.host);
    snprintf(out->device, sizeof out->device, "%s", s.device);
    snprintf(out->hardware_id, sizeof out->hardware_id, "%s", s.hardware_id);
    snprintf(out->foreign, sizeof out->foreign, "%s", s.foreign);
    return D2D_OK;
}

enum d2d_err d2d_tpm_provision(struct d2d_tpm *t, unsigned slot, const char *string, bool replace)
{
    char host[HOST_CAP], device[ID_LEN_MAX + 1];
    uint8_t key[KEY_LEN_MAX];
    struct connstr s;
    enum d2d_err e;
    size_t len;

    if (!t || !string)
        return D2D_ARGUMENT;
    if (connstr_parse(bytes_trim(bytes_str(string)), &s) || s.kind != CONNSTR_DEVICE || !s.key.at ||
        !bytes_to_str(s.host, host, sizeof host) || !bytes_to_str(s.device, device, sizeof device) ||
        base64_decode(s.key, key, sizeof key, &len))
        return fail(t, D2D_ARGUMENT,
                    "a TPM takes the key of a device's connection string: HostName=…;DeviceId=…;SharedAccessKey=…");
    e = told(t, tpm_slot_provision(t->tpm, slot, bytes_of(key, len), host, device, replace));
    explicit_bzero(key, sizeof key);
    return e;
}

enum d2d_err d2d_tpm_erase(struct d2d_tpm *t, unsigned slot)
{
    return t ? told(t, tpm_slot_erase(t->tpm, slot)) : D2D_ARGUMENT;
}

enum d2d_err d2d_tpm_x509_erase(struct d2d_tpm *t, unsigned slot)
{
    return t ? told(t, tpm_x509_erase(t->tpm, slot)) : D2D_ARGUMENT;
}

enum d2d_err d2d_tpm_x509_make(struct d2d_tpm *t, unsigned slot, char *out, size_t cap)
{
    uint32_t handle;
    enum d2d_err e;

    if (!t || !out)
        return D2D_ARGUMENT;
    if (!tpm_x509_key(t->tpm, slot, false, &handle))
        return fail(t, D2D_EXISTS, "the slot has a key for a certificate already, which may be in use");
    if ((e = told(t, tpm_x509_key(t->tpm, slot, true, &handle))))
        return e;
    return (size_t)snprintf(out, cap, "handle:0x%08x", handle) < cap
               ? D2D_OK
               : fail(t, D2D_ARGUMENT, "the name of the key does not fit");
}
