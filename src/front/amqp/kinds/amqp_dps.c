/* Devices that register over AMQP (provisioning 1.5): two links of one address, questions on the one, answers on the
 * other. */
#include "amqp_dps.h"

#include "amqp_link.h"
#include "amqp_output.h"
#include "claims.h"
#include "kinds.h"
#include "outcome.h"
#include "request.h"
#include "sections.h"
#include "text.h"
#include "transfer.h"

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
static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    const struct address *a = &o->address;
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
    assert(c->dps && c->proved);
    amqp_link_accept(c, k);
}

/* A question may bring a payload, as data or as a binary value. */
static struct bytes body_of(const struct amqp_message *m)
{
    return m->n_data || m->value.code == AMQP_BIN8 ? m->body : NO_BYTES;
}

static enum err make_answer(struct amqp *c, const struct amqp_request *r, struct buf *body, bool *goes_on)
{
    char number[AMQP_SCALAR_CAP];
    struct bytes type = amqp_property(r, "iotdps-operation-type", number);
    uint64_t at = 0;
    enum err e;

    assert(c->dps && c->dps->registration[0]);
    if (amqp_is(type, WORD_REGISTER)) {
        *goes_on = true;
        e = registration_start(c->env, c->dps, body_of(&r->message), c->now_ms, &at, body);
    } else if (amqp_is(type, WORD_REGISTER_STATUS)) {
        struct bytes operation = amqp_property(r, "iotdps-operation-id", number);

        e = registration_progress(c->env, c->dps, operation, c->now_ms, goes_on, body);
        at = hub_seen(c->env->hub);
    } else {
        e = ERR_ARGUMENT;
    }
    front_wait_for(&c->front, at);
    return e;
}

static void put_retry(struct buf *b)
{
    static const char *const names[] = {"retry-after", "Retry-After"}; /* provisioning 1.2.3: as an int, under both */
    size_t at;

    section_begin(b, SECTION_APPLICATION_PROPERTIES);
    at = put_map_begin(b);
    for (int i = 0; i < 2; i++) {
        put_str(b, bytes_str(names[i]));
        put_narrow_int(b, RETRY_S);
    }
    put_compound_end(b, at, 4);
}

static void answer(struct amqp *c, const struct amqp_request *r, struct bytes body, bool goes_on)
{
    amqp_request_accept(c, r);
    put_answer_properties(&c->made, NO_BYTES, &r->message.fields[AMQP_CORRELATION_ID]);
    if (goes_on)
        put_retry(&c->made);
    section_begin(&c->made, SECTION_DATA);
    put_binary(&c->made, body);
    amqp_send_made(c, r->to);
}

static void refuse(struct amqp *c, const struct amqp_request *r, enum err e)
{
    struct buf text = buf_max(512);

    registration_put_error(c->env, &text, registration_error_of(e), c->now_ms);
    amqp_log_refusal(c, "registration", err_text(e));
    amqp_request_reject(r, amqp_condition(e), buf_str(&text));
    buf_free(&text);
}

/* provisioning 1.5.1: the question is accepted and answered, or rejected with the error. */
static void asked(struct amqp *c, struct amqp_request *r)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    bool goes_on = false;
    enum err e = make_answer(c, r, &body, &goes_on);

    if (e)
        refuse(c, r, e);
    else
        answer(c, r, buf_bytes(&body), goes_on);
    buf_free(&body);
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
