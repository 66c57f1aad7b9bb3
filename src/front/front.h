/* A conversation with one peer: packets into hub calls and back. It sees bytes and a buffer, no socket, clock or
 * thread.
 *
 * Answers go into `out` as soon as they are known, and whoever changed something raises `after` to the place of its
 * record: the connection lets `out` leave when the store is durable beyond that place. */
#pragma once

#include "buf.h"
#include "env.h"
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
    bool stalled;        /* what it left of the input waits for room and not for more behind it */
    bool over;           /* nothing more is read; the connection closes when `out` has left */
    bool proved; /* the peer has shown who it is: what the connection may cost is another's matter from then on */
};

/* True while the peer takes what it gets: a front pulls nothing when this is false, wake() comes when it is true again.
 */
static inline bool front_has_room(const struct front *f)
{
    return f->out->len < (f->proved ? CONN_OUT_SOFT : CONN_OUT_UNPROVED);
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

/* Given to the connection, which lends out and waker by setting them before the first call. ERR_MEMORY, ERR_LIMIT. */
enum err front_mqtt_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
enum err front_amqp_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
enum err front_http_new(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out) MUST_CHECK;
