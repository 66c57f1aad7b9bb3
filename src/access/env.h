/* A conversation is given these: who is at the other end, and what all of a hub share. */
#pragma once

#include "hub.h"
#include "talk.h"

/* Shared by all conversations of a hub. Lent for the life of the program. */
struct front_env {
    struct hub *hub;
    char host[HOST_LEN_MAX + 1];   /* the hub's name; SAS audiences and MQTT user names carry it */
    const char *const *aliases;    /* further names that it answers to, NULL at the end; may be NULL */
    char entity[HOST_LEN_MAX + 1]; /* event hub name (service 2.1): the hub's short name */
    int amqps_port;                /* that of the redirect; service 2.9: 5671 */
    /* Fills with random bytes: container ids, tracking ids. */
    void (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    bool (*ready)(void *ctx); /* for /readyz */
    void *ready_ctx;
    struct limiter *limiter;               /* of failed logins (limiter.h); NULL: no limit */
    const struct outside *outside;         /* webhooks and other hubs (outside.h); NULL: none */
    struct challenges *challenges;         /* of TPMs over HTTPS (challenges.h); NULL: none are made */
    struct enrollment_groups *groups;      /* enrollment groups, parsed (groups.h); NULL: they are parsed each time */
    struct strangers *strangers;           /* strangers.h; NULL: nothing is lent to them */
    struct queries *queries;               /* queries.h; NULL: they run on the loop of whoever asks, in turns */
    struct configurations *configurations; /* configurations.h; NULL: nobody carries them out */
    const struct capacity *capacity;       /* capacity.h; NULL: there is always enough memory */
    bool faults;                           /* devices may ask for faults (device 10) */
};
