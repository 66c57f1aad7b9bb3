/* The SASL mechanism TPM: a device proves that it has the chip whose endorsement key is enrolled (provisioning 1.5.3).
 *
 *   init       00 scope 00 registration 00 EK
 *   challenge  00                                  response  00 SRK
 *   challenge  80 first half of the blob           response  00
 *   challenge  C1 the other half                   response  00 token */
#include "login.h"

#include "amqp_dps.h"

#include <assert.h>
#include <proton/sasl_plugin.h>
#include <stdlib.h>

enum { FIRST_SEGMENT = 0x80, LAST_SEGMENT = 0xC1, SCOPE_MAX = 32, SEGMENT_MAX = 1 + ATTEST_BLOB_MAX / 2 + 1 };
enum step { WAIT_STORAGE_KEY, WAIT_READY, WAIT_TOKEN };

struct amqp_tpm {
    enum step step;
    char scope[SCOPE_MAX + 1], registration[ID_LEN_MAX + 1];
    uint8_t ek[ATTEST_EK_LEN];
    struct tpm_proof proof;
    uint8_t blob[ATTEST_BLOB_MAX], said[SEGMENT_MAX]; /* Proton reads `said` later */
    size_t blob_len;
};

void amqp_tpm_free(struct amqp_tpm *t)
{
    if (t)
        explicit_bzero(t, sizeof *t);
    free(t);
}

static void challenge(struct amqp *c, uint8_t control, struct bytes part)
{
    pn_transport_t *t = c->driver.transport;

    assert(part.len < sizeof c->tpm->said);
    c->tpm->said[0] = control;
    if (part.len)
        memcpy(c->tpm->said + 1, part.at, part.len);
    pnx_sasl_set_bytes_out(t, pn_bytes(1 + part.len, (const char *)c->tpm->said));
    pnx_sasl_set_desired_state(t, SASL_POSTED_CHALLENGE);
}

enum err amqp_tpm_begin(struct amqp *c, struct bytes init)
{
    struct bytes nothing = bytes_cut(&init, '\0'), scope = bytes_cut(&init, '\0'), id = bytes_cut(&init, '\0');
    struct amqp_tpm *t;

    if (c->tpm || nothing.len || init.len != ATTEST_EK_LEN)
        return ERR_MALFORMED;
    if (!(t = c->tpm = calloc(1, sizeof *t)))
        return ERR_MEMORY;
    if (!bytes_to_str(scope, t->scope, sizeof t->scope) || !bytes_to_str(id, t->registration, sizeof t->registration))
        return ERR_MALFORMED;
    memcpy(c->user, t->registration, sizeof t->registration);
    memcpy(t->ek, init.at, sizeof t->ek);
    challenge(c, 0, NO_BYTES);
    return OK;
}

static enum err on_storage_key(struct amqp *c, struct bytes srk)
{
    struct amqp_tpm *t = c->tpm;
    struct buf blob = buf_over(t->blob, sizeof t->blob);
    const struct registration_request request = {.env = c->env,
                                                 .peer = &c->peer,
                                                 .scope = bytes_str(t->scope),
                                                 .registration = bytes_str(t->registration),
                                                 .now_ms = c->now_ms};
    enum err e = registration_challenge(&request, bytes_of(t->ek, sizeof t->ek), srk, &t->proof, &blob);

    if (e)
        return e;
    assert(t->step == WAIT_STORAGE_KEY && blob.len <= sizeof t->blob);
    t->blob_len = blob.len;
    t->step = WAIT_READY;
    challenge(c, FIRST_SEGMENT, bytes_first(buf_bytes(&blob), blob.len / 2));
    return OK;
}

static enum err on_ready(struct amqp *c)
{
    struct amqp_tpm *t = c->tpm;

    assert(t->step == WAIT_READY);
    t->step = WAIT_TOKEN;
    challenge(c, LAST_SEGMENT, bytes_skip(bytes_of(t->blob, t->blob_len), t->blob_len / 2));
    return OK;
}

/* The nonce is of this connection, and good for one answer. */
static enum err on_token(struct amqp *c, struct bytes token, bool *proved)
{
    struct amqp_tpm *t = c->tpm;
    enum err e = amqp_dps_login(c, bytes_str(t->scope), bytes_str(t->registration), token, &t->proof);

    *proved = !e;
    amqp_tpm_free(t);
    c->tpm = NULL;
    return e;
}

enum err amqp_tpm_response(struct amqp *c, struct bytes response, bool *proved)
{
    struct bytes rest = bytes_skip(response, 1);

    *proved = false;
    pnx_sasl_set_bytes_out(c->driver.transport, pn_bytes(0, NULL)); /* Proton would say it again with the outcome */
    if (!c->tpm || !response.len || response.at[0])
        return ERR_MALFORMED;
    switch (c->tpm->step) {
    case WAIT_STORAGE_KEY:
        return on_storage_key(c, rest);
    case WAIT_READY:
        return on_ready(c);
    case WAIT_TOKEN:
        break;
    }
    return on_token(c, rest, proved);
}
