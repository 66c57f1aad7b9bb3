#include "login.h"

#include "amqp_dps.h"
#include "amqp_output.h"
#include "claims.h"
#include "words.h"

#include <assert.h>
#include <proton/sasl.h>
#include <proton/sasl_plugin.h>

/* service 1.5: what clients begin with. EXTERNAL only for those who showed a certificate. */
static const char *list_mechanisms(pn_transport_t *t)
{
    struct amqp *c = pnx_sasl_get_context(t);
    return c->peer.has_certificate ? "PLAIN ANONYMOUS MSSBCBS TPM EXTERNAL" : "PLAIN ANONYMOUS MSSBCBS TPM";
}

static void succeed(struct amqp *c, pn_transport_t *t)
{
    pnx_sasl_set_succeeded(t, c->user, c->user);
    pnx_sasl_set_desired_state(t, SASL_POSTED_OUTCOME);
}

/* Outcome 4 is "temporary, of the system": clients try again. */
static void fail(struct amqp *c, pn_transport_t *t, enum err e)
{
    assert(e);
    c->refused = true;
    pnx_sasl_set_failed(t);
    if (e == ERR_BUSY)
        pn_sasl_done(pn_sasl(t), PN_SASL_TEMP);
    pnx_sasl_set_desired_state(t, SASL_POSTED_OUTCOME);
}

static enum err failed(const struct amqp *c, const char *kind, struct bytes id, enum err e, const char *why)
{
    journal_login_failed(c->env, &c->peer, (struct journal_who){kind, id}, e, why, c->now_ms);
    return e;
}

/* The token must be of the policy that the user name says. */
static enum err check_policy_token(struct amqp *c, struct bytes policy, struct bytes token)
{
    enum err e = amqp_token_check(c, token, NO_BYTES, &c->who);
    if (!e && !bytes_eq_nocase(bytes_str(c->who.policy), policy))
        e = failed(c, "policy", policy, ERR_UNAUTHORIZED, "the token is of another policy");
    return e;
}

/* device 3.2: {device} or {device}/modules/{module}. */
static enum err check_device_token(struct amqp *c, struct bytes user, struct bytes token)
{
    struct bytes rest = user, device = bytes_cut(&rest, '/'), modules = bytes_cut(&rest, '/');
    char name[IDENTITY_LEN_MAX + 1];

    /* A text that is no name fits no identity. */
    if (!identity_name(device, rest, name) || (modules.at && !bytes_eq_nocase(modules, BYTES("modules"))))
        name[0] = 0;
    return auth_device(c->env, bytes_str(name), token, c->now_ms, &c->who);
}

/* service 1.6: {policy}@sas.root.{hub} and {device}[/modules/{module}]@sas.{hub} bring a token, a bare policy brings
 * its key. */
static enum err check_plain(struct amqp *c, struct bytes user, struct bytes password)
{
    size_t at = bytes_find_bytes(user, BYTES("@sas.root."));
    if (at < user.len)
        return check_policy_token(c, bytes_first(user, at), password);
    at = bytes_find_bytes(user, BYTES("@sas."));
    struct bytes name = bytes_first(user, at);
    const char *kind = at < user.len ? "device" : "policy";
    enum err e =
        at < user.len ? check_device_token(c, name, password) : auth_policy_key(c->env, name, password, &c->who);
    e = auth_tried(c->env, &c->peer, name, e, c->now_ms);
    return e ? failed(c, kind, name, e, c->who.why) : OK;
}

/* {scope}/registrations/{id}: a device that registers (provisioning 1.5.2). */
static enum err check_registration(struct amqp *c, struct bytes user, struct bytes token)
{
    struct bytes scope = bytes_cut(&user, '/');

    bytes_cut(&user, '/');
    return amqp_dps_login(c, scope, user, token, NULL);
}

static void plain(struct amqp *c, pn_transport_t *t, struct bytes response)
{
    bytes_cut(&response, '\0'); /* the identity to act as: nobody uses it */
    struct bytes user = bytes_cut(&response, '\0');
    enum err e = ERR_MALFORMED;

    bool registers = bytes_find_bytes(user, BYTES("/registrations/")) < user.len;

    if (response.at && bytes_to_str(user, c->user, sizeof c->user))
        e = registers ? check_registration(c, user, response) : check_plain(c, user, response);
    if (e) {
        c->who = (struct who){.why = ""};
        if (!c->user[0])
            amqp_log_refusal(c, "SASL PLAIN", err_text(e));
        fail(c, t, e);
        return;
    }
    if (!registers) {
        c->has_who = true;
        amqp_proved(c, &c->who);
    }
    succeed(c, t);
}

/* Unless it is OK. */
static void refuse(struct amqp *c, pn_transport_t *t, enum err e)
{
    if (!e)
        return;
    if (!c->told_why)
        failed(c, "registration", bytes_str(c->user), e, err_text(e));
    fail(c, t, e);
}

static void process_init(pn_transport_t *t, const char *mechanism, const pn_bytes_t *response)
{
    struct amqp *c = pnx_sasl_get_context(t);

    if (!mechanism)
        mechanism = "none";
    struct bytes named = bytes_str(mechanism);
    if (amqp_is(named, WORD_TPM)) {
        refuse(c, t, amqp_tpm_begin(c, bytes_of(response->start, response->size)));
    } else if (amqp_is(named, WORD_PLAIN)) {
        plain(c, t, bytes_of(response->start, response->size));
    } else if (amqp_is(named, WORD_ANONYMOUS) || (amqp_is(named, WORD_EXTERNAL) && c->peer.has_certificate)) {
        succeed(c, t); /* proves nothing: tokens come by $cbs */
    } else {
        amqp_log_refusal(c, "SASL mechanism", mechanism);
        fail(c, t, ERR_UNSUPPORTED);
    }
}

/* Only TPM has a second step. */
static void process_response(pn_transport_t *t, const pn_bytes_t *response)
{
    struct amqp *c = pnx_sasl_get_context(t);
    bool proved;

    refuse(c, t, amqp_tpm_response(c, bytes_of(response->start, response->size), &proved));
    if (proved)
        succeed(c, t);
}

static bool init_server(pn_transport_t *t)
{
    pnx_sasl_set_desired_state(t, SASL_POSTED_MECHANISMS);
    return true;
}

static void nothing(pn_transport_t *t)
{
    (void)t;
}

static bool never(pn_transport_t *t)
{
    (void)t;
    return false;
}

/* The functions of a client, and of a security layer, are never called on a server without one. */
static const pnx_sasl_implementation plugin = {
    .free = nothing,
    .list_mechanisms = list_mechanisms,
    .init_server = init_server,
    .init_client = never,
    .prepare_write = nothing,
    .process_init = process_init,
    .process_response = process_response,
    .can_encrypt = never,
};

void amqp_sasl_start(struct amqp *c)
{
    pn_transport_t *t = c->driver.transport;

    pn_transport_set_server(t);
    pn_transport_require_auth(t, false);                /* service 1.5: hub SDKs come without SASL and put a token */
    pn_sasl_set_allow_insecure_mechs(pn_sasl(t), true); /* TLS ends outside of Proton */
    pnx_sasl_set_implementation(t, &plugin, c);
}
