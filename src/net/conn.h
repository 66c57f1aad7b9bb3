/* A connection from the inside: conn.c is its life and its input, out.c its output. */
#pragma once

#include "loop.h"
#include "tls.h"

enum conn_state {
    CONN_CONNECTING, /* a client's TCP handshake → SHAKING, GONE */
    CONN_SHAKING,    /* TLS handshake → OPEN; LEAVING when it failed; GONE */
    CONN_OPEN,       /* talks → LEAVING when either side is through; GONE */
    CONN_LEAVING,    /* the talk is closed, its last output leaves → LINGERING; GONE */
    CONN_LINGERING,  /* we said goodbye and closed our half, the peer has not → GONE */
    CONN_GONE,       /* the handle is being closed → FREED */
    CONN_FREED,      /* only the stack of woken connections still refers to it */
};

struct attempt;
struct gate_place;

struct net_conn {
    uv_tcp_t tcp;
    union {
        uv_connect_t connect;
        uv_write_t write;
        uv_shutdown_t shutdown;
    } request; /* one at a time */
    struct net_loop *loop;
    struct list all, dirty, waiting, warm;
    struct due due; /* of the handshake, the talk's tick, the last output, the peer's goodbye */
    enum conn_state state;
    bool heard_end; /* the peer closed its half */
    bool paused;    /* its socket is not read */
    bool full;      /* too much output: its input waits */
    bool stalled;   /* the talk takes no more of it for now */
    bool proved;    /* the peer has shown who it is */
    uint8_t uses;   /* turns since it became warm, up to KEEP_AFTER */
    int64_t used_ms;

    struct talk *talk;  /* while it is open; NULL: dropped */
    struct waker waker; /* lent to it */
    net_accept *accept;
    void *accept_ctx;
    struct net_gate *gate; /* lent, or NULL: it needs no place there */
    struct gate_place *place;
    int64_t unproved_until_ms; /* its peer has to show who it is by then */
    struct attempt *attempt;   /* until a client's connection is open */
    struct tls_conn tls;

    struct buf in;           /* decrypted and not used yet */
    struct buf open, sealed; /* the two halves of the output */
    size_t sealed_left;      /* bytes at the front of sealed that have left */
    uint64_t open_after, sealed_after;
    int64_t held_ms;    /* until then no output leaves and no input is taken; 0: it is not held */
    struct buf sending; /* cipher text in the hands of libuv */
    struct buf unsent;  /* behind it */

    atomic_bool woken;
    struct net_conn *next_woken;
};

/* The handle is initialised, nothing is open. The caller opens or connects it, then conn_shake(); or conn_abort(). */
enum err conn_new(struct net_loop *, net_accept *, void *accept_ctx, struct net_conn **out) MUST_CHECK;
/* TCP is there: TLS begins. `name` as in tls_conn_open(). */
void conn_shake(struct net_conn *, struct tls *, const char *name);
/* Closes the talk; what it said leaves, then we say goodbye. */
void conn_leave(struct net_conn *, enum err why);
/* The end, at once. */
void conn_abort(struct net_conn *, enum err why);
/* To be settled in this turn. */
void conn_touch(struct net_conn *);
void conn_settle(struct net_conn *);
void conn_feed_again(struct net_conn *); /* there is room again for answers to input that waits */
void conn_cool(struct net_conn *);       /* gives back what an idle connection can do without */
void conn_take_woken(struct net_conn *); /* popped from the stack */
int conn_read_on(struct net_conn *);     /* reads its socket */

/* address.c: the peer's, for the log. */
void conn_address(struct net_conn *c, char *out, size_t cap);

/* out.c */
void conn_push(struct net_conn *);  /* lets out what may leave */
void conn_flush(struct net_conn *); /* the cipher text of the loop's buffer goes to the socket or waits for it */
size_t conn_pending(const struct net_conn *);

static inline struct net_conn *conn_of_dirty(struct list *l)
{
    return LIST_OF(l, struct net_conn, dirty);
}

/* connect.c: the conversation of a client that is not open yet has come to this. The attempt may go on elsewhere. */
void attempt_open(struct attempt *);
void attempt_lost(struct attempt *, enum err why, const char *detail);
