/* Messages of services to devices (service 3.1). */
#include "kinds.h"

#include "outcome.h"
#include "service.h"
#include "transfer.h"

#include <assert.h>

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (amqp_service_may(c, k, o, "Send"))
        amqp_link_accept(c, k);
}

static enum err post(struct amqp *c, struct bytes sections)
{
    struct msg_room room = {.text = buf_max(2 * AMQP_MESSAGE_MAX)};
    char device[ID_LEN_MAX + 1];
    struct msg m;
    uint64_t at;
    enum err e = msg_read(sections, &room, &m);

    if (!e && !m.to.len)
        e = ERR_ARGUMENT;
    if (!e && !address_device_of(m.to, device))
        e = ERR_NOT_FOUND;
    assert(c->front.waker);
    m.poster = c->front.waker;
    if (!e) {
        e = hub_post(c->env->hub, bytes_str(device), &m, c->now_ms, &at);
        (void)hub_refused(c->env->hub, bytes_str(device), e, c->now_ms);
    }
    if (!e)
        front_wait_for(&c->front, at);
    buf_free(&room.text);
    return e;
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct bytes all;
    enum err e;

    if (!amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    e = post(c, all);
    /* service 3.1; a device is told so by a condition of AMQP's (device 7.2). */
    amqp_answer_as(c, d, e, e == ERR_QUOTA ? "com.microsoft:quota-exceeded" : amqp_condition(e));
    amqp_credit(c, k);
}

static void recheck(struct amqp *c, struct amqp_link *k)
{
    amqp_service_recheck(c, k, "messages/devicebound");
}

const struct link_ops amqp_post_link = {
    .name = "messages to devices",
    .opened = opened,
    .delivery = delivery,
    .recheck = recheck,
    .credit = amqp_credit,
};
