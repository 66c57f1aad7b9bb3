/* Twins over AMQP (device 3.5, 3.8). This hub has none; but SDKs open these links when they start and send nothing
 * before they are there, so they are attached and stay. Each end is answered alone: some attach the second only when
 * the first is there. What is asked gets the documented refusal. */
#include "amqp.h"

#include "log.h"

/* device 7.4: the cloud's number and status for an operation that a hub of this kind does not have */
enum { NOT_AVAILABLE = 403010, STATUS = NOT_AVAILABLE / 1000 };

static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    if (!amqp_device_opened(c, k, a->device))
        return;
    amqp_link_accept(c, k);
    if (pn_link_is_sender(k->pn))
        log_event(LOG_WARN, "not-available", KVS("device", k->device->id), KVS("address", c->peer.address),
                  KVS("what", "twins"), KVS("detail", "the link stays open and receives nothing"));
}

static struct bytes correlation_of(pn_link_t *pn)
{
    return amqp_link_property(pn, WORD_CHANNEL);
}

/* The other end: with the same correlation id, or, since some change it when they attach one of the two again, any of
 * this device. The latest counts. */
static struct amqp_link *partner_of(const struct amqp_link *asked)
{
    struct amqp_link *found = NULL;
    bool fits = false;

    LIST_EACH (&asked->device->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, mates);

        if (k->ops != &amqp_twin_link || !pn_link_is_sender(k->pn))
            continue;
        bool same = bytes_eq(correlation_of(k->pn), correlation_of(asked->pn));
        if (found && fits && !same)
            continue;
        found = k;
        fits = same;
    }
    return found;
}

/* device 3.8: the correlation id keeps its type, `status` is an int behind a symbol, the body is one Data section: SDKs
 * look for errorCode in it. */
static void answer(struct amqp *c, struct amqp_link *to, pn_msgid_t id)
{
    pn_message_t *m = pn_message();
    struct buf text = buf_max(512);

    amqp_put_error_text(c, &text, NOT_AVAILABLE, "Twins are not available on this hub.");
    if (m && !text.bad) {
        pn_data_t *annotations = pn_message_annotations(m);

        pn_message_set_correlation_id(m, id);
        pn_data_put_map(annotations);
        pn_data_enter(annotations);
        pn_data_put_symbol(annotations, pn_bytes(strlen("status"), "status"));
        pn_data_put_int(annotations, STATUS);
        pn_data_exit(annotations);
        pn_data_put_binary(pn_message_body(m), pn_bytes(text.len, (const char *)text.at));
        pn_message_set_inferred(m, true);
        amqp_send_message(c, to, m);
    }
    buf_free(&text);
    pn_message_free(m);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct amqp_link *to;
    struct bytes all;
    pn_msgid_t id;

    if (!pn_link_is_receiver(k->pn) || !amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    bool readable = amqp_decode(c, all);
    amqp_answer(c, d, OK); /* whatever it was: another outcome makes SDKs start the device again */
    amqp_credit(c, k);
    if (!readable)
        return;
    id = pn_message_get_correlation_id(c->message);
    to = partner_of(k);
    /* Without a correlation id nobody would know what it answers, and without credit it has nowhere to go. */
    if (id.type == PN_NULL || !to || pn_link_credit(to->pn) <= 0)
        return;
    amqp_flush(c);
    answer(c, to, id);
}

const struct link_ops amqp_twin_link = {
    .name = "twin",
    .opened = opened,
    .delivery = delivery,
    .recheck = amqp_device_recheck,
    .gone = amqp_device_left,
    .credit = amqp_credit,
};
