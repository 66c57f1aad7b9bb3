/* The conversation of a device over MQTT 3.1.1: says who it is, sends what its queue has, tells what was acknowledged. */
#pragma once

#include "device_queue.h"
#include "talk.h"

enum mqtt_state {
    MQTT_WAIT_CONNACK, /* → MQTT_OPEN; over when refused or silent */
    MQTT_OPEN,         /* → MQTT_DRAINING when the token is to be renewed */
    MQTT_DRAINING,     /* nothing new is said; over (ERR_EXPIRED) when all is acknowledged or after the time-out */
};

struct mqtt_talk {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    struct device_queue *queue;
    struct bytes client_id, user, password;
    size_t window;
    int64_t timeout_ms, renew_ms; /* renew_ms: when to make way for a fresh token */
    void (*opened)(void *ctx);
    void (*done)(void *ctx, struct queued *, enum d2d_err);  /* given: free() */
    void (*ended)(void *ctx, enum err why, uint8_t connack); /* the last call */
    void *ctx;

    enum mqtt_state state;
    uint8_t connack; /* of a refusal */
    bool pinged;     /* no answer to it yet */
    bool gone;       /* the owner was freed in one of its callbacks: nothing of it is touched any more */
    int64_t began_ms, said_ms, ping_ms;
};

/* The ops of a talk that was set up as above. */
void mqtt_talk_init(struct mqtt_talk *);
/* Says goodbye into `out`. */
void mqtt_talk_goodbye(struct buf *out);
