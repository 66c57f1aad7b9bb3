#include "amqp.h"

#include "proton_map.h"

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

struct bytes amqp_property(struct amqp_request *r, const char *name, char number[24])
{
    struct bytes key;

    if (!proton_map_begin(r->properties))
        return NO_BYTES;
    while (proton_map_next(r->properties, &key)) {
        if (!bytes_eq(key, bytes_str(name)))
            continue;
        pn_atom_t value = pn_data_get_atom(r->properties);
        if (value.type == PN_INT || value.type == PN_LONG || value.type == PN_UINT || value.type == PN_ULONG) {
            long long n = value.type == PN_INT || value.type == PN_UINT ? value.u.as_int : (long long)value.u.as_long;
            snprintf(number, 24, "%lld", n);
            return bytes_str(number);
        }
        return proton_text(value);
    }
    return NO_BYTES;
}

/* service 1.7: uamqp says no reply-to, so the answer goes to the link of the same kind in the same session; among
 * several to the one whose target is the reply-to. */
static struct amqp_link *answering_link(struct amqp *c, struct amqp_link *asked, const char *reply_to)
{
    struct amqp_link *found = NULL;

    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);
        if (k->ops != asked->ops || !pn_link_is_sender(k->pn) || pn_link_session(k->pn) != pn_link_session(asked->pn))
            continue;
        const char *target = pn_terminus_get_address(pn_link_remote_target(k->pn));
        if (!found)
            found = k;
        if (reply_to && target && !strcmp(reply_to, target))
            return k;
    }
    return found;
}

static void answer(struct amqp *c, struct amqp_request *r)
{
    pn_message_t *m = r->message;
    pn_data_t *p = pn_message_properties(m);
    const char *target = pn_terminus_get_address(pn_link_remote_target(r->to->pn));

    /* service 1.7: clients compare the identifier with its type, and want an int and a string. */
    pn_message_set_correlation_id(m, pn_message_get_id(c->message));
    if (target)
        pn_message_set_address(m, target);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_string(p, pn_bytes(strlen("status-code"), "status-code"));
    pn_data_put_int(p, r->status);
    pn_data_put_string(p, pn_bytes(strlen("status-description"), "status-description"));
    pn_data_put_string(p, pn_bytes(strlen(r->text), r->text));
    if (r->condition) {
        pn_data_put_string(p, pn_bytes(strlen("error-condition"), "error-condition"));
        pn_data_put_symbol(p, pn_bytes(strlen(r->condition), r->condition));
    }
    pn_data_exit(p);
    if (!pn_data_size(r->answer))
        pn_data_put_null(r->answer);
    amqp_send_message(c, r->to, m);
}

static void reject(pn_delivery_t *d, const char *condition, const char *text)
{
    pn_condition_t *error = pn_disposition_condition(pn_delivery_local(d));
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, text);
    assert(condition && text);
    pn_delivery_update(d, PN_REJECTED);
    pn_delivery_settle(d);
}

void amqp_request_reject(struct amqp_request *r, const char *condition, const char *text)
{
    reject(r->delivery, condition, text);
}

void amqp_request_accept(struct amqp *c, struct amqp_request *r)
{
    assert(r->delivery && r->to);
    pn_delivery_update(r->delivery, PN_ACCEPTED);
    pn_delivery_settle(r->delivery);
    amqp_flush(c); /* service 1.7: the request is settled before the answer comes */
}

void amqp_request_answer(struct amqp *c, struct amqp_request *r, enum err e)
{
    if (e) {
        amqp_request_reject(r, "amqp:not-allowed", "This operation is not supported here.");
        return;
    }
    amqp_request_accept(c, r);
    answer(c, r);
}

/* A whole request lies in c->message. */
static void ask(struct amqp *c, struct amqp_link *k, pn_delivery_t *d,
                void (*asked)(struct amqp *, struct amqp_request *))
{
    struct amqp_link *to = answering_link(c, k, pn_message_get_reply_to(c->message));
    pn_message_t *m = pn_message();

    if (to && m) {
        struct amqp_request r = {
            .properties = pn_message_properties(c->message),
            .body = pn_message_body(c->message),
            .message = m,
            .answer = pn_message_body(m),
            .status = 200,
            .text = "OK",
            .delivery = d,
            .to = to,
        };
        asked(c, &r);
    } else {
        reject(d, "amqp:precondition-failed", "This session has no receiver for the answer.");
    }
    pn_message_free(m);
}

/* Takes the bytes out of Proton; false when they are no message. */
static bool take_message(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    size_t size = pn_delivery_pending(d);

    assert(!pn_delivery_partial(d));
    buf_clear(&c->scratch);
    uint8_t *at = buf_grow(&c->scratch, size);
    if (!at || pn_link_recv(k->pn, (char *)at, size) != (ssize_t)size)
        return false;
    return amqp_decode(c, buf_bytes(&c->scratch));
}

void amqp_request(struct amqp *c, struct amqp_link *k, pn_delivery_t *d,
                  void (*asked)(struct amqp *, struct amqp_request *))
{
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
    if (take_message(c, k, d)) {
        pn_link_advance(k->pn);
        ask(c, k, d, asked);
    } else {
        pn_link_advance(k->pn);
        reject(d, "amqp:decode-error", "The message is not well-formed.");
    }
    pn_message_free(c->message); /* an idle connection costs little */
    c->message = NULL;
    if (!c->proved)
        amqp_flush(c); /* else Proton would keep what became of each */
    amqp_request_credit(c, k);
}
