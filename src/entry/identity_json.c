#include "identity_json.h"

#include "text.h"

#include <stdio.h>

/* ---- out ------------------------------------------------------------------------------------------------------- */

static void put_text_or_null(struct buf *b, const char *text)
{
    if (text[0])
        buf_put_json(b, bytes_str(text));
    else
        buf_puts(b, "null");
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP] = "0001-01-01T00:00:00"; /* service 4.3: without a Z */

    if (ms)
        iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

void identity_json_put_key(struct buf *b, const struct key_bytes *key)
{
    if (!key->len) {
        buf_puts(b, "null");
        return;
    }
    buf_put_u8(b, '"');
    buf_put_base64(b, bytes_of(key->at, key->len));
    buf_put_u8(b, '"');
}

static const char *const auth_names[] = {
    [AUTH_SAS] = "sas", [AUTH_SELF_SIGNED] = "selfSigned", [AUTH_CA] = "certificateAuthority", [AUTH_NONE] = "none"};

void identity_json_put_authentication(struct buf *b, const struct device *d)
{
    buf_puts(b, ",\"authentication\":{\"symmetricKey\":{\"primaryKey\":");
    identity_json_put_key(b, &d->primary);
    buf_puts(b, ",\"secondaryKey\":");
    identity_json_put_key(b, &d->secondary);
    buf_puts(b, "},\"x509Thumbprint\":{\"primaryThumbprint\":");
    put_text_or_null(b, d->thumbprint[0]);
    buf_puts(b, ",\"secondaryThumbprint\":");
    put_text_or_null(b, d->thumbprint[1]);
    buf_printf(b, "},\"type\":\"%s\"}", auth_names[d->auth]);
}

/* service 4.3: an edge device has a scope of its own, others that of the one that they belong to. */
void identity_json_put_edge(struct buf *b, const struct device *d)
{
    char own[EDGE_SCOPE_LEN_MAX + 1];

    buf_printf(b, ",\"capabilities\":{\"iotEdge\":%s}", d->edge ? "true" : "false");
    if (!d->edge && !d->parent[0])
        return;
    device_scope(d, own);
    buf_puts(b, ",\"deviceScope\":");
    buf_put_json(b, bytes_str(d->edge ? own : d->parent));
    buf_puts(b, ",\"parentScopes\":[");
    if (d->parent[0])
        buf_put_json(b, bytes_str(d->parent));
    buf_puts(b, "]");
}

/* service 4.5: a module has no status of its own. */
static void put_module(struct buf *b, const struct device *d)
{
    buf_puts(b, "{\"moduleId\":");
    buf_put_json(b, identity_module(bytes_str(d->id)));
    buf_puts(b, ",\"managedBy\":");
    put_text_or_null(b, d->managed_by);
    buf_puts(b, ",\"deviceId\":");
    buf_put_json(b, identity_device(bytes_str(d->id)));
    buf_printf(b, ",\"generationId\":\"%s\",\"etag\":\"%s\",\"connectionState\":\"%s\"", d->generation, d->etag,
               d->connected ? "Connected" : "Disconnected");
    put_time(b, "connectionStateUpdatedTime", d->connection_ms);
    put_time(b, "lastActivityTime", d->activity_ms);
    buf_puts(b, ",\"cloudToDeviceMessageCount\":0");
    identity_json_put_authentication(b, d);
    buf_puts(b, "}");
}

