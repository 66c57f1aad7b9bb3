/* How a conversation is carried: straight on TLS, or in a WebSocket on it, as the account's transport says. */
#pragma once

#include "account.h"
#include "ws_talk.h"

struct carrier {
    struct loop_conn *conn; /* NULL: there is none */
    struct ws_talk ws;      /* unused without a WebSocket */
};

struct carriage {
    struct account *account;
    const char *name, *connect;  /* who the other side is, where TCP goes */
    int port;                    /* without a WebSocket */
    const char *path, *protocol; /* of a WebSocket */
    struct talk *talk;           /* all of these are lent until the end */
    void (*failed)(void *ctx, enum err, const char *detail);
    void *ctx;
};

/* Ends with exactly one of failed() and the talk's close(). */
enum err carrier_dial(struct carrier *, const struct carriage *) MUST_CHECK;
void carrier_ended(struct carrier *); /* to be said by failed() and by the talk's close() */
void carrier_wake(struct carrier *);
void carrier_drop(struct carrier *);  /* the talk says goodbye, and is called no more */
void carrier_close(struct carrier *); /* frees what it has, once it is dropped or ended */
