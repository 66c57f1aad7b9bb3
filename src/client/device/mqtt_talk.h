/* The conversation of a device over MQTT 3.1.1: says who it is, sends what its queue has, gives what comes for it,
 * tells what was acknowledged. */
#pragma once

#include "device_side.h"
#include "mqtt.h"
#include "talk.h"

enum mqtt_state {
    MQTT_WAIT_CONNACK, /* → MQTT_OPEN; over when refused or silent */
    MQTT_OPEN,         /* → MQTT_DRAINING when the connection is to be renewed */
    MQTT_DRAINING,     /* nothing new is said or taken; over when all is answered and settled, or after the time-out */
};

struct mqtt_talk {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    struct device_side *side;
    struct bytes user, password; /* password.at NULL: none, a certificate says who we are */
    int64_t renew_ms;            /* when to make way for a fresh token */

    enum mqtt_state state;
    uint8_t connack;      /* of a refusal */
    bool pinged;          /* no answer to it yet */
    unsigned subscribing; /* SUBSCRIBE packets that are not answered yet: bits of enum subscription */
    bool twin_asked;      /* its filters were subscribed */
    bool twin_open;       /* and granted */
    bool twin_refused;    /* or not: the hub has no twins */
    int64_t began_ms, said_ms, ping_ms;
};

/* The ops of a talk that was set up as above. */
void mqtt_talk_init(struct mqtt_talk *);
/* mqtt_call.c: what came is a direct method; gives it to the device; its answer, while the connection is there. */
bool mqtt_is_call(struct bytes topic);
void mqtt_call_take(struct mqtt_talk *, const struct mqtt_publish *);
enum err mqtt_call_answer(struct mqtt_talk *, const struct asked *, int status, struct bytes payload) MUST_CHECK;
/* mqtt_twin.c: what came is about the twin; takes it; says what is asked. */
bool mqtt_is_twin(struct bytes topic);
void mqtt_twin_take(struct mqtt_talk *, const struct mqtt_publish *, int64_t now_ms);
void mqtt_twin_pump(struct mqtt_talk *, int64_t now_ms);
/* ERR_LOCK_LOST; ERR_UNSUPPORTED: there is no reject (device 2.10). An abandoned message comes with the next
 * connection. */
enum err mqtt_talk_settle(struct mqtt_talk *, uint64_t lock, enum settlement, int64_t now_ms) MUST_CHECK;
