/* A device over MQTT 3.1.1: what the files of this conversation share (device 2).
 *
 *   mqtt_front.c  packets, states, time, the end
 *   connect.c     CONNECT: in which role does it come?
 *   topic.c       topics and filters, as words
 *
 * A role each, with what belongs to it:
 *
 *   device.c      devices and modules: who is it, its session, its will
 *   subscribe.c     its subscriptions
 *   publish.c       topics and bags into messages
 *   iothub.c        $iothub/…: which of them it is
 *   twin.c          twins
 *   c2d.c           messages to the device
 *   call.c          direct methods
 *   dps.c         devices that register */
#pragma once

#include "auth.h"
#include "bag.h"
#include "fault_request.h"
#include "front.h"
#include "journal.h"
#include "log.h"
#include "mqtt.h"
#include "topic.h"

#include <assert.h>

enum mqtt_state {
    MQTT_WAIT_CONNECT, /* → MQTT_OPEN on a CONNECT that is accepted; over on everything else */
    MQTT_OPEN,         /* → MQTT_LEFT on DISCONNECT; over on a mistake, silence, a stolen seat, an old token */
    MQTT_LEFT,         /* it said goodbye: its will is forgotten */
};

struct mqtt;

/* In which role a peer came, which its CONNECT decides. What a role does not do is NULL. */
struct mqtt_role {
    const char *kind; /* for the log */
    /* CONNECT: lets it in, or says `what` is wrong, which may lie in `who`. `present`: it has a session from before. */
    enum err (*let_in)(struct mqtt *, const struct mqtt_connect *, int64_t now_ms, struct who *, bool *present,
                       const char **what);
    void (*opened)(struct mqtt *, int64_t now_ms); /* behind the CONNACK */
    enum err (*subscribe)(struct mqtt *, struct bytes filter, uint8_t granted);
    enum err (*unsubscribe)(struct mqtt *, struct bytes filter);
    /* The filters of a packet are all taken: they are kept, and are `before` no more. */
    enum err (*subscribed)(struct mqtt *, const struct session *before, int64_t now_ms);
    void (*publish)(struct mqtt *, const struct mqtt_publish *, int64_t now_ms);
    void (*acknowledged)(struct mqtt *, uint16_t id, int64_t now_ms); /* by PUBACK */
    void (*woken)(struct mqtt *, int64_t now_ms);                     /* by the hub; before the pull */
    void (*pull)(struct mqtt *, int64_t now_ms);                      /* gives the peer what waits for it */
    void (*gone)(struct mqtt *, enum err why, int64_t now_ms);        /* also after a CONNECT that was refused */
};

/* device.c, dps.c */
extern const struct mqtt_role mqtt_device, mqtt_registering;

/* A will that was announced, and the model id, are kept in one piece of memory; most devices have neither. */
struct mqtt_kept {
    struct buf bytes; /* model id, topic, body */
    size_t model_len, topic_len;
    bool has_will, will_retain;
};

struct mqtt {
    struct talk front;
    const struct front_env *env;
    struct peer peer;
    enum mqtt_state state;
    const struct mqtt_role *role; /* NULL before CONNECT */
    bool clean, has_api_version, knows_reasons;
    bool told;          /* the log knows that it came, and will know that it left */
    const char *detail; /* why it ended, when we ended it */
    struct seat *seat;
    struct session subscribed;
    char device[IDENTITY_LEN_MAX + 1]; /* its name, or that of the module (name.h) */
    /* There is no room for the PUBLISH with which what is left of the input begins: why (OK: none waits), when to try
     * again, and how much of the input was looked at: packets of other kinds in there were answered. */
    enum err waits_for;
    bool wait_told; /* the log and the counts know of it */
    int64_t retry_ms;
    size_t looked_at;
    int64_t since_ms;   /* it came */
    int64_t heard_ms;   /* the last packet */
    int64_t silence_ms; /* so long may it be silent */
    int64_t expires_ms; /* with the grace */
    struct mqtt_kept kept;
    struct fault_request fault;   /* that the device asked for last */
    struct mqtt_dps *dps;         /* a device that registers, which has no seat; NULL: none */
    struct mqtt_flights *flights; /* NULL: nothing was ever sent with QoS 1 */
};

/* Ends the conversation. `what` is a short phrase of ours, for the log. */
static inline void mqtt_stop(struct mqtt *s, enum err why, const char *what)
{
    assert(what);
    if (!s->front.over)
        s->detail = what;
    talk_end(&s->front, why);
}

static inline struct journal_who mqtt_who(const struct mqtt *s)
{
    assert(s->role);
    return (struct journal_who){s->role->kind, bytes_str(s->device)};
}

/* connect.c: answers CONNECT and opens the session, or refuses it. */
void mqtt_on_connect(struct mqtt *, const struct mqtt_connect *, int64_t now_ms);

/* subscribe.c: what a device wants to hear. */
enum err mqtt_subscribe(struct mqtt *, struct bytes filter, uint8_t granted) MUST_CHECK;
enum err mqtt_unsubscribe(struct mqtt *, struct bytes filter) MUST_CHECK;
enum err mqtt_subscribed(struct mqtt *, const struct session *before, int64_t now_ms) MUST_CHECK;

/* publish.c: a PUBLISH of a device, and its acknowledgement. waits_for says when there is no room for it. */
void mqtt_on_publish(struct mqtt *, const struct mqtt_publish *, int64_t now_ms);
/* True for a topic that this device may send events to. */
bool mqtt_topic_is_own(const struct mqtt *, struct bytes topic, struct bytes *bag);
/* The will becomes an event. */
enum err mqtt_send_will(struct mqtt *, int64_t now_ms) MUST_CHECK;

/* c2d.c: gives the device what waits for it, as far as window and output have room. */
void mqtt_pull(struct mqtt *, int64_t now_ms);
void mqtt_on_puback(struct mqtt *, uint16_t id, int64_t now_ms);

/* Called when the device listens to something else, or again to what its kept session says. */
void mqtt_follow(struct mqtt *, int64_t now_ms);

/* call.c: whether the device listens has changed; gives it the calls that wait; its answer to one. */
void mqtt_calls_follow(struct mqtt *, int64_t now_ms);
void mqtt_calls_pull(struct mqtt *, int64_t now_ms);
bool mqtt_call_status(struct bytes text, int64_t *out) MUST_CHECK;
void mqtt_on_call_answer(struct mqtt *, int64_t status, struct bytes rid, struct bytes body);

/* twin.c: requests about the device's twin; whether it hears of desired properties has changed; gives it what waits. */
enum err mqtt_on_twin_get(struct mqtt *, struct bytes rid, int64_t now_ms) MUST_CHECK;
enum err mqtt_on_twin_report(struct mqtt *, struct bytes rid, struct bytes version, struct bytes patch,
                             int64_t now_ms) MUST_CHECK;
void mqtt_desired_follow(struct mqtt *);
void mqtt_desired_pull(struct mqtt *);

/* iothub.c: a publish to $iothub/…, acknowledged and answered. ERR_DENIED: no such topic. */
enum err mqtt_on_iothub(struct mqtt *, const struct mqtt_publish *, int64_t now_ms) MUST_CHECK;

/* dps.c: a user name of the provisioning service. */
bool mqtt_is_dps(struct bytes user);
