#include "register_tpm.h"

#include "cert.h"
#include "files.h"
#include "handle.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>

enum { LIMIT_MS = 60000, CERT_FILE_MAX = 64 * 1024 };

/* ---- who registers --------------------------------------------------------------------------------------------- */

/* provisioning 1.1 */
static bool is_registration(const char *id)
{
    size_t len = strlen(id);

    return len > 0 && len <= ID_LEN_MAX && !strchr(".:_", id[len - 1]) &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:") == len;
}

static bool is_scope(const char *scope)
{
    size_t len = strlen(scope);

    return len > 0 && len <= SCOPE_LEN_MAX &&
           strspn(scope, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") == len;
}

/* provisioning 2.2: the common name of the certificate. */
static enum d2d_err name_of_certificate(struct registering *r, const char *path)
{
    struct buf file = buf_max(CERT_FILE_MAX);
    enum err e = file_read(path, &file);

    if (!e && !cert_common_name(buf_bytes(&file), r->out->registration, sizeof r->out->registration))
        e = ERR_MALFORMED;
    buf_free(&file);
    if (!e)
        return D2D_OK;
    registering_failed(r, D2D_ARGUMENT, "%s: %s", path, err_text(e));
    return D2D_ARGUMENT;
}

static enum d2d_err take_name(struct registering *r, const struct d2d_register_options *o)
{
    enum d2d_err e = D2D_OK;

    if (!o->registration && !o->key && o->common.cert_file)
        e = name_of_certificate(r, o->common.cert_file);
    else if (!o->registration && o->tpm)
        memcpy(r->out->registration, r->own_id, sizeof r->own_id);
    else if (!o->registration ||
             !bytes_to_str(bytes_str(o->registration), r->out->registration, sizeof r->out->registration))
        e = D2D_ARGUMENT;
    if (!e && is_registration(r->out->registration))
        return D2D_OK;
    registering_failed(r, D2D_ARGUMENT,
                       "a registration id must be 1 to 128 letters, digits and - . _ : and must not end with . _ or :");
    return D2D_ARGUMENT;
}

static enum d2d_err take_names(struct registering *r, const struct d2d_register_options *o)
{
    enum err e;

    if (take_name(r, o))
        return D2D_ARGUMENT;
    if (!o->scope || !is_scope(o->scope) || !bytes_to_str(bytes_str(o->scope), r->scope, sizeof r->scope)) {
        registering_failed(r, D2D_ARGUMENT, "the id scope is missing or not valid");
        return D2D_ARGUMENT;
    }
    snprintf(r->audience, sizeof r->audience, "%s/registrations/%s", r->scope, r->out->registration);
    if ((e = registering_put_body(r, o->payload))) {
        registering_failed(r, D2D_ARGUMENT, e == ERR_ARGUMENT ? "the payload is not JSON" : "the payload is too large");
        return D2D_ARGUMENT;
    }
    return D2D_OK;
}

static enum d2d_err take_tpm(struct registering *r, const struct d2d_register_options *o)
{
    enum d2d_transport t = o->common.transport;

    if (!o->tpm)
        return D2D_OK;
    if (o->key || o->common.cert_file)
        registering_failed(r, D2D_ARGUMENT,
                           "a device registers by its TPM, its key or its certificate, only by one of them");
    else if (t == D2D_MQTT || t == D2D_MQTT_WS) /* provisioning 1.4 */
        registering_failed(r, D2D_UNSUPPORTED, "a TPM registers over HTTPS or AMQP, not over MQTT");
    else if (registering_open_tpm(r, o))
        return D2D_OK;
    return r->result;
}

/* The key that signs the tokens; none: there is a certificate. */
static enum d2d_err take_account(struct registering *r, struct d2d_loop *loop, const struct d2d_register_options *o)
{
    struct key *key = NULL;
    enum d2d_err e;

    if (o->key && key_of_base64(bytes_trim(bytes_str(o->key)), &key)) {
        registering_failed(r, D2D_ARGUMENT, "the key is not a base64 text of 16 to 64 bytes");
        return D2D_ARGUMENT;
    }
    if ((e = account_open_host(&r->account, loop, &o->common, o->service, !key && !o->tpm, key))) {
        registering_failed(r, e, "%s", r->account.detail);
        return e;
    }
    r->account.string.key_name = BYTES("registration"); /* provisioning 1.3 */
    return D2D_OK;
}

static enum d2d_err registering_open(void *handle, struct d2d_loop *loop, const void *options)
{
    const struct d2d_register_options *o = options;
    struct registering *r = handle;
    enum d2d_err e;

    if (loop_is_inside(loop))
        return loop_fail(loop, D2D_IN_CALLBACK, "%s", d2d_err_text(D2D_IN_CALLBACK));
    r->limit_ms = o->common.timeout_ms > 0 ? o->common.timeout_ms : LIMIT_MS;
    if ((e = take_tpm(r, o)) || (e = take_names(r, o)))
        return e;
    return take_account(r, loop, o);
}

/* ---- the way --------------------------------------------------------------------------------------------------- */

static enum d2d_err make_token(struct registering *r)
{
    struct account *a = &r->account;
    enum err e;

    buf_clear(&r->token);
    if (!a->key && !r->proved)
        return D2D_OK;
    e = r->tpm ? registering_sign(r, account_expires_s(a), &r->token)
               : account_token(a, bytes_str(r->audience), &r->token);
    if (e)
        registering_failed(r, err_of(e), "the token cannot be made: %s", err_text(e));
    return err_of(e);
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static enum d2d_err wait(struct registering *r)
{
    int64_t left_ms = r->next_ms - loop_now_ms(r->account.loop);
    enum d2d_err e = left_ms > 0 ? loop_until(r->account.loop, never, NULL, left_ms) : D2D_TIMED_OUT;

    return e == D2D_TIMED_OUT ? D2D_OK : e;
}

static enum d2d_err carry(struct registering *r, int64_t limit_ms)
{
    if (r->account.transport == D2D_HTTPS)
        return register_over_http(r, limit_ms);
    return account_speaks_amqp(&r->account) ? register_over_amqp(r, limit_ms) : register_over_mqtt(r, limit_ms);
}

/* Asks, and asks again, until the service has decided or the time is over. */
static enum d2d_err ask_until_done(struct registering *r)
{
    int64_t end_ms = loop_now_ms(r->account.loop) + r->limit_ms, now_ms;
    enum d2d_err e = D2D_OK;

    while (!e && !r->done) {
        now_ms = loop_now_ms(r->account.loop);
        if (r->next_ms >= end_ms || now_ms >= end_ms)
            e = D2D_TIMED_OUT;
        else if (!(e = wait(r)) && !(e = make_token(r)))
            e = carry(r, end_ms - loop_now_ms(r->account.loop));
    }
    return r->done ? r->result : e;
}

enum d2d_err d2d_register(struct d2d_loop *loop, const struct d2d_register_options *options,
                          struct d2d_registration *out)
{
    static const struct handle_kind kind = {.options_size = sizeof(struct d2d_register_options),
                                            .open = registering_open};
    struct registering r = {.token = buf_max(SAS_LEN_MAX), .out = out};
    enum d2d_err e;

    if (!loop || !out)
        return D2D_ARGUMENT;
    *out = (struct d2d_registration){0};
    if (!(e = handle_begin(&kind, loop, options, &r.account))) {
        e = ask_until_done(&r);
        account_close(&r.account);
    } else if (!out->error[0]) {
        snprintf(out->error, sizeof out->error, "%s", d2d_loop_detail(loop));
    }
    registering_close_tpm(&r);
    buf_free(&r.body);
    buf_free(&r.token);
    if (e && out->error[0])
        loop_fail(loop, e, "%s", out->error);
    return loop_ends(loop, e);
}

/* provisioning 2.1 */
enum d2d_err d2d_derive_key(const char *group_key, const char *registration, char *out, size_t cap)
{
    uint8_t raw[KEY_LEN_MAX], mac[32];
    struct buf text = buf_max(64);
    bool fits;
    size_t len;

    if (!group_key || !registration || !*registration || !out ||
        base64_decode(bytes_trim(bytes_str(group_key)), raw, sizeof raw, &len) || len < KEY_LEN_MIN)
        return D2D_ARGUMENT;
    hmac_sha256(bytes_of(raw, len), bytes_str(registration), mac);
    buf_put_base64(&text, bytes_of(mac, sizeof mac));
    fits = bytes_to_str(buf_bytes(&text), out, cap);
    explicit_bzero(raw, sizeof raw);
    explicit_bzero(mac, sizeof mac);
    buf_free(&text);
    return fits ? D2D_OK : D2D_ARGUMENT;
}
