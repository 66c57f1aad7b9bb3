/* The connection that a handle keeps: made in the first turn of the loop, and made again after a pause when it ends,
 * unless that is final; a refused login is asked about before its end is told. */
#pragma once

#include "carrier.h"
#include "inquiry.h"
#include "redial.h"

struct connection {
    struct account *account; /* lent */
    struct carrier carrier;
    struct redial redial;
    struct inquiry inquiry;
    /* Fills in where to, and the talk that is carried: all but account, failed and ctx. */
    enum err (*prepare)(void *ctx, struct carriage *out);
    void (*lost)(void *ctx, enum d2d_err why, bool final); /* final: it is not made again */
    void *ctx;
};

/* How it is made again. */
struct connection_pace {
    int64_t first_ms, most_ms; /* pauses; 0: the usual ones */
    bool once;                 /* not at all */
};

/* prepare, lost and ctx are the caller's to set. */
void connection_init(struct connection *, struct account *, struct connection_pace);
enum err connection_start(struct connection *) MUST_CHECK;
void connection_wake(struct connection *); /* there is something to be said */
/* To be told by whoever carries the talk: the other side has let us in; it has done something for us. */
void connection_opened(struct connection *);
void connection_worked(struct connection *);
/* The last call of the talk: the connection ended, for this reason, which `host` and `detail` explain. */
void connection_ended(struct connection *, enum d2d_err why, const char *host, const char *detail);
/* The last call of the talk: a fresh one is wanted, at once. */
void connection_again(struct connection *);
/* The talk says goodbye and nothing is called any more. */
void connection_drop(struct connection *);
void connection_close(struct connection *); /* frees what it has, once it was dropped, or never started */
