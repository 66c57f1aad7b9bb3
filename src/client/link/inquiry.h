/* Why a login was refused. Protocols only say that it was; the hub is asked over HTTPS, without credentials and so
 * without any effect, what it is called and what time it has: a token for another hub, a clock that is wrong and a
 * ready token that has expired are told from a wrong key. */
#pragma once

#include "account.h"
#include "http_talk.h"

struct inquiry {
    struct account *account; /* lent */
    struct http_talk talk;
    struct loop_conn *conn; /* NULL: nothing is asked now */
    struct buf head;
    void (*answered)(void *ctx, enum d2d_err e); /* the account's detail is the sentence for it */
    void *ctx;
};

void inquiry_init(struct inquiry *, struct account *, void (*answered)(void *ctx, enum d2d_err e), void *ctx);
/* Asks, if that can help. False: it cannot, and answered() is not called. */
bool inquiry_begin(struct inquiry *, enum d2d_err why);
void inquiry_drop(struct inquiry *);
void inquiry_close(struct inquiry *);

/* Only whether the clock is to blame. */
enum d2d_err inquiry_clock(struct account *, const struct http_head *, enum d2d_err seemed);
/* The error that a refusal is, with what the hub says of itself in this answer; sets the detail when it is not what it
 * seemed. */
enum d2d_err inquiry_verdict(struct account *, const struct http_head *, enum d2d_err seemed);
