#include "tpm_slot.h"

#include <stdio.h>

static const char where[] = "--tcti or D2D_TCTI selects another TPM: device:/dev/tpmrm0, swtpm:path=SOCKET";

enum status tpm_slot_open(struct d2d_tpm **out)
{
    char why[D2D_WHY_CAP];
    enum d2d_err e = d2d_tpm_open(NULL, out, why);

    if (!e)
        return DONE;
    complain("%s\n  %s", why, where);
    return cli_status(e);
}

enum status tpm_slot_failed(struct d2d_tpm *t, const char *what, enum d2d_err e)
{
    complain("%s: %s", what, d2d_tpm_detail(t));
    return cli_status(e);
}

unsigned tpm_slot_chosen(const struct cli *c)
{
    return c->has_slot ? c->slot : 0;
}

enum status tpm_slot_check_free(struct d2d_tpm *t, unsigned slot, bool replace)
{
    struct d2d_tpm_slot found;
    enum d2d_err e = d2d_tpm_slot_read(t, slot, &found);

    if (e)
        return tpm_slot_failed(t, "a slot", e);
    if (found.foreign[0]) {
        complain("%s", found.foreign);
        return REFUSED;
    }
    if (!found.has_key || replace)
        return DONE;
    complain("slot %u holds the key of \"%s\"%s%s\n  choose another --slot; --replace or `d2d tpm erase --slot %u` "
             "destroys that key",
             slot, found.device, found.host[0] ? " for " : "", found.host, slot);
    return REFUSED;
}

enum status tpm_slot_provision(struct d2d_tpm *t, unsigned slot, const char *string, bool replace)
{
    char device[130] = "the TPM";
    enum status status = tpm_slot_check_free(t, slot, replace);
    enum d2d_err e;

    if (status || !(e = d2d_tpm_provision(t, slot, string, replace)))
        return status;
    d2d_connection_string_field(string, "DeviceId", device, sizeof device);
    return tpm_slot_failed(t, device, e);
}

enum status tpm_slot_string(unsigned slot, char *out, size_t cap)
{
    char why[D2D_WHY_CAP];
    enum d2d_err e = d2d_tpm_string(NULL, slot, out, cap, why);

    if (!e)
        return DONE;
    complain("%s\n  %s", why, e == D2D_NOT_FOUND ? "`d2d tpm status` shows what is in its slots" : where);
    return cli_status(e);
}
