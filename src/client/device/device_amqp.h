/* The conversation of a device over AMQP 1.0: its token, what its queue has, what comes for it (device 3). */
#pragma once

#include "amqp_cbs.h"
#include "amqp_sender.h"
#include "device_side.h"

enum { AMQP_ADDRESS_MAX = 6 * ID_LEN_MAX + 128 }; /* every byte of two ids escaped */

struct device_amqp {
    struct amqp_talk amqp;
    /* Set by the owner before it is carried; lent. amqp.bare: a certificate says who we are, and there is no token. */
    struct cbs cbs; /* audience, token, ctx, ttl_ms, renews */
    struct device_side *side;

    struct amqp_sender sender;
    pn_link_t *mailbox;                  /* NULL: not attached */
    pn_link_t *calls, *answers;          /* of direct methods; likewise */
    pn_link_t *twin_asks, *twin_answers; /* likewise */
    bool twin_open, authorised;
    unsigned opening; /* links whose attach is not answered yet, of those that listen */
    struct message_room room;
};

void device_amqp_init(struct device_amqp *, struct device_side *);
void device_amqp_close(struct device_amqp *);
/* amqp_call.c: attaches both links; gives what came to the device; its answer, while the connection is there. */
void device_amqp_listen_to_calls(struct device_amqp *, const char *address);
void device_amqp_take_call(struct device_amqp *, pn_delivery_t *);
enum err device_amqp_answer(struct device_amqp *, const struct asked *, int status, struct bytes payload) MUST_CHECK;
/* amqp_twin.c: attaches both links; both are open; says what is asked; takes what came. */
void device_amqp_open_twin(struct device_amqp *);
void device_amqp_twin_opened(struct device_amqp *, const pn_link_t *);
void device_amqp_pump_twin(struct device_amqp *);
void device_amqp_take_twin(struct device_amqp *, pn_delivery_t *);
/* An address of this identity: "/devices/…" and `what` (device 3.4). */
void device_amqp_address(const struct device_amqp *, const char *what, struct buf *out);
/* Gives the link the properties that pair it with another (device 3.5). */
void device_amqp_pair(pn_link_t *, const char *id);

/* ERR_LOCK_LOST */
enum err device_amqp_settle(struct device_amqp *, uint64_t lock, enum settlement) MUST_CHECK;
