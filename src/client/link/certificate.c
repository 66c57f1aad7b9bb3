#include "account.h"

#include "cert.h"
#include "openssl_cert.h"
#include "options.h"
#include "tls_key.h"

#include <stdio.h>
#include <stdlib.h>

enum { PEM_MAX = 8192, DER_MAX = 64 * 1024, WHY_CAP = 256 };

static enum err make_for_tpm_key(const struct d2d_certificate_options *o, struct buf *cert, char why[WHY_CAP])
{
    struct tls_key key;
    enum err e = tls_key_open(o->key_in_tpm, &key, why);

    if (e)
        return e;
    e = cert_make_device_for(key.key, o->device, o->from_ms / 1000, o->to_ms / 1000, cert);
    tls_key_close(&key);
    return e;
}

static bool give(struct buf *text, char **out)
{
    *out = text->len && !text->bad ? strdup(buf_str(text)) : NULL;
    return *out != NULL;
}

static enum err make(const struct d2d_certificate_options *o, struct d2d_certificate *out, char why[WHY_CAP])
{
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    struct cert_facts facts;
    enum err e = o->key_in_tpm ? make_for_tpm_key(o, &cert, why)
                               : cert_make_device(o->device, o->from_ms / 1000, o->to_ms / 1000, &cert, &key);

    if (!e && !(e = cert_read(buf_bytes(&cert), &facts))) {
        for (size_t i = 0; i < sizeof facts.sha256; i++)
            snprintf(out->thumbprint + 2 * i, 3, "%02X", facts.sha256[i]);
        if (!give(&cert, &out->certificate) || (!o->key_in_tpm && !give(&key, &out->key))) {
            free(out->certificate);
            e = ERR_MEMORY;
        }
    }
    if (key.at)
        explicit_bzero(key.at, key.cap);
    buf_free(&key);
    buf_free(&cert);
    return e;
}

enum d2d_err d2d_certificate_make(const struct d2d_certificate_options *given, struct d2d_certificate *out, char *why)
{
    struct d2d_certificate_options o;
    struct d2d_certificate made = {.key = NULL};
    char reason[WHY_CAP] = "";
    enum err e = ERR_ARGUMENT;

    if (!given || !out)
        return D2D_ARGUMENT;
    if (!options_copy(given, &o, sizeof o))
        snprintf(reason, sizeof reason, "the options do not begin with their size, or are those of a newer libd2d");
    else if (!o.device || !*o.device || o.from_ms >= o.to_ms)
        snprintf(reason, sizeof reason, "a certificate needs a device id, and a begin and an end of its validity");
    else if (!(e = make(&o, &made, reason)))
        *out = made;
    if (e && !reason[0])
        snprintf(reason, sizeof reason, "%s", err_text(e));
    if (why)
        snprintf(why, D2D_WHY_CAP, "%.*s", D2D_WHY_CAP - 1, reason);
    return err_of(e);
}

enum d2d_err d2d_certificate_der(const void *text, size_t len, void **der, size_t *der_len)
{
    struct buf out = buf_max(DER_MAX);
    enum err e;

    if (!text || !der || !der_len)
        return D2D_ARGUMENT;
    if (!(e = cert_to_der(bytes_of(text, len), &out))) {
        if ((*der = malloc(out.len)))
            memcpy(*der, out.at, *der_len = out.len);
        else
            e = ERR_MEMORY;
    }
    buf_free(&out);
    return e == ERR_MALFORMED ? D2D_ARGUMENT : err_of(e);
}
