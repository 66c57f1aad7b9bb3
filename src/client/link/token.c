#include "account.h"

#include "sas.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const texts[] = {
    [D2D_OK] = "done",
    [D2D_FAILED] = "it failed",
    [D2D_ARGUMENT] = "an argument is not valid",
    [D2D_NOT_AUTHORISED] = "access denied: wrong key, expired token, disabled, or missing right",
    [D2D_NOT_FOUND] = "it does not exist",
    [D2D_NO_CONNECTION] = "the hub could not be reached",
    [D2D_TIMED_OUT] = "it timed out",
    [D2D_REFUSED] = "the other side refused it",
    [D2D_EXPIRED] = "it has expired",
    [D2D_OVER_QUOTA] = "a limit or a quota is reached",
    [D2D_EXISTS] = "it already exists",
    [D2D_CHANGED] = "it was changed in the meantime",
    [D2D_CLOSED] = "the connection was closed",
    [D2D_NO_MEMORY] = "out of memory",
    [D2D_STOPPED] = "the loop was stopped",
    [D2D_UNSUPPORTED] = "that is not supported here",
    [D2D_UNTRUSTED] = "the certificate of the hub is not trusted",
    [D2D_CLOCK] = "the clock of this computer is wrong",
    [D2D_WRONG_HUB] = "the token is for another hub",
    [D2D_TAKEN_OVER] = "another connection of the same identity took over",
    [D2D_IN_CALLBACK] = "a function that waits cannot be called inside a callback",
};

const char *d2d_version(void)
{
    return D2D_VERSION;
}

const char *d2d_err_text(enum d2d_err e)
{
    return (size_t)e < sizeof texts / sizeof *texts ? texts[e] : "an unknown error";
}

static void put_resource(const struct connstr *s, struct buf *out)
{
    if (s->kind == CONNSTR_EVENTS)
        buf_puts(out, "sb://");
    buf_put(out, s->host);
    if (s->device.len) {
        buf_puts(out, "/devices/");
        buf_put(out, s->device);
    }
    if (s->module.len) {
        buf_puts(out, "/modules/");
        buf_put(out, s->module);
    }
    if (s->entity.len) {
        buf_puts(out, "/");
        buf_put(out, s->entity);
    }
}

/* service 1.3: Event Hubs clients sign with the text of the key, all others with what it decodes to. */
static enum err key_of(const struct connstr *s, struct tpm **tpm, struct key **out, char why[TPM_WHY_CAP])
{
    enum err e;

    if (s->tpm.at)
        return account_open_tpm(s, NULL, tpm, out, why);
    e = s->kind == CONNSTR_EVENTS ? key_in_memory(s->key, out) : key_of_base64(s->key, out);
    if (e && e != ERR_MEMORY) {
        snprintf(why, TPM_WHY_CAP, "the key of the connection string is not a base64 text of 16 to 64 bytes");
        e = ERR_ARGUMENT;
    }
    return e;
}

static enum err make(const struct connstr *s, const char *resource, int64_t expires_s, struct buf *token,
                     char why[TPM_WHY_CAP])
{
    struct buf name = buf_max(SAS_LEN_MAX / 3);
    struct key *key = NULL;
    struct tpm *tpm = NULL;
    enum err e;

    if (resource)
        buf_puts(&name, resource);
    else
        put_resource(s, &name);
    if (!(e = buf_check(&name)) && !(e = key_of(s, &tpm, &key, why)) &&
        (e = token_put(key, buf_bytes(&name), s->key_name, expires_s, token)) && tpm)
        snprintf(why, TPM_WHY_CAP, "%s", tpm_why(tpm));
    key_drop(key);
    tpm_close(tpm);
    buf_free(&name);
    return e;
}

static enum err parse(const char *text, struct connstr *out, char why[TPM_WHY_CAP])
{
    if (connstr_parse(bytes_trim(bytes_str(text)), out))
        snprintf(why, TPM_WHY_CAP, "this is not a connection string: it has the form Name=Value;Name=Value");
    else if (!out->key.at && !out->tpm.at)
        snprintf(why, TPM_WHY_CAP, "the connection string has no key: SharedAccessKey=… or Tpm=…");
    else
        return OK;
    return ERR_ARGUMENT;
}

enum d2d_err d2d_token(const char *connection_string, const char *resource, int64_t now_ms, int64_t ttl_ms, char **out,
                       char *why)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    char reason[TPM_WHY_CAP] = "";
    struct connstr s;
    enum err e;

    if (!connection_string || !out || ttl_ms <= 0 || now_ms < 0 || ttl_ms > INT64_MAX - now_ms)
        return D2D_ARGUMENT;
    if (!(e = parse(connection_string, &s, reason)) &&
        !(e = make(&s, resource, (now_ms + ttl_ms) / 1000, &token, reason)) && !(*out = strdup(buf_str(&token))))
        e = ERR_MEMORY;
    buf_free(&token);
    if (e && !reason[0])
        snprintf(reason, sizeof reason, "%s", err_text(e));
    if (why)
        memcpy(why, reason, sizeof reason);
    return err_of(e);
}

enum d2d_err d2d_connection_string_field(const char *connection_string, const char *field, char *out, size_t cap)
{
    struct bytes rest = bytes_trim(bytes_str(connection_string));

    if (!connection_string || !field || !out || !cap)
        return D2D_ARGUMENT;
    while (rest.at) {
        struct bytes value = bytes_cut(&rest, ';');
        struct bytes name = bytes_cut(&value, '=');

        if (value.at && bytes_eq_nocase(bytes_trim(name), bytes_str(field)))
            return bytes_to_str(value, out, cap) ? D2D_OK : D2D_ARGUMENT;
    }
    return D2D_NOT_FOUND;
}
