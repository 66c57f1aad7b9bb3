#include "request.h"

#include "amqp_output.h"
#include "budget.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUEST_LEN_MAX (64 * 1024)     /* a token and a few names are two thousand */
#define CREDIT 100                      /* service 2.3 */
#define ANSWERS_WAITING_MAX (64 * 1024) /* bytes that a session may hold for a peer that does not take its answers */
#define ANSWERS_UNPROVED 4096           /* the same of one that has not shown any valid credential */

void amqp_request_credit(struct amqp *c, struct amqp_link *k)
{
    int have = pn_link_credit(k->pn);

    if (!pn_link_is_receiver(k->pn) || have > CREDIT / 2)
        return;
    if (front_has_room(&c->front) && pn_session_outgoing_bytes(pn_link_session(k->pn)) <= ANSWERS_WAITING_MAX)
        pn_link_flow(k->pn, CREDIT - have);
    else
        c->thirsty = true;
}

struct bytes amqp_property(const struct amqp_request *r, const char *name, char number[AMQP_SCALAR_CAP])
{
    struct amqp_value v;
    int64_t n;

    if (!amqp_map_find(&r->message.properties, bytes_str(name), &v))
        return NO_BYTES;
    if (amqp_value_is_bytes(&v)) /* service 1.7: pyamqp writes texts as binary */
        return v.raw;
    if (!amqp_value_integer(&v, &n))
        return NO_BYTES;
    snprintf(number, AMQP_SCALAR_CAP, "%lld", (long long)n);
    return bytes_str(number);
}

/* service 1.7: uamqp says no reply-to, so the answer goes to the link of the same kind in the same session; among
 * several to the one whose target is the reply-to. */
static struct amqp_link *answering_link(struct amqp *c, struct amqp_link *asked, const struct amqp_value *reply_to)
{
    struct amqp_link *found = NULL;

    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);
        if (k->ops != asked->ops || !pn_link_is_sender(k->pn) || pn_link_session(k->pn) != pn_link_session(asked->pn))
            continue;
        const char *target = pn_terminus_get_address(pn_link_remote_target(k->pn));
        if (!found)
            found = k;
        if (amqp_value_is_text(reply_to) && target && bytes_eq(reply_to->raw, bytes_str(target)))
            return k;
    }
    return found;
}

static void reject(pn_delivery_t *d, const char *condition, const char *text)
{
    pn_condition_t *error = pn_disposition_condition(pn_delivery_local(d));

    assert(condition && text);
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, text);
    pn_delivery_update(d, PN_REJECTED);
    pn_delivery_settle(d);
}

void amqp_request_reject(const struct amqp_request *r, const char *condition, const char *text)
{
    reject(r->delivery, condition, text);
}

void amqp_request_unsupported(const struct amqp_request *r)
{
    amqp_request_reject(r, "amqp:not-allowed", "This operation is not supported here.");
}

void amqp_request_accept(struct amqp *c, const struct amqp_request *r)
{
    assert(r->delivery && r->to);
    pn_delivery_update(r->delivery, PN_ACCEPTED);
    pn_delivery_settle(r->delivery);
    amqp_flush(c); /* service 1.7: the request is settled before the answer comes */
    buf_clear(&c->made);
    put_header(&c->made);
}

/* service 1.7: clients compare the identifier with its type, and want an int and a string. */
void amqp_request_put_status(struct amqp *c, const struct amqp_request *r)
{
    const char *target = pn_terminus_get_address(pn_link_remote_target(r->to->pn));
    struct buf *b = &c->made;
    size_t at;

    assert(r->status && (b->len || b->bad));
    put_answer_properties(b, bytes_str(target), &r->message.fields[AMQP_MESSAGE_ID]);
    section_begin(b, SECTION_APPLICATION_PROPERTIES);
    at = put_map_begin(b);
    put_str(b, BYTES("status-code"));
    put_int(b, r->status);
    put_str(b, BYTES("status-description"));
    put_str(b, bytes_str(r->text));
    if (r->condition) {
        put_str(b, BYTES("error-condition"));
        put_sym(b, bytes_str(r->condition));
    }
    put_compound_end(b, at, r->condition ? 6 : 4);
}

/* A whole request lies in c->came. */
static void ask(struct amqp *c, struct amqp_link *k, pn_delivery_t *d, const struct amqp_message *m,
                void (*asked)(struct amqp *, struct amqp_request *))
{
    struct amqp_request r = {
        .message = *m,
        .delivery = d,
        .to = answering_link(c, k, &m->fields[AMQP_REPLY_TO]),
        .status = 200,
        .text = "OK",
    };

    assert(!r.to || (r.to->ops == k->ops && r.to != k));
    if (r.to)
        asked(c, &r);
    else
        reject(d, "amqp:precondition-failed", "This session has no receiver for the answer.");
}

/* Takes the bytes out of Proton; false when they are no message. */
static bool take_message(struct amqp *c, struct amqp_link *k, pn_delivery_t *d, struct amqp_message *out)
{
    size_t size = pn_delivery_pending(d);

    assert(!pn_delivery_partial(d));
    buf_clear(&c->came);
    uint8_t *at = buf_grow(&c->came, size);
    if (!at || pn_link_recv(k->pn, (char *)at, size) != (ssize_t)size)
        return false;
    return amqp_take_apart(buf_bytes(&c->came), out);
}

void amqp_request_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    (void)o;
    amqp_link_accept(c, k);
}

void amqp_request(struct amqp *c, struct amqp_link *k, pn_delivery_t *d,
                  void (*asked)(struct amqp *, struct amqp_request *))
{
    struct amqp_message m;

    if (!pn_link_is_receiver(k->pn) || !pn_delivery_readable(d))
        return;
    if (pn_delivery_aborted(d)) {
        pn_delivery_settle(d);
        return;
    }
    if (amqp_over_credit(c, k))
        return;
    if (pn_delivery_pending(d) > REQUEST_LEN_MAX) {
        amqp_link_detach(c, k, "amqp:link:message-size-exceeded", "A request must be at most %d bytes.",
                         REQUEST_LEN_MAX);
        return;
    }
    if (amqp_too_much_is_coming(c, AMQP_REQUESTS_COMING)) {
        amqp_end(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "too many requests are unfinished");
        return;
    }
    if (!c->proved && pn_session_outgoing_bytes(pn_link_session(k->pn)) > ANSWERS_UNPROVED) {
        amqp_end(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "the answers to requests are not taken");
        return;
    }
    if (pn_delivery_partial(d))
        return;
    bool whole = take_message(c, k, d, &m);
    pn_link_advance(k->pn);
    if (whole)
        ask(c, k, d, &m, asked);
    else
        reject(d, "amqp:decode-error", "The message is not well-formed.");
    buf_free(&c->came); /* an idle connection costs little */
    if (!c->proved)
        amqp_flush(c); /* else Proton would keep what became of each */
    amqp_request_credit(c, k);
}
