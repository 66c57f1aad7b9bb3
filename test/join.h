/* Two conversations, joined by two buffers: what their connections do for them, without one. A client's is first. */
#pragma once

#include "ceilings.h"
#include "list.h"
#include "store.h"
#include "talk.h"

/* Either of the two, with what its connection would keep for it. */
struct join_end {
    struct talk *talk; /* NULL: closed */
    struct waker waker;
    struct buf out;      /* what it said and may not leave yet */
    struct buf in;       /* what it was told and has not used yet */
    struct buf *heard;   /* all that it was told; NULL: nobody asks */
    uint64_t after;      /* the place that `out` waits for */
    bool woken, hung_up; /* hung_up: the other one has closed */
    enum err why;        /* it was closed */
};

struct join {
    struct join_end end[2]; /* the client; the hub */
    struct store *store;    /* of the hub; NULL: nothing waits */
    size_t slice;           /* so many bytes go over at a time; 0: all */
    int64_t now_ms;
};

static inline void join_woken(struct waker *waker)
{
    LIST_OF(waker, struct join_end, waker)->woken = true;
}

/* The talks are joined and begin. */
static inline void join_open(struct join *j, struct talk *client, struct talk *hub)
{
    struct talk *const talks[] = {client, hub};

    for (int i = 0; i < 2; i++) {
        struct join_end *e = &j->end[i];

        *e = (struct join_end){.talk = talks[i],
                               .waker = {join_woken},
                               .out = buf_max(CONN_OUT_MAX),
                               .in = buf_max(2 * CONN_OUT_MAX),
                               .heard = e->heard};
        e->talk->out = &e->out;
        e->talk->waker = &e->waker;
    }
    for (int i = 0; i < 2; i++)
        if (talks[i]->ops->start)
            talks[i]->ops->start(talks[i], j->now_ms);
}

static inline void join_end_close(struct join *j, struct join_end *e, enum err why)
{
    struct talk *t = e->talk;

    if (!t)
        return;
    e->talk = NULL;
    e->why = why;
    t->ops->close(t, why, j->now_ms);
}

/* Lets out what may leave. True when something did, or when it is over. */
static inline bool join_push(struct join *j, struct join_end *e, struct join_end *other)
{
    size_t n = j->slice && j->slice < e->out.len ? j->slice : e->out.len;

    if (e->talk && e->talk->after > e->after)
        e->after = e->talk->after;
    if (e->talk)
        e->talk->after = 0;
    if (e->after && j->store && store_durable(j->store) <= e->after)
        return false;
    e->after = 0;
    if (n) {
        buf_put(&other->in, bytes_first(buf_bytes(&e->out), n));
        if (other->heard)
            buf_put(other->heard, bytes_first(buf_bytes(&e->out), n));
        buf_drop(&e->out, n);
        other->woken |= !other->talk;
        e->woken = true; /* there is room again */
        return true;
    }
    if (e->talk && e->talk->over) {
        join_end_close(j, e, e->talk->why);
        return true;
    }
    if (!e->talk && !e->out.len && !other->hung_up)
        return other->hung_up = true;
    return false;
}

/* Gives it what it was told, and closes it when the other one has gone. */
static inline bool join_feed(struct join *j, struct join_end *e)
{
    bool woken = e->woken;
    size_t used = 0;

    e->woken = false;
    if (!e->talk)
        return false;
    if (woken)
        e->talk->ops->wake(e->talk, j->now_ms);
    if (e->in.len)
        used = e->talk->ops->input(e->talk, buf_bytes(&e->in), j->now_ms);
    buf_drop(&e->in, used);
    if (e->hung_up && !used)
        join_end_close(j, e, ERR_CLOSED);
    return woken || used;
}

/* To and fro until nobody has anything to say. */
static inline void join_run(struct join *j)
{
    bool busy = true;

    while (busy) {
        busy = false;
        for (int i = 0; i < 2; i++) {
            busy |= join_feed(j, &j->end[i]);
            busy |= join_push(j, &j->end[i], &j->end[1 - i]);
        }
    }
}

/* Time passes. */
static inline void join_tick(struct join *j, int64_t ms)
{
    j->now_ms += ms;
    for (int i = 0; i < 2; i++)
        if (j->end[i].talk)
            (void)j->end[i].talk->ops->tick(j->end[i].talk, j->now_ms);
    join_run(j);
}

static inline void join_close(struct join *j)
{
    for (int i = 0; i < 2; i++) {
        join_end_close(j, &j->end[i], ERR_CLOSED);
        buf_free(&j->end[i].out);
        buf_free(&j->end[i].in);
    }
}