void identity_json_put(struct buf *b, const struct device *d)
{
    if (identity_is_module(bytes_str(d->id))) {
        put_module(b, d);
        return;
    }
    buf_puts(b, "{\"deviceId\":");
    buf_put_json(b, bytes_str(d->id));
    buf_printf(
        b, ",\"generationId\":\"%s\",\"etag\":\"%s\",\"connectionState\":\"%s\",\"status\":\"%s\",\"statusReason\":",
        d->generation, d->etag, d->connected ? "Connected" : "Disconnected", d->disabled ? "disabled" : "enabled");
    put_text_or_null(b, d->reason);
    put_time(b, "connectionStateUpdatedTime", d->connection_ms);
    put_time(b, "statusUpdatedTime", d->status_ms);
    put_time(b, "lastActivityTime", d->activity_ms);
    buf_printf(b, ",\"cloudToDeviceMessageCount\":%u", d->c2d_count);
    identity_json_put_authentication(b, d);
    identity_json_put_edge(b, d);
    buf_puts(b, "}");
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

/* A text that may be missing or null, which is "". ERR_ARGUMENT: it is something else, or too long. */
static enum err take_text(const json_t *from, const char *name, char *out, size_t cap, struct entry_fault *f)
{
    const json_t *value = json_object_get(from, name);

    out[0] = 0;
    if (!value || json_is_null(value))
        return OK;
    if (!json_is_string(value))
        return entry_says(f, ERR_ARGUMENT, "%s is not a text", name);
    if (!bytes_to_str(bytes_of(json_string_value(value), json_string_length(value)), out, cap))
        return entry_says(f, ERR_ARGUMENT, "%s is longer than %zu bytes", name, cap - 1);
    return OK;
}

/* An object that may be missing or null, which is NULL. */
static enum err take_object(const json_t *from, const char *name, const json_t **out, struct entry_fault *f)
{
    *out = json_object_get(from, name);
    if (json_is_null(*out))
        *out = NULL;
    return *out && !json_is_object(*out) ? entry_says(f, ERR_ARGUMENT, "%s is not an object", name) : OK;
}

static enum err take_key(const json_t *from, const char *name, struct key_bytes *out, struct entry_fault *f)
{
    char text[KEY_TEXT_MAX + 1];
    size_t len;
    enum err e = take_text(from, name, text, sizeof text, f);

    out->len = 0;
    if (e || !text[0])
        return e;
    if (base64_decode(bytes_str(text), out->at, sizeof out->at, &len) || len < KEY_LEN_MIN)
        return entry_says(f, ERR_ARGUMENT, "%s must be %d to %d bytes in base64", name, KEY_LEN_MIN, KEY_LEN_MAX);
    out->len = (uint8_t)len;
    return OK;
}

/* service 4.3: both or neither; empty texts mean that the hub makes them. */
static enum err take_keys(const json_t *authentication, struct device *out, struct entry_fault *f)
{
    const json_t *keys;
    enum err e = take_object(authentication, "symmetricKey", &keys, f);

    if (e || (e = take_key(keys, "primaryKey", &out->primary, f)) ||
        (e = take_key(keys, "secondaryKey", &out->secondary, f)))
        return e;
    if (!out->primary.len != !out->secondary.len)
        return entry_says(f, ERR_ARGUMENT, "one of the two keys is missing");
    return OK;
}

static enum err take_thumbprint(const json_t *from, const char *name, char out[THUMBPRINT_LEN_MAX + 1],
                                struct entry_fault *f)
{
    enum err e = take_text(from, name, out, THUMBPRINT_LEN_MAX + 1, f);
    size_t len = e ? 0 : strlen(out);

    for (size_t i = 0; i < len; i++)
        if (out[i] >= 'a' && out[i] <= 'f')
            out[i] = (char)(out[i] - 'a' + 'A');
    if (len && ((len != 40 && len != 64) || strspn(out, "0123456789ABCDEF") != len))
        return entry_says(f, ERR_ARGUMENT, "%s must be 40 or 64 hexadecimal digits", name);
    return e;
}

static enum err take_thumbprints(const json_t *authentication, struct device *out, struct entry_fault *f)
{
    const json_t *both;
    enum err e = take_object(authentication, "x509Thumbprint", &both, f);

    if (!e)
        e = take_thumbprint(both, "primaryThumbprint", out->thumbprint[0], f);
    return e ? e : take_thumbprint(both, "secondaryThumbprint", out->thumbprint[1], f);
}

/* Without a type, thumbprints say what is meant (older clients). */
static enum err take_auth_type(const json_t *authentication, struct device *out, struct entry_fault *f)
{
    char type[32];
    enum err e = take_text(authentication, "type", type, sizeof type, f);

    if (e)
        return e;
    out->auth = out->thumbprint[0][0] || out->thumbprint[1][0] ? AUTH_SELF_SIGNED : AUTH_SAS;
    if (!type[0])
        return OK;
    for (size_t i = 0; i < sizeof auth_names / sizeof *auth_names; i++) {
        if (bytes_eq_nocase(bytes_str(type), bytes_str(auth_names[i]))) {
            out->auth = (enum auth_type)i;
            return OK;
        }
    }
    return entry_says(f, ERR_ARGUMENT, "authentication.type must be sas, selfSigned, certificateAuthority or none");
}

/* A put replaces everything: what is not there is made anew or empty (service 4.3). */
static enum err take_authentication(const json_t *root, struct device *out, struct entry_fault *f)
{
    const json_t *authentication;
    enum err e = take_object(root, "authentication", &authentication, f);

    if (e || (e = take_keys(authentication, out, f)) || (e = take_thumbprints(authentication, out, f)) ||
        (e = take_auth_type(authentication, out, f)))
        return e;
    /* Keys and thumbprints that the type does not use are not kept: a key that works must be one that is shown. */
    if (out->auth != AUTH_SAS)
        out->primary.len = out->secondary.len = 0;
    if (out->auth != AUTH_SELF_SIGNED)
        out->thumbprint[0][0] = out->thumbprint[1][0] = 0;
    return OK;
}

static enum err take_status(const json_t *root, struct device *out, struct entry_fault *f)
{
    char status[16];
    enum err e = take_text(root, "status", status, sizeof status, f);

    if (e)
        return e;
    out->disabled = bytes_eq_nocase(bytes_str(status), BYTES("disabled"));
    if (status[0] && !out->disabled && !bytes_eq_nocase(bytes_str(status), BYTES("enabled")))
        return entry_says(f, ERR_ARGUMENT, "status must be enabled or disabled");
    return take_text(root, "statusReason", out->reason, sizeof out->reason, f);
}

/* The parent of an edge device stands in parentScopes, that of others in deviceScope; SDKs send both back as they got
 * them. */
static enum err take_edge(const json_t *root, struct device *out, struct entry_fault *f)
{
    const json_t *scopes = json_object_get(root, "parentScopes"), *first = json_array_get(scopes, 0);
    char own[EDGE_SCOPE_LEN_MAX + 1], above[EDGE_SCOPE_LEN_MAX + 1] = "";
    enum err e = take_text(root, "deviceScope", own, sizeof own, f);

    if (e)
        return e;
    if (json_array_size(scopes) > 1)
        return entry_says(f, ERR_ARGUMENT, "parentScopes has more than one scope");
    if (first && (!json_is_string(first) ||
                  !bytes_to_str(bytes_of(json_string_value(first), json_string_length(first)), above, sizeof above)))
        return entry_says(f, ERR_ARGUMENT, "parentScopes must hold a text of up to %d bytes", EDGE_SCOPE_LEN_MAX);
    out->edge = json_is_true(json_object_get(json_object_get(root, "capabilities"), "iotEdge"));
    memcpy(out->parent, out->edge || !own[0] ? above : own, sizeof out->parent);
    return OK;
}

enum err identity_json_take(const json_t *root, struct device *out, struct entry_fault *f)
{
    bool module = identity_is_module(bytes_str(out->id));
    enum err e =
        module ? take_text(root, "managedBy", out->managed_by, sizeof out->managed_by, f) : take_status(root, out, f);

    if (!e && module)
        return take_authentication(root, out, f);
    if (e || (e = take_edge(root, out, f)))
        return e;
    return take_authentication(root, out, f);
}
