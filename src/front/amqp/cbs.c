#include "amqp.h"

#include <stdio.h>

#define AUDIENCE_LEN_MAX 1024

static enum err answer_status(struct amqp *c, struct amqp_request *r, int status, const char *condition,
                              const char *text, const char *why)
{
    r->status = status;
    r->condition = condition;
    snprintf(r->text, sizeof r->text, "%s", text);
    if (why) /* else the log knows */
        amqp_log_refusal(c, "put-token", why);
    return OK;
}

/* The body: AmqpValue with the token as a string; some send it as binary. */
static struct bytes token_of(pn_data_t *body)
{
    pn_data_rewind(body);
    if (!pn_data_next(body))
        return NO_BYTES;
    pn_atom_t a = pn_data_get_atom(body);
    if (a.type != PN_STRING && a.type != PN_BINARY)
        return NO_BYTES;
    return bytes_of(a.u.as_bytes.start, a.u.as_bytes.size);
}

/* service 1.7: every failure is an answer, the link stays. */
static enum err put_token(struct amqp *c, struct amqp_request *r)
{
    char number[24];
    struct who who;

    if (!amqp_is(amqp_property(r, "operation", number), WORD_PUT_TOKEN))
        return ERR_UNSUPPORTED;
    struct bytes type = amqp_property(r, "type", number);
    struct bytes name = amqp_property(r, "name", number);
    struct bytes token = token_of(r->body);
    if (!name.len || name.len > AUDIENCE_LEN_MAX)
        return answer_status(c, r, 400, "amqp:invalid-field", "The name of the audience is missing.", "no name");
    if (!token.len || token.len > SAS_LEN_MAX)
        return answer_status(c, r, 400, "amqp:invalid-field", "The body holds no token.", "no token");
    if (!amqp_is(type, WORD_SAS_TOKEN))
        return answer_status(c, r, 401, "amqp:unauthorized-access", "Only shared access signatures are accepted here.",
                             "another type of token");
    enum err e = amqp_token_check(c, token, name, &who);
    if (e == ERR_NOT_FOUND) /* device 3.3 */
        return answer_status(c, r, 404, "amqp:not-found", "The device does not exist.", NULL);
    if (e == ERR_EXPIRED)
        return answer_status(c, r, 401, "amqp:unauthorized-access", "ExpiredToken: The token is expired.", NULL);
    if (e == ERR_BUSY)
        return answer_status(c, r, 429, amqp_condition(e), "There were too many failed log-ins. Try again later.",
                             NULL);
    if (e == ERR_DISABLED) /* told to who has its key only */
        return answer_status(c, r, 401, "amqp:unauthorized-access", "The device is disabled.", NULL);
    if (e)
        return answer_status(c, r, 401, "amqp:unauthorized-access", "InvalidSignature: The token is not valid here.",
                             NULL);
    e = amqp_claim_put(c, name, &who);
    if (e)
        return answer_status(c, r, 403, "amqp:resource-limit-exceeded", "Too many tokens on this connection.",
                             err_text(e));
    return OK;
}

static void asked(struct amqp *c, struct amqp_request *r)
{
    amqp_request_answer(c, r, put_token(c, r));
}

/* The link stays, whatever becomes of a request. */
static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    amqp_request(c, k, d, asked);
}

static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    (void)a;
    amqp_link_accept(c, k);
}

const struct link_ops amqp_cbs_link = {
    .name = "$cbs",
    .opened = opened,
    .delivery = delivery,
    .credit = amqp_request_credit,
};
