#include "identity.h"

#include "text.h"

#include <stdio.h>

/* service 4.3 */
static const char *const auth_names[] = {
    [D2D_AUTH_KEY] = "sas", [D2D_AUTH_THUMBPRINT] = "selfSigned", [D2D_AUTH_CA] = "certificateAuthority"};

static void put_pair(struct buf *out, const char *what, const char *first, const char *first_text, const char *second,
                     const char *second_text)
{
    buf_printf(out, ",\"%s\":{\"%s\":", what, first);
    buf_put_json(out, bytes_str(first_text));
    buf_printf(out, ",\"%s\":", second);
    buf_put_json(out, bytes_str(second_text));
    buf_puts(out, "}");
}

/* service 4.5: a module has no status. */
static void put_module(const struct d2d_identity *d, struct buf *out)
{
    buf_puts(out, ",\"moduleId\":");
    buf_put_json(out, bytes_str(d->module));
    if (d->managed_by[0]) {
        buf_puts(out, ",\"managedBy\":");
        buf_put_json(out, bytes_str(d->managed_by));
    }
}

static void put_status(const struct d2d_identity *d, struct buf *out)
{
    buf_puts(out, d->enabled ? ",\"status\":\"enabled\"" : ",\"status\":\"disabled\"");
    if (d->reason[0]) {
        buf_puts(out, ",\"statusReason\":");
        buf_put_json(out, bytes_str(d->reason));
    }
}

void identity_put(const struct d2d_identity *d, struct buf *out)
{
    buf_puts(out, "{\"deviceId\":");
    buf_put_json(out, bytes_str(d->id));
    if (d->module[0])
        put_module(d, out);
    else
        put_status(d, out);
    if (d->etag[0]) {
        buf_puts(out, ",\"etag\":");
        buf_put_json(out, bytes_str(d->etag));
    }
    buf_printf(out, ",\"authentication\":{\"type\":\"%s\"", auth_names[d->auth]);
    if (d->auth == D2D_AUTH_KEY)
        put_pair(out, "symmetricKey", "primaryKey", d->primary_key, "secondaryKey", d->secondary_key);
    if (d->auth == D2D_AUTH_THUMBPRINT)
        put_pair(out, "x509Thumbprint", "primaryThumbprint", d->primary_thumbprint, "secondaryThumbprint",
                 d->secondary_thumbprint);
    buf_puts(out, "}}");
}

static void take(const json_t *from, const char *name, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(from, name));

    snprintf(out, cap, "%s", text ? text : "");
}

/* "0001-01-01T00:00:00" stands for never. */
static void take_time(const json_t *from, const char *name, char *out, size_t cap)
{
    take(from, name, out, cap);
    if (bytes_starts(bytes_str(out), BYTES("0001-")))
        out[0] = 0;
}

static bool says(const json_t *from, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(from, name));

    return text && bytes_eq_nocase(bytes_str(text), bytes_str(wanted));
}

/* How an identity proves itself, which an identity and a twin say in different places. */
static void take_proof(const json_t *from, const char *name, struct d2d_identity *out)
{
    const json_t *hashes = json_object_get(from, "x509Thumbprint");

    take(hashes, "primaryThumbprint", out->primary_thumbprint, sizeof out->primary_thumbprint);
    take(hashes, "secondaryThumbprint", out->secondary_thumbprint, sizeof out->secondary_thumbprint);
    for (size_t i = 0; i < sizeof auth_names / sizeof *auth_names; i++)
        if (says(from, name, auth_names[i]))
            out->auth = (enum d2d_auth)i;
}

bool identity_read(const json_t *from, struct d2d_identity *out)
{
    const json_t *how = json_object_get(from, "authentication");
    const json_t *keys = json_object_get(how, "symmetricKey");

    /* An identity without a status is a module, which is as its device is. */
    *out = (struct d2d_identity){.enabled = !says(from, "status", "disabled"),
                                 .connected = says(from, "connectionState", "connected")};
    take(from, "deviceId", out->id, sizeof out->id);
    take(from, "moduleId", out->module, sizeof out->module);
    take(from, "managedBy", out->managed_by, sizeof out->managed_by);
    take(from, "generationId", out->generation, sizeof out->generation);
    take(from, "etag", out->etag, sizeof out->etag);
    take(from, "statusReason", out->reason, sizeof out->reason);
    take(keys, "primaryKey", out->primary_key, sizeof out->primary_key);
    take(keys, "secondaryKey", out->secondary_key, sizeof out->secondary_key);
    take_proof(how, "type", out);
    take_time(from, "connectionStateUpdatedTime", out->connected_since, sizeof out->connected_since);
    take_time(from, "lastActivityTime", out->last_activity, sizeof out->last_activity);
    return out->id[0] != 0;
}

bool identity_read_twin(const json_t *from, struct d2d_identity *out)
{
    bool named = identity_read(from, out);

    /* The twin has an ETag of its own. */
    out->etag[0] = 0;
    take(from, "deviceEtag", out->etag, sizeof out->etag);
    take_proof(from, "authenticationType", out);
    return named;
}

/* service 4.12 */
static enum d2d_err of_status(int status)
{
    switch (status) {
    case 400:
        return D2D_ARGUMENT;
    case 401:
        return D2D_NOT_AUTHORISED;
    case 403: /* too many devices, or the quota of messages: rights are 401 there */
    case 413:
    case 429:
    case 503:
        return D2D_OVER_QUOTA;
    case 404:
        return D2D_NOT_FOUND;
    case 405: /* a job that cannot be cancelled any more */
        return D2D_REFUSED;
    case 408:
    case 504:
        return D2D_TIMED_OUT;
    case 409:
        return D2D_EXISTS;
    case 412:
        return D2D_CHANGED;
    default:
        return status >= 200 && status < 300 ? D2D_OK : D2D_FAILED;
    }
}

enum d2d_err status_error(int status, struct bytes body, char *text, size_t cap)
{
    enum d2d_err e = of_status(status);
    json_t *root = e ? json_loadb((const char *)body.at, body.len, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(root, "Message"));

    if (!message)
        message = json_string_value(json_object_get(root, "message"));
    snprintf(text, cap, "HTTP %d%s%s", status, message ? ": " : "", message ? message : "");
    json_decref(root);
    return e;
}
