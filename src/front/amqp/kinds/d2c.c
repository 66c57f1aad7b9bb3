/* Messages of devices (device 3.6): a message is an event, a batch is as many as it holds, all of them or none. */
#include "kinds.h"

#include "amqp_fault.h"
#include "outcome.h"
#include "transfer.h"

#include <assert.h>
#include <stdlib.h>

enum { CREDIT = 1000 }; /* device 3.1 */

/* device 3.5: the model of a device that has one. */
static char *model_of(const struct amqp_opening *o)
{
    struct bytes value = amqp_link_property(o, WORD_MODEL);
    char *text = value.at && value.len <= MODEL_LEN_MAX ? malloc(value.len + 1) : NULL;

    if (text && !bytes_to_str(value, text, value.len + 1)) {
        free(text);
        return NULL;
    }
    return text;
}

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (!amqp_device_opened(c, k, o))
        return;
    k->own = model_of(o);
    amqp_link_accept(c, k);
}

/* Sends one message, or with `only_check` tells whether it may be one. */
static enum err send_one(struct amqp *c, struct amqp_link *k, struct bytes sections, bool only_check)
{
    struct msg_room room = {.text = buf_max(2 * AMQP_MESSAGE_MAX)};
    struct fault_request asked;
    struct msg m;
    uint64_t at;
    enum err e = msg_read(sections, &room, &m);

    assert(k->device);
    m.to = NO_BYTES;                         /* device 6.2: the link says where it goes */
    if (!e && m.message_id.len > ID_LEN_MAX) /* device 6.1 */
        e = ERR_ARGUMENT;
    if (!e && msg_size(&m) > MESSAGE_LEN_MAX)
        e = ERR_TOO_LARGE;
    if (!e)
        e = amqp_fault_read(c, k->device, &m, &asked);
    if (!e && !only_check) {
        m.model_id = bytes_str(k->own);
        if (!(e = hub_send(k->device->seat, &m, c->now_ms, &at))) {
            front_wait_for(&c->front, at);
            amqp_fault_begin(c, k->device, &asked);
        }
    }
    buf_free(&room.text);
    return e;
}

static enum err each(struct amqp *c, struct amqp_link *k, struct bytes all, bool only_check)
{
    struct bytes one;
    bool bad = false;
    enum err e = OK;

    while (!e && amqp_next_data(&all, &one, &bad))
        e = send_one(c, k, one, only_check);
    return bad ? ERR_MALFORMED : e;
}

static enum err send_batch(struct amqp *c, struct amqp_link *k, struct bytes all)
{
    struct fault_request asked;
    enum err e = amqp_fault_of_batch(c, k->device, all, &asked);

    if (e || (e = each(c, k, all, true)) || (e = each(c, k, all, false)))
        return e;
    amqp_fault_begin(c, k->device, &asked);
    return OK;
}

static void credit(struct amqp *c, struct amqp_link *k)
{
    amqp_credit_up_to(c, k, CREDIT);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct bytes all;
    enum err e;

    if (c->attach.has_format)
        k->batch = c->attach.format == AMQP_BATCH;
    if (!amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    assert(k->device && k->device->seat);
    e = seat_state(k->device->seat);
    if (!e)
        e = k->batch ? send_batch(c, k, all) : send_one(c, k, all, false);
    amqp_answer(c, d, e);
    if (e)
        journal_no_room(c->env, &c->peer, (struct journal_who){"device", bytes_str(k->device->id)},
                        bytes_str(k->device->id), e, c->now_ms);
    credit(c, k);
}

static void gone(struct amqp *c, struct amqp_link *k)
{
    amqp_device_left(c, k);
    free(k->own);
    k->own = NULL;
}

const struct link_ops amqp_d2c_link = {
    .name = "events of a device",
    .opened = opened,
    .delivery = delivery,
    .recheck = amqp_device_recheck,
    .gone = gone,
    .credit = credit,
};
