/* The loop of the library: connections that carry talks, and timers. The only part of the client that touches the net.
 */
#pragma once

#include "d2d.h"
#include "heap.h"
#include "list.h"
#include "net.h"
#include "talk.h"

/* Something to be done at a time. */
struct alarm {
    struct timer timer;
    void (*run)(void *ctx, int64_t now_ms);
    void *ctx;
};

enum err loop_alarm(struct d2d_loop *, struct alarm *, int64_t at_ms) MUST_CHECK;
void loop_no_alarm(struct d2d_loop *, struct alarm *);

/* Around every call of the program's functions, and around a turn of the loop. Inside of them nothing may wait. What is
 * freed in them stays until the turn is over, and for as long as a function of ours waits, so that nothing on the stack
 * loses its ground. */
void loop_enter(struct d2d_loop *);
void loop_leave(struct d2d_loop *);
bool loop_is_inside(const struct d2d_loop *);

struct grave {
    struct list link;
    void (*end)(void *of);
    void *of;
};

void loop_bury(struct d2d_loop *, struct grave *);

/* The sentence of d2d_loop_detail(): nothing yet; this; for a function that is through, something at least. The last
 * two give back e. */
void loop_begins(struct d2d_loop *);
enum d2d_err loop_ends(struct d2d_loop *, enum d2d_err e);
enum d2d_err loop_fail(struct d2d_loop *, enum d2d_err e, const char *format, ...) PRINTF_LIKE(3, 4);

int64_t loop_now_ms(struct d2d_loop *); /* of the steady clock (net.h) */
uint64_t loop_random(struct d2d_loop *);
/* Runs it until done(ctx): D2D_OK, D2D_TIMED_OUT (timeout_ms -1: never), D2D_STOPPED, D2D_IN_CALLBACK. */
enum d2d_err loop_until(struct d2d_loop *, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms);

/* Whom a connection trusts and what it shows. */
struct tls_files {
    const char *ca;         /* NULL: the system's */
    const char *cert, *key; /* NULL: none */
};

/* The TLS of all who have the same files; lent for the life of the loop. */
enum err loop_tls(struct d2d_loop *, const struct tls_files *, struct tls **out, char why[256]) MUST_CHECK;

/* A connection that is being made or open, and carries a talk. It comes to its end by exactly one of failed() and the
 * talk's close(), and is given back then by loop_conn_ended(); or by loop_conn_drop(). */
struct loop_conn;

struct dial {
    const char *host, *name; /* as in net_connect_options */
    int port;
    struct tls *tls;
    int64_t timeout_ms;
    struct talk *talk; /* lent until the end */
    void (*failed)(void *ctx, enum err, const char *detail);
    void *ctx;
};

enum err loop_conn_dial(struct d2d_loop *, const struct dial *, struct loop_conn **out) MUST_CHECK;
void loop_conn_wake(struct loop_conn *);  /* its talk's wake() is called soon; also NULL */
void loop_conn_ended(struct loop_conn *); /* to be said once after failed() or close(); also NULL */
/* The talk says goodbye, what was said still leaves, then it is closed. The talk is called no more, not even inside of
 * one of its calls. */
void loop_conn_drop(struct loop_conn *); /* also NULL */
