/* Registering by a TPM: the key that proves the chip, and the key for the hub, both of which only the chip can read
 * (provisioning 1.5.3, 1.6, 4.6). */
#include "register_tpm.h"

#include "text.h"

#include <stdio.h>

#include <proton/sasl_plugin.h>

static void fail(struct registering *r, enum err e)
{
    registering_failed(r, err_of(e), "%s", tpm_why(r->tpm));
}

bool registering_open_tpm(struct registering *r, const struct d2d_register_options *o)
{
    char why[TPM_WHY_CAP];
    struct tpm_slot slot;
    enum err e;

    if (o->tpm_slot >= TPM_SLOTS) {
        registering_failed(r, D2D_ARGUMENT, "a slot is 0 to %d", TPM_SLOTS - 1);
        return false;
    }
    r->slot = o->tpm_slot;
    if ((e = tpm_open(o->common.tcti, &r->tpm, why))) {
        registering_failed(r, err_of(e), "%s", why);
        return false;
    }
    r->ek = buf_max(ATTEST_EK_LEN);
    r->srk = buf_max(ATTEST_SRK_LEN);
    if ((e = tpm_endorsement(r->tpm, &r->ek)) || (e = tpm_storage(r->tpm, &r->srk)))
        fail(r, e);
    else if ((e = tpm_slot_read(r->tpm, r->slot, &slot)))
        fail(r, e);
    else if (slot.foreign[0]) /* the key of the hub would find no room */
        registering_failed(r, err_of(e = ERR_REJECTED), "%s", slot.foreign);
    else if (!o->registration && (e = tpm_registration_id(r->tpm, r->own_id)))
        fail(r, e);
    return !e;
}

void registering_close_tpm(struct registering *r)
{
    tpm_close(r->tpm);
    buf_free(&r->ek);
    buf_free(&r->srk);
}

void registering_put_keys(struct registering *r, struct buf *out)
{
    buf_puts(out, ",\"tpm\":{\"endorsementKey\":\"");
    buf_put_base64(out, buf_bytes(&r->ek));
    buf_puts(out, "\",\"storageRootKey\":\"");
    buf_put_base64(out, buf_bytes(&r->srk));
    buf_puts(out, "\"}");
}

enum err registering_sign(struct registering *r, int64_t expires_s, struct buf *out)
{
    struct key *key;
    enum err e = key_in_tpm(r->tpm, r->slot, &key);

    if (e)
        return e;
    e = token_put(key, bytes_str(r->audience), BYTES("registration"), expires_s, out);
    key_drop(key);
    return e;
}

static bool activate(struct registering *r, struct bytes blob)
{
    enum err e = tpm_activate(r->tpm, r->slot, blob);

    if (e)
        fail(r, e);
    return !e;
}

static bool activate_text(struct registering *r, const char *base64)
{
    uint8_t blob[2048];
    size_t len;

    if (base64_decode(bytes_str(base64), blob, sizeof blob, &len)) {
        registering_failed(r, D2D_FAILED, "the service sends a key that is not base64");
        return false;
    }
    return activate(r, bytes_of(blob, len));
}

bool registering_challenged(struct registering *r, const char *base64, int64_t now_ms)
{
    if (!r->tpm || r->proved || !base64)
        return false;
    if (activate_text(r, base64)) {
        r->proved = true;
        r->next_ms = now_ms;
    }
    return true;
}

bool registering_take_key(struct registering *r, const char *base64)
{
    enum err e;

    if (!r->tpm)
        return true;
    if (!base64) {
        registering_failed(r, D2D_FAILED, "the service sends no key for the hub");
        return false;
    }
    if (!activate_text(r, base64))
        return false;
    if ((e = tpm_slot_set_text(r->tpm, r->slot, r->out->hub, r->out->device)))
        fail(r, e);
    return !e;
}

/* ---- SASL TPM -------------------------------------------------------------------------------------------------- */

enum { SEGMENT = 0x80, LAST = 0x40, SEQUENCE = 0x03 };

static void respond(struct sasl_tpm *s, pn_transport_t *t, enum pnx_sasl_state state)
{
    pnx_sasl_set_bytes_out(t, pn_bytes(s->said.len, (const char *)s->said.at));
    pnx_sasl_set_desired_state(t, state);
}

/* provisioning 1.5.3: 00 scope 00 registration 00 EK */
static bool process_mechanisms(pn_transport_t *t, const char *mechanisms)
{
    struct sasl_tpm *s = pnx_sasl_get_context(t);
    struct registering *r = s->registering;

    (void)mechanisms;
    if (!pnx_sasl_is_mechanism_included(t, pn_bytes(3, "TPM")))
        return false;
    buf_clear(&s->said);
    buf_put_u8(&s->said, 0);
    buf_puts(&s->said, r->scope);
    buf_put_u8(&s->said, 0);
    buf_puts(&s->said, r->out->registration);
    buf_put_u8(&s->said, 0);
    buf_put(&s->said, buf_bytes(&r->ek));
    pnx_sasl_set_selected_mechanism(t, "TPM");
    respond(s, t, SASL_POSTED_INIT);
    return true;
}

/* A part of the blob; with the last one, the token. */
static void on_segment(struct sasl_tpm *s, uint8_t control, struct bytes part)
{
    struct registering *r = s->registering;
    int64_t expires_s = account_expires_s(&r->account);
    enum err e;

    if ((control & SEQUENCE) != (s->segments++ & SEQUENCE)) {
        registering_failed(r, D2D_FAILED, "the service sent its key out of order");
        return;
    }
    buf_put(&s->blob, part);
    if (!(control & LAST))
        return;
    if (buf_check(&s->blob))
        registering_failed(r, D2D_FAILED, "the service's key is too long");
    else if (activate(r, buf_bytes(&s->blob)) && (e = registering_sign(r, expires_s, &s->said)))
        fail(r, e);
}

static void process_challenge(pn_transport_t *t, const pn_bytes_t *in)
{
    struct sasl_tpm *s = pnx_sasl_get_context(t);
    struct bytes challenge = bytes_of(in->start, in->size);
    uint8_t control = challenge.len ? challenge.at[0] : 0;

    buf_clear(&s->said);
    buf_put_u8(&s->said, 0);
    if (control & SEGMENT)
        on_segment(s, control, bytes_skip(challenge, 1));
    else
        buf_put(&s->said, buf_bytes(&s->registering->srk));
    if (s->registering->done)
        buf_clear(&s->said); /* which ends it */
    respond(s, t, SASL_POSTED_RESPONSE);
}

static void process_outcome(pn_transport_t *t, const pn_bytes_t *in)
{
    (void)t;
    (void)in;
}

static void nothing(pn_transport_t *t)
{
    (void)t;
}

static bool yes(pn_transport_t *t)
{
    (void)t;
    return true;
}

static bool no(pn_transport_t *t)
{
    (void)t;
    return false;
}

void sasl_tpm_start(struct sasl_tpm *s, pn_transport_t *t)
{
    static const pnx_sasl_implementation plugin = {
        .free = nothing,
        .init_client = yes,
        .prepare_write = nothing,
        .process_mechanisms = process_mechanisms,
        .process_challenge = process_challenge,
        .process_outcome = process_outcome,
        .can_encrypt = no,
    };

    s->segments = 0;
    buf_clear(&s->blob);
    pnx_sasl_set_implementation(t, &plugin, s);
}

void sasl_tpm_close(struct sasl_tpm *s)
{
    buf_free(&s->said);
    buf_free(&s->blob);
}
