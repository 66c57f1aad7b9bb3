#include "identity.h"

#include "text.h"

#include <stdio.h>

void identity_put(const struct d2d_identity *d, struct buf *out)
{
    buf_puts(out, "{\"deviceId\":");
    buf_put_json(out, bytes_str(d->id));
    buf_puts(out, d->enabled ? ",\"status\":\"enabled\"" : ",\"status\":\"disabled\"");
    if (d->reason[0]) {
        buf_puts(out, ",\"statusReason\":");
        buf_put_json(out, bytes_str(d->reason));
    }
    if (d->etag[0]) {
        buf_puts(out, ",\"etag\":");
        buf_put_json(out, bytes_str(d->etag));
    }
    buf_puts(out, ",\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":");
    buf_put_json(out, bytes_str(d->primary_key));
    buf_puts(out, ",\"secondaryKey\":");
    buf_put_json(out, bytes_str(d->secondary_key));
    buf_puts(out, "}}}");
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

bool identity_read(const json_t *from, struct d2d_identity *out)
{
    const json_t *keys = json_object_get(json_object_get(from, "authentication"), "symmetricKey");

    *out = (struct d2d_identity){.enabled = says(from, "status", "enabled"),
                                 .connected = says(from, "connectionState", "connected")};
    take(from, "deviceId", out->id, sizeof out->id);
    take(from, "generationId", out->generation, sizeof out->generation);
    take(from, "etag", out->etag, sizeof out->etag);
    take(from, "statusReason", out->reason, sizeof out->reason);
    take(keys, "primaryKey", out->primary_key, sizeof out->primary_key);
    take(keys, "secondaryKey", out->secondary_key, sizeof out->secondary_key);
    take_time(from, "connectionStateUpdatedTime", out->connected_since, sizeof out->connected_since);
    take_time(from, "lastActivityTime", out->last_activity, sizeof out->last_activity);
    return out->id[0] != 0;
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
