/* Messages that a device was given and has not settled: at most so many, each under a lock that is used once. */
#pragma once

#include "err.h"

struct pn_delivery_t;

struct held {
    uint64_t lock;
    uint16_t id;                    /* MQTT: its packet id */
    struct pn_delivery_t *delivery; /* AMQP */
    bool abandoned;                 /* MQTT: not to be acknowledged; it comes again with the next connection */
};

enum { INBOX_MAX = 1024 };

struct inbox {
    struct held *at;
    size_t n, max;
    size_t abandoned; /* of them */
    uint64_t last;    /* lock that was given out */
};

enum err inbox_open(struct inbox *, size_t max) MUST_CHECK; /* at most INBOX_MAX; zero is one with no room */
void inbox_close(struct inbox *);
/* NULL: it is full. Valid until the next call. */
struct held *inbox_add(struct inbox *);
struct held *inbox_find(struct inbox *, uint64_t lock); /* NULL: it is not held, or abandoned */
struct held *inbox_with_id(struct inbox *, uint16_t id);
void inbox_abandon(struct inbox *, struct held *); /* it stays, and is not found any more */
void inbox_del(struct inbox *, struct held *);
void inbox_clear(struct inbox *); /* the connection is gone, and with it all locks */
