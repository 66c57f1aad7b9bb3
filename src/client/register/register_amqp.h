/* The conversation of a device that registers over AMQP 1.0 (provisioning 1.5). */
#pragma once

#include "amqp_talk.h"
#include "register_tpm.h"

struct register_amqp {
    struct amqp_talk amqp;
    /* Set by the owner before it is carried; lent. */
    struct registering *registering;
    void (*ended)(void *ctx); /* the last call */
    void *ctx;

    struct sasl_tpm sasl; /* without a token and without a certificate */
    pn_link_t *answers, *asks;
    bool answers_open, asks_open;
    bool asked; /* and not answered yet */
    int64_t until_ms;
    uint64_t asked_n;
    struct message_room room;
};

void register_amqp_init(struct register_amqp *);
void register_amqp_close(struct register_amqp *);
