#include "account.h"

#include <stdio.h>

enum { SEPARATORS = 40 };

static enum err string_of(struct tpm *t, unsigned slot, char *out, size_t cap, char why[TPM_WHY_CAP])
{
    struct tpm_slot found;
    enum err e = tpm_slot_read(t, slot, &found);

    if (e) {
        snprintf(why, TPM_WHY_CAP, "%s", tpm_why(t));
        return e;
    }
    if (!found.has_key || !found.host[0]) {
        if (found.foreign[0])
            memcpy(why, found.foreign, TPM_WHY_CAP);
        else
            snprintf(why, TPM_WHY_CAP, "slot %u of the TPM has no device", slot);
        return ERR_NOT_FOUND;
    }
    if (strpbrk(found.host, "; \t") || strpbrk(found.device, "; \t")) {
        snprintf(why, TPM_WHY_CAP,
                 "the host or the device id in slot %u has a character that connection strings cannot carry", slot);
        return ERR_ARGUMENT;
    }
    if (strlen(found.host) + strlen(found.device) + SEPARATORS > cap) {
        snprintf(why, TPM_WHY_CAP, "%s", err_text(ERR_TOO_LARGE));
        return ERR_TOO_LARGE;
    }
    snprintf(out, cap, "HostName=%s;DeviceId=%s;Tpm=%u", found.host, found.device, slot);
    return OK;
}

enum d2d_err d2d_tpm_string(const char *tcti, unsigned slot, char *out, size_t cap, char *why)
{
    char reason[TPM_WHY_CAP] = "";
    struct tpm *t;
    enum err e;

    if (slot >= TPM_SLOTS || !out || !cap)
        return D2D_ARGUMENT;
    if (!(e = tpm_open(tcti, &t, reason))) {
        e = string_of(t, slot, out, cap, reason);
        tpm_close(t);
    }
    if (why)
        memcpy(why, reason, sizeof reason);
    return err_of(e);
}
