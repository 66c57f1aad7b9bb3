/* The conversation of a device that registers over MQTT 3.1.1 (provisioning 1.4). */
#pragma once

#include "register.h"
#include "talk.h"

enum register_mqtt_state {
    REGISTER_WAIT_CONNACK, /* → REGISTER_WAIT_SUBACK; over when refused or silent */
    REGISTER_WAIT_SUBACK,  /* → REGISTER_IDLE */
    REGISTER_IDLE,         /* → REGISTER_ASKED when it is time to ask */
    REGISTER_ASKED,        /* → REGISTER_IDLE by the answer, over when that was the last one */
};

struct register_mqtt {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    struct registering *registering;
    void (*ended)(void *ctx); /* the last call */
    void *ctx;

    enum register_mqtt_state state;
    uint8_t connack; /* of a refusal */
    uint16_t asked;  /* the number of the last question */
    int64_t until_ms;
};

void register_mqtt_init(struct register_mqtt *);
