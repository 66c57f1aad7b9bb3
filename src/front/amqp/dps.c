/* Devices that register over AMQP (provisioning 1.5): two links of one address, questions on the one, answers on the
 * other. */
#include "amqp.h"

#include "text.h"

#include <assert.h>
#include <stdlib.h>

enum { RETRY_S = 2 };

/* It holds keys. */
void amqp_dps_free(struct registrant *caller)
{
    if (caller)
        explicit_bzero(caller, sizeof *caller);
    free(caller);
}

enum err amqp_dps_login(struct amqp *c, struct bytes scope, struct bytes id, struct bytes token,
                        const struct tpm_proof *proof)
{
    struct registrant *caller = calloc(1, sizeof *caller);
    const struct who who = {.until_ms = INT64_MAX};
    const struct registration_request request = {.env = c->env,
                                                 .peer = &c->peer,
                                                 .scope = scope,
                                                 .registration = id,
                                                 .token = token,
                                                 .proof = proof,
                                                 .now_ms = c->now_ms};
    enum err e = caller ? registration_admit(&request, caller) : ERR_MEMORY;

    if (e) {
        journal_login_failed(c->env, &c->peer, (struct journal_who){"registration", id}, e, caller ? caller->why : NULL,
                             c->now_ms);
        c->told_why = true;
        amqp_dps_free(caller);
        return e;
    }
    amqp_dps_free(c->dps);
    c->dps = caller;
    amqp_proved(c, &who);
    amqp_came(c, "registration", caller->registration);
    return OK;
}

/* provisioning 1.5: without SASL PLAIN the certificate of the connection counts, for whoever the link is for. */
static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    enum err e = c->dps ? OK : ERR_UNAUTHORIZED;

    if (!c->dps && c->peer.has_certificate)
        e = amqp_dps_login(c, a->group, a->device, NO_BYTES, NULL);
    if (!e && !bytes_eq_nocase(a->device, bytes_str(c->dps->registration)))
        e = ERR_UNAUTHORIZED;
    if (e) {
        struct buf text = buf_max(512);

        registration_put_error(c->env, &text, registration_error_of(e), c->now_ms);
        amqp_link_refuse(c, k, amqp_condition(e), "%s", buf_str(&text));
        buf_free(&text);
        return;
    }
    amqp_link_accept(c, k);
}

static struct bytes body_of(pn_data_t *body)
{
    pn_data_rewind(body);
    if (!pn_data_next(body) || pn_data_type(body) != PN_BINARY)
        return NO_BYTES;
    pn_bytes_t b = pn_data_get_binary(body);
    return bytes_of(b.start, b.size);
}

static void put_retry(pn_data_t *p)
{
    static const char *const names[] = {"retry-after", "Retry-After"}; /* provisioning 1.2.3: as an int, under both */

    pn_data_put_map(p);
    pn_data_enter(p);
    for (int i = 0; i < 2; i++) {
        pn_data_put_string(p, pn_bytes(strlen(names[i]), names[i]));
        pn_data_put_int(p, RETRY_S);
    }
    pn_data_exit(p);
}

static enum err make_answer(struct amqp *c, struct amqp_request *r)
{
    char number[24];
    struct bytes type = amqp_property(r, "iotdps-operation-type", number);
    struct bytes operation = amqp_property(r, "iotdps-operation-id", number);
    bool registers = amqp_is(type, WORD_REGISTER);
    struct buf body = buf_max(DOC_LEN_MAX);
    bool goes_on = registers;
    uint64_t at = 0;
    enum err e;

    assert(c->dps && c->dps->registration[0]);
    if (registers) {
        e = registration_start(c->env, c->dps, body_of(r->body), c->now_ms, &at, &body);
    } else if (amqp_is(type, WORD_REGISTER_STATUS)) {
        e = registration_progress(c->env, c->dps, operation, c->now_ms, &goes_on, &body);
        at = hub_seen(c->env->hub);
    } else {
        e = ERR_ARGUMENT;
    }
    front_wait_for(&c->front, at);
    if (!e) {
        pn_message_set_correlation_id(r->message, pn_message_get_correlation_id(c->message));
        pn_message_set_inferred(r->message, true);
        pn_data_put_binary(r->answer, pn_bytes(body.len, (const char *)body.at));
        if (goes_on)
            put_retry(pn_message_properties(r->message));
    }
    buf_free(&body);
    return e;
}

/* provisioning 1.5.1: the question is accepted and answered, or rejected with the error. */
static void asked(struct amqp *c, struct amqp_request *r)
{
    struct buf text = buf_max(512);
    enum err e = make_answer(c, r);

    if (e) {
        registration_put_error(c->env, &text, registration_error_of(e), c->now_ms);
        amqp_log_refusal(c, "registration", err_text(e));
        amqp_request_reject(r, amqp_condition(e), buf_str(&text));
    } else {
        amqp_request_accept(c, r);
        amqp_send_message(c, r->to, r->message);
    }
    buf_free(&text);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    amqp_request(c, k, d, asked);
}

const struct link_ops amqp_dps_link = {
    .name = "registration",
    .opened = opened,
    .delivery = delivery,
    .credit = amqp_request_credit,
};
