/* A sender link that says what a queue has, and tells what the other side made of it. */
#pragma once

#include "amqp_talk.h"
#include "device_queue.h"

struct amqp_sender {
    /* Set by the owner; lent. */
    struct amqp_talk *amqp;
    struct device_queue *queue;
    size_t window;                                                           /* on their way at once */
    void (*done)(void *ctx, struct queued *, enum d2d_err, const char *why); /* given: free() */
    void *ctx;

    pn_link_t *link; /* NULL until it is attached */
    bool open;       /* the other side has accepted it */
};

void sender_attach(struct amqp_sender *, const char *address);
void sender_pump(struct amqp_sender *);
void sender_outcome(struct amqp_sender *, pn_delivery_t *); /* of its link */
