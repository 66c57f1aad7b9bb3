/* A connection that has ended: it is made again after a pause, or never. */
#pragma once

#include "account.h"
#include "backoff.h"

struct redial {
    struct account *account; /* lent */
    struct alarm alarm;
    struct backoff backoff;
    bool once;
    int64_t open_ms; /* since when it is open; 0: it is not */
    unsigned taken;  /* so often in a row has another connection taken its place */
};

void redial_init(struct redial *, struct account *, int64_t first_ms, int64_t most_ms, bool once,
                 void (*dial)(void *ctx, int64_t now_ms), void *ctx);
/* dial() is called in the first turn, so that no callback comes before the program has its handle. */
enum err redial_start(struct redial *) MUST_CHECK;
void redial_stop(struct redial *);

void redial_opened(struct redial *);
/* The other side has acknowledged something, or sent something: it is more than an open door. */
void redial_worked(struct redial *);
/* Why it ended. True: this is final. Otherwise dial() is called when the pause is over. */
bool redial_ended(struct redial *, enum d2d_err why);
