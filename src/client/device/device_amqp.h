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
    pn_link_t *mailbox; /* NULL: not attached */
    struct message_room room;
};

enum err device_amqp_init(struct device_amqp *, struct device_side *) MUST_CHECK;
void device_amqp_close(struct device_amqp *);
/* ERR_LOCK_LOST */
enum err device_amqp_settle(struct device_amqp *, uint64_t lock, enum settlement) MUST_CHECK;
