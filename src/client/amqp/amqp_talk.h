/* The common part of conversations over AMQP 1.0: Proton's driver, our identity, a session, and how it ends. */
#pragma once

#include "message_room.h"
#include "msg.h"
#include "talk.h"

#include <proton/connection_driver.h>
#include <proton/engine.h>

struct amqp_talk;

/* The conversation on top. None of these is called once it is over or its owner is gone, but for end() and ended(). */
struct amqp_ops {
    void (*begin)(struct amqp_talk *);                    /* the session is there to attach links in */
    void (*link_open)(struct amqp_talk *, pn_link_t *);   /* the other side has accepted it */
    void (*link_closed)(struct amqp_talk *, pn_link_t *); /* the other side has closed it, and so have we */
    void (*delivery)(struct amqp_talk *, pn_delivery_t *);
    void (*pump)(struct amqp_talk *); /* there may be credit, room in the output, or something to be said */
    int64_t (*due)(struct amqp_talk *, int64_t now_ms); /* does what is due; when to call again */
    void (*end)(struct amqp_talk *);                    /* the connection's links are gone */
    void (*ended)(struct amqp_talk *);                  /* the last call; `why` and `detail` say how */
};

struct amqp_talk {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    const struct amqp_ops *ops;
    const char *host;
    const char *user, *password; /* SASL PLAIN (service 1.6); user NULL: ANONYMOUS, a token follows */
    bool bare;                   /* no SASL: a certificate says who we are (device 3.2) */
    void (*login)(struct amqp_talk *, pn_transport_t *); /* a mechanism of its own; NULL: one of these */
    int64_t timeout_ms;
    uint64_t seed; /* of names of links */

    bool ready; /* nothing is waited for that has a time-out */
    bool gone;  /* the owner was freed in one of its callbacks: nothing of it is touched any more */
    int64_t began_ms, now_ms;
    pn_connection_driver_t driver;
    bool has_driver;
    pn_session_t *session;
    enum d2d_err why;
    char detail[400];
};

void amqp_talk_init(struct amqp_talk *, const struct amqp_ops *);
void amqp_talk_close(struct amqp_talk *); /* frees what it has; not the owner's */

/* It is over, for this reason, unless it was before. */
void amqp_fail(struct amqp_talk *, enum d2d_err why, const char *detail);
/* For what the other side said, or, when it said nothing, D2D_CLOSED. */
void amqp_fail_by(struct amqp_talk *, pn_condition_t *, const char *otherwise);
bool amqp_stopped(const struct amqp_talk *);

/* A link of the session with a name of its own, not opened yet. `other` is the address at our end. */
pn_link_t *amqp_link(struct amqp_talk *, bool sender, const char *address, const char *other);
/* Properties of a link that is not opened yet: texts, each under a symbol. */
void amqp_link_describe(pn_link_t *, const struct prop *properties, size_t n);
/* Takes a complete delivery into room->raw, unsettled. False: it is over. */
bool amqp_take(struct amqp_talk *, pn_delivery_t *, struct message_room *);
/* The next complete delivery of a receiver, or NULL. */
pn_delivery_t *amqp_next(pn_link_t *);
/* Sends one message whole. False: it is over. */
bool amqp_send(struct amqp_talk *, pn_link_t *, pn_delivery_tag_t, struct bytes message, bool settled);
bool amqp_has_room(const struct amqp_talk *); /* the output is not full */
