/* The conversation of an operator over AMQP 1.0: its token, messages to devices, feedback (service 3). */
#pragma once

#include "amqp_cbs.h"
#include "amqp_sender.h"
#include "feedback.h"

struct operator_talk {
    struct amqp_talk amqp;
    /* Set by the owner before it is carried; lent. */
    struct cbs cbs;            /* audience, token, ctx, ttl_ms, renews */
    struct amqp_sender sender; /* queue, window, done, ctx */
    void (*opened)(void *ctx);
    bool (*feedback)(void *ctx, const struct d2d_feedback *, size_t n); /* NULL: none is asked for. True: done with */
    void (*ended)(void *ctx, enum d2d_err why, const char *detail);     /* the last call */
    void *ctx;

    pn_link_t *reports;
    size_t awaited; /* links that the hub has not accepted yet */
    struct message_room room;
    struct feedback_batch batch;
};

void operator_talk_init(struct operator_talk *);
void operator_talk_close(struct operator_talk *);
