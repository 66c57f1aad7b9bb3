#include "transfer.h"

#include "amqp_output.h"
#include "budget.h"

#include <assert.h>

#define CREDIT 100              /* of most links */
#define WAITING_MAX (64 * 1024) /* bytes of a session that its peer has opened no window for */

/* ---- in -------------------------------------------------------------------------------------------------------- */

bool amqp_receive(struct amqp *c, struct amqp_link *k, pn_delivery_t *d, size_t max, struct bytes *out)
{
    size_t size = pn_delivery_pending(d);
    uint8_t *at;

    if (!pn_delivery_readable(d))
        return false;
    if (pn_delivery_aborted(d)) {
        pn_delivery_settle(d);
        return false;
    }
    if (amqp_over_credit(c, k))
        return false;
    if (size > max) {
        amqp_link_detach(c, k, "amqp:link:message-size-exceeded", "A message must be at most %zu bytes.", max);
        return false;
    }
    if (pn_delivery_partial(d)) {
        if (amqp_too_much_is_coming(c, AMQP_COMING_MAX))
            amqp_end(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "too many messages are unfinished");
        return false;
    }
    assert(pn_link_is_receiver(k->pn) && pn_link_credit(k->pn) > 0);
    buf_clear(&c->came);
    at = buf_grow(&c->came, size);
    if (size && (!at || pn_link_recv(k->pn, (char *)at, size) != (ssize_t)size)) {
        amqp_end(c, ERR_MEMORY, "amqp:internal-error", "out of memory");
        return false;
    }
    pn_link_advance(k->pn);
    *out = buf_bytes(&c->came);
    return true;
}

bool amqp_take_apart(struct bytes all, struct amqp_message *out)
{
    return all.len && !amqp_message_check(all) && !amqp_message_read(all, out);
}

void amqp_credit_up_to(struct amqp *c, struct amqp_link *k, int most)
{
    int have = pn_link_credit(k->pn);

    if (!pn_link_is_receiver(k->pn) || have > most / 2)
        return;
    assert(have < most); /* below nothing after an aborted message that had no credit */
    if (front_has_room(&c->front))
        pn_link_flow(k->pn, most - have);
    else
        c->thirsty = true;
}

void amqp_credit(struct amqp *c, struct amqp_link *k)
{
    amqp_credit_up_to(c, k, CREDIT);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

bool amqp_may_send(const struct amqp *c, const struct amqp_link *k)
{
    assert(pn_link_is_sender(k->pn));
    return !c->front.over && front_has_room(&c->front) && pn_link_credit(k->pn) > 0 &&
           pn_session_outgoing_bytes(pn_link_session(k->pn)) <= WAITING_MAX;
}

static enum err send_made(struct amqp *c, struct amqp_link *k, struct bytes tag, bool settled)
{
    enum err e = buf_check(&c->made);
    pn_delivery_t *d;

    assert(pn_link_is_sender(k->pn));
    if (e)
        return e;
    d = pn_delivery(k->pn, pn_dtag((const char *)tag.at, tag.len));
    pn_link_send(k->pn, (const char *)c->made.at, c->made.len);
    pn_link_advance(k->pn);
    if (settled)
        pn_delivery_settle(d);
    amqp_flush(c);
    return OK;
}

enum err amqp_send_made(struct amqp *c, struct amqp_link *k)
{
    c->tag++;
    return send_made(c, k, bytes_of(&c->tag, sizeof c->tag), true);
}

enum err amqp_send_unsettled(struct amqp *c, struct amqp_link *k, struct bytes tag, size_t most)
{
    pn_delivery_t *oldest;

    while ((size_t)pn_link_unsettled(k->pn) >= most && (oldest = pn_unsettled_head(k->pn)))
        pn_delivery_settle(oldest);
    return send_made(c, k, tag, pn_link_snd_settle_mode(k->pn) == PN_SND_SETTLED);
}

enum amqp_pulled amqp_pull_ended(struct amqp_link *k, enum err e)
{
    assert(pn_link_is_sender(k->pn));
    if (e == ERR_NOT_FOUND && pn_link_get_drain(k->pn))
        pn_link_drained(k->pn);
    return !e && pn_link_credit(k->pn) > 0 ? PULLED_SOME : PULLED_ALL;
}
