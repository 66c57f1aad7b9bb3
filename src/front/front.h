/* A conversation with one peer: packets into hub calls and back. It sees bytes and a buffer, no socket, clock or
 * thread.
 *
 * Answers go into `out` as soon as they are known, and whoever changed something raises `after` to the place of its
 * record: the connection lets `out` leave when the store is durable beyond that place. */
#pragma once

#include "buf.h"
#include "hub.h"

struct front;

struct front_ops {
    const char *name;
    /* Bytes used; what is left comes back with more behind it. A front that has ended uses everything. */
    size_t (*input)(struct front *, struct bytes in, int64_t now_ms);
    /* The hub has something for this peer, or room came back into `out`: pull. May come for nothing. */
    void (*wake)(struct front *, int64_t now_ms);
    /* Does what is due; returns when to call again (INT64_MAX: never). */
    int64_t (*tick)(struct front *, int64_t now_ms);
    /* The connection is gone (or is being closed): lets go of seats and readers and frees the front. */
    void (*close)(struct front *, enum err why, int64_t now_ms);
};

struct front {
    const struct front_ops *ops;
    struct buf *out;     /* lent by the connection; its open half */
    uint64_t after;      /* the place that what is in `out` has to wait for; the connection resets it */
    int64_t held_ms;     /* until then nothing leaves and nothing comes; the connection resets it */
    struct waker *waker; /* lent by the connection: makes it call wake() on its own loop */
    enum err why;        /* with `over`: why; OK for a clean end */
    bool over;           /* nothing more is read; the connection closes when `out` has left */
};

/* True while the peer takes what it gets: a front pulls nothing when this is false, wake() comes when it is true again.
 */
static inline bool front_has_room(const struct front *f)
{
    return f->out->len < CONN_OUT_SOFT;
}

static inline void front_wait_for(struct front *f, uint64_t at)
{
    if (at > f->after)
        f->after = at;
}

/* Ends the conversation once what was said has left. */
static inline void front_end(struct front *f, enum err why)
{
    if (f->over)
        return;
    f->over = true;
    f->why = why;
}

/* Who is at the other end of the connection, as far as the transport knows. */
struct peer {
    char address[64];             /* "192.0.2.7:51234", for the log */
    const char *protocol;         /* "mqtt", "amqp-ws", "https", for the log; set by the front itself */
    bool websocket;               /* the front is in one */
    bool has_certificate;         /* it showed one and proved to have its key; whether we trust it is decided later */
    uint8_t sha1[20], sha256[32]; /* of that certificate's DER form */
    /* The chain as it was shown, DER, the leaf first, each with a 32-bit length before it; lent by the connection
     * until close(). */
    struct bytes chain;
    int64_t *held_ms; /* of the front that talks to it; NULL: what it is told is never held */
};

/* What all conversations of a hub share. Lent for the life of the program. */
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
    struct limiter *limiter;           /* of failed logins (limiter.h); NULL: no limit */
    const struct dps_outside *outside; /* webhooks and other hubs (outside.h); NULL: none */
    struct challenges *challenges;     /* of TPMs over HTTPS (challenges.h); NULL: none are made */
    struct dps_groups *groups;         /* enrollment groups, parsed (dps_groups.h); NULL: they are parsed each time */
};

/* Given to the connection, which lends out and waker by setting them before the first call. ERR_MEMORY, ERR_LIMIT. */
enum err front_mqtt_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
enum err front_amqp_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
enum err front_http_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
