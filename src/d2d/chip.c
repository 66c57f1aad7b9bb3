#include "chip.h"

#include "text.h"

#include <stdio.h>

static enum status status_of(enum err e)
{
    switch (e) {
    case OK:
        return DONE;
    case ERR_NOT_FOUND:
        return NOT_FOUND;
    case ERR_EXISTS:
    case ERR_REJECTED:
        return REFUSED;
    case ERR_DENIED:
    case ERR_UNAUTHORIZED:
        return NOT_AUTHORISED;
    case ERR_UNREACHABLE:
        return NO_CONNECTION;
    case ERR_ARGUMENT:
    case ERR_RANGE:
        return USAGE;
    case ERR_LIMIT:
        return OVER_QUOTA;
    default:
        return FAILED;
    }
}

static const char where[] = "--tcti or D2D_TCTI says where another TPM is: device:/dev/tpmrm0, swtpm:path=SOCKET";

enum status chip_open(struct tpm **out)
{
    char why[TPM_WHY_CAP];
    enum err e = tpm_open(NULL, out, why);

    if (!e)
        return DONE;
    complain("%s\n  %s", why, where);
    return status_of(e);
}

enum status chip_failed(struct tpm *t, const char *what, enum err e)
{
    complain("%s: %s", what, tpm_why(t));
    return status_of(e);
}

unsigned chip_slot(const struct cli *c)
{
    return c->has_slot ? c->slot : 0;
}

enum status chip_check_free(struct tpm *t, unsigned slot, bool replace)
{
    struct tpm_slot found;
    enum err e = tpm_slot_read(t, slot, &found);

    if (e)
        return chip_failed(t, "a slot", e);
    if (found.foreign[0]) {
        complain("%s", found.foreign);
        return REFUSED;
    }
    if (!found.has_key || replace)
        return DONE;
    complain("slot %u has the key of \"%s\"%s%s\n"
             "  take another --slot; --replace destroys that key, and so does `d2d tpm erase --slot %u`",
             slot, found.device, found.host[0] ? " for " : "", found.host, slot);
    return REFUSED;
}

enum status chip_provision(struct tpm *t, unsigned slot, const char *string, bool replace)
{
    char host[256], device[130], text[KEY_TEXT_MAX + 1];
    uint8_t key[KEY_LEN_MAX];
    size_t len;
    enum status status;
    enum err e;

    if (d2d_connection_string_field(string, "HostName", host, sizeof host) ||
        d2d_connection_string_field(string, "DeviceId", device, sizeof device) ||
        d2d_connection_string_field(string, "SharedAccessKey", text, sizeof text) ||
        base64_decode(bytes_str(text), key, sizeof key, &len)) {
        explicit_bzero(text, sizeof text);
        complain("a TPM takes the key of a device's connection string: HostName=…;DeviceId=…;SharedAccessKey=…");
        return USAGE;
    }
    status = chip_check_free(t, slot, replace);
    if (!status && (e = tpm_slot_provision(t, slot, bytes_of(key, len), host, device, replace)))
        status = chip_failed(t, device, e);
    explicit_bzero(text, sizeof text);
    explicit_bzero(key, sizeof key);
    return status;
}

enum status chip_string(unsigned slot, char *out, size_t cap)
{
    char why[TPM_WHY_CAP];
    enum d2d_err e = d2d_tpm_string(NULL, slot, out, cap, why);

    if (!e)
        return DONE;
    complain("%s\n  %s", why, e == D2D_NOT_FOUND ? "`d2d tpm status` shows what is in its slots" : where);
    return e == D2D_NOT_FOUND ? NOT_FOUND : e == D2D_NOT_AUTHORISED ? NOT_AUTHORISED : FAILED;
}
