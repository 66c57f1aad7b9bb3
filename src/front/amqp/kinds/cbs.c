/* Tokens that are put on $cbs (device 3.3, service 1.7). */
#include "kinds.h"

#include "amqp_output.h"
#include "claims.h"
#include "outcome.h"
#include "request.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>
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

/* service 1.7: azure-eventhub for Python calls its signature a "jwt". */
static bool is_signature(struct bytes type, struct bytes token)
{
    return amqp_is(type, WORD_SAS_TOKEN) ||
           (bytes_eq(type, BYTES("jwt")) && bytes_starts_nocase(token, BYTES("SharedAccessSignature ")));
}

/* service 1.7: every failure is an answer, the link stays. */
static enum err put_token(struct amqp *c, struct amqp_request *r)
{
    char number[AMQP_SCALAR_CAP];
    struct who who;

    if (!amqp_is(amqp_property(r, "operation", number), WORD_PUT_TOKEN))
        return ERR_UNSUPPORTED;
    struct bytes type = amqp_property(r, "type", number);
    struct bytes name = amqp_property(r, "name", number);
    struct bytes token = r->message.body; /* a string; some send it as binary */
    if (!name.len || name.len > AUDIENCE_LEN_MAX)
        return answer_status(c, r, 400, "amqp:invalid-field", "The name of the audience is missing.", "no name");
    if (!token.len || token.len > SAS_LEN_MAX)
        return answer_status(c, r, 400, "amqp:invalid-field", "The body holds no token.", "no token");
    if (!is_signature(type, token))
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
    assert(r->to->ops == &amqp_cbs_link);
    if (put_token(c, r)) {
        amqp_request_unsupported(r);
        return;
    }
    amqp_request_accept(c, r);
    amqp_request_put_status(c, r);
    section_begin(&c->made, SECTION_VALUE);
    buf_put_u8(&c->made, AMQP_NULL);
    amqp_send_made(c, r->to);
}

/* The link stays, whatever becomes of a request. */
static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    amqp_request(c, k, d, asked);
}

const struct link_ops amqp_cbs_link = {
    .name = "$cbs",
    .opened = amqp_request_opened,
    .delivery = delivery,
    .credit = amqp_request_credit,
};
