/* Devices and modules on a connection. */
#pragma once

#include "amqp_link.h"
#include "fault_request.h"

/* A device or module of this connection: all its links share one seat. The hub wakes each of them by its own waker, so
 * that a connection of a thousand looks only at those for which there is something. */
struct amqp_device {
    struct waker waker; /* first */
    struct amqp *connection;
    _Atomic bool rung;        /* it stands in amqp.rung */
    struct amqp_device *next; /* there */
    struct list awake;        /* amqp.awake */
    struct seat *seat;
    struct amqp_link *c2d;   /* the one that receives, or NULL */
    struct amqp_link *calls; /* the one that gets direct methods, or NULL */
    unsigned answers;        /* links that answer them */
    struct list links;       /* by `mates`: the latest last */
    int64_t since_ms;
    enum err why;               /* the hub ended it */
    struct fault_request fault; /* that it asked for last */
    bool told;                  /* the log knows that it came */
    char id[IDENTITY_LEN_MAX + 1];
};

/* Gives the link the device of its address, or refuses it. True if it may be accepted. */
bool amqp_device_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *);
/* The link has gone, if it was of a device: this leaves with its last one. */
void amqp_device_left(struct amqp *c, struct amqp_link *k);
/* Detaches the link when its device has no claim any more. */
void amqp_device_recheck(struct amqp *c, struct amqp_link *k);
/* Looks at the devices that were woken: those that have lost their seats are detached, others may have something. */
void amqp_devices_woken(struct amqp *c);
