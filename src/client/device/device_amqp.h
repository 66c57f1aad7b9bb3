/* The conversation of a device over AMQP 1.0: its token, what its queue has, what comes for it (device 3). */
#pragma once

#include "amqp_cbs.h"
#include "amqp_sender.h"
#include "device_side.h"

struct device_amqp {
    struct amqp_talk amqp;
    /* Set by the owner before it is carried; lent. amqp.bare: a certificate says who we are, and there is no token. */
    struct cbs cbs; /* audience, token, ctx, ttl_ms, renews */
    struct device_side *side;

    struct amqp_sender sender;
    pn_link_t *mailbox;         /* NULL: not attached */
    pn_link_t *calls, *answers; /* of direct methods; likewise */
    unsigned opening;           /* links whose attach is not answered yet, of those that listen */
    struct message_room room;
};

void device_amqp_init(struct device_amqp *, struct device_side *);
void device_amqp_close(struct device_amqp *);
/* amqp_call.c: attaches both links; gives what came to the device; its answer, while the connection is there. */
void device_amqp_listen_to_calls(struct device_amqp *, const char *address);
void device_amqp_take_call(struct device_amqp *, pn_delivery_t *);
enum err device_amqp_answer(struct device_amqp *, const struct asked *, int status, struct bytes payload) MUST_CHECK;
/* ERR_LOCK_LOST */
enum err device_amqp_settle(struct device_amqp *, uint64_t lock, enum settlement) MUST_CHECK;
