/* The conversation of a receiver over AMQP 1.0: SASL PLAIN, the redirect of a hub, the partitions, the events. */
#pragma once

#include "event.h"
#include "positions.h"
#include "talk.h"

#include <proton/connection_driver.h>
#include <proton/engine.h>

enum events_state {
    EVENTS_REDIRECT,   /* the hub is asked where the events are → over, redirected() was called */
    EVENTS_PARTITIONS, /* $management is asked which there are → EVENTS_TAILS */
    EVENTS_TAILS,      /* …and where they end, for those that are read from now on → EVENTS_ATTACHING */
    EVENTS_ATTACHING,  /* the hub has not accepted all receivers yet → EVENTS_READING */
    EVENTS_READING,
};

struct events_talk {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    const char *host, *user, *password; /* service 1.6 */
    const char *entity;                 /* NULL: ask the hub first */
    const char *group;
    struct positions *positions;
    bool all; /* all partitions, not only those of `positions` */
    struct d2d_position position;
    const char *const *devices; /* NULL: everybody */
    bool filter_refused;        /* this hub does not filter by sender: stays over reconnects */
    int credit;
    int64_t timeout_ms;
    uint64_t seed; /* of names of links */
    void (*redirected)(void *ctx, struct bytes host, int port, struct bytes entity);
    void (*listening)(void *ctx);
    void (*event)(void *ctx, const struct d2d_event *);
    void (*ended)(void *ctx, enum d2d_err why, const char *detail); /* the last call */
    void *ctx;

    enum events_state state;
    bool filtered; /* by the hub, as it said */
    bool paused, gone;
    size_t awaited; /* answers, or accepted receivers */
    int64_t began_ms;
    pn_connection_driver_t driver;
    bool has_driver;
    pn_session_t *session;
    pn_link_t *ask, *answer; /* $management */
    struct message_room room;
    enum d2d_err why;
    char detail[400];
};

void events_talk_init(struct events_talk *);
void events_talk_close(struct events_talk *); /* frees what it has; not the owner's */
