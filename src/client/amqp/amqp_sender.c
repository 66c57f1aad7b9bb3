#include "amqp_sender.h"

#include "amqp_error.h"
#include "list.h"

void sender_attach(struct amqp_sender *s, const char *address)
{
    s->open = false;
    s->link = amqp_link(s->amqp, true, address, "d2d");
    pn_link_open(s->link);
}

/* Proton keeps what it cannot write yet. */
static bool may_say(const struct amqp_sender *s)
{
    return s->open && !amqp_stopped(s->amqp) && s->queue->on_way < s->window && pn_link_credit(s->link) > 0 &&
           amqp_has_room(s->amqp) && pn_session_outgoing_bytes(s->amqp->session) < CONN_OUT_SOFT;
}

void sender_pump(struct amqp_sender *s)
{
    struct queued *q;

    while (may_say(s) && (q = queue_next(s->queue))) {
        uint64_t tag = q->qos ? q->id : s->amqp->seed++;
        bool settled = !q->qos;

        if (!amqp_send(s->amqp, s->link, pn_dtag((const char *)&tag, sizeof tag), queued_body(q), settled))
            return; /* it is still in the queue */
        queue_said(s->queue, q);
        if (settled)
            s->done(s->ctx, q, D2D_OK, "");
    }
}

static enum d2d_err result_of(pn_delivery_t *d, const char **why)
{
    pn_condition_t *c = pn_disposition_condition(pn_delivery_remote(d));
    const char *text = pn_condition_get_description(c);

    *why = "";
    switch (pn_delivery_remote_state(d)) {
    case PN_ACCEPTED:
        return D2D_OK;
    case PN_REJECTED:
        *why = text && *text ? text : pn_condition_get_name(c) ? pn_condition_get_name(c) : "rejected";
        return amqp_error(pn_condition_get_name(c));
    default: /* released, modified, or settled without a word */
        *why = "the hub did not accept it";
        return D2D_REFUSED;
    }
}

void sender_outcome(struct amqp_sender *s, pn_delivery_t *d)
{
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    struct queued *q = NULL;
    uint64_t id;

    if (!pn_delivery_updated(d) || (!pn_delivery_remote_state(d) && !pn_delivery_settled(d)))
        return;
    if (tag.size == sizeof id) {
        memcpy(&id, tag.start, sizeof id);
        q = queue_acked(s->queue, (uint16_t)id);
    }
    if (q) {
        const char *why;
        enum d2d_err e = result_of(d, &why);

        s->done(s->ctx, q, e, why);
    }
    if (!s->amqp->gone)
        pn_delivery_settle(d);
}
