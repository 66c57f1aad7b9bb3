/* A conversation with one peer: bytes in, bytes out. It sees no socket, clock or thread. Fronts and clients are such
 * conversations; connections, WebSockets and tests carry them.
 *
 * What is said goes into `out`. Whoever changed something that must last raises `after` to the place of its record in
 * the log: what is in `out` leaves when that is durable. After each call whoever carries it looks at the fields below,
 * and resets `after` and `held_ms`. */
#pragma once

#include "buf.h"
#include "waker.h"

struct talk;

struct talk_ops {
    void (*start)(struct talk *, int64_t now_ms); /* out and waker are there; NULL: the peer begins */
    /* Bytes used; what is left comes back with more behind it. A talk that is over uses everything. */
    size_t (*input)(struct talk *, struct bytes in, int64_t now_ms);
    /* It was woken, or room came back into `out`: there may be something to say. May come for nothing. */
    void (*wake)(struct talk *, int64_t now_ms);
    int64_t (*tick)(struct talk *,
                    int64_t now_ms); /* does what is due; returns when to call again (INT64_MAX: never) */
    /* The last call, exactly once: the connection is gone or being closed. May still fill `out`, and free the talk. */
    void (*close)(struct talk *, enum err why, int64_t now_ms);
    void (*bye)(struct talk *); /* the last call instead, when its owner goes: what it still says; NULL: nothing */
    const char *name;
};

struct talk {
    const struct talk_ops *ops;
    struct buf *out;     /* lent by the carrier before the first call */
    struct waker *waker; /* likewise: makes it call wake() on its own thread; from any thread until close() */
    uint64_t after;      /* the place that what is in `out` has to wait for */
    int64_t held_ms;     /* until then nothing leaves and nothing comes */
    enum err why;        /* with `over`: why; OK for a clean end */
    bool stalled;        /* what it left of the input waits for room and not for more behind it */
    bool over;           /* nothing more is read; the carrier closes it when `out` has left */
    bool proved; /* the peer has shown who it is; until then it may cost little, and its time is limited. A server's
                    peer is proved to a client by the certificate: from the beginning */
};

/* Ends it once what was said has left. */
static inline void talk_end(struct talk *t, enum err why)
{
    if (t->over)
        return;
    t->over = true;
    t->why = why;
}

/* The other end of a connection, as far as the transport knows it. */
struct peer {
    char address[64];             /* "192.0.2.7:51234" or "[2001:db8::1]:51234", for the log */
    const char *protocol;         /* "mqtt", "amqp-ws", "https", for the log; set by the front itself */
    bool websocket;               /* the front is in one */
    bool has_certificate;         /* it showed one and proved to have its key; whether we trust it is decided later */
    uint8_t sha1[20], sha256[32]; /* of that certificate's DER form */
    /* Certificates that a client showed to a server: DER, its own certificate first, each with a 32-bit big-endian
     * length before it; at most TLS_CHAIN_MAX of them. Lent by the connection until close(). */
    struct bytes chain;
    int64_t *held_ms; /* of the front that talks to it; NULL: what it is told is never held */
};
