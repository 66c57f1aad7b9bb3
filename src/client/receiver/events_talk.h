/* The conversation of a receiver over AMQP 1.0: SASL PLAIN, the redirect of a hub, the partitions, the events. */
#pragma once

#include "amqp_talk.h"
#include "event.h"
#include "positions.h"

enum events_state {
    EVENTS_REDIRECT,   /* the hub is asked where the events are → over, redirected() was called */
    EVENTS_PARTITIONS, /* $management is asked which there are → EVENTS_TAILS */
    EVENTS_TAILS,      /* …and where they end, for those that are read from now on → EVENTS_ATTACHING */
    EVENTS_ATTACHING,  /* the hub has not accepted all receivers yet → EVENTS_READING */
    EVENTS_READING,
};

struct events_talk {
    struct amqp_talk amqp;
    /* Set by the owner before it is carried; lent. */
    const char *entity; /* NULL: ask the hub first */
    const char *group;
    struct positions *positions;
    bool all; /* all partitions, not only those of `positions` */
    struct d2d_position position;
    const char *const *devices; /* NULL: everybody */
    bool filter_refused;        /* this hub does not filter by sender: stays over reconnects */
    int credit;
    void (*redirected)(void *ctx, struct bytes host, int port, struct bytes entity);
    void (*listening)(void *ctx);
    void (*event)(void *ctx, const struct d2d_event *);
    void (*ended)(void *ctx, enum d2d_err why, const char *detail); /* the last call */
    void *ctx;

    enum events_state state;
    bool filtered; /* by the hub, as it said */
    bool paused;
    int64_t born_ms;         /* of the hub, when it is another one than that of the positions */
    size_t awaited;          /* answers, or accepted receivers */
    pn_link_t *ask, *answer; /* $management */
    struct message_room room;
};

void events_talk_init(struct events_talk *);
void events_talk_close(struct events_talk *); /* frees what it has; not the owner's */
